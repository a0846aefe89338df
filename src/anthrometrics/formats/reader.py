"""Transcript files → turns: the container gives records, the format gives their conversations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import kind
from anthrometrics.formats.chat import CHAT
from anthrometrics.formats.containers import records
from anthrometrics.formats.fields import by_fields, kept
from anthrometrics.formats.registry import candidates, format_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from anthrometrics.formats.base import Format
    from anthrometrics.formats.raw import Raw
    from anthrometrics.turns import Reasoning, Turn, Which

__all__ = ["Rejected", "read_turns"]

# Records looked at before a format is chosen, where the first does not decide.
_LOOK: Final = 16


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read as turns.

    Attributes:
        file: Where it stands; ``"<stdin>"`` for standard input.
        line: Its line from 1, or its place from 1 in an array, a log, a Parquet or Arrow file or a dataset.
        reason: What was expected and what was found.
        text: The record itself, undecodable bytes replaced.
    """

    file: str
    line: int
    reason: str
    text: str

    def __str__(self) -> str:
        """``file:line: reason``."""
        return f"{self.file}:{self.line}: {self.reason}"


def read_turns(
    path: str | Path,
    format: str = "auto",
    *,
    which: Which | None = None,
    reasoning: Reasoning = "exclude",
    keep: Sequence[str] = (),
    response_field: str | None = None,
    prompt_field: str | None = None,
    id_field: str | None = None,
    requests: str | Path | None = None,
    on_progress: Callable[[int], None] | None = None,
    on_format: Callable[[str], None] | None = None,
) -> Iterator[Turn | Rejected]:
    """Read the turns of a transcript, in constant memory.

    Args:
        path: A file, gzipped or not, the folder of a dataset that Hugging Face's library saved (or of one of its
            splits), or ``"-"`` for standard input. See ``containers.records`` for suffixes.
        format: Name of a format (``anthrometrics formats`` lists them), or ``"auto"`` to know it by its first records.
        which: Assistant turns to read of each conversation: ``"all"``, ``"last"`` or ``"first"``. By default all, and
            the last in formats whose records are about one answer (batches, traces, preference pairs).
        reasoning: Whether what a model thought before it answered is part of the response (``"include"``) or not.
        keep: Fields of the record to carry along in ``Turn.kept``; dots lead into objects.
        response_field: Field of the response, in records of no known format; then ``format`` is not asked.
        prompt_field: Field of the prompt, likewise.
        id_field: Field of the id, likewise.
        requests: The request file of a batch, whose prompts are joined to the answers by ``custom_id``; it is kept in
            memory.
        on_progress: Called with the number of bytes of the file consumed so far (compressed bytes for gzip).
        on_format: Called once with the name of the format that was taken.

    Yields:
        Turns in order, and a ``Rejected`` in place of each record that has none. Blank lines are skipped.

    Raises:
        InputError: The file cannot be opened, there is no format of that name, or several fit.
        MissingExtraError: The kind of file needs a library that is not installed.
    """
    name = "<stdin>" if str(path) == "-" else str(path)
    found = records(path, on_progress)
    held: list[Raw] = []
    if response_field or prompt_field or id_field:
        form = by_fields(response_field, prompt_field, id_field)
    elif format != "auto":
        form = format_named(format)
    else:
        form, held = _choose(found, name)
    if on_format is not None:
        on_format(form.name)
    asked = _requests(requests) if requests is not None else {}
    every: Iterator[Raw] = chain(held, found)
    for raw in every if form.select is None else form.select(every):
        try:
            record = _object(raw, asked)
            for conversation in form.conversations(record):
                for turn in conversation.turns(which or form.which, reasoning):
                    yield replace(turn, kept=kept(record, keep)) if keep else turn
        except InputError as error:
            yield Rejected(name, raw.number, str(error), raw.text())


def _choose(found: Iterator[Raw], name: str) -> tuple[Format, list[Raw]]:
    """The format of the first records, and the records that were read to know it."""
    held: list[Raw] = []
    objects: list[dict[str, Any]] = []
    fitting: list[Format] = []
    for raw in found:
        held.append(raw)
        if raw.error is None and isinstance(raw.value, dict):
            objects.append(raw.value)
            fitting = candidates(objects)
        if len(fitting) == 1 or len(held) == _LOOK:
            break
    if len(fitting) > 1:
        names = ", ".join(form.name for form in fitting)
        raise InputError(f"{name} could be {names}; say which with --format (format= in Python)")
    # Where nothing fits, the errors of the commonest format say what is expected.
    return (fitting[0] if fitting else CHAT), held


def _object(raw: Raw, asked: dict[str, Any]) -> dict[str, Any]:
    if raw.error is not None:
        raise InputError(raw.error)
    if not isinstance(raw.value, dict):
        raise InputError(f"expected a JSON object, found {kind(raw.value)}")
    name = raw.value.get("custom_id")
    return {**raw.value, "request": asked[name]} if isinstance(name, str) and name in asked else raw.value


def _requests(path: str | Path) -> dict[str, Any]:
    """The lines of a batch's request file by ``custom_id``.

    Raises:
        InputError: A line has none.
    """
    asked = {}
    for raw in records(path):
        if not isinstance(raw.value, dict) or not isinstance(raw.value.get("custom_id"), str):
            raise InputError(f'{path}:{raw.number}: a request must be an object with a string "custom_id"')
        asked[raw.value["custom_id"]] = raw.value
    return asked

"""Preference pairs: two answers to one prompt, of which one was preferred. Read from any set, written for training."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import kind
from anthrometrics.formats.reader import Rejected
from anthrometrics.induction.preference_layouts import ABOUT, layout_named, layout_of
from anthrometrics.induction.preference_sources import parts_of
from anthrometrics.output.atomic import atomic_text, json_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from anthrometrics.formats.base import Format
    from anthrometrics.formats.raw import Raw
    from anthrometrics.turns import Conversation, Message

__all__ = ["PreferencePair", "preference_records", "read_preferences", "write_preferences"]

# Records looked at to know a layout.
_LOOK: Final = 16
# A text that begins like a transcript of HH-RLHF would be read as one.
_TRANSCRIPT: Final = re.compile(r"\s*(?:Human|Assistant):")


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two answers to one prompt.

    Attributes:
        id: Of the record, or its file's name and its line.
        prompt: The user turn that both sides answer.
        chosen: The answer that was preferred.
        rejected: The other.
        value: What the source says it is about; None where it does not say.
        context: Turns before the prompt, oldest first, with a system prompt if there is one.
    """

    id: str
    prompt: str
    chosen: str
    rejected: str
    value: str | None = None
    context: tuple[Message, ...] = ()

    @property
    def opening(self) -> str:
        """The first user turn of the conversation: pairs that share it are not independent."""
        return next((turn.text for turn in self.context if turn.role == "user" and turn.text), self.prompt)

    def flipped(self) -> PreferencePair:
        """The same pair with its sides exchanged."""
        return PreferencePair(self.id, self.prompt, self.rejected, self.chosen, self.value, self.context)


def read_preferences(
    source: str | Path,
    *,
    format: str = "auto",
    split: str | None = None,
    on_progress: Callable[[int], None] | None = None,
    on_format: Callable[[str, str], None] | None = None,
) -> Iterator[PreferencePair | Rejected]:
    """Read preference pairs as they come.

    Memory stays flat, but for sets whose answers stand in rows of their own (HelpSteer2), which must be gathered.

    Args:
        source: ``"sample"`` for the pairs that ship with the package, a file of any container that transcripts may have
            (``"-"`` for standard input), the folder of a dataset that Hugging Face's library saved or loads, or the
            name of a dataset on the hub (``pip install 'anthrometrics[datasets]'``).
        format: A name of ``preference_layouts.LAYOUTS``, or ``"auto"`` to know it by the first records.
        split: Of a dataset; by default ``train``, or the only one there is.
        on_progress: Called with the number of bytes of a file consumed so far.
        on_format: Called with the name of each part of the source and the layout that was taken.

    Yields:
        Pairs in order, and a ``Rejected`` in place of each record that gives none: one with a side missing or empty,
        with two equal sides, with answers rated alike, or of another shape.

    Raises:
        InputError: There is no such source, format or split, or it cannot be read.
        MissingExtraError: The source needs a library that is not installed.
    """
    asked = None if format == "auto" else layout_named(format)
    for name, raws in parts_of(source, split, on_progress):
        held = list(islice(raws, _LOOK)) if asked is None else []
        layout = asked or layout_of(held)
        if on_format is not None:
            on_format(name, layout.name)
        yield from _pairs(name, layout, chain(held, raws))


def write_preferences(pairs: Iterable[PreferencePair], path: Path) -> None:
    """Write pairs as JSON lines that ``read_preferences`` and TRL's trainers read.

    Raises:
        InputError: The file cannot be written, or its name does not end in .jsonl, by which it would be read.
    """
    if path.suffix.lower() != ".jsonl":
        raise InputError(f"cannot write preference pairs to {path}: its name must end in .jsonl")
    with atomic_text(path) as stream:
        stream.writelines(json_line(record) for record in preference_records(pairs))


def preference_records(pairs: Iterable[PreferencePair]) -> Iterator[dict[str, Any]]:
    """The pairs as plain values for JSON.

    All have one form, as a table needs it: strings in ``prompt``, ``chosen`` and ``rejected``, or, if any pair has
    turns before its prompt, lists of messages; and ``value`` in all or in none.
    """
    pairs = tuple(pairs)
    record = _conversational if any(pair.context or _misread(pair) for pair in pairs) else _plain
    unsaid = () if any(pair.value is not None for pair in pairs) else ("value",)
    for pair in pairs:
        yield {name: held for name, held in record(pair).items() if name not in unsaid}


def _pairs(name: str, layout: Format, raws: Iterator[Raw]) -> Iterator[PreferencePair | Rejected]:
    for raw in raws if layout.select is None else layout.select(raws):
        try:
            if raw.error is not None:
                raise InputError(raw.error)
            if not isinstance(raw.value, dict):
                raise InputError(f"expected a JSON object, found {kind(raw.value)}")
            yield _pair(raw.value, layout, f"{_stem(name)}-{raw.number}")
        except InputError as error:
            yield Rejected(name, raw.number, str(error), raw.text())


def _pair(record: Mapping[str, Any], layout: Format, fallback: str) -> PreferencePair:
    chosen, rejected = layout.conversations(record)
    before, other = _before(chosen), _before(rejected)
    if before != other:
        raise InputError(
            '"chosen" and "rejected" answer different prompts; give both the same prompt, or leave the record out'
        )
    prompt = before[-1].text
    assert prompt is not None
    texts = _answer(chosen), _answer(rejected)
    if texts[0].strip() == texts[1].strip():
        raise InputError('"chosen" and "rejected" are the same text, so neither is preferred; leave the record out')
    value = record.get("value", ABOUT.get(layout.name))
    if not isinstance(value, str | None):
        raise InputError(f'"value" must be the name of a value or left out, not {kind(value)}')
    return PreferencePair(chosen.id or fallback, prompt, *texts, value or None, before[:-1])


def _before(side: Conversation) -> tuple[Message, ...]:
    """The messages up to the prompt that the last answer of a side follows."""
    last = max(place for place, turn in enumerate(side.messages) if turn.role == "assistant")
    before = side.messages[:last]
    if not before or before[-1].role != "user":
        raise InputError(f'the answer of "{side.side}" follows no user turn; a pair needs a "prompt"')
    for turn in before:
        if not turn.text or not turn.text.strip():
            what = "the prompt" if turn is before[-1] else f"a turn of the {turn.role} before the prompt"
            raise InputError(f"{what} has no text; give it some, or leave the record out")
    return before


def _answer(side: Conversation) -> str:
    """The text of a side, without what a model thought aloud."""
    (turn,) = side.turns("last")
    if turn.response is None or not turn.response.strip():
        raise InputError(f'"{side.side}" has no text; a pair needs two answers (mend the record or leave it out)')
    return turn.response


def _misread(pair: PreferencePair) -> bool:
    return any(_TRANSCRIPT.match(words) for words in (pair.prompt, pair.chosen, pair.rejected))


def _plain(pair: PreferencePair) -> dict[str, Any]:
    return {name: getattr(pair, name) for name in ("id", "value", "prompt", "chosen", "rejected")}


def _conversational(pair: PreferencePair) -> dict[str, Any]:
    asked = [*({"role": turn.role, "content": turn.text} for turn in pair.context)]
    sides = {
        side: [{"role": "assistant", "content": words}]
        for side, words in (("chosen", pair.chosen), ("rejected", pair.rejected))
    }
    return {**_plain(pair), "prompt": [*asked, {"role": "user", "content": pair.prompt}], **sides}


def _stem(name: str) -> str:
    """``data/prefs.jsonl.gz`` gives ``prefs``, ``nvidia/HelpSteer2[train]`` gives ``HelpSteer2[train]``."""
    return name.rsplit("/", 1)[-1].split(".", 1)[0] or name

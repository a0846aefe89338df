"""From the journal of a run that is through to the files that were asked for."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.output.atomic import COMPANIONS, atomic_text, beside, json_text, move
from anthrometrics.output.inspection import INSPECT, inspect_sink
from anthrometrics.output.sinks import open_sink, suffix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from anthrometrics.output.inspection import InspectSink
    from anthrometrics.output.partial import Partial
    from anthrometrics.output.table import Column
    from anthrometrics.scores import Detail

__all__ = ["Wanted", "finish", "journal_detail", "written"]


@dataclass(frozen=True)
class Wanted:
    """What is to be written of each turn.

    Attributes:
        detail: As of ``TurnScore.to_dict``.
        text: Whether with prompt and response.
        inspect: File of scores for Inspect, or None.
    """

    detail: Detail = "labels"
    text: bool = False
    inspect: Path | None = None


def journal_detail(detail: Detail) -> Detail:
    """Detail of the records that a journal holds: the summary is made of labels and values."""
    return "labels" if detail == "summary" else detail


def written(record: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    """A record of the journal without what was not asked for."""
    dropped = {INSPECT} | ({"labels", "values"} if wanted.detail == "summary" else set())
    return {name: value for name, value in record.items() if name not in dropped}


def finish(
    partial: Partial, wanted: Wanted, columns: Sequence[Column], metadata: dict[str, Any], rejected: bool
) -> InspectSink | None:
    """Make all files of the run; the scores appear last, and then the unfinished ones go away.

    Args:
        partial: Holds every turn.
        wanted: What to write.
        columns: Of a table.
        metadata: What stands beside the scores.
        rejected: Whether any line was.

    Returns:
        What was written for Inspect, if anything.

    Raises:
        InputError: The folder cannot be written, or the disk is full.
        MissingExtraError: The kind of file needs a library that is not installed.
    """
    output, journal = partial.output, partial.journal
    meta, refused = (beside(output, suffix) for suffix in COMPANIONS)
    # The journal already is the output where nothing was kept in it for other ends.
    as_it_is = suffix_of(output) == ".jsonl" and wanted.detail != "summary" and wanted.inspect is None
    sink: InspectSink | None = None
    journal.close()
    with ExitStack() as stack:
        puts = []
        if not as_it_is:
            put = stack.enter_context(open_sink(output, columns))
            puts.append(lambda record: put(written(record, wanted)))
        stack.enter_context(atomic_text(meta)).write(json_text(metadata))
        if wanted.inspect is not None:
            sink = stack.enter_context(inspect_sink(wanted.inspect, metadata["provenance"]))
            puts.append(sink.put)
        if puts:
            _copy(partial, puts)
        if rejected:
            partial.keep_rejected(refused)
        else:
            refused.unlink(missing_ok=True)
    if as_it_is:
        move(journal.path, output)
    partial.finished = True
    return sink


def _copy(partial: Partial, puts: Sequence[Callable[[dict[str, Any]], None]]) -> None:
    expected = partial.journal.turns
    for record in partial.journal.records():
        for put in puts:
            put(record)
    if partial.journal.turns != expected:
        raise InputError(f"{partial.journal.path} was changed by someone else; begin again by --restart")

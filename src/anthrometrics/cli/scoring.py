"""One run of ``anthrometrics score``: read, score, count."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from anthrometrics.cli.render import printable
from anthrometrics.errors import InputError
from anthrometrics.formats import Rejected, read_turns
from anthrometrics.output.atomic import json_line
from anthrometrics.output.finish import Wanted, journal_detail
from anthrometrics.output.inspection import EPOCH_FIELDS, INSPECT, inspected
from anthrometrics.output.partial import Replay
from anthrometrics.output.table import Kept
from anthrometrics.summary import SummaryBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anthrometrics.cli.progress import Progress
    from anthrometrics.cli.report import Collected
    from anthrometrics.cli.telling import Telling
    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.output.journal import Journal
    from anthrometrics.scores import TurnScore
    from anthrometrics.turns import Turn

__all__ = ["Rejections", "Run", "StrictError"]

_SHOWN: Final = 10


class StrictError(click.ClickException):
    """A line could not be read, and ``--strict`` was asked for; the exit code is 1."""


@dataclass
class Rejections:
    """Counts rejected lines, shows the first ones and keeps all of them in a file if there is one."""

    strict: bool
    sink: TextIO | None = None
    count: int = 0

    def add(self, rejected: Rejected) -> None:
        """Take one.

        Raises:
            StrictError: None is allowed.
            InputError: The disk is full.
        """
        if self.strict:
            reason = f"{printable(str(rejected))} (--strict stops at the first bad line; nothing was written)"
            raise StrictError(reason)
        self.count += 1
        if self.sink is not None:
            try:
                self.sink.write(json_line(asdict(rejected)))
            except OSError as error:
                raise InputError(f"cannot write {self.sink.name}: {error.strerror or error}") from error
        if self.count <= _SHOWN:
            click.echo(f"rejected {printable(str(rejected))}", err=True)
        elif self.count == _SHOWN + 1:
            click.echo("rejected more lines; they are counted below", err=True)


@dataclass
class Run:
    """What is read and how, and what was gathered.

    Attributes:
        scorer: Gives the scores.
        inputs: Files, pipes, or ``"-"``.
        progress: Is told of each turn.
        rejections: Are told of each line that could not be read.
        wanted: What is written of each turn.
        reading: Arguments of ``read_turns``.
        telling: Is shown each score, if there is one.
        summaries: Input → its summary so far.
        formats: Input → the format that was taken.
        kept: What the fields carried along hold.
    """

    scorer: Scorer
    inputs: tuple[str, ...]
    progress: Progress
    rejections: Rejections
    wanted: Wanted = field(default_factory=Wanted)
    reading: dict[str, Any] = field(default_factory=dict)
    telling: Telling | Collected | None = None
    summaries: dict[str, SummaryBuilder] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    kept: Kept = field(default_factory=Kept)

    def records(self, journal: Journal | None = None) -> Iterator[dict[str, Any]]:
        """Score every turn of every input, in order, and give its record.

        Args:
            journal: Turns that it holds are counted and not scored again; their records are not given.

        Raises:
            InputError: An input cannot be read, or the journal is of other turns.
            StrictError: A line was rejected under ``--strict``.
        """
        replay = Replay(journal) if journal is not None else None
        for path in self.inputs:
            turns = self._turns(path)
            builder = self.summaries.setdefault(path, SummaryBuilder())
            for record in replay.of(path, turns) if replay else ():
                self._count(record, builder)
            for result in self.scorer.stream(turns):
                if replay is not None:
                    replay.end()
                record = self._record(path, result)
                self._count(record, builder)
                self.progress.turn()
                yield record
        if replay is not None:
            replay.end()

    @property
    def turns(self) -> int:
        """Turns so far, unscored ones and those of the journal included."""
        return sum(b.scored + b.unscored.total() for b in self.summaries.values())

    @property
    def unscored(self) -> int:
        """Those without numbers."""
        return sum(builder.unscored.total() for builder in self.summaries.values())

    def metadata(self) -> dict[str, Any]:
        """What stands beside the scores."""
        return {
            "schema": 1,
            "provenance": self.scorer.provenance,
            "inputs": list(self.inputs),
            "formats": self.formats,
            "options": self.reading,
            "detail": self.wanted.detail,
            "turns": self.turns,
            "rejected": self.rejections.count,
            "summary": {path: builder.build().to_dict() for path, builder in self.summaries.items()},
        }

    @property
    def _asked(self) -> tuple[str, ...]:
        """Fields to carry along."""
        return tuple(self.reading.get("keep", ()))

    def _count(self, record: dict[str, Any], builder: SummaryBuilder) -> None:
        builder.add_record(record)
        self.kept.add(record)

    def _record(self, path: str, result: TurnScore) -> dict[str, Any]:
        record = result.to_dict(journal_detail(self.wanted.detail), self.wanted.text)
        if len(self.inputs) > 1:
            record = {"file": path, **record}
        if self.wanted.inspect is not None:
            # Read for this and not asked for.
            record["kept"] = {name: value for name, value in record["kept"].items() if name in self._asked}
            if not record["kept"]:
                del record["kept"]
            record[INSPECT] = inspected(result)
        if self.telling is not None:
            self.telling.add(result)
        return record

    def _turns(self, path: str) -> Iterator[Turn]:
        def took(name: str) -> None:
            self.formats[path] = name

        keep = dict.fromkeys((*self._asked, *(EPOCH_FIELDS if self.wanted.inspect is not None else ())))
        reading = {**self.reading, "keep": tuple(keep)}
        for item in read_turns(path, **reading, on_progress=self.progress.bytes_of(path), on_format=took):
            if isinstance(item, Rejected):
                self.rejections.add(item)
            else:
                yield item

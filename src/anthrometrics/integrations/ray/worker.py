"""What a worker does with a shard: read, score, write, report."""

from __future__ import annotations

import json
import socket
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import AnthrometricsError, InputError, ModelError
from anthrometrics.formats import Rejected, read_turns
from anthrometrics.integrations.ray.plan import Shard
from anthrometrics.integrations.ray.report import ShardReport, sums_of
from anthrometrics.output.atomic import atomic_text, json_line, json_text
from anthrometrics.output.finish import Wanted, journal_detail, written
from anthrometrics.output.sinks import open_sink
from anthrometrics.output.table import Kept, columns_of
from anthrometrics.provenance import value_names
from anthrometrics.summary import SummaryBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.integrations.ray.folder import RunFolder
    from anthrometrics.scores import Detail
    from anthrometrics.turns import Turn

__all__ = ["Job", "ShardScorer"]

# Ray gives a shard to another worker whenever one dies. One that has cost this many is left out: a text that takes more
# memory than a machine has would otherwise kill worker after worker without end.
_MOST_TRIES: Final = 5


@dataclass(frozen=True)
class Job:
    """What all workers of a run are told.

    Attributes:
        folder: Where to write.
        run: Name of the run, for ``RunFolder.mark``.
        reading: Options of ``read_turns``.
        detail: As of ``TurnScore.to_dict``.
        text: Likewise.
        several: Whether records name their file.
        scorer: Options of ``Scorer``.
        model_digest: Of the model that every worker must have.
        values_digest: Likewise of the value model; None where values are not judged.
    """

    folder: RunFolder
    run: str
    reading: dict[str, Any]
    detail: Detail
    text: bool
    several: bool
    scorer: dict[str, Any]
    model_digest: str
    values_digest: str | None = None


class _UnreadableError(Exception):
    """A file gives no shard; the others are not concerned."""


class ShardScorer:
    """Scores shards one by one with one ``Scorer``, which lives as long as the worker."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._scorer: Scorer | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Score one shard.

        Args:
            row: ``{"shard": JSON of a Shard}``.

        Returns:
            ``"name"`` of the shard, how many ``"turns"`` and ``"rejected"`` records it has, and two strings that are
            empty where all went well: ``"failed"``, why its file cannot be read, and ``"error"``, why the run cannot
            go on. They are no exceptions, which Ray would wrap in its own.
        """
        shard = Shard(**json.loads(row["shard"]))
        done = {"name": shard.name, "turns": 0, "rejected": 0, "failed": "", "error": ""}
        try:
            report = self._report(shard)
        except _UnreadableError as error:
            return {**done, "failed": str(error)}
        except (AnthrometricsError, OSError) as error:
            return {**done, "error": f"a worker on {socket.gethostname()}: {error}"}
        return {**done, "turns": report.turns, "rejected": report.rejected}

    def _report(self, shard: Shard) -> ShardReport:
        folder = self._job.folder
        if not folder.mark(self._job.run).exists():
            raise InputError(
                f"{folder.path} is not here what it is where the run was started; put inputs and output on storage "
                "that all machines share"
            )
        report = folder.report(shard.name)
        if report is None:
            if folder.count_try(shard.name) > _MOST_TRIES:
                raise _UnreadableError(f"{_MOST_TRIES} workers died of it; is there a text that takes too much memory?")
            report = self._score(shard)
            # Last of all: a shard is done when its report is there.
            with atomic_text(folder.report_file(shard.name)) as stream:
                stream.write(json_text(asdict(report)))
        return report

    def _score(self, shard: Shard) -> ShardReport:
        job, scorer, builder = self._job, self._loaded(), SummaryBuilder()
        wanted = Wanted(job.detail, job.text)
        kept, values = Kept(job.reading.get("keep", ())), value_names(scorer.provenance)
        columns = columns_of(job.detail, kept, file=job.several, text=job.text, values=values)
        job.folder.rejected(shard.name).unlink(missing_ok=True)
        with ExitStack() as stack:
            put = stack.enter_context(open_sink(job.folder.part(shard.name), columns))
            source = stack.enter_context(_Source.of(shard, job.reading))
            rejections = _Rejections(job.folder.rejected(shard.name), stack)
            for result in scorer.stream(source.turns(rejections.add)):
                record = result.to_dict(journal_detail(job.detail), job.text)
                builder.add_record(record)
                record = written(record, wanted)
                put({"file": shard.file, **record} if job.several else record)
        turns = builder.scored + builder.unscored.total()
        provenance = scorer.provenance if turns else {}
        return ShardReport(shard.file, turns, rejections.count, source.format, provenance, sums_of(builder))

    def _loaded(self) -> Scorer:
        """The scorer, made at the first shard: Ray would only tell that a constructor failed, not why."""
        if self._scorer is None:
            from anthrometrics.detectors.scorer import Scorer

            scorer = Scorer(**self._job.scorer)
            found = scorer.provenance["model_digest"], scorer.provenance.get("values_digest")
            if found != (self._job.model_digest, self._job.values_digest):
                raise ModelError(
                    "the model here is not that of the machine that started the run; install the same version"
                )
            self._scorer = scorer
        return self._scorer


class _Rejections:
    """Keeps records apart that could not be read, in a file that is made for the first of them."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path, self._stack = path, stack
        self._write: Callable[[str], object] | None = None
        self.count = 0

    def add(self, rejected: Rejected) -> None:
        if self._write is None:
            self._path.parent.mkdir(exist_ok=True)
            self._write = self._stack.enter_context(atomic_text(self._path)).write
        self.count += 1
        self._write(json_line(asdict(rejected)))


class _Source:
    """The turns of a shard, as reading its file from the beginning gives them.

    Attributes:
        format: Format that was taken; None before the first turn.
    """

    def __init__(self, shard: Shard, path: str, reading: dict[str, Any]) -> None:
        self._shard, self._path = shard, path
        self._reading = reading if shard.format is None else {**reading, "format": shard.format}
        self._before: int | None = None
        self.format: str | None = None

    @classmethod
    @contextmanager
    def of(cls, shard: Shard, reading: dict[str, Any]) -> Iterator[_Source]:
        """Where the shard is part of a file, its lines are copied to a file of their own."""
        if shard.start is None:
            yield cls(shard, shard.path, reading)
            return
        with tempfile.TemporaryDirectory(prefix="anthrometrics-") as folder:
            lines = Path(folder) / "lines.jsonl"
            _copy(shard, lines)
            yield cls(shard, str(lines), reading)

    def turns(self, reject: Callable[[Rejected], None]) -> Iterator[Turn]:
        def took(name: str) -> None:
            self.format = name

        try:
            for item in read_turns(self._path, **self._reading, on_format=took):
                if isinstance(item, Rejected):
                    reject(replace(item, file=self._shard.file, line=item.line + self._lines_before()))
                else:
                    yield item
        except InputError as error:
            raise _UnreadableError(str(error)) from error

    def _lines_before(self) -> int:
        """Lines of the file before the copied ones, less the empty one; counted only where a line is to be named."""
        if self._before is None:
            self._before = _count_lines(self._shard.path, self._shard.start) - 1 if self._shard.start else 0
        return self._before


def _copy(shard: Shard, target: Path) -> None:
    assert shard.start is not None and shard.end is not None
    try:
        with open(shard.path, "rb") as stream, target.open("wb") as copy:
            if shard.start:
                # The first line of a file may begin with a byte order mark, no other may.
                copy.write(b"\n")
            stream.seek(shard.start)
            left = shard.end - shard.start
            while chunk := stream.read(min(left, 1 << 20)):
                copy.write(chunk)
                left -= len(chunk)
    except OSError as error:
        raise _UnreadableError(f"cannot copy lines of {shard.path}: {error.strerror or error}") from error
    if left:
        raise _UnreadableError(f"{shard.path} became shorter while it was read")


def _count_lines(path: str, end: int) -> int:
    count = 0
    with open(path, "rb") as stream:
        while chunk := stream.read(min(end, 1 << 20)):
            count += chunk.count(b"\n")
            end -= len(chunk)
    return count

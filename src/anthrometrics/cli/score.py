"""``anthrometrics score``: transcripts in, scores out."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from anthrometrics.cli.options import make_scorer, scorer_options
from anthrometrics.cli.progress import Progress
from anthrometrics.cli.reading import reading_options
from anthrometrics.cli.render import console, print_summaries, printable
from anthrometrics.cli.telling import Telling
from anthrometrics.errors import InputError
from anthrometrics.formats import Rejected, read_turns
from anthrometrics.formats.sources import files_of
from anthrometrics.formats.writer import atomic_text, beside, json_line
from anthrometrics.scores import DETAILS, Detail
from anthrometrics.summary import SummaryBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.scores import TurnScore
    from anthrometrics.turns import Turn

__all__ = ["score"]

_SHOWN_REJECTIONS = 10


@dataclass
class _Rejections:
    """Counts rejected lines, shows the first ones and keeps all of them in a file if there is one."""

    strict: bool
    sink: TextIO | None = None
    count: int = 0

    def add(self, rejected: Rejected) -> None:
        if self.strict:
            reason = f"{printable(str(rejected))} (--strict stops at the first bad line; nothing was written)"
            raise click.ClickException(reason)
        self.count += 1
        if self.sink is not None:
            self.sink.write(json_line(asdict(rejected)))
        if self.count <= _SHOWN_REJECTIONS:
            click.echo(f"rejected {printable(str(rejected))}", err=True)
        elif self.count == _SHOWN_REJECTIONS + 1:
            click.echo("rejected more lines; they are counted below", err=True)


@dataclass
class _Run:
    """One invocation: what it reads with, and what it gathers."""

    scorer: Scorer
    inputs: tuple[str, ...]
    progress: Progress
    rejections: _Rejections
    reading: dict[str, Any] = field(default_factory=dict)
    telling: Telling = field(default_factory=Telling)
    summaries: dict[str, SummaryBuilder] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)

    def scores(self) -> Iterator[tuple[str, TurnScore]]:
        """``(input, score)`` for every turn of every input, in order."""
        for path in self.inputs:
            builder = self.summaries.setdefault(path, SummaryBuilder())
            for result in self.scorer.stream(self._turns(path)):
                builder.add(result)
                self.telling.add(result)
                self.progress.turn()
                yield path, result

    def _turns(self, path: str) -> Iterator[Turn]:
        def took(name: str) -> None:
            self.formats[path] = name

        read = read_turns(path, **self.reading, on_progress=self.progress.bytes_of(path), on_format=took)
        for item in read:
            if isinstance(item, Rejected):
                self.rejections.add(item)
            else:
                yield item

    @property
    def turns(self) -> int:
        return sum(b.scored + b.unscored.total() for b in self.summaries.values())


@click.command
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT.jsonl", help='Write one JSON object a turn; "-" for standard output.')
@click.option("--detail", type=click.Choice(DETAILS), default="labels", show_default=True, help="How much to write.")
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be read.")
@reading_options
@scorer_options
def score(
    inputs: tuple[str, ...],
    output: str | None,
    detail: Detail,
    strict: bool,
    device: str,
    precision: str | None,
    threads: int | None,
    model: str | None,
    **reading: Any,
) -> int:
    """Score the assistant turns of the transcripts IN.

    IN is a file, a folder, a pattern such as "runs/**/*.jsonl", or "-" for standard input. The format is known by the
    first records ("anthrometrics formats" lists them). Without -o, prints a table and the most telling sentences.

    With -o OUT.jsonl, provenance goes to OUT.meta.json and lines that could not be read to OUT.rejected.jsonl.

    \b
    Exit codes: 0  every line was read
                1  some lines were rejected; the rest was scored
                2  wrong usage, or no line could be read
    """  # noqa: D301 - click wants the control character
    inputs = tuple(files_of(inputs))
    _check_output(inputs, output)
    scorer = make_scorer(device, precision, threads, model)
    with Progress(inputs) as progress:
        run = _Run(scorer, inputs, progress, _Rejections(strict), reading)
        if output is None:
            for _ in run.scores():
                pass
        elif output == "-":
            _write_stdout(run, detail)
        else:
            _write_files(run, Path(output), detail)
    if output is None and run.turns:
        print_summaries(
            {path: builder.build() for path, builder in run.summaries.items()}, run.telling, scorer, console()
        )
    return _report(run, output)


def _check_output(inputs: tuple[str, ...], output: str | None) -> None:
    """Refuse to write over a transcript."""
    resolved = [Path(path).resolve() for path in inputs if path != "-"]
    if output in (None, "-"):
        return
    target = Path(str(output))
    for written in (target, beside(target, ".meta.json"), beside(target, ".rejected.jsonl")):
        if written.resolve() in resolved:
            raise click.UsageError(f"{written} is also an input; writing it would destroy the transcript")


def _write(run: _Run, stream: TextIO, detail: Detail) -> None:
    several = len(run.inputs) > 1
    for path, result in run.scores():
        record = result.to_dict(detail)
        stream.write(json_line({"file": path, **record} if several else record))


def _write_stdout(run: _Run, detail: Detail) -> None:
    """JSON lines on standard output; a reader that has had enough (``| head``) is no failure."""
    try:
        with open(sys.stdout.fileno(), "w", encoding="utf-8", errors="backslashreplace", closefd=False) as stream:
            _write(run, stream, detail)
    except BrokenPipeError as error:
        # What is still buffered must go somewhere, or the interpreter complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from error


def _write_files(run: _Run, output: Path, detail: Detail) -> None:
    """Scores, provenance and rejected lines; they appear together when all is scored."""
    rejected = beside(output, ".rejected.jsonl")
    with ExitStack() as stack:
        stream = stack.enter_context(atomic_text(output))
        meta = stack.enter_context(atomic_text(beside(output, ".meta.json")))
        run.rejections.sink = stack.enter_context(atomic_text(rejected))
        _write(run, stream, detail)
        if not run.turns:
            raise InputError(f"nothing readable in {', '.join(run.inputs)}; {output} was not written")
        meta.write(json_text(_metadata(run, detail)))
    if not run.rejections.count:
        rejected.unlink()


def _metadata(run: _Run, detail: Detail) -> dict[str, Any]:
    return {
        "schema": 1,
        "provenance": run.scorer.provenance,
        "inputs": list(run.inputs),
        "formats": run.formats,
        "detail": detail,
        "turns": run.turns,
        "rejected": run.rejections.count,
        "summary": {path: builder.build().to_dict() for path, builder in run.summaries.items()},
    }


def json_text(value: dict[str, Any]) -> str:
    """Indented JSON for people."""
    import json

    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _report(run: _Run, output: str | None) -> int:
    """Say what happened on standard error; the exit code."""
    unscored = sum(builder.unscored.total() for builder in run.summaries.values())
    if not run.turns:
        click.echo(f"anthrometrics: nothing readable in {', '.join(run.inputs)}", err=True)
        return 2
    for path, name in run.formats.items():
        if name != "chat":
            click.echo(f"{path} was read as {name}", err=True)
    parts = [f"{_count(run.turns - unscored, 'turn')} scored"]
    if unscored:
        parts.append(f"{unscored} unscored (no text to score)")
    if run.rejections.count:
        kept = f", kept in {beside(Path(output), '.rejected.jsonl')}" if output not in (None, "-") else ""
        parts.append(f"{_count(run.rejections.count, 'line')} rejected{kept}")
    where = f" → {output}" if output not in (None, "-") else ""
    click.echo("; ".join(parts) + where, err=True)
    return 1 if run.rejections.count else 0


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

"""Where ``anthrometrics score`` writes: options, checks before any work, and files."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anthrometrics.errors import InputError
from anthrometrics.formats.sources import files_of
from anthrometrics.output.atomic import COMPANIONS, SURROGATES, beside, check_target, json_line
from anthrometrics.output.finish import Wanted, finish, written
from anthrometrics.output.inspection import check_inspect, inspect_sink
from anthrometrics.output.partial import PARTIAL
from anthrometrics.output.plan import is_stream, plan_of
from anthrometrics.output.sinks import check_output
from anthrometrics.output.table import columns_of
from anthrometrics.provenance import value_names
from anthrometrics.scores import DETAILS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from anthrometrics.cli.scoring import Run
    from anthrometrics.output.inspection import InspectSink
    from anthrometrics.output.partial import Begin, Partial
    from anthrometrics.scores import Detail

__all__ = ["Writing", "inputs_of", "stdout_errors", "write_files", "write_stream", "writing_of", "writing_options"]


@dataclass(frozen=True)
class Writing:
    """What the options of ``writing_options`` ask for.

    Attributes:
        output: The file of scores, or None for a table or standard output.
        to_stdout: Whether scores go to standard output.
        wanted: What to write of each turn.
        begin: What to do about an unfinished run.
    """

    output: Path | None
    to_stdout: bool
    wanted: Wanted
    begin: Begin


def writing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--output``, ``--detail``, ``--text``, ``--inspect-scores``, ``--resume`` and ``--restart``."""
    for option in (
        click.option("--restart", is_flag=True, help="Delete what an unfinished run into OUT left, and begin again."),
        click.option("--resume", is_flag=True, help="Go on with an unfinished run into OUT, if there is one."),
        click.option(
            "--inspect-scores",
            metavar="FILE.jsonl",
            help="Also write scores that inspect-ai's precomputed_scores reads, one a sample.",
        ),
        click.option("--text", is_flag=True, help="Write prompt and response with each turn."),
        click.option(
            "--detail", type=click.Choice(DETAILS), default="labels", show_default=True, help="How much to write."
        ),
        click.option(
            "-o",
            "--output",
            metavar="OUT",
            help='Write one record a turn: .jsonl, .jsonl.gz, .csv or .parquet; "-" for JSON lines on standard output.',
        ),
    ):
        command = option(command)
    return command


def inputs_of(named: Sequence[str], output: str | None) -> tuple[str, ...]:
    """The files to read; the journal of an unfinished run into ``output`` is none, though a pattern may find it.

    Args:
        named: As ``files_of`` takes them.
        output: As ``-o`` has it.

    Raises:
        InputError: As of ``files_of``.
    """
    found = files_of(named)
    ours = {beside(Path(output), suffix).resolve() for suffix in PARTIAL} if output not in (None, "-") else set()
    return tuple([path for path in found if path == "-" or Path(path).resolve() not in ours] or found)


def writing_of(
    inputs: Sequence[str],
    requests: str | None,
    *,
    output: str | None,
    detail: Detail,
    text: bool,
    inspect_scores: str | None,
    resume: bool,
    restart: bool,
) -> Writing:
    """What the options ask for, checked against each other and against the inputs.

    Raises:
        InputError: A file of this kind cannot be written there.
        MissingExtraError: It needs a library that is not installed.
        click.UsageError: Options contradict one another, or an output is an input.
    """
    target = None if output in (None, "-") else Path(str(output))
    inspect = Path(inspect_scores) if inspect_scores else None
    begin: Begin = "resume" if resume else "restart" if restart else "new"
    _check_begin(inputs, target, resume, restart)
    if text and output is None and inspect is None:
        raise click.UsageError("--text needs a file or - to write to: -o OUT")
    if target is not None:
        check_target(target)
        check_output(target)
    if inspect is not None:
        check_inspect(inspect)
    _check_distinct(inputs, requests, target, inspect)
    return Writing(target, output == "-", Wanted(detail, text, inspect), begin)


def write_files(run: Run, partial: Partial) -> InspectSink | None:
    """Score into the journal, and make the files of it when all is scored.

    Raises:
        InputError: Nothing could be read, the disk is full, or an unfinished run was of something else.
    """
    run.rejections.sink = partial.begin(plan_of(run.inputs, run.scorer.provenance, _options(run)))
    if partial.resumed:
        click.echo(f"going on after {partial.resumed:,} turns in {partial.journal.path}", err=True)
    for record in run.records(partial.journal):
        partial.journal.append(record)
    if not run.turns:
        raise InputError(f"nothing readable in {', '.join(run.inputs)}; {partial.output} was not written")
    wanted = run.wanted
    values = value_names(run.scorer.provenance)
    columns = columns_of(wanted.detail, run.kept, file=len(run.inputs) > 1, text=wanted.text, values=values)
    return finish(partial, wanted, columns, run.metadata(), bool(run.rejections.count))


def write_stream(run: Run, to_stdout: bool) -> InspectSink | None:
    """Score without a file of scores: to standard output or for the table, and for Inspect if asked.

    Raises:
        InputError: Nothing could be read for Inspect, or what is written to is full.
    """
    wanted = run.wanted
    with (
        inspect_sink(wanted.inspect, run.scorer.provenance) if wanted.inspect else nullcontext() as sink,
        open(sys.stdout.fileno(), "w", encoding="utf-8", errors=SURROGATES, closefd=False) as stream,
    ):
        for record in run.records():
            if to_stdout:
                with stdout_errors():
                    stream.write(json_line(written(record, wanted)))
            if sink is not None:
                sink.put(record)
        with stdout_errors():
            stream.flush()
        if wanted.inspect is not None and not run.turns:
            raise InputError(f"nothing readable in {', '.join(run.inputs)}; {wanted.inspect} was not written")
    return sink


@contextmanager
def stdout_errors() -> Iterator[None]:
    """A reader that has had enough (``| head``) is no failure; a full disk is one, and said.

    Raises:
        InputError: Standard output cannot be written.
    """
    try:
        yield
    except OSError as error:
        # What is still buffered must go somewhere, or the interpreter complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise click.exceptions.Exit(0) from error
        raise InputError(f"cannot write to standard output: {error.strerror or error}") from error


def _options(run: Run) -> dict[str, Any]:
    """Everything but the inputs and the model that changes what is written."""
    return {
        "detail": run.wanted.detail,
        "text": run.wanted.text,
        "inspect_scores": run.wanted.inspect is not None,
        "strict": run.rejections.strict,
        **run.reading,
    }


def _check_begin(inputs: Sequence[str], target: Path | None, resume: bool, restart: bool) -> None:
    if resume and restart:
        raise click.UsageError("--resume goes on with an unfinished run and --restart deletes it; give one of them")
    if (resume or restart) and target is None:
        raise click.UsageError(f"--{'resume' if resume else 'restart'} needs the file of the unfinished run: -o OUT")
    for path in inputs if resume else ():
        if is_stream(path):
            name = "standard input" if path == "-" else path
            raise click.UsageError(f"{name} cannot be resumed, as it can be read only once; save it to a file first")


def _check_distinct(inputs: Sequence[str], requests: str | None, target: Path | None, inspect: Path | None) -> None:
    """Refuse to write over a transcript, or two things into one file."""
    read = {Path(path).resolve() for path in (*inputs, *([requests] if requests else [])) if path != "-"}
    outputs = [target, *(beside(target, suffix) for suffix in (*COMPANIONS, *PARTIAL))] if target is not None else []
    for written_path in (*outputs, *([inspect] if inspect is not None else [])):
        if written_path.resolve() in read:
            raise click.UsageError(f"{written_path} is also an input; writing it would destroy the transcript")
    if inspect is not None and inspect.resolve() in {path.resolve() for path in outputs}:
        raise click.UsageError(f"--inspect-scores {inspect} is where -o writes; name another file")

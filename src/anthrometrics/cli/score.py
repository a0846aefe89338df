"""``anthrometrics score``: transcripts in, scores out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from anthrometrics.cli.engine import engine_of, engine_options, score_on_ray
from anthrometrics.cli.options import (
    ValuesCommand,
    cache_option,
    make_scorer,
    scorer_options,
    values_asked,
    values_option,
)
from anthrometrics.cli.progress import Progress
from anthrometrics.cli.reading import reading_options
from anthrometrics.cli.render import console, print_summaries
from anthrometrics.cli.report import Collected
from anthrometrics.cli.scoring import Rejections, Run, StrictError
from anthrometrics.cli.stopping import exit_code, terminable
from anthrometrics.cli.telling import Telling
from anthrometrics.cli.writing import inputs_of, stdout_errors, write_files, write_stream, writing_of, writing_options
from anthrometrics.errors import AnthrometricsError, InputError
from anthrometrics.output.atomic import beside
from anthrometrics.output.partial import partial_of
from anthrometrics.output.table import Kept
from anthrometrics.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from anthrometrics.cli.writing import Writing
    from anthrometrics.output.inspection import InspectSink
    from anthrometrics.output.partial import Partial

__all__ = ["score"]


@click.command(cls=ValuesCommand)
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@writing_options
@click.option("--html", metavar="PAGE.html", help="Also write a page to look at; holds every turn in memory.")
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be read.")
@reading_options
@values_option
@scorer_options
@cache_option
@engine_options
def score(
    inputs: tuple[str, ...],
    html: str | None,
    strict: bool,
    device: str,
    precision: str | None,
    threads: int | None,
    model: str | None,
    no_cache: bool,
    values: tuple[str, ...],
    **options: Any,
) -> int:
    """Score the assistant turns of the transcripts IN.

    IN is a file, a folder, a pattern such as "runs/**/*.jsonl", or "-" for standard input. The format is known by the
    first records ("anthrometrics formats" lists them). Without -o, prints a table and the most telling sentences.

    With -o OUT.jsonl, provenance goes to OUT.meta.json and lines that could not be read to OUT.rejected.jsonl.
    While it works, what is done is kept in OUT.partial.jsonl; the same command with --resume goes on with it.

    \b
    Exit codes: 0  every line was read
                1  some lines were rejected; the rest was scored
                2  wrong usage, or no line could be read
                130 and 143  interrupted and terminated
    """  # noqa: D301 - click wants the control character
    if html is not None and (options["resume"] or options["engine"] != "local"):
        raise click.UsageError("--html needs every turn in this process; write the page of OUT by anthrometrics report")
    engine, judged = engine_of(options), values_asked(values)
    if engine is not None:
        how = {"strict": strict, "device": device, "precision": precision, "threads": threads, "model": model}
        how |= {"no_cache": no_cache, "values": judged}
        return score_on_ray(engine, inputs, options | how)
    inputs = inputs_of(inputs, options["output"])
    names = ("output", "detail", "text", "inspect_scores", "resume", "restart")
    asked = {name: options.pop(name) for name in names}
    writing = writing_of(inputs, options["requests"], **asked)

    def run_of() -> Run:
        scorer = make_scorer(device, precision, threads, model, no_cache, judged)
        telling = None if writing.output or writing.to_stdout else Telling()
        shown = telling if html is None else Collected(telling)
        progress, kept = Progress(inputs), Kept(options["keep"])
        return Run(scorer, inputs, progress, Rejections(strict), writing.wanted, options, shown, kept=kept)

    with terminable():
        try:
            run, code = _to_files(writing, run_of) if writing.output else _to_screen(writing, run_of)
        except KeyboardInterrupt as stop:
            click.echo("\nanthrometrics: interrupted; no output was written", err=True)
            raise click.exceptions.Exit(exit_code(stop)) from stop
    if html is not None and run.turns and isinstance(run.telling, Collected):
        run.telling.write(html, run.inputs, run.scorer.provenance)
    return code


def _to_screen(writing: Writing, run_of: Callable[[], Run]) -> tuple[Run, int]:
    """Standard output: JSON lines or a table; perhaps a file for Inspect."""
    run = run_of()
    with run.progress:
        sink = write_stream(run, writing.to_stdout)
    telling = run.telling.telling if isinstance(run.telling, Collected) else run.telling
    if telling is not None and run.turns:
        with stdout_errors():
            summaries = {path: builder.build() for path, builder in run.summaries.items()}
            print_summaries(summaries, telling, run.scorer, console())
            sys.stdout.flush()
    return run, _report(run, writing, sink)


def _to_files(writing: Writing, run_of: Callable[[], Run]) -> tuple[Run, int]:
    """A file of scores, what stands beside it, and something to go on with if it is cut short."""
    assert writing.output is not None
    with partial_of(writing.output, writing.begin) as partial:
        run = run_of()
        try:
            with run.progress:
                sink = write_files(run, partial)
        except StrictError:
            partial.discard()
            raise
        except KeyboardInterrupt as stop:
            if not partial.kept:
                raise
            click.echo(f"\nanthrometrics: interrupted; {_kept(partial)}", err=True)
            raise click.exceptions.Exit(exit_code(stop)) from stop
        except AnthrometricsError as error:
            if not partial.kept:
                raise
            raise InputError(f"{error}\n{_kept(partial)}") from error
    return run, _report(run, writing, sink)


def _kept(partial: Partial) -> str:
    number = partial.journal.turns
    return f"{count(number, 'turn')} kept in {partial.journal.path}; the same command with --resume goes on"


def _report(run: Run, writing: Writing, inspect: InspectSink | None) -> int:
    """Say what happened on standard error; the exit code."""
    if not run.turns:
        click.echo(f"anthrometrics: nothing readable in {', '.join(run.inputs)}", err=True)
        return 2
    for path, name in run.formats.items():
        if name != "chat":
            click.echo(f"{path} was read as {name}", err=True)
    if inspect is not None:
        out = "".join(f"; {count(n, 'turn')} left out that {why}" for why, n in inspect.left_out.items())
        click.echo(f"{count(inspect.samples, 'sample')} for Inspect → {writing.wanted.inspect}{out}", err=True)
    parts = [f"{count(run.turns - run.unscored, 'turn')} scored"]
    if run.unscored:
        parts.append(f"{run.unscored} unscored (no text to score)")
    if run.rejections.count:
        kept = f", kept in {beside(writing.output, '.rejected.jsonl')}" if writing.output is not None else ""
        parts.append(f"{count(run.rejections.count, 'line')} rejected{kept}")
    where = f" → {writing.output}" if writing.output is not None else ""
    click.echo("; ".join(parts) + where, err=True)
    return 1 if run.rejections.count else 0

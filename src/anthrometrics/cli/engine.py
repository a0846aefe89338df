"""``anthrometrics score --engine ray``: files scored by many workers, into a folder."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from anthrometrics.cli.render import printable
from anthrometrics.cli.stopping import exit_code, terminable
from anthrometrics.formats import Rejected
from anthrometrics.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from anthrometrics.integrations.ray import RayProgress, RayRun
    from anthrometrics.output.partial import Begin

__all__ = ["Engine", "engine_of", "engine_options", "score_on_ray"]

_SHOWN: Final = 10


@dataclass(frozen=True)
class Engine:
    """What the options of ``engine_options`` ask for, if it is Ray.

    Attributes:
        workers: Processes that score; None for as many as there is room for.
        address: Of the cluster; None for ``RAY_ADDRESS``, or else this machine alone.
        shards: Kind of the files of scores.
    """

    workers: int | None
    address: str | None
    shards: Any


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--engine``, ``--workers``, ``--ray-address`` and ``--shards``."""
    for option in (
        click.option(
            "--shards",
            type=click.Choice(["parquet", "jsonl"]),
            help="Kind of files in OUT, with Ray; by default parquet.",
        ),
        click.option(
            "--ray-address",
            metavar="ADDRESS",
            help='The Ray cluster: "auto" or ray://HOST:PORT; by default RAY_ADDRESS, or else this machine alone.',
        ),
        click.option(
            "--workers", type=click.IntRange(min=1), help="Workers, with Ray; by default as many as have room."
        ),
        click.option(
            "--engine",
            type=click.Choice(["local", "ray"]),
            default="local",
            show_default=True,
            help="This process, or the workers of a Ray cluster; then OUT is a folder.",
        ),
    ):
        command = option(command)
    return command


def engine_of(options: dict[str, Any]) -> Engine | None:
    """Take the options of ``engine_options`` out of all options; None for this process.

    Raises:
        click.UsageError: An option needs Ray, and Ray is not asked for.
    """
    name = options.pop("engine")
    taken = {option: options.pop(option) for option in ("workers", "ray_address", "shards")}
    if name == "ray":
        return Engine(taken["workers"], taken["ray_address"], taken["shards"] or "parquet")
    for option, value in taken.items():
        if value is not None:
            raise click.UsageError(f"--{option.replace('_', '-')} needs --engine ray")
    return None


def score_on_ray(engine: Engine, inputs: tuple[str, ...], options: Mapping[str, Any]) -> int:
    """Score, and say on standard error what happened.

    Args:
        engine: The cluster.
        inputs: As the user names them.
        options: All other options of the command.

    Returns:
        The exit code: 1 if a line or a file could not be read, and 0 otherwise.

    Raises:
        click.UsageError: Options do not go together.
        AnthrometricsError: As of ``score_files``.
    """
    from anthrometrics.integrations.ray import score_files

    rest = dict(options)
    output, begin = _checked(rest)
    scorer = {name: rest.pop(name) for name in ("device", "precision", "model", "detail", "text", "values")}
    threads, no_cache = rest.pop("threads"), rest.pop("no_cache", False)
    with terminable(), _progress() as show:
        try:
            run = score_files(
                inputs,
                output,
                reading=rest,
                shards=engine.shards,
                workers=engine.workers,
                threads=threads or 1,
                cache_mb=0 if no_cache else None,
                address=engine.address,
                begin=begin,
                on_progress=show,
                **scorer,
            )
        except KeyboardInterrupt as stop:
            done = len(list(output.glob("state/part-*.json")))
            kept = f"{count(done, 'shard')} done in {output}; the same command with --resume goes on"
            click.echo(f"\nanthrometrics: interrupted; {kept if done else 'nothing was written'}", err=True)
            raise click.exceptions.Exit(exit_code(stop)) from stop
    return _report(run)


def _checked(options: dict[str, Any]) -> tuple[Path, Begin]:
    """The folder, and what to do about a run that it holds; taken out of the options."""
    output, inspect, strict = (options.pop(name) for name in ("output", "inspect_scores", "strict"))
    resume, restart = options.pop("resume"), options.pop("restart")
    if output in (None, "-"):
        raise click.UsageError("--engine ray writes a folder: -o OUT")
    if inspect is not None or strict:
        raise click.UsageError(f"--engine ray has no {'--inspect-scores' if inspect is not None else '--strict'}")
    if resume and restart:
        raise click.UsageError("--resume goes on with an unfinished run and --restart deletes it; give one of them")
    return Path(output), "resume" if resume else "restart" if restart else "new"


@contextmanager
def _progress() -> Iterator[Callable[[RayProgress], None] | None]:
    """A bar over the shards, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    shown = TextColumn("{task.completed}/{task.total} shards, {task.fields[turns]:,} turns")
    columns = (SpinnerColumn(), shown, BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("score", total=None, turns=0)

        def show(progress: RayProgress) -> None:
            bar.update(task, completed=progress.shards, total=progress.total, turns=progress.turns)

        yield show


def _report(run: RayRun) -> int:
    for rejected in islice(_rejected(run.folder), _SHOWN):
        click.echo(f"rejected {printable(str(rejected))}", err=True)
    if run.rejected > _SHOWN:
        click.echo(f"rejected more lines; all are in {run.folder / 'rejected'}", err=True)
    for file, reason in islice(run.failed.items(), _SHOWN):
        click.echo(f"not scored {printable(file)}: {printable(reason)}", err=True)
    for path, name in run.formats.items():
        if name != "chat":
            click.echo(f"{path} was read as {name}", err=True)
    if len(run.provenance) > 1:
        click.echo(
            "workers differ in what gives the numbers; meta.json lists it, and the last digits may differ", err=True
        )
    unscored = sum(sum(summary.unscored.values()) for summary in run.summaries.values())
    parts = [f"{count(run.turns - unscored, 'turn')} scored"]
    parts += [f"{unscored} unscored (no text to score)"] if unscored else []
    parts += [f"{count(run.rejected, 'line')} rejected, kept in {run.folder / 'rejected'}"] if run.rejected else []
    parts += [f"{count(len(run.failed), 'file')} not scored, which --resume tries again"] if run.failed else []
    click.echo(f"{'; '.join(parts)} → {run.folder}", err=True)
    return 1 if run.rejected or run.failed else 0


def _rejected(folder: Path) -> Iterator[Rejected]:
    for file in sorted((folder / "rejected").glob("part-*.jsonl")):
        with file.open(encoding="utf-8") as stream:
            yield from (Rejected(**json.loads(line)) for line in stream)

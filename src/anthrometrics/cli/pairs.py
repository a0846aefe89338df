"""What commands on preference pairs share: options, scoring with progress, and tables of pushes."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from anthrometrics.cli.progress import Progress
from anthrometrics.cli.render import printable
from anthrometrics.cli.scoring import Rejections
from anthrometrics.codebook import TURN_DETECTORS
from anthrometrics.errors import InputError
from anthrometrics.output.atomic import check_target
from anthrometrics.report.wording import interval, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.table import Table

    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.formats import Rejected
    from anthrometrics.induction.pair_scores import PairScores
    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.pushes import Push

__all__ = ["check_output", "pair_options", "push_table", "random_options", "rounded", "scored_pairs", "told"]

# Shown whatever they are; others if their interval leaves zero out.
_ALWAYS: Final = (*TURN_DETECTORS, "words")


def pair_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format`` and ``--split``."""
    for option in (
        click.option("--split", metavar="NAME", help="Of a dataset; by default train, or the only one."),
        click.option(
            "--format",
            default="auto",
            show_default=True,
            metavar="NAME",
            help="preference, hh-rlhf, helpsteer, helpsteer-preference, ultrafeedback, pku-saferlhf[-safer].",
        ),
    ):
        command = option(command)
    return command


def random_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--level``, ``--resamples`` and ``--seed``."""
    for option in (
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all random draws."),
        click.option("--resamples", type=click.IntRange(min=100), default=2000, show_default=True, help="Of prompts."),
        click.option("--level", type=float, default=0.95, show_default=True, help="Of the intervals."),
    ):
        command = option(command)
    return command


def check_output(output: str | None, prefs: str, suffixes: tuple[str, ...]) -> Path | None:
    """Check before any work that the file can be written; None for standard output or nothing.

    Raises:
        InputError: Its suffix is another, or it cannot be written.
        click.UsageError: It is the input.
    """
    if output in (None, "-"):
        return None
    path = Path(str(output))
    if not path.name.lower().endswith(suffixes):
        raise InputError(f"cannot write {path}: its name must end in {' or '.join(suffixes)}")
    if path.resolve() == Path(prefs).resolve():
        raise click.UsageError(f"{path} is also the input; name another file")
    check_target(path)
    if not path.resolve().parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    return path


def scored_pairs(prefs: str, reading: dict[str, Any], make: Callable[[], Scorer]) -> tuple[PairScores, list[Rejected]]:
    """Both sides of every pair scored, with progress; and the records that gave no pair.

    Args:
        prefs: As ``read_preferences`` takes it.
        reading: Its format and split.
        make: Makes the scorer, once there is something to score.

    Raises:
        InputError: It cannot be read, or holds no pair.
    """
    from anthrometrics.induction.pair_scores import score_pairs
    from anthrometrics.induction.preferences import read_preferences

    rejections, refused = Rejections(strict=False), []

    def reject(item: Rejected) -> None:
        rejections.add(item)
        refused.append(item)

    def took(name: str, layout: str) -> None:
        if layout != "preference":
            click.echo(f"{printable(name)} was read as {layout}", err=True)

    def begin(counted: Callable[[int], None] | None) -> Iterator[PreferencePair | Rejected]:
        """The first item is read, so that what cannot be opened is said before a model is loaded."""
        found = read_preferences(prefs, **reading, on_progress=counted, on_format=took)
        return chain(list(islice(found, 1)), found)

    # What is no file has no size, so that a count is shown; and a download shows a progress of its own before.
    sized = Path(prefs).is_file()
    begun = None if sized else begin(None)
    with Progress((prefs if sized else "-",)) as progress:
        found = begin(progress.bytes_of(prefs)) if begun is None else begun
        scores = score_pairs(found, make(), on_rejected=reject, on_side=progress.turn)
    return scores, refused


def told(scores: PairScores) -> str:
    """How many pairs were read and how long scoring them took."""
    refused = f"; {scores.unreadable:,} records gave no pair" if scores.unreadable else ""
    rate = 1000 * scores.seconds / len(scores)
    return f"{len(scores):,} pairs scored in {scores.seconds:.1f} s ({rate:.1f} s per 1,000){refused}"


def push_table(pushes: Sequence[Push], *, level: float, show_all: bool, also: tuple[str, ...] = ()) -> Table:
    """Both sides of every measure, with their difference.

    Args:
        pushes: Of one set.
        level: Of the intervals.
        show_all: Whether measures that do not clearly differ are shown too, and rates.
        also: Measures to show in any case.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("measure")
    for title in ("chosen", "rejected", "difference", f"{100 * level:g} % interval", "of like length"):
        table.add_column(title, justify="right", no_wrap=True)
    hidden = 0
    for push in pushes:
        presence = not push.measure.endswith(".rate") and not push.measure.startswith("group.")
        if not (show_all or push.measure in (*_ALWAYS, *also) or (push.clear and presence)):
            hidden += 1
            continue
        digits = 1 if push.measure == "words" else 3
        table.add_row(
            Text(push.measure),
            rounded(push.chosen, digits),
            rounded(push.rejected, digits),
            signed(push.difference, digits),
            interval(push.low, push.high, digits),
            signed(push.adjusted, digits),
            style=None if push.clear else "dim",
        )
    if hidden:
        table.caption = f"{hidden} more measures: --all"
    return table


def rounded(value: float | None, digits: int = 3) -> str:
    """A number of the table, nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"

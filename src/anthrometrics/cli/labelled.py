"""What commands that read hand labels share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anthrometrics.cli.render import printable
from anthrometrics.comparison.labels import join_labels
from anthrometrics.comparison.sampling import read_scored
from anthrometrics.comparison.sheet import read_sheet
from anthrometrics.formats.sources import files_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anthrometrics.comparison.labels import JoinedLabels

__all__ = ["label_options", "read_labelled", "report_rows"]

_SHOWN = 3


def label_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--labels``, ``--measure``, ``--level`` and ``--json``."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--level",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=0.95,
            show_default=True,
            help="Of the intervals.",
        ),
        click.option("--measure", metavar="KEY", help="What was labelled; by default what the table says it is."),
        click.option("--labels", required=True, metavar="FILE.csv", help="The labelled table."),
    ):
        command = option(command)
    return command


def read_labelled(paths: Sequence[str], labels: str, measure: str | None) -> list[JoinedLabels]:
    """Score files joined to the labels of their turns.

    Raises:
        InputError: Something cannot be read, or does not belong together.
    """
    paths = files_of(paths)
    sheet = read_sheet(labels, measure)
    return join_labels(sheet, [read_scored(path, sheet.measure) for path in paths])


def report_rows(labels: str, joined: Sequence[JoinedLabels]) -> None:
    """Say on standard error what became of rows that could not be used as they are."""
    for one in joined:
        path, given = printable(one.scored.path), len(one.answers)
        if one.blank:
            click.echo(f"{path}: no label in {one.blank} of {given + one.blank} drawn turns; left out", err=True)
        if one.repeated:
            click.echo(f"{path}: rows that label a turn once more: {one.repeated}", err=True)
        if one.unknown:
            rows = ", ".join(str(row.row) for row in one.unknown[:_SHOWN])
            more = " …" if len(one.unknown) > _SHOWN else ""
            where = f"rows {rows}{more} of {printable(labels)}"
            click.echo(f"{path}: labels of no scored turn in it: {len(one.unknown)} ({where}); left out", err=True)
        if not one.stratified:
            click.echo(f"{path}: labels without inclusion_probability are taken as drawn at random", err=True)

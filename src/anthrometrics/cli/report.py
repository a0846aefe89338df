"""``anthrometrics report``: one HTML page of one set of scores, or of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anthrometrics.cli.options import (
    ValuesCommand,
    cache_option,
    make_scorer,
    scorer_options,
    values_asked,
    values_option,
)
from anthrometrics.cli.reading import reading_options
from anthrometrics.cli.tables import Tables

if TYPE_CHECKING:
    from anthrometrics.cli.telling import Telling
    from anthrometrics.scores import TurnScore

__all__ = ["Collected", "report"]


@click.command(cls=ValuesCommand)
@click.argument("base", metavar="IN")
@click.argument("tuned", nargs=-1, metavar="[TUNED...]")
@click.option("-o", "--output", required=True, metavar="PAGE.html", help="The page; one file that needs no network.")
@click.option("--title", help="Heading of the page; made from the names by default.")
@reading_options
@values_option
@scorer_options
@cache_option
def report(
    base: str,
    tuned: tuple[str, ...],
    output: str,
    title: str | None,
    device: str,
    precision: str | None,
    threads: int | None,
    model: str | None,
    no_cache: bool,
    values: tuple[str, ...],
    **reading: Any,
) -> int:
    """Write a page to look at: of the scores of IN, or of what changed from IN to each TUNED.

    Each is a file that "anthrometrics score -o" wrote (with --detail sentences --text, the page shows the answers), or
    a transcript, which is scored first.
    """
    from anthrometrics.comparison import compare_tables
    from anthrometrics.report.page import write_report
    from anthrometrics.report.scored import scores_document

    judged = values_asked(values)
    tables = Tables(lambda: make_scorer(device, precision, threads, model, no_cache, judged), reading)
    if tuned:
        first = tables.read(base)
        documents = [compare_tables(first, tables.read(path)).to_dict() for path in tuned]
    else:
        documents = [scores_document(*tables.records(base))]
    write_report(documents, output, title=title)
    click.echo(f"report → {output}", err=True)
    return 0


class Collected:
    """Keeps every record for a page, and shows each score to the telling sentences, if there are any."""

    def __init__(self, telling: Telling | None) -> None:
        self.records: list[dict[str, Any]] = []
        self.telling = telling

    def add(self, score: TurnScore) -> None:
        """Take one score."""
        self.records.append(score.to_dict("sentences", text=True))
        if self.telling is not None:
            self.telling.add(score)

    def write(self, path: str, names: tuple[str, ...], provenance: dict[str, Any]) -> None:
        """Write the page of all records.

        Raises:
            InputError: ``path`` cannot be written.
            MissingExtraError: Jinja2 is not installed.
        """
        from anthrometrics.report.page import write_report
        from anthrometrics.report.scored import scores_document

        write_report(scores_document(", ".join(names), self.records, provenance), path)
        click.echo(f"report → {path}", err=True)

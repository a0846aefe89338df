"""``anthrometrics compare``: a base set against one or more tuned ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
from anthrometrics.cli.render import console, printable
from anthrometrics.cli.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from anthrometrics.comparison import Comparison
    from anthrometrics.comparison.gates import Gate

__all__ = ["compare"]

_FAILED: Final = 3


@click.command(cls=ValuesCommand)
@click.argument("base", metavar="BASE")
@click.argument("tuned", nargs=-1, required=True, metavar="TUNED...")
@click.option(
    "--pair-by",
    "by",
    type=click.Choice(["auto", "id", "prompt", "none"]),
    default="auto",
    show_default=True,
    help="What pairs turns; auto takes ids, or else prompts.",
)
@click.option("--unpaired", is_flag=True, help="Take the sets as independent; the same as --pair-by none.")
@click.option("--fail-if", "conditions", multiple=True, metavar="COND", help="Exit with 3 if so: validation>+0.05")
@click.option("--margin", type=float, default=0.05, show_default=True, help="Smallest difference that matters (TOST).")
@click.option("--level", type=float, default=0.95, show_default=True, help="Of the intervals.")
@click.option("--resamples", type=click.IntRange(min=100), default=2000, show_default=True, help="Of prompts.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all random draws.")
@click.option("--thresholds", "threshold_file", metavar="FILE", help='As "anthrometrics validate" writes them.')
@click.option("--allow-mixed", is_flag=True, help="Compare sets that were measured in different ways.")
@click.option("--all", "show_all", is_flag=True, help="Show every label and every rate, not only what changed.")
@click.option("--json", "json_file", metavar="FILE", help='Write everything as JSON; "-" for standard output.')
@click.option("--markdown", "markdown_file", metavar="FILE", help='Write tables as Markdown; "-" for standard output.')
@click.option("--csv", "csv_file", metavar="FILE", help='Write one row a measure; "-" for standard output.')
@click.option("--html", "html_file", metavar="FILE", help="Write a report to look at, one file.")
@reading_options
@values_option
@scorer_options
@cache_option
def compare(
    base: str,
    tuned: tuple[str, ...],
    by: Any,
    unpaired: bool,
    conditions: tuple[str, ...],
    threshold_file: str | None,
    show_all: bool,
    device: str,
    precision: str | None,
    threads: int | None,
    model: str | None,
    no_cache: bool,
    values: tuple[str, ...],
    **options: Any,
) -> int:
    """Compare the turns of BASE with those of TUNED, answered to the same prompts.

    Each is a file that "anthrometrics score -o" wrote, or a transcript, which is scored first. Turns are paired by id
    or else by prompt. Differences come with intervals from resampling prompts, tests are adjusted for all measures.

    \b
    A condition of --fail-if holds if the whole interval of the difference lies beyond the value:
      validation>+0.05  refusal<-0.1  anthropomorphism.rate>0  label.praise>0.1  group.flattery>0  value.humor>0

    \b
    Exit codes: 0  compared
                2  wrong usage, or the sets cannot be compared
                3  a condition of --fail-if holds
    """  # noqa: D301 - click wants the control character
    from anthrometrics.comparison import Options, compare_tables
    from anthrometrics.comparison.gates import gate_of

    files = {name: options.pop(f"{name}_file") for name in ("json", "markdown", "csv", "html")}
    settings = {name: options.pop(name) for name in ("level", "resamples", "seed", "margin", "allow_mixed")}
    gates = [gate_of(text) for text in conditions]
    thresholds = _thresholds(threshold_file)
    how, judged = Options(**settings), values_asked(values)
    tables = Tables(lambda: make_scorer(device, precision, threads, model, no_cache, judged), options)
    first = tables.read(base)
    comparisons = [
        compare_tables(first, tables.read(path), "none" if unpaired else by, how, thresholds) for path in tuned
    ]
    _write(comparisons, files)
    if not any(path == "-" for path in files.values()):
        for comparison in comparisons:
            _show(comparison, show_all)
    return _check(gates, comparisons)


def _thresholds(path: str | None) -> dict[str, float] | None:
    if path is None:
        return None
    from anthrometrics.comparison.thresholds import read_thresholds

    return read_thresholds(path)


def _write(comparisons: Sequence[Comparison], files: dict[str, str | None]) -> None:
    """What was asked for, each file whole or not at all."""
    from anthrometrics.comparison.tables import to_csv, to_markdown

    if not any(files.values()):
        return
    # Tables hold no answers, which are most of the work.
    items = None if files["json"] or files["html"] else 0
    documents = [comparison.to_dict(items) for comparison in comparisons]
    plain = documents[0] if len(documents) == 1 else documents
    if files["json"]:
        _put(files["json"], json.dumps(plain, ensure_ascii=False, indent=1) + "\n")
    if files["markdown"]:
        _put(files["markdown"], to_markdown(documents))
    if files["csv"]:
        _put(files["csv"], to_csv(documents))
    if files["html"]:
        from anthrometrics.report.page import write_report

        write_report(documents, files["html"])
        click.echo(f"report → {files['html']}", err=True)


def _put(path: str, text: str) -> None:
    from anthrometrics.output.atomic import atomic_text

    if path == "-":
        click.echo(text, nl=False)
    else:
        with atomic_text(Path(path)) as stream:
            stream.write(text)


def _show(comparison: Comparison, show_all: bool) -> None:
    from rich.text import Text

    out = console()
    out.print(Text(comparison.headline, style="bold"))
    pairing = comparison.pairing.to_dict()
    counts = [f"{pairing['pairs']:,} pairs by {pairing['by']}" if pairing["by"] != "none" else "unpaired"]
    counts.append(f"{pairing['clusters']:,} prompts")
    for name, words in (
        ("unscored", "unscored"),
        ("base_only", "only in base"),
        ("tuned_only", "only in tuned"),
        ("duplicates", "duplicates left out"),
    ):
        counts += [f"{pairing[name]:,} {words}"] if pairing[name] else []
    out.print(Text("; ".join(counts), style="dim"))
    for note in (*comparison.notes, *comparison.pairing.notes):
        out.print(Text(f"note: {printable(note)}", style="dim"))
    out.print(_table(comparison, show_all))
    length = comparison.length.words
    out.print(
        Text(
            f"Words a turn: {length['base']:.0f} → {length['tuned']:.0f} "
            f"({length['difference']:+.1f}, {length['low']:+.1f} to {length['high']:+.1f}).",
            style="dim",
        )
    )


def _table(comparison: Comparison, show_all: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    options = comparison.options
    table = Table(title=f"{comparison.base.name} → {comparison.tuned.name}", title_justify="left")
    table.add_column("measure")
    for title in ("base", "tuned", "difference", f"{100 * options.level:g} % interval", "p (Holm)", "dz"):
        table.add_column(title, justify="right", no_wrap=True)
    hidden = 0
    for row in comparison.differences:
        found = row.p_holm < options.alpha
        if not (show_all or row.measure.level == "detector" or (found and row.measure.unit == "presence")):
            hidden += 1
            continue
        cells = (
            f"{row.base:.3f}",
            f"{row.tuned:.3f}",
            f"{row.difference:+.3f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            "<.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}",
            "" if row.dz is None else f"{row.dz:+.2f}",
        )
        table.add_row(Text(row.measure.key), *cells, style=None if found else "dim")
    if hidden:
        table.caption = f"{hidden} more measures: --all"
    return table


def _check(gates: Sequence[Gate], comparisons: Sequence[Comparison]) -> int:
    failures = [why for gate in gates for c in comparisons if (why := gate.failure(c)) is not None]
    for why in failures:
        click.echo(f"anthrometrics: failed: {printable(why)}", err=True)
    return _FAILED if failures else 0

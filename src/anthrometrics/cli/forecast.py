"""``anthrometrics forecast``: which way a preference set will push a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from anthrometrics.cli.options import cache_option, make_scorer, scorer_options
from anthrometrics.cli.pairs import check_output, pair_options, push_table, random_options, scored_pairs, told
from anthrometrics.cli.render import console
from anthrometrics.comparison.measures import VALUE
from anthrometrics.induction.selection import MARGIN
from anthrometrics.induction.values import VALUES
from anthrometrics.output.atomic import atomic_text
from anthrometrics.report.wording import signed

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table
    from rich.text import Text

    from anthrometrics.induction.forecast import Forecast
    from anthrometrics.induction.pushes import Push

__all__ = ["forecast"]

# Measure → its title, short enough for the table to fit 100 columns.
_COLUMNS: Final = {
    "anthropomorphism": "anthropo-\nmorphism",
    "validation": "vali-\ndation",
    "refusal": "refusal",
    "words": "words",
}


@click.command
@click.argument("prefs", metavar="PREFS")
@click.option(
    "--value",
    "values",
    multiple=True,
    metavar="VALUE",
    help='Forecast what "curate" keeps for this value (a name, or a TOML file); all for each there is.',
)
@click.option("-o", "--output", metavar="FILE", help='Write it as .json or .csv; "-" for JSON on standard output.')
@click.option("--margin", type=click.FloatRange(0, 1), default=MARGIN, show_default=True, help='As "curate" has it.')
@click.option(
    "--expressed-by",
    type=click.Choice(["tagger", "source"]),
    default="tagger",
    show_default=True,
    help='As "curate" has it.',
)
@click.option("--all", "show_all", is_flag=True, help="Show every measure, not only those that differ.")
@random_options
@pair_options
@scorer_options
@cache_option
def forecast(
    prefs: str,
    values: tuple[str, ...],
    output: str | None,
    margin: float,
    expressed_by: Any,
    show_all: bool,
    format: str,
    split: str | None,
    device: str,
    precision: str | None,
    threads: int | None,
    model: str | None,
    no_cache: bool,
    **options: Any,
) -> int:
    """Say which way the preference pairs of PREFS push each measure, before any training.

    The push is the mean difference of chosen and rejected answers, with an interval from resampling prompts; "of like
    length" is that among pairs whose lengths are alike. PREFS is as "anthrometrics curate" takes it.

    \b
    Exit codes: 0  forecast
                2  wrong usage, or unreadable
    """  # noqa: D301 - click wants the control character
    from anthrometrics.induction import forecast as forecasting
    from anthrometrics.induction.pair_scores import own_values, value_named
    from anthrometrics.induction.selection import Rules

    target = check_output(output, prefs, (".json", ".csv"))
    asked = [value_named(value) for name in values for value in (VALUES if name == "all" else (name,))]
    scores, _ = scored_pairs(
        prefs,
        {"format": format, "split": split},
        lambda: make_scorer(device, precision, threads, model, no_cache, values=own_values(asked)),
    )
    rules = Rules(margin=margin, expressed_by=expressed_by, seed=options["seed"])
    found = forecasting.forecast(scores, values=asked, rules=rules, **options)
    click.echo(told(scores), err=True)
    _write(found, output, target)
    if output != "-":
        _show(found, options["level"], show_all)
    return 0


def _write(found: Forecast, output: str | None, target: Path | None) -> None:
    document = json.dumps(found.to_dict(), ensure_ascii=False, indent=1) + "\n"
    if output == "-":
        click.echo(document, nl=False)
    if target is not None:
        with atomic_text(target) as stream:
            stream.write(found.to_csv() if target.suffix.lower() == ".csv" else document)
        click.echo(f"forecast → {target}", err=True)


def _show(found: Forecast, level: float, show_all: bool) -> None:
    from rich.text import Text

    out = console()
    if found.subsets and not show_all:
        out.print(_matrix(found))
        out.print(
            Text("Bold: the whole interval lies on one side of zero. --all shows each set by itself.", style="dim")
        )
    for value in found.subsets or (None,):
        pushes = [push for push in found.measures if push.value == value]
        if pushes and (show_all or value is None):
            out.print(Text(f"{value or 'all pairs'}, {pushes[-1].n:,} pairs", style="bold"))
            out.print(push_table(pushes, level=level, show_all=show_all))
    out.print(Text("A forecast of direction: how far a model moves depends on the training.", style="dim"))


def _matrix(found: Forecast) -> Table:
    """Value × detector, and what is pushed most beside them."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="chosen − rejected in what is kept for each value", title_justify="left")
    table.add_column("value", no_wrap=True)
    for title in ("pairs", "flipped", *_COLUMNS.values()):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("most besides", no_wrap=True)
    for value, subset in found.subsets.items():
        pushes = {push.measure: push for push in found.measures if push.value == value}
        cells = [_cell(pushes[name], 1 if name == "words" else 3) if pushes else Text("–") for name in _COLUMNS]
        table.add_row(value, f"{subset['kept']:,}", f"{subset['flipped']:,}", *cells, _most(value, pushes))
    return table


def _cell(push: Push, digits: int) -> Text:
    from rich.text import Text

    return Text(signed(push.difference, digits), style="bold" if push.clear else "dim")


def _most(value: str, pushes: dict[str, Push]) -> str:
    """The label or value, besides the one asked for, that is clearly pushed farthest."""
    found = [
        push
        for key, push in pushes.items()
        if key.startswith(("label.", VALUE)) and not key.endswith(".rate") and key != f"{VALUE}{value}" and push.clear
    ]
    if not found:
        return ""
    farthest = max(found, key=lambda push: abs(push.difference or 0.0))
    return f"{farthest.measure.partition('.')[2]} {signed(farthest.difference)}"

"""``anthrometrics curate``: the pairs of a preference set that teach one value."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from anthrometrics.cli.options import cache_option, make_scorer, names, scorer_options
from anthrometrics.cli.pairs import check_output, pair_options, push_table, random_options, scored_pairs, told
from anthrometrics.cli.render import console
from anthrometrics.cli.writing import stdout_errors
from anthrometrics.induction.selection import MARGIN, REASONS
from anthrometrics.output.atomic import atomic_text, beside, json_line
from anthrometrics.report.wording import interval, signed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from anthrometrics.formats import Rejected
    from anthrometrics.induction.curation import Curation
    from anthrometrics.induction.preferences import PreferencePair

__all__ = ["curate"]


@click.command
@click.argument("prefs", metavar="PREFS")
@click.option("--value", required=True, metavar="VALUE", help="Name of a value, or the TOML file of your own.")
@click.option("-o", "--output", metavar="OUT.jsonl", help='Where to write the pairs; "-" for standard output.')
@click.option(
    "--margin",
    type=click.FloatRange(0, 1),
    default=MARGIN,
    show_default=True,
    help="Least difference of the two sides' probabilities of the value.",
)
@click.option(
    "--expressed-by",
    type=click.Choice(["tagger", "source"]),
    default="tagger",
    show_default=True,
    help='source: take pairs whose field "value" names the value as they are.',
)
@click.option("--balance-length", is_flag=True, help="Keep pairs whose differences in length mirror each other.")
@click.option(
    "--balance",
    default="",
    callback=names,
    metavar="MEASURE,...",
    help="Keep pairs whose sides are alike on average in these: anthropomorphism,validation",
)
@click.option("--limit", type=click.IntRange(min=1), help="Most pairs to keep, drawn at random.")
@click.option("--minimum", type=click.IntRange(min=1), default=20, show_default=True, help="Fewest pairs to accept.")
@click.option("--all", "show_all", is_flag=True, help="Show every measure, not only those that differ.")
@random_options
@pair_options
@scorer_options
@cache_option
def curate(
    prefs: str,
    value: str,
    output: str | None,
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
    """Keep the preference pairs of PREFS that teach VALUE, and say what else they teach.

    A pair is kept if exactly one of its answers expresses the value; where that is the rejected one, its sides change
    places. PREFS is a file of preference pairs, "sample" for those that ship, "-" for standard input, or a dataset of
    Hugging Face by its folder or its name (Anthropic/hh-rlhf, nvidia/HelpSteer2, openbmb/UltraFeedback,
    PKU-Alignment/PKU-SafeRLHF).

    With -o OUT.jsonl, a card with counts, lengths and scores of both sides goes to OUT.card.json, and records that gave
    no pair to OUT.rejected.jsonl. TRL's trainers read OUT.jsonl.

    \b
    Exit codes: 0  curated
                2  wrong usage, unreadable, or too few pairs
    """  # noqa: D301 - click wants the control character
    from anthrometrics.induction import curation
    from anthrometrics.induction.pair_scores import own_values, value_named

    target = check_output(output, prefs, (".jsonl",))
    asked = value_named(value)
    scores, refused = scored_pairs(
        prefs,
        {"format": format, "split": split},
        lambda: make_scorer(device, precision, threads, model, no_cache, values=own_values([asked])),
    )
    click.echo(told(scores), err=True)
    found = curation.curate(scores, asked, **options)
    if target is not None:
        found.save(target)
        _keep(refused, target)
        click.echo(f"{len(found.pairs):,} pairs → {target}", err=True)
    if output == "-":
        _write_stdout(found.pairs)
    else:
        _show(found, options["level"], show_all)
    return 0


def _keep(refused: Sequence[Rejected], target: Path) -> None:
    """Records that gave no pair, beside the pairs; those of an earlier run are not left there."""
    path = beside(target, ".rejected.jsonl")
    if refused:
        with atomic_text(path) as stream:
            stream.writelines(json_line(asdict(item)) for item in refused)
    else:
        path.unlink(missing_ok=True)


def _write_stdout(pairs: Sequence[PreferencePair]) -> None:
    from anthrometrics.induction.preferences import preference_records

    with stdout_errors():
        for record in preference_records(pairs):
            sys.stdout.buffer.write(json_line(record).encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()


def _show(found: Curation, level: float, show_all: bool) -> None:
    from rich.text import Text

    from anthrometrics.induction.pushes import Push

    out, card = console(), found.card
    counts = card["counts"]
    kept = f"{counts['kept']:,} of {counts['pairs']:,} pairs teach {found.value}; {counts['flipped']:,} changed sides."
    out.print(Text(kept, style="bold"))
    for reason, number in counts["dropped"].items():
        out.print(Text(f"  {number:,} left out: {REASONS[reason]}", style="dim"))
    _show_balance(card["balance"], out)
    pushes = [Push(**row) for row in card["measures"]]
    out.print(push_table(pushes, level=level, show_all=show_all, also=(f"value.{found.value}",)))
    others = [
        f"{name} {shares['chosen']:.0%} ({shares['rejected']:.0%})"
        for name, shares in sorted(card["values"].items(), key=lambda item: -item[1]["chosen"])
        if name != found.value and shares["chosen"] >= 0.05
    ]
    if others:
        out.print(Text(f"Also expressed by chosen (rejected) answers: {', '.join(others)}.", style="dim"))
    out.print(Text("Scores describe wording; they do not show what a model feels or intends.", style="dim"))


def _show_balance(balance: dict[str, Any] | None, out: Console) -> None:
    from rich.text import Text

    if balance is None:
        return
    out.print(Text(f"Balance cost {balance['pairs_before'] - balance['pairs_after']:,} pairs:"))
    for row in balance["measures"]:
        digits = 1 if row["measure"] == "words" else 3
        before, after = (
            f"{signed(row[f'difference_{when}'], digits)} {interval(row[f'low_{when}'], row[f'high_{when}'], digits)}"
            for when in ("before", "after")
        )
        out.print(Text(f"  {row['measure']}  {before} → {after}"))

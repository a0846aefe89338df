"""``anthrometrics explain``: one response, sentence by sentence."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from anthrometrics.cli.options import ValuesCommand, make_scorer, scorer_options, values_asked, values_option
from anthrometrics.cli.render import console, label_text, sentence_text
from anthrometrics.errors import InputError
from anthrometrics.report.palette import COLOURS
from anthrometrics.turns import Turn

if TYPE_CHECKING:
    from anthrometrics.scores import TurnScore

__all__ = ["explain"]


@click.command(cls=ValuesCommand)
@click.argument("text")
@click.option("--prompt", help="The user turn before it; several labels depend on it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON with every probability.")
@values_option
@scorer_options
def explain(
    text: str,
    prompt: str | None,
    as_json: bool,
    device: str,
    precision: str | None,
    threads: int | None,
    model: str | None,
    values: tuple[str, ...],
) -> int:
    """Print the sentences of the response TEXT with their labels and probabilities; "-" reads standard input."""
    response = _standard_input() if text == "-" else text
    scorer = make_scorer(device, precision, threads, model, values=values_asked(values))
    result = scorer.score(Turn(response=response, prompt=prompt))
    if as_json:
        click.echo(json.dumps(result.to_dict("sentences"), ensure_ascii=False, indent=2))
    elif result.status == "unscored":
        raise InputError(f"there is nothing to score in this text ({result.reason})")
    else:
        _print(result, scorer.value_thresholds)
    return 0


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not valid UTF-8 (byte {error.start}); convert it first") from error


def _print(result: TurnScore, thresholds: dict[str, float]) -> None:
    out = console()
    table = Table(show_header=True, show_lines=True)
    table.add_column("sentence", ratio=3)
    table.add_column("labels", ratio=1)
    for sentence in result.sentences:
        table.add_row(sentence_text(sentence), label_text(sentence))
    out.print(table)
    for name, colour in COLOURS.items():
        value = getattr(result, name)
        note = result.refusal_label if name == "refusal" else f"rate {getattr(result, f'{name}_rate'):.2f}"
        out.print(Text.assemble((f"{name:>16} ", colour), (f"{value:.2f}", "bold"), f"  {note}"))
    if thresholds:
        out.print(_values(result.values, thresholds))
    for flag in result.flags:
        out.print(Text(f"{flag}: the detectors were measured on English", style="dim"))


def _values(values: dict[str, float], thresholds: dict[str, float]) -> Text:
    """Those that reach their threshold, the most probable first."""
    found = [name for name in sorted(values, key=lambda name: -values[name]) if values[name] >= thresholds[name]]
    lines = [Text.assemble(f"{name:>16} ", (f"{values[name]:.2f}", "bold")) for name in found]
    return Text("\n").join([Text(f"{'values':>16} {'' if found else 'none expressed'}".rstrip(), style="dim"), *lines])

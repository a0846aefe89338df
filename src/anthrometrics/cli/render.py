"""Tables and highlighted text for the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from anthrometrics.codebook import LABELS, REFUSAL_LABELS
from anthrometrics.report.palette import COLOURS, FAMILY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.cli.telling import Telling
    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.scores import SentenceScore, TurnScore
    from anthrometrics.summary import Summary

__all__ = ["console", "label_text", "print_summaries", "printable", "sentence_text"]

# Line feed, tab, no-break space and the joiner of composed emoji.
_HARMLESS: Final = "\n\t\u00a0\u200d"


def console() -> Console:
    """Standard output; 100 columns where there is no terminal to ask."""
    width = None if os.isatty(1) or "COLUMNS" in os.environ else 100
    return Console(width=width, highlight=False)


def printable(text: str) -> str:
    """Text of a model made harmless for a terminal: control and bidirectional characters are replaced."""
    return "".join(c if c.isprintable() or c in _HARMLESS else "\ufffd" for c in text)


def label_text(sentence: SentenceScore) -> Text:
    """``praise .98  emotion .71``, each in its family's colour."""
    parts = [
        Text(f"{name} {_share(sentence.probabilities[name])}", style=COLOURS[FAMILY[name]])
        for name in sorted(sentence.labels, key=lambda name: -sentence.probabilities[name])
    ]
    return Text("  ").join(parts)


def sentence_text(sentence: SentenceScore) -> Text:
    """The sentence, coloured by the family of its most probable label."""
    if not sentence.labels:
        return Text(printable(sentence.text))
    strongest = max(sentence.labels, key=lambda name: sentence.probabilities[name])
    return Text(printable(sentence.text), style=COLOURS[FAMILY[strongest]])


def print_summaries(summaries: dict[str, Summary], telling: Telling, scorer: Scorer, out: Console) -> None:
    """One column an input: detectors, labels, refusal counts; then the sentences that carry them."""
    out.print(_table(summaries, scorer))
    for name, found in telling.top().items():
        if found:
            out.print(Text(f"\nMost telling for {name}", style="bold"))
            for score, sentence in found:
                out.print(_quote(score, sentence), soft_wrap=False)
    out.print(Text("\nScores describe wording; they do not show what a model feels or intends.", style="dim"))


def _table(summaries: dict[str, Summary], scorer: Scorer) -> Table:
    provenance = scorer.provenance
    table = Table(
        title=f"{provenance['model']} · {provenance['precision']} on {provenance['device']}", title_justify="left"
    )
    table.add_column("")
    for path in summaries:
        name = "stdin" if path == "-" else printable(Path(path).name)
        table.add_column(Text(name), justify="right", overflow="fold")
    columns = list(summaries.values())
    table.add_row("turns scored", *(f"{s.scored:,}" for s in columns))
    if any(s.unscored for s in columns):
        table.add_row("unscored", *(f"{sum(s.unscored.values()):,}" for s in columns))
    if any(s.flagged for s in columns):
        table.add_row("unverified language", *(f"{sum(s.flagged.values()):,}" for s in columns))
    table.add_section()
    for name, colour in COLOURS.items():
        table.add_row(Text(name, style=f"bold {colour}"), *(_cell(s, name, bold=True) for s in columns))
        for label in (label.name for label in LABELS if label.family == name):
            table.add_row(Text(f"  {label}", style=colour), *(_cell(s, label) for s in columns))
    names = {name for s in columns for name in s.values}
    if names:
        table.add_section()
        table.add_row(Text("values", style="bold"))
    for name in sorted(names, key=lambda name: (-_mean_share(columns, name), name)):
        table.add_row(f"  {name}", *(_value_cell(s, name) for s in columns))
    table.add_section()
    for refusal in REFUSAL_LABELS:
        table.add_row(f"turns: {refusal}", *(f"{s.refusal_labels[refusal]:,}" for s in columns))
    table.caption = "expected share of turns · in brackets: of sentences"
    return table


def _cell(summary: Summary, name: str, bold: bool = False) -> Text:
    # "refusal" names the turn detector and a sentence label; the bold row is the detector.
    measure = (summary.detectors if bold else summary.labels).get(name)
    if measure is None:
        return Text("–")
    rate = "" if measure.rate is None else f" ({_share(measure.rate)})"
    return Text(f"{_share(measure.presence)}{rate}", style="bold" if bold else "")


def _value_cell(summary: Summary, name: str) -> Text:
    return Text(_share(summary.values[name].presence) if name in summary.values else "–")


def _mean_share(summaries: Sequence[Summary], name: str) -> float:
    found = [summary.values[name].presence for summary in summaries if name in summary.values]
    return sum(found) / len(found)


def _share(value: float) -> str:
    return f"{value:.2f}"


def _quote(score: TurnScore, sentence: SentenceScore) -> Text:
    where = printable(score.id or "turn")
    text = sentence_text(sentence)
    text.truncate(240, overflow="ellipsis")
    return Text.assemble("  ", text, "  ", (f"[{where}] ", "dim"), label_text(sentence))

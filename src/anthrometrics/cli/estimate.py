"""``anthrometrics estimate``: shares of turns from scores and the labels of a sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from anthrometrics.cli.labelled import label_options, read_labelled, report_rows
from anthrometrics.cli.render import console, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.comparison.labels import JoinedLabels
    from anthrometrics.comparison.ppi import ShareEstimate

__all__ = ["estimate"]


@click.command
@click.argument("scores", metavar="SCORES")
@click.argument("tuned", required=False, metavar="[TUNED]")
@label_options
def estimate(scores: str, tuned: str | None, labels: str, measure: str | None, level: float, as_json: bool) -> int:
    """Estimate the share of turns that have a behaviour, from SCORES and hand labels of some of its turns.

    Prediction-powered inference: the mean score of all turns, corrected by what the labels say the scores get wrong.
    The interval holds whatever the detector is worth. With TUNED, also its share and the difference; the labels must
    have been drawn from both files.

    Labels come from "anthrometrics sample". Other tables with a column label and a column id (and turn) are taken as
    labels of turns drawn at random.
    """
    joined = read_labelled([path for path in (scores, tuned) if path is not None], labels, measure)
    document = _document(joined, level)
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _print(document)
    report_rows(labels, joined)
    return 0


def _document(joined: Sequence[JoinedLabels], level: float) -> dict[str, Any]:
    from anthrometrics.comparison.ppi import powered_difference, powered_share

    sets = [
        {
            "file": one.scored.path,
            **one.counts(),
            "mean_score": float(one.sample.scores.mean()),
            "share": powered_share(one.sample, level=level).to_dict(),
            "labels_only": powered_share(one.sample, level=level, power=0.0).to_dict(),
        }
        for one in joined
    ]
    difference = None
    if len(joined) == 2:
        base, tuned = (one.sample for one in joined)
        powered: ShareEstimate = powered_difference(base, tuned, level=level)
        difference = {
            "share": powered.to_dict(),
            "labels_only": powered_difference(base, tuned, level=level, power=0.0).to_dict(),
        }
    measure = joined[0].scored.measure
    return {"schema": 1, "kind": "estimate", "measure": measure, "level": level, "sets": sets, "difference": difference}


def _print(document: dict[str, Any]) -> None:
    level = f"{100 * document['level']:g} % interval"
    table = Table(title=f"Share of turns: {document['measure']} ({level})", title_justify="left")
    table.add_column("", min_width=len("difference"), overflow="fold")
    for column in ("turns", "labels", "from labels and scores", "from labels alone", "mean score"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in document["sets"]:
        cells = (f"{row['turns']:,}", f"{row['labelled']:,}", *_cells(row, ""), f"{row['mean_score']:.3f}")
        table.add_row(Text(printable(Path(row["file"]).name)), *cells)
    if document["difference"] is not None:
        table.add_section()
        table.add_row("difference", "", "", *_cells(document["difference"], "+"), "")
    console().print(table)


def _cells(row: dict[str, Any], sign: str) -> list[str]:
    found = (row["share"], row["labels_only"])
    return [f"{f['value']:{sign}.3f} ({f['low']:{sign}.3f} to {f['high']:{sign}.3f})" for f in found]

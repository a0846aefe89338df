"""Comparisons as Markdown and as rows of a CSV file."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["to_csv", "to_markdown"]


def to_markdown(documents: Sequence[Mapping[str, Any]]) -> str:
    """A section for each comparison: what changed in words, and a table of all measures.

    Args:
        documents: Of ``Comparison.to_dict``.
    """
    return "\n".join(_section(document) for document in documents)


def to_csv(documents: Sequence[Mapping[str, Any]]) -> str:
    """One row a measure and comparison, with a header.

    Args:
        documents: Of ``Comparison.to_dict``.
    """
    stream = io.StringIO()
    rows = [
        {"base_name": document["base"]["name"], "tuned_name": document["tuned"]["name"], **row}
        for document in documents
        for row in document["measures"]
    ]
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _section(document: Mapping[str, Any]) -> str:
    pairing, options = document["pairing"], document["options"]
    size = f"{pairing['pairs']:,} pairs" if pairing["by"] != "none" else "unpaired"
    lines = [
        f"## {_cell(document['base']['name'])} → {_cell(document['tuned']['name'])}",
        "",
        document["headline"],
        "",
        f"{size}, {pairing['clusters']:,} prompts; {100 * options['level']:g} % intervals, {options['resamples']:,} "
        f"resamples of prompts; p by Holm over {len(document['measures'])} measures.",
        *[f"- {note}" for note in pairing["notes"]],
        "",
        "| measure | unit | base | tuned | difference | interval | p (Holm) | dz |",
        "|---|---|--:|--:|--:|---|--:|--:|",
        *[_row(row) for row in document["measures"]],
        "",
    ]
    return "\n".join(lines)


def _row(row: Mapping[str, Any]) -> str:
    name = row["name"] if row["level"] == "detector" else f"{row['level']} {row['name']}"
    shown = f"**{name}**" if row["level"] == "detector" else name
    interval = f"{_signed(row['low'])} to {_signed(row['high'])}"
    cells = [
        shown,
        row["unit"],
        _plain(row["base"]),
        _plain(row["tuned"]),
        _signed(row["difference"]),
        interval,
        _plain(row["p_holm"]),
        "" if row["dz"] is None else f"{row['dz']:+.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "?" if value is None else f"{value:+.3f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

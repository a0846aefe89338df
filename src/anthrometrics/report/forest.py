"""Differences as rows of a forest plot: geometry in per cent of the width, so that the page draws it at any size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.report.palette import COLOURS, FAMILY
from anthrometrics.report.wording import digits_of, finite, interval, name_of, p_value, share, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    _Measure = Mapping[str, Any]

__all__ = ["LEVELS", "UNITS", "Axis", "Block", "Forest", "Row", "forest", "overview", "scaled"]

UNITS: Final = ("presence", "rate")
LEVELS: Final = ("detector", "group", "label", "value")
# Room for half a mark at both ends, in per cent.
_PADDING: Final = 2.0
# Even where every difference is nothing, the scale reaches this far.
_NARROWEST: Final = 0.005


@dataclass(frozen=True)
class Axis:
    """Horizontal scale.

    Attributes:
        ticks: Position in per cent and text of each.
        zero: Position of no difference.
        band: Positions of minus and plus the equivalence margin, cut at the ends of the scale.
    """

    ticks: tuple[tuple[float, str], ...]
    zero: float
    band: tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One difference.

    Attributes:
        title: What the row shows.
        base: Value of the base, as text; ``tuned``, ``difference``, ``interval`` and ``p`` likewise.
        significant: Whether it stays significant after Holm's correction.
        equivalent: Whether it is shown to lie within the margin.
        x: Position of the difference in per cent; None where it could not be measured.
        low: Position of the interval's lower end; ``high`` of its upper end.
    """

    title: str
    base: str
    tuned: str
    difference: str
    interval: str
    p: str
    significant: bool
    equivalent: bool
    x: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Block:
    """Rows under one heading; ``family`` where all are of one."""

    heading: str
    family: str | None
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Forest:
    """A forest plot of one unit, ``"presence"`` or ``"rate"``."""

    unit: str
    axis: Axis
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class _Scale:
    least: float
    most: float

    def at(self, value: Any) -> float | None:
        """Position in per cent."""
        number = finite(value)
        if number is None:
            return None
        width = 100 - 2 * _PADDING
        return round(_PADDING + width * (number - self.least) / (self.most - self.least), 2)


def forest(document: Mapping[str, Any], unit: str) -> Forest | None:
    """All measures of one comparison in one unit; None if it has none in it."""
    found = [row for row in document["measures"] if row["unit"] == unit]
    if not found:
        return None
    scale, axis = scaled(found, document["options"]["margin"])
    alpha = document["options"]["alpha"]
    blocks = []
    for heading, family, rows in _blocks(found):
        if rows:
            blocks.append(Block(heading, family, tuple(_row(r, name_of(r["name"]), alpha, scale) for r in rows)))
    return Forest(unit, axis, tuple(blocks))


def overview(documents: Sequence[Mapping[str, Any]], unit: str) -> Forest | None:
    """Detectors, groups and values of several comparisons, one block a measure and one row a comparison."""
    found: dict[tuple[str, str], list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for document in documents:
        for row in document["measures"]:
            if row["unit"] == unit and row["level"] != "label":
                found.setdefault((row["level"], row["name"]), []).append((document, row))
    if not found:
        return None
    margin = documents[0]["options"]["margin"]
    scale, axis = scaled([row for rows in found.values() for _, row in rows], margin)
    blocks = [
        Block(
            name_of(name) if level == "detector" else f"{name_of(name)} ({level})",
            name if level == "detector" else None,
            tuple(_row(row, document["tuned"]["name"], document["options"]["alpha"], scale) for document, row in rows),
        )
        for (level, name), rows in sorted(found.items(), key=lambda entry: LEVELS.index(entry[0][0]))
    ]
    return Forest(unit, axis, tuple(blocks))


def _blocks(rows: Sequence[_Measure]) -> Iterator[tuple[str, str | None, list[_Measure]]]:
    """Heading, family and rows of each block: detectors, groups, labels by family, then values."""
    yield "Detectors", None, [row for row in rows if row["level"] == "detector"]
    yield "Groups of labels", None, [row for row in rows if row["level"] == "group"]
    for family in COLOURS:
        yield (
            f"Labels of {family}",
            family,
            [row for row in rows if row["level"] == "label" and FAMILY[row["name"]] == family],
        )
    yield "Values", None, [row for row in rows if row["level"] == "value"]


def _row(row: Mapping[str, Any], title: str, alpha: float, scale: _Scale) -> Row:
    unit = row["unit"]
    digits, corrected = digits_of(unit), finite(row["p_holm"])
    return Row(
        title=title,
        base=share(row["base"], unit),
        tuned=share(row["tuned"], unit),
        difference=signed(row["difference"], digits),
        interval=interval(row["low"], row["high"], digits),
        p=p_value(corrected),
        significant=corrected is not None and corrected < alpha,
        equivalent=bool(row["equivalent"]),
        x=scale.at(row["difference"]),
        low=scale.at(row["low"]),
        high=scale.at(row["high"]),
    )


def scaled(rows: Iterable[Mapping[str, Any]], margin: float) -> tuple[_Scale, Axis]:
    """A scale that holds every interval, nothing and the margin, ending on ticks."""
    ends = [finite(row[key]) for row in rows for key in ("low", "high", "difference")]
    known = [end for end in ends if end is not None]
    around = max(margin, _NARROWEST)
    least, most = min([-around, *known]), max([around, *known])
    step = _step((most - least) / 6)
    first, last = math.floor(least / step), math.ceil(most / step)
    scale = _Scale(first * step, last * step)
    decimals = len(f"{step:.9f}".rstrip("0").partition(".")[2])
    ticks = [(scale.at(i * step) or 0.0, signed(i * step, decimals) if i else "0") for i in range(first, last + 1)]
    zero, low, high = (scale.at(value) or 0.0 for value in (0.0, -margin, margin))
    return scale, Axis(tuple(ticks), zero, (low, high))


def _step(rough: float) -> float:
    """The next larger of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(round(factor * power, 9) for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)

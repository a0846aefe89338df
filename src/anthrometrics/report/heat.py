"""Shares of the labels as a heat map: each cell's text and its step on a colour scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import LABELS, TURN_DETECTORS
from anthrometrics.report.palette import COLOURS
from anthrometrics.report.wording import digits_of, finite, name_of, share, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Cell", "HeatBlock", "HeatMap", "HeatRow", "changes", "shares", "step_of"]

# Steps of each colour scale beyond none; few enough to be told apart.
STEPS: Final = 6


@dataclass(frozen=True)
class Cell:
    """Text of a cell and its class: ``share-0`` to ``share-6``, ``more-0`` to ``more-6``, ``less-1`` to ``less-6``."""

    text: str
    step: str
    significant: bool = False


@dataclass(frozen=True)
class HeatRow:
    """One label, detector or value, and when a sentence has it."""

    title: str
    meaning: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class HeatBlock:
    """Rows of one family; of the detectors or values, where ``family`` is None."""

    heading: str
    family: str | None
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True)
class HeatMap:
    """A table of one unit.

    Attributes:
        unit: ``"presence"`` or ``"rate"``.
        columns: Headings of the cells.
        blocks: Detectors if they are shown, then the labels of each family, and values if there are any.
        ends: What the darkest share and the darkest difference stand for, as text.
    """

    unit: str
    columns: tuple[str, ...]
    blocks: tuple[HeatBlock, ...]
    ends: tuple[str, str]


def changes(document: Mapping[str, Any], unit: str) -> HeatMap | None:
    """Base share, tuned share and difference of each label of a comparison; None if nothing has this unit."""
    found = {row["name"]: row for row in document["measures"] if row["level"] == "label" and row["unit"] == unit}
    if not found:
        return None
    alpha, digits = document["options"]["alpha"], digits_of(unit)
    most = _largest(row[side] for row in found.values() for side in ("base", "tuned"))
    widest = _largest(row["difference"] for row in found.values())
    cells = {
        name: (
            _share(row["base"], most, unit),
            _share(row["tuned"], most, unit),
            _difference(row, widest, alpha, digits),
        )
        for name, row in found.items()
    }
    ends = (share(most, unit), _end(widest, digits))
    return HeatMap(unit, ("base", "tuned", "difference"), _families(cells), ends)


def shares(sets: Sequence[tuple[str, Mapping[str, Any]]], unit: str) -> HeatMap:
    """Share of each detector, label and value in one or several score sets.

    Args:
        sets: Name and summary of each.
        unit: ``"presence"`` or ``"rate"``.
    """
    detectors = {name: [_value(s["detectors"], name, unit) for _, s in sets] for name in TURN_DETECTORS}
    labels = {label.name: [_value(s["labels"], label.name, unit) for _, s in sets] for label in LABELS}
    names = dict.fromkeys(name for _, s in sets for name in s.get("values", ())) if unit == "presence" else {}
    judged = {name: [_value(s.get("values", {}), name, unit) for _, s in sets] for name in names}
    most = _largest(value for rows in (detectors, labels, judged) for values in rows.values() for value in values)
    cells = {name: tuple(_share(value, most, unit) for value in values) for name, values in labels.items()}
    first, last = (
        tuple(
            HeatRow(name_of(name), "", tuple(_share(value, most, unit) for value in values))
            for name, values in rows.items()
        )
        for rows in (detectors, judged)
    )
    blocks = (HeatBlock("Detectors", None, first), *_families(cells), HeatBlock("Values", None, last))
    shown = tuple(block for block in blocks if block.rows)
    return HeatMap(unit, tuple(name for name, _ in sets), shown, (share(most, unit), ""))


def _families(cells: Mapping[str, tuple[Cell, ...]]) -> tuple[HeatBlock, ...]:
    """The labels that have cells, family by family."""
    blocks = (
        HeatBlock(
            f"Labels of {family}",
            family,
            tuple(
                HeatRow(name_of(label.name), label.definition.replace("**", ""), cells[label.name])
                for label in LABELS
                if label.family == family and label.name in cells
            ),
        )
        for family in COLOURS
    )
    return tuple(block for block in blocks if block.rows)


def _end(value: float, digits: int) -> str:
    """End of a scale, without its sign."""
    return signed(value, digits).lstrip("+")


def _value(measures: Mapping[str, Any], name: str, unit: str) -> Any:
    return measures[name][unit] if name in measures else None


def _largest(values: Iterable[Any]) -> float:
    return max((abs(number) for number in map(finite, values) if number is not None), default=0.0)


def _share(value: Any, most: float, unit: str) -> Cell:
    number = finite(value)
    return Cell(share(value, unit), "none" if number is None else f"share-{step_of(number, most)}")


def _difference(row: Mapping[str, Any], widest: float, alpha: float, digits: int) -> Cell:
    number, corrected = finite(row["difference"]), finite(row["p_holm"])
    if number is None:
        return Cell(signed(None), "none")
    step = step_of(abs(number), widest)
    side = "less" if number < 0 and step else "more"
    return Cell(signed(number, digits), f"{side}-{step}", corrected is not None and corrected < alpha)


def step_of(value: float, most: float) -> int:
    """Step of a colour scale, 0 to ``STEPS``, for a number between nothing and ``most``."""
    return round(STEPS * value / most) if most > 0 else 0

"""Figures of a run's page: forests with the null adapters beside, heat maps, scatter plots and curves of losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.report.forest import Axis, scaled
from anthrometrics.report.heat import Cell, step_of
from anthrometrics.report.wording import digits_of, finite, interval, name_of, p_value, share, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    _Row = Mapping[str, Any]

__all__ = [
    "Curve",
    "EffectForest",
    "Matrix",
    "Scatter",
    "effect_forests",
    "effect_heat",
    "loss_curves",
    "scatters",
    "value_heat",
    "was_found",
]

_ALPHA: Final = 0.05
_MEASURES: Final = ("detector",)
# No margin is drawn: equivalence is not part of a run's table.
_NO_MARGIN: Final = 0.0
_LEAST_SCALE: Final = 0.05


@dataclass(frozen=True)
class Mark:
    """A difference and its interval as positions in per cent; None where it could not be measured."""

    x: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class EffectRow:
    """One induced value under one measure.

    Attributes:
        title: The value.
        base: Mean before, as text; ``tuned``, ``difference``, ``interval`` and ``p`` likewise.
        null: Difference of the null adapters, as text, with ``null_interval``; empty without them.
        found: Whether the difference is significant after Holm and, where there are null adapters, beyond them.
        beyond: ``"yes"``, ``"no"`` or empty.
        mark: Of the difference.
        control: Of the null adapters; None without them.
    """

    title: str
    base: str
    tuned: str
    difference: str
    interval: str
    p: str
    null: str
    null_interval: str
    found: bool
    beyond: str
    mark: Mark
    control: Mark | None


@dataclass(frozen=True)
class EffectForest:
    """All values under one measure.

    Attributes:
        heading: The measure.
        family: Which colour it has.
        unit: ``"presence"`` or ``"rate"``.
        axis: The scale, the same for all measures of its unit.
        rows: One a value.
    """

    heading: str
    family: str
    unit: str
    axis: Axis
    rows: tuple[EffectRow, ...]


@dataclass(frozen=True)
class MatrixCell:
    """A cell of a heat map with its interval below."""

    cell: Cell
    interval: str


@dataclass(frozen=True)
class Matrix:
    """A heat map of differences.

    Attributes:
        columns: Headings.
        rows: Name of each row and its cells.
        end: What the darkest colour stands for, as text.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MatrixCell, ...]], ...]
    end: str


@dataclass(frozen=True)
class Scatter:
    """Foretold against observed, one point a value; positions in per cent, downwards.

    Attributes:
        measure: What was measured.
        points: Name, x and y of each value.
        zero: Position of nothing on both axes.
        ends: Where the axes end, as text: foretold and observed.
    """

    measure: str
    points: tuple[tuple[str, float, float], ...]
    zero: tuple[float, float]
    ends: tuple[str, str]


@dataclass(frozen=True)
class Curve:
    """The loss of one adapter while it was trained, as an SVG path in a box of 100 by 100."""

    name: str
    path: str
    first: str
    last: str


def effect_forests(rows: Sequence[_Row]) -> list[EffectForest]:
    """The detectors' measures, values below each other, presence first."""
    shown = [row for row in rows if row["level"] in _MEASURES]
    found = []
    for unit in ("presence", "rate"):
        of_unit = [row for row in shown if row["unit"] == unit]
        scale, axis = scaled([part for row in of_unit for part in (row, _null(row))], _NO_MARGIN)
        for name in dict.fromkeys(row["name"] for row in of_unit):
            effects = tuple(_effect(row, scale) for row in of_unit if row["name"] == name)
            found.append(EffectForest(name_of(name), name, unit, axis, effects))
    return found


def effect_heat(rows: Sequence[_Row]) -> Matrix:
    """Induced value × detector measure."""
    shown = [row for row in rows if row["level"] in _MEASURES]
    keys = {row["measure"]: f"{name_of(row['name'])}{' rate' if row['unit'] == 'rate' else ''}" for row in shown}
    by_value: dict[str, dict[str, _Row]] = {}
    for row in shown:
        by_value.setdefault(row["value"], {})[row["measure"]] = row
    widest = {key: _widest(row["difference"] for row in shown if row["measure"] == key) for key in keys}
    cells = tuple(
        (
            value,
            tuple(_cell(found[key], widest[key], was_found(found[key]), digits_of(found[key]["unit"])) for key in keys),
        )
        for value, found in by_value.items()
    )
    return Matrix(tuple(keys.values()), cells, "largest of its column, at least 0.05")


def value_heat(matrix: Mapping[str, Any]) -> Matrix | None:
    """Induced × expressed value; None where values were not scored."""
    if not matrix["expressed"]:
        return None
    widest = _widest(value for row in matrix["difference"] for value in row)
    rows = []
    for place, value in enumerate(matrix["induced"]):
        parts = (matrix[name][place] for name in ("difference", "low", "high", "found"))
        cells = tuple(
            _cell({"difference": difference, "low": low, "high": high}, widest, found, 2)
            for difference, low, high, found in zip(*parts, strict=True)
        )
        rows.append((value, cells))
    return Matrix(tuple(matrix["expressed"]), tuple(rows), signed(widest).lstrip("+"))


def scatters(
    rows: Sequence[_Row], measures: Sequence[str] = ("anthropomorphism", "validation", "refusal")
) -> list[Scatter]:
    """Foretold against observed for the detectors, where there are two values or more."""
    found = []
    for measure in measures:
        points = [row for row in rows if row["measure"] == measure]
        if len(points) > 1:
            found.append(_scatter(measure, points))
    return found


def loss_curves(adapters: Mapping[str, _Row]) -> list[Curve]:
    """Losses of every adapter, each on a scale from zero to its own largest."""
    return [
        Curve(name, _path(losses), f"{losses[0]:.3f}", f"{losses[-1]:.3f}")
        for name, adapter in adapters.items()
        if len(losses := adapter["losses"]) > 1
    ]


def _effect(row: _Row, scale: Any) -> EffectRow:
    unit, null = row["unit"], _null(row)
    digits = digits_of(unit)
    controlled = finite(null["difference"]) is not None
    return EffectRow(
        title=row["value"],
        base=share(row["base"], unit),
        tuned=share(row["tuned"], unit),
        difference=signed(row["difference"], digits),
        interval=interval(row["low"], row["high"], digits),
        p=p_value(row["p_holm"]),
        null=signed(null["difference"], digits) if controlled else "",
        null_interval=interval(null["low"], null["high"], digits),
        found=was_found(row),
        beyond={True: "yes", False: "no", None: ""}[row["beyond_null"]],
        mark=_mark(row, scale),
        control=_mark(null, scale) if controlled else None,
    )


def _null(row: _Row) -> dict[str, Any]:
    return {name: row[f"null_{name}"] for name in ("difference", "low", "high")}


def _mark(row: _Row, scale: Any) -> Mark:
    return Mark(scale.at(row["difference"]), scale.at(row["low"]), scale.at(row["high"]))


def was_found(row: _Row) -> bool:
    """Whether a difference is significant after Holm and, where there are null adapters, beyond them."""
    adjusted = finite(row["p_holm"])
    return adjusted is not None and adjusted < _ALPHA and row["beyond_null"] is not False


def _cell(row: _Row, widest: float, found: bool, digits: int) -> MatrixCell:
    number = finite(row["difference"])
    if number is None:
        return MatrixCell(Cell(signed(None), "none"), "")
    step = step_of(abs(number), widest)
    side = "less" if number < 0 and step else "more"
    return MatrixCell(Cell(signed(number, digits), f"{side}-{step}", found), interval(row["low"], row["high"], digits))


def _widest(values: Iterable[Any]) -> float:
    """The largest difference, and no less than a twentieth: what is nearly nothing must not look like much."""
    return max([_LEAST_SCALE, *(abs(number) for number in map(finite, values) if number is not None)])


def _scatter(measure: str, rows: Sequence[_Row]) -> Scatter:
    least = [min(0.0, *(row[name] for row in rows)) for name in ("forecast", "observed")]
    most = [max(0.0, *(row[name] for row in rows)) for name in ("forecast", "observed")]
    width = [max(high - low, 1e-9) for low, high in zip(least, most, strict=True)]

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            round(6 + 88 * (x - least[0]) / width[0], 2),
            round(94 - 88 * (y - least[1]) / width[1], 2),
        )

    points = tuple((row["value"], *at(row["forecast"], row["observed"])) for row in rows)
    ends = tuple(f"{signed(low)} to {signed(high)}" for low, high in zip(least, most, strict=True))
    return Scatter(name_of(measure), points, at(0.0, 0.0), (ends[0], ends[1]))


def _path(losses: Sequence[float]) -> str:
    most = max(*losses, 1e-9)
    last = len(losses) - 1
    points = (f"{100 * place / last:.2f} {100 - 100 * loss / most:.2f}" for place, loss in enumerate(losses))
    return f"M{'L'.join(points)}"

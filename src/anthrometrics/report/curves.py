"""Distributions of scores as curves: the share of turns that score at least x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.codebook import TURN_DETECTORS
from anthrometrics.report.wording import finite, percent, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Curve", "Panel", "panels", "shares_at_least", "values_of"]

# Every 0.005; a curve needs no more than a screen has pixels.
GRID: Final = np.linspace(0.0, 1.0, 201)
_MARKS: Final = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Curve:
    """One set's scores.

    Attributes:
        name: Whose.
        path: SVG path in a box of 100 by 100.
        table: Share of turns at or above 0.25, 0.5 and 0.75, and the median score, as text.
    """

    name: str
    path: str
    table: tuple[str, ...]


@dataclass(frozen=True)
class Panel:
    """One detector.

    Attributes:
        detector: Its name.
        curves: One, or base and tuned.
        between: SVG path of the area between two curves; empty if there is one.
        threshold: From where a score counts as a yes, in per cent and as text; None if not known.
    """

    detector: str
    curves: tuple[Curve, ...]
    between: str
    threshold: tuple[float, str] | None


def values_of(sides: Sequence[Mapping[str, Any]], detector: str) -> NDArray[np.float64]:
    """Known scores of one detector, shape ``(n,)``."""
    found = (finite(side["values"].get(detector)) for side in sides)
    return np.array([value for value in found if value is not None], dtype=np.float64)


def shares_at_least(values: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of ``values`` that reach each of ``points``."""
    below = np.searchsorted(np.sort(values), points, side="left")
    return np.asarray(1.0 - below / len(values), dtype=np.float64)


def panels(sets: Mapping[str, Sequence[Mapping[str, Any]]], thresholds: Mapping[str, float]) -> tuple[Panel, ...]:
    """A panel for each detector that has scores in every set.

    Args:
        sets: Name → sides of its items.
        thresholds: Detector → probability from which it counts.
    """
    found = []
    for detector in TURN_DETECTORS:
        values = {name: values_of(sides, detector) for name, sides in sets.items()}
        if not all(len(known) for known in values.values()):
            continue
        shares = [shares_at_least(known, GRID) for known in values.values()]
        threshold = finite(thresholds.get(detector))
        found.append(
            Panel(
                detector=detector,
                curves=tuple(
                    Curve(name, _path(share), _table(values[name])) for name, share in zip(values, shares, strict=True)
                ),
                between=_area(*shares) if len(shares) == 2 else "",
                threshold=None if threshold is None else (round(100 * threshold, 1), plain(threshold)),
            )
        )
    return tuple(found)


def _table(values: NDArray[np.float64]) -> tuple[str, ...]:
    shares = shares_at_least(values, np.array(_MARKS))
    return (*(percent(share) for share in shares), plain(float(np.median(values))))


def _points(share: NDArray[np.float64]) -> list[str]:
    return [f"{100 * x:g},{100 - 100 * y:.4g}" for x, y in zip(GRID, share, strict=True)]


def _path(share: NDArray[np.float64]) -> str:
    return "M" + "L".join(_points(share))


def _area(one: NDArray[np.float64], other: NDArray[np.float64]) -> str:
    return "M" + "L".join([*_points(one), *reversed(_points(other))]) + "Z"

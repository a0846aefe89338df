"""Side effects: what else moved when a value was induced, beside what the controls moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.comparison.clusters import finite, mean_of
from anthrometrics.comparison.significance import holm
from anthrometrics.errors import InputError
from anthrometrics.induction.run.rows import Rows
from anthrometrics.induction.run.spread import Spread, spread_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from anthrometrics.comparison.measures import Measure
    from anthrometrics.induction.run.measured import Measured

__all__ = ["LEVELS", "Effect", "SideEffects", "side_effects_of"]

LEVELS: Final[tuple[str, ...]] = ("detector", "value", "group", "label")
_SHOWN: Final = ("detector", "value")
_ALPHA: Final = 0.05
_FLIPS_A_RESAMPLE: Final = 5
_FLIPS_A_ROW: Final = 200
# Bounds closer to zero than this are rounding.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Effect:
    """One measure, before and after one value was induced.

    Attributes:
        value: What was induced.
        measure: Key of what was measured: ``validation``, ``validation.rate``, ``value.honesty``, ``label.praise``.
        name: Of the detector, value, group or label.
        level: Which of them.
        unit: ``"presence"`` (share of answers) or ``"rate"`` (share of sentences).
        n: Prompts whose answers were scored before and after.
        seeds: Training runs.
        base: Mean before.
        tuned: Mean after, over prompts and training runs.
        difference: ``tuned`` − ``base``, over prompts that have both.
        low: Lower end of its interval.
        high: Upper end.
        between_seeds: Standard deviation of the difference between training runs; None with one, of which the interval
            then speaks alone.
        p: Of no difference.
        p_holm: Adjusted for all rows of the table (Holm).
        null_difference: What adapters did that were trained on the same pairs with sides swapped at random, with
            ``null_low`` and ``null_high``; None without that control.
        net_difference: Tuned − null by prompt and seed, with ``net_low`` and ``net_high``.
        beyond_null: Whether the interval of ``net_difference`` leaves zero out; None without that control.
        opposite_difference: What adapters did that were trained on all pairs swapped, with ``opposite_low`` and
            ``opposite_high``; None without that control.
    """

    value: str
    measure: str
    name: str
    level: str
    unit: str
    n: int
    seeds: int
    base: float | None
    tuned: float | None
    difference: float | None
    low: float | None
    high: float | None
    between_seeds: float | None
    p: float | None
    p_holm: float | None
    null_difference: float | None = None
    null_low: float | None = None
    null_high: float | None = None
    net_difference: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    beyond_null: bool | None = None
    opposite_difference: float | None = None
    opposite_low: float | None = None
    opposite_high: float | None = None

    @property
    def found(self) -> bool:
        """Whether the difference is significant at .05 after Holm and, where there is that control, beyond the null."""
        return self.p_holm is not None and self.p_holm < _ALPHA and self.beyond_null is not False


class SideEffects(Rows[Effect]):
    """Rows of the table, value by value in the order of the run."""

    kind = Effect

    def __init__(self, rows: Iterable[Effect]) -> None:
        super().__init__(rows)
        self._by_key = {(row.value, row.measure): row for row in self._rows}

    def __getitem__(self, key: Any) -> Any:
        """A row by place, or by value and measure: ``effects["empathy", "validation"]``."""
        if isinstance(key, tuple):
            if key not in self._by_key:
                raise KeyError(f"no effect of {key[0]!r} on {key[1]!r}; there are {', '.join(self.measures)}")
            return self._by_key[key]
        return SideEffects(self._rows[key]) if isinstance(key, slice) else self._rows[key]

    def __repr__(self) -> str:
        """Its size."""
        return f"<SideEffects: {len(self.values)} values × {len(self.measures)} measures>"

    @property
    def values(self) -> tuple[str, ...]:
        """What was induced."""
        return tuple(dict.fromkeys(row.value for row in self._rows))

    @property
    def measures(self) -> tuple[str, ...]:
        """What was measured, by key."""
        return tuple(dict.fromkeys(row.measure for row in self._rows))

    def of(self, level: str) -> SideEffects:
        """The rows of one level: ``"detector"``, ``"value"``, ``"group"`` or ``"label"``."""
        return SideEffects(row for row in self._rows if row.level == level)


def side_effects_of(
    measured: Measured,
    *,
    levels: Sequence[str] = _SHOWN,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> SideEffects:
    """The table of side effects.

    Args:
        measured: Every arm of the run.
        levels: Which of ``LEVELS`` are its rows; p is adjusted for all rows that it has.
        level: Of the intervals.
        resamples: Bootstrap resamples.
        seed: Of all random draws.

    Raises:
        InputError: A level is unknown.
    """
    for name in levels:
        if name not in LEVELS:
            raise InputError(f'levels are {", ".join(LEVELS)}, not "{name}"')
    how: dict[str, Any] = {"level": level, "resamples": resamples, "seed": seed}
    columns = [place for place, measure in enumerate(measured.measures) if measure.level in levels]
    # The smallest p that so many patterns can give must stay small after Holm.
    flips = max(_FLIPS_A_RESAMPLE * resamples, _FLIPS_A_ROW * len(columns) * len(measured.values))
    rows = [row for value in measured.values for row in _rows(measured, value, columns, how, flips)]
    adjusted = holm(np.array([np.nan if row.p is None else row.p for row in rows]))
    return SideEffects(replace(row, p_holm=finite(p)) for row, p in zip(rows, adjusted, strict=True))


def _rows(measured: Measured, value: str, columns: list[int], how: dict[str, Any], flips: int) -> list[Effect]:
    base = measured.base[:, columns]
    tuned = _stacked(measured, value, "seed", columns)
    change = tuned - base[:, None]
    found = spread_of(change, flips=flips, **how)
    controls = _controls(measured, value, columns, how)
    after = mean_of(mean_of(np.where(np.isnan(change), np.nan, tuned), axis=1), axis=0)
    before = mean_of(np.where(np.isnan(change).all(axis=1), np.nan, base), axis=0)
    return [
        Effect(
            value=value,
            **_named(measured.measures[column]),
            n=int(found.prompts[i]),
            seeds=found.seeds,
            base=finite(before[i]),
            tuned=finite(after[i]),
            **_interval(found, i),
            between_seeds=finite(found.between[i]),
            p=finite(found.p[i]),
            p_holm=None,
            **controls(i),
        )
        for i, column in enumerate(columns)
    ]


def _controls(
    measured: Measured, value: str, columns: list[int], how: dict[str, Any]
) -> Callable[[int], dict[str, Any]]:
    """What the controls of a value did, by column."""
    base = measured.base[:, columns][:, None]
    spreads: dict[str, Spread] = {}
    for kind in ("null", "opposite"):
        if measured.of(value, kind):
            change = _stacked(measured, value, kind, columns) - base
            spreads[f"{kind}_"] = spread_of(change, flips=0, **how)
    seeds = {arm.seed for arm in measured.of(value, "seed")} & {arm.seed for arm in measured.of(value, "null")}
    if seeds:
        beside = (_stacked(measured, value, kind, columns, seeds) for kind in ("seed", "null"))
        spreads["net_"] = spread_of(next(beside) - next(beside), flips=0, **how)

    def of(column: int) -> dict[str, Any]:
        found = {k: v for prefix, spread in spreads.items() for k, v in _interval(spread, column, prefix).items()}
        if "net_" in spreads:
            found["beyond_null"] = _leaves_out_zero(found["net_low"], found["net_high"])
        return found

    return of


def _stacked(
    measured: Measured, value: str, kind: str, columns: list[int], seeds: set[int] | None = None
) -> NDArray[np.float64]:
    """Arms of one value and kind, shape ``(prompts, seeds, m)``."""
    arms = [arm for arm in measured.of(value, kind) if seeds is None or arm.seed in seeds]
    return np.stack([measured.arms[arm][:, columns] for arm in arms], axis=1)


def _leaves_out_zero(low: float | None, high: float | None) -> bool | None:
    return None if low is None or high is None else low > _ROUNDING or high < -_ROUNDING


def _named(measure: Measure) -> dict[str, Any]:
    return {"measure": measure.key, "name": measure.name, "level": measure.level, "unit": measure.unit}


def _interval(spread: Spread, column: int, prefix: str = "") -> dict[str, Any]:
    return {
        f"{prefix}difference": finite(spread.mean[column]),
        f"{prefix}low": finite(spread.low[column]),
        f"{prefix}high": finite(spread.high[column]),
    }

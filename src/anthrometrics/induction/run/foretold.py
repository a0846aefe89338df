"""What the pairs foretold and what happened: forecasts of every subset beside the shifts that were observed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.output.table import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from anthrometrics.induction.run.effects import Effect, SideEffects

__all__ = ["FEWEST", "Correlation", "ForecastCheck", "Foretold", "forecast_check_of"]

# With four values, even a perfect order comes by chance in one of twelve cases, both ways counted.
FEWEST: Final = 5
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Foretold:
    """One measure of one value.

    Attributes:
        value: What was induced.
        measure: Key of what was measured.
        forecast: Mean difference chosen − rejected of the pairs, with ``forecast_low`` and ``forecast_high``.
        adjusted: The same at equal length; None where that could not be told.
        observed: Tuned − base of the answers, with ``low`` and ``high``.
    """

    value: str
    measure: str
    forecast: float
    forecast_low: float | None
    forecast_high: float | None
    adjusted: float | None
    observed: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Correlation:
    """Whether the values whose pairs push more have moved more.

    Attributes:
        measure: Its key, or ``"all"``: every measure, each standardised over the values.
        values: How many values it is over.
        rho: Spearman's rank correlation of forecast and observed; None with fewer than ``FEWEST`` values, or where
            either does not vary.
        low: Lower end of its interval, from resampling values; of one measure not inside Bonett and Wright's.
        high: Upper end.
        note: Why there is none.
    """

    measure: str
    values: int
    rho: float | None
    low: float | None
    high: float | None
    note: str | None = None


@dataclass(frozen=True)
class ForecastCheck:
    """Forecasts beside what was observed.

    Attributes:
        rows: One a value and measure.
        correlations: One a measure, and one over all.
        same_sign: Of the forecasts whose interval leaves zero out, the share whose observed shift has their sign; None
            where there is none.
        clear: How many forecasts that is of.
    """

    rows: tuple[Foretold, ...]
    correlations: tuple[Correlation, ...]
    same_sign: float | None
    clear: int

    def __getitem__(self, measure: str) -> Correlation:
        """The correlation of one measure, or of ``"all"``."""
        for found in self.correlations:
            if found.measure == measure:
                return found
        raise KeyError(f"no measure {measure!r}; there are {', '.join(c.measure for c in self.correlations)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "correlations": [asdict(row) for row in self.correlations],
            "same_sign": self.same_sign,
            "clear": self.clear,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ForecastCheck:
        """The reverse of ``to_dict``."""
        return cls(
            tuple(Foretold(**row) for row in document["rows"]),
            tuple(Correlation(**row) for row in document["correlations"]),
            document["same_sign"],
            document["clear"],
        )

    def to_pandas(self) -> pd.DataFrame:
        """One row a value and measure.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame_of([asdict(row) for row in self.rows], list(Foretold.__dataclass_fields__))


def forecast_check_of(
    forecasts: Mapping[str, Iterable[Mapping[str, Any]]],
    effects: SideEffects,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> ForecastCheck:
    """Set forecasts beside observed shifts.

    Args:
        forecasts: Value → rows of its forecast, each with ``measure``, ``difference``, ``low``, ``high`` and
            ``adjusted``.
        effects: What was observed.
        level: Of the intervals of the correlations.
        resamples: Draws of as many values as there are.
        seed: Of the draws.
    """
    rows = []
    for value, pushes in forecasts.items():
        seen = {row.measure: row for row in effects if row.value == value}
        for push in pushes:
            effect = seen.get(push["measure"])
            if effect is not None and effect.difference is not None and push["difference"] is not None:
                rows.append(_foretold(value, push, effect))
    clear = [row for row in rows if row.forecast_low is not None and row.forecast_high is not None]
    clear = [row for row in clear if (row.forecast_low or 0) > 0 or (row.forecast_high or 0) < 0]
    same = [row.forecast * row.observed > 0 for row in clear]
    return ForecastCheck(
        tuple(rows),
        _correlations(rows, level, resamples, seed),
        float(np.mean(same)) if same else None,
        len(clear),
    )


def _foretold(value: str, push: Mapping[str, Any], effect: Effect) -> Foretold:
    assert effect.difference is not None
    return Foretold(
        value=value,
        measure=effect.measure,
        forecast=push["difference"],
        forecast_low=push["low"],
        forecast_high=push["high"],
        adjusted=push["adjusted"],
        observed=effect.difference,
        low=effect.low,
        high=effect.high,
    )


def _correlations(rows: list[Foretold], level: float, resamples: int, seed: int) -> tuple[Correlation, ...]:
    values = list(dict.fromkeys(row.value for row in rows))
    measures = list(dict.fromkeys(row.measure for row in rows))
    table = np.full((2, len(values), len(measures)), np.nan)
    for row in rows:
        table[:, values.index(row.value), measures.index(row.measure)] = row.forecast, row.observed
    how = level, resamples, seed
    found = [_correlation(name, table[:, :, [place]], *how) for place, name in enumerate(measures)]
    # One measure more would say the same again.
    return (*found, _correlation(_ALL, table, *how)) if len(measures) > 1 else tuple(found)


def _correlation(name: str, table: NDArray[np.float64], level: float, resamples: int, seed: int) -> Correlation:
    """Rank correlation over the values of one or several measures, table of shape ``(2, values, measures)``."""
    table = table[:, ~np.isnan(table).any(axis=(0, 2))]
    number = table.shape[1]
    if number < FEWEST:
        why = f"a rank correlation needs at least {FEWEST} values; there {'is' if number == 1 else 'are'} {number}"
        return Correlation(name, number, None, None, None, why)
    standard = _standardised(table)
    rho = _spearman(standard)
    if rho is None:
        return Correlation(name, number, None, None, None, "forecast or observed shift is the same for all values")
    rng = np.random.default_rng(seed)
    drawn = [_spearman(standard[:, rng.integers(0, number, number)]) for _ in range(resamples)]
    known = [value for value in drawn if value is not None]
    low, high = (float(end) for end in np.quantile(known, [(1 - level) / 2, (1 + level) / 2]))
    if table.shape[2] == 1:
        below, above = _by_formula(rho, number, level)
        low, high = min(low, below), max(high, above)
    return Correlation(name, number, rho, low, high)


def _by_formula(rho: float, number: int, level: float) -> tuple[float, float]:
    """Interval of a rank correlation by Bonett and Wright (2000, Psychometrika 65:23-28).

    A perfect order has the error of one that two neighbours break: resampled, it would stay perfect, and seem certain.
    """
    from scipy.special import ndtri

    largest = 1 - 12 / (number**3 - number)
    centre = np.arctanh(np.clip(rho, -largest, largest))
    reach = float(ndtri((1 + level) / 2)) * np.sqrt((1 + rho**2 / 2) / (number - 3))
    low, high = np.tanh(centre - reach), np.tanh(centre + reach)
    return float(min(low, rho)), float(max(high, rho))


def _standardised(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each measure with mean 0 and spread 1 over the values, so that measures of unlike size can be put together."""
    spread = table.std(axis=1, keepdims=True)
    distances = table - table.mean(axis=1, keepdims=True)
    return np.asarray(np.divide(distances, spread, out=np.zeros_like(table), where=spread > 0))


def _spearman(table: NDArray[np.float64]) -> float | None:
    from scipy.stats import rankdata

    ranks = rankdata(table.reshape(2, -1), axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=1)).prod()
    return float(centred[0] @ centred[1] / size) if size > 0 else None

"""Share of turns that have a behaviour, corrected for what the detector misses and for its false alarms.

A detector that finds 85 % of what is there and cries wolf on 5 % of the rest flags 9 % of the turns where 5 % have the
behaviour. Rogan and Gladen (1978, Am. J. Epidemiol. 107:71-76) undo this: (raw + sp − 1) / (se + sp − 1). It holds as
far as the detector's sensitivity and specificity on its test set hold on the turns at hand; where that is in doubt,
label some of them and use ``ppi`` instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.comparison.clusters import cluster_sums
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from anthrometrics.detectors.manifest import Confusion

__all__ = ["PairedPrevalence", "Prevalence", "paired_prevalence", "prevalence"]

# Below this many turns with (or without) the behaviour in the detector's test, a rate of error is no more than a guess.
_FEW_TESTED: Final = 10
# Percentile intervals over fewer prompts than this are known to be too short.
_FEW_CLUSTERS: Final = 10
_CHUNK: Final = 256


@dataclass(frozen=True, slots=True)
class Prevalence:
    """A share of turns, or a difference of two.

    Attributes:
        value: Corrected share in [0, 1], or difference in [-1, 1]; None where it cannot be known.
        low: Lower end of its interval; None with ``value``.
        high: Upper end of its interval; None with ``value``.
        raw: Share of turns that the detector flags, or the difference of both; None if no turn was measured.
        note: What a reader must know of the numbers, or None.
    """

    value: float | None
    low: float | None
    high: float | None
    raw: float | None
    note: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "raw": self.raw, "note": self.note}


@dataclass(frozen=True, slots=True)
class PairedPrevalence:
    """The same measure in two sets of turns that answer the same prompts.

    Attributes:
        base: Of the first set.
        tuned: Of the second set.
        difference: ``tuned`` − ``base``. False alarms cancel, so it is not the difference of clipped shares.
    """

    base: Prevalence
    tuned: Prevalence
    difference: Prevalence


def prevalence(
    positive: NDArray[np.float64],
    clusters: NDArray[np.int64],
    confusions: Sequence[Confusion | None],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Prevalence]:
    """Corrected share of turns, one a measure.

    The interval holds both uncertainties. Of the turns: a Bayesian bootstrap over clusters (Rubin 1981, Ann. Stat.
    9:130-134), which resamples them with continuous weights, with half a cluster of positive and half a cluster of
    negative turns added; for unclustered turns this is the posterior under Jeffreys' prior, so the interval does not
    shrink to nothing where no turn, or every turn, is flagged. Of the detector: sensitivity and specificity are drawn
    from their posteriors under Jeffreys' prior, Beta(tp + 1/2, fn + 1/2) and Beta(tn + 1/2, fp + 1/2), whose intervals
    keep their coverage near 0 and 1 where binomial resampling does not (Brown, Cai and DasGupta 2001, Stat. Sci.
    16:101-133). Lang and Reiczigel (2014, Prev. Vet. Med. 113:13-22) give the closed form for unclustered turns, with
    which the intervals agree. The detector's test turns are taken as independent.

    Draws with fewer flags than false alarms have no share behind them. They count as 0 for the lower end; for the upper
    end the false-alarm rate is drawn again from what is possible, so that flags rarer than in the test give a small
    upper end and not an interval of no width. Likewise at 1.

    Args:
        positive: 1 where a turn is flagged, 0 where not, NaN where it was not measured; shape ``(turns, measures)``.
        clusters: Number of the prompt group of each turn, shape ``(turns,)``.
        confusions: The detector's test counts of each measure at the threshold that flagged; None if unknown.
        level: Confidence level, between 0 and 1.
        resamples: Number of draws.
        seed: Of the draws.

    Raises:
        InputError: The shapes do not fit, a value is none of 0, 1 and NaN, or ``level`` is not between 0 and 1.
    """
    _check((positive,), clusters, confusions, level)
    known = ~np.isnan(positive)
    found, alarms = _error_draws(confusions, resamples, seed)
    (shares,), groups = _share_draws((positive,), known, clusters, resamples, seed)
    tails = _tails(level)
    return [
        _share(positive[known[:, j], j], shares[:, j], found[:, j], alarms[:, j], confusion, int(groups[j]), tails)
        for j, confusion in enumerate(confusions)
    ]


def paired_prevalence(
    base: NDArray[np.float64],
    tuned: NDArray[np.float64],
    clusters: NDArray[np.int64],
    confusions: Sequence[Confusion | None],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[PairedPrevalence]:
    """Corrected shares of two paired sets and of their difference, one a measure.

    Draws are shared: both sides of a pair are resampled together, and one draw of the detector's errors serves both.

    Args:
        base: As ``prevalence`` takes it; rows are pairs. A pair that lacks one side counts for neither.
        tuned: The other side, same shape.
        clusters: Number of the prompt group of each pair, shape ``(pairs,)``.
        confusions: As ``prevalence`` takes them.
        level: Confidence level, between 0 and 1.
        resamples: Number of draws.
        seed: Of the draws.

    Raises:
        InputError: As ``prevalence`` does.
    """
    _check((base, tuned), clusters, confusions, level)
    known = ~np.isnan(base) & ~np.isnan(tuned)
    found, alarms = _error_draws(confusions, resamples, seed)
    (first, second), groups = _share_draws((base, tuned), known, clusters, resamples, seed)
    tails = _tails(level)
    results = []
    for j, confusion in enumerate(confusions):
        rows, count, errors = known[:, j], int(groups[j]), (found[:, j], alarms[:, j])
        one = _share(base[rows, j], first[:, j], *errors, confusion, count, tails)
        other = _share(tuned[rows, j], second[:, j], *errors, confusion, count, tails)
        moved, youden = second[:, j] - first[:, j], found[:, j] - alarms[:, j]
        difference = _difference(one, other, moved, youden, confusion, count, tails)
        results.append(PairedPrevalence(one, other, difference))
    return results


def _check(
    sides: tuple[NDArray[np.float64], ...],
    clusters: NDArray[np.int64],
    confusions: Sequence[Confusion | None],
    level: float,
) -> None:
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, not {level}")
    for side in sides:
        if side.shape != (len(clusters), len(confusions)):
            raise InputError(
                f"expected flags of shape {(len(clusters), len(confusions))}, one row an entry of clusters and one "
                f"column a confusion, not {side.shape}"
            )
        if not (np.isnan(side) | (side == 0) | (side == 1)).all():
            raise InputError("flags must be 0, 1 or NaN")


def _tails(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _share_draws(
    sides: tuple[NDArray[np.float64], ...],
    known: NDArray[np.bool_],
    clusters: NDArray[np.int64],
    resamples: int,
    seed: int,
) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Draws of the share of flagged turns on each side, shape ``(resamples, measures)``, and clusters a measure."""
    tables = [cluster_sums(np.where(known, side, np.nan), clusters) for side in sides]
    sizes, groups = tables[0].counts, tables[0].clusters
    # What is added weighs as much as a cluster of mean size, since clusters and not turns are what varies.
    added_size = sizes.sum(axis=0) / np.maximum(groups, 1)
    cells = 2 ** len(sides)
    draws = [np.empty((resamples, known.shape[1])) for _ in sides]
    rng = np.random.default_rng([seed, 0])
    for start in range(0, resamples, _CHUNK):
        chunk = slice(start, min(start + _CHUNK, resamples))
        weights = rng.standard_exponential((chunk.stop - start, len(sizes)))
        # One share of the added mass for each outcome of all sides together; each side alone gets half and half.
        added = rng.standard_gamma(1 / cells, (chunk.stop - start, cells))
        total = weights @ sizes + added.sum(axis=1, keepdims=True) * added_size
        for number, table in enumerate(tables):
            yes = added[:, [cell for cell in range(cells) if cell >> number & 1]].sum(axis=1, keepdims=True)
            with np.errstate(invalid="ignore"):
                draws[number][chunk] = (weights @ table.sums + yes * added_size) / total
    return draws, groups


def _error_draws(
    confusions: Sequence[Confusion | None], resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draws of se and of 1 − sp, shape ``(resamples, measures)`` each; NaN where counts are unknown."""
    found = np.full((resamples, len(confusions)), np.nan)
    alarms = np.full_like(found, np.nan)
    for j, cells in enumerate(confusions):
        if cells is not None:
            # Every measure gets the same stream, so that none depends on which others are asked for.
            rng = np.random.default_rng([seed, 1])
            found[:, j] = rng.beta(cells.tp + 0.5, cells.fn + 0.5, resamples)
            alarms[:, j] = rng.beta(cells.fp + 0.5, cells.tn + 0.5, resamples)
    return found, alarms


def _share(
    flags: NDArray[np.float64],
    shares: NDArray[np.float64],
    found: NDArray[np.float64],
    alarms: NDArray[np.float64],
    confusion: Confusion | None,
    groups: int,
    tails: tuple[float, float],
) -> Prevalence:
    raw = float(flags.mean()) if flags.size else None
    reason = _unknown(raw, confusion, found - alarms, tails)
    if raw is None or confusion is None or reason is not None:
        return Prevalence(None, None, None, raw, reason)
    alarm_rate = confusion.fp / (confusion.fp + confusion.tn)
    value = (raw - alarm_rate) / (confusion.tp / (confusion.tp + confusion.fn) - alarm_rate)
    notes = _few(groups)
    if value < 0:
        notes.insert(0, f"clipped to 0: false alarms alone would flag {alarm_rate:.1%} of the turns, {raw:.1%} were")
    elif value > 1:
        notes.insert(
            0, f"clipped to 1: if all turns had it, misses would leave fewer flagged than the {raw:.1%} that were"
        )
    fewer = _at_most(alarms, shares, confusion.fp + 0.5, confusion.tn + 0.5)
    more = 1 - _at_most(1 - found, 1 - shares, confusion.fn + 0.5, confusion.tp + 0.5)
    ends = (_corrected(shares - alarms, more - alarms, 0.0, 0.0), _corrected(shares - fewer, found - fewer, 0.0, 1.0))
    return _between(value, ends, raw, 0.0, tails, notes)


def _at_most(draws: NDArray[np.float64], bounds: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
    """Draws of Beta(``a``, ``b``), those above their bound drawn again from below it."""
    from scipy.special import betainc, betaincinv

    above = draws > bounds
    result = draws.copy()
    ceiling = betainc(a, b, bounds[above])
    # Beyond the bound the distribution function is uniform too, which saves drawing again.
    place = (betainc(a, b, draws[above]) - ceiling) / np.maximum(1 - ceiling, 1e-300)
    result[above] = betaincinv(a, b, np.clip(place, 0, 1) * ceiling)
    return result


def _difference(
    base: Prevalence,
    tuned: Prevalence,
    moved: NDArray[np.float64],
    youden: NDArray[np.float64],
    confusion: Confusion | None,
    groups: int,
    tails: tuple[float, float],
) -> Prevalence:
    raw = None if base.raw is None or tuned.raw is None else tuned.raw - base.raw
    if raw is None or confusion is None or base.value is None or tuned.value is None:
        return Prevalence(None, None, None, raw, base.note)
    sensitivity = confusion.tp / (confusion.tp + confusion.fn)
    value = raw / (sensitivity - confusion.fp / (confusion.fp + confusion.tn))
    notes = _few(groups)
    if not np.isclose(value, tuned.value - base.value):
        notes.insert(0, "a share was clipped, so this is not the difference of the two shares")
    if abs(value) > 1:
        notes.insert(0, f"clipped to {np.sign(value):.0f}")
    ends = (_corrected(moved, youden, -1.0, -1.0), _corrected(moved, youden, -1.0, 1.0))
    return _between(value, ends, raw, -1.0, tails, notes)


def _unknown(
    raw: float | None, confusion: Confusion | None, youden: NDArray[np.float64], tails: tuple[float, float]
) -> str | None:
    """Why no corrected share can be given, or None if one can."""
    if raw is None:
        return "no turn was measured"
    if confusion is None:
        return "the model has no test counts for this measure, so its errors are unknown"
    having, lacking = confusion.tp + confusion.fn, confusion.fp + confusion.tn
    if min(having, lacking) < _FEW_TESTED:
        which, count = ("with", having) if having < lacking else ("without", lacking)
        return f"the detector was tested on {count:g} turns {which} this behaviour, too few to know its errors"
    if np.quantile(youden, tails[0]) <= 0:
        se, sp = confusion.tp / having, confusion.tn / lacking
        return (
            f"sensitivity ({se:.2f}) and specificity ({sp:.2f}) together are not surely above 1, so that flags say "
            "nothing about the share"
        )
    return None


def _few(groups: int) -> list[str]:
    if groups >= _FEW_CLUSTERS:
        return []
    return [f"only {groups} prompt group{'s' if groups != 1 else ''}: the interval is a rough one"]


def _corrected(
    numerator: NDArray[np.float64], youden: NDArray[np.float64], floor: float, useless: float
) -> NDArray[np.float64]:
    """Corrected draws, clipped to [``floor``, 1]; ``useless`` where the drawn detector tells nothing apart."""
    ratio = numerator / np.where(youden > 0, youden, 1.0)
    return np.where(youden > 0, np.clip(ratio, floor, 1.0), useless)


def _between(
    value: float,
    ends: tuple[NDArray[np.float64], NDArray[np.float64]],
    raw: float,
    floor: float,
    tails: tuple[float, float],
    notes: list[str],
) -> Prevalence:
    """The value, clipped to [``floor``, 1], between the percentiles of the draws for its lower and its upper end."""
    clipped = float(np.clip(value, floor, 1.0))
    low, high = (float(np.quantile(draws, tail)) for draws, tail in zip(ends, tails, strict=True))
    return Prevalence(clipped, min(low, clipped), max(high, clipped), raw, "; ".join(notes) or None)

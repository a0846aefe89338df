"""Share of turns that have a behaviour, from a few hand labels and the scores of all turns.

Prediction-powered inference (Angelopoulos et al. 2023, Science 382:669-674) takes the mean score of all turns and
corrects it by what the labels say the scores get wrong. It is right whatever the detector is worth; the better the
detector, the shorter the interval. The weight of the scores is tuned to the data as in PPI++ (Angelopoulos, Duchi and
Zrnic 2023, arXiv:2311.01453), so that scores that say nothing cost nothing.

Here the labelled turns are a part of the scored ones, drawn by stratum. Then the estimator is the difference estimator
of survey sampling (Särndal, Swensson and Wretman 1992, "Model Assisted Survey Sampling", section 6.3), and its variance
has two parts: turns are a sample of what users ask, and labels are a sample of the turns. In one stratum, value and
variance are those of PPI++ with the turns that were not labelled as its unlabelled set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anthrometrics.comparison.clusters import cluster_sums
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from anthrometrics.comparison.labels import LabelledSample

__all__ = ["ShareEstimate", "powered_difference", "powered_share"]


@dataclass(frozen=True, slots=True)
class ShareEstimate:
    """A share of turns, or a difference of two, with its interval.

    Attributes:
        value: Share in [0, 1], or difference in [-1, 1].
        low: Lower end of the interval.
        high: Upper end of the interval.
        labels: Labels it rests on.
        turns: Scored turns it speaks of.
        power: Weight of the scores, in [0, 1]; 0 is labels alone. None for a difference, whose sides have their own.
    """

    value: float
    low: float
    high: float
    labels: int
    turns: int
    power: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "labels": self.labels,
            "turns": self.turns,
            "power": self.power,
        }


@dataclass(frozen=True)
class _Side:
    """One set of turns: its estimate and what its variance is made of.

    Attributes:
        value: The estimate, not yet clipped.
        power: Weight of the scores.
        drawn_turns: Variance because the turns are a sample.
        drawn_labels: Variance because the labels are one.
        df: Degrees of freedom of ``drawn_labels``.
        slope: By how much the labels' mean rises with the scores.
    """

    value: float
    power: float
    drawn_turns: float
    drawn_labels: float
    df: float
    slope: float

    @property
    def variance(self) -> float:
        return self.drawn_turns + self.drawn_labels


def powered_share(sample: LabelledSample, *, level: float = 0.95, power: float | None = None) -> ShareEstimate:
    """Share of turns with the behaviour, among turns such as these.

    The interval is Wilson's (1927) with the sample size that has the estimated variance, read at a quantile of
    Student's t with the degrees of freedom of the strata (Satterthwaite), as Korn and Graubard (1998, Survey
    Methodology 24:193-201) do with the exact one. It stays within [0, 1] and does not vanish where all labels agree.

    Args:
        sample: Scores of all turns and labels of some.
        level: Confidence level, between 0 and 1.
        power: Weight of the scores in [0, 1]: 0 is the classical estimate from the labels alone, 1 is plain
            prediction-powered inference; None takes the weight of least variance.

    Raises:
        InputError: ``level`` or ``power`` is out of range.
    """
    _check(level, power)
    side = _side(sample, power)
    count = len(sample.labels)
    # Half a label of each kind, as in Jeffreys' prior, keeps the sample size finite where all labels agree.
    share = (float(np.clip(side.value, 0, 1)) * count + 0.5) / (count + 1)
    size = share * (1 - share) / side.variance
    z = _quantile(level, side.variance, [side])
    value = float(np.clip(side.value, 0, 1))
    centre = (value + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * np.sqrt(value * (1 - value) / size + z * z / (4 * size**2))
    low, high = max(centre - half, 0.0), min(centre + half, 1.0)
    return ShareEstimate(value, float(min(low, value)), float(max(high, value)), count, len(sample.scores), side.power)


def powered_difference(
    base: LabelledSample, tuned: LabelledSample, *, level: float = 0.95, power: float | None = None
) -> ShareEstimate:
    """Share in ``tuned`` minus share in ``base``, labels having been drawn from each by itself.

    Turns of one cluster number belong to the same prompt on both sides. What the scores show of how both sides move
    together is taken off the variance; what they do not show is not, so that the interval is rather too long.

    Args:
        base: Labels and scores of the first set.
        tuned: Labels and scores of the second.
        level: Confidence level, between 0 and 1.
        power: As ``powered_share`` takes it, for both sides.

    Raises:
        InputError: ``level`` or ``power`` is out of range.
    """
    _check(level, power)
    first, second = _side(base, power), _side(tuned, power)
    shared = first.slope * second.slope * _mean_covariance(base, tuned)
    # By Cauchy and Schwarz it cannot be larger than this, whatever the estimated slopes say.
    shared = min(shared, float(np.sqrt(first.drawn_turns * second.drawn_turns)))
    variance = first.variance + second.variance - 2 * shared
    value = float(np.clip(second.value - first.value, -1, 1))
    half = _quantile(level, variance, [first, second]) * np.sqrt(variance)
    return ShareEstimate(
        value,
        float(max(value - half, -1.0)),
        float(min(value + half, 1.0)),
        len(base.labels) + len(tuned.labels),
        len(base.scores) + len(tuned.scores),
    )


def _check(level: float, power: float | None) -> None:
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, not {level}")
    if power is not None and not 0 <= power <= 1:
        raise InputError(f"power must lie between 0 and 1, not {power}")


def _side(sample: LabelledSample, power: float | None) -> _Side:
    strata, labels, scores = sample.strata, sample.labels, sample.scores[sample.rows]
    counts = np.bincount(strata).astype(np.float64)
    share = sample.sizes / sample.sizes.sum()
    # Variance of the stratified mean is the sum of these times the variances within strata (Cochran 1977, section 5.4).
    factors = share**2 * np.maximum(1 - counts / sample.sizes, 0.0) / counts
    y, f = _centred(labels, strata, counts), _centred(scores, strata, counts)
    fitted = power is None
    if power is None:
        spread = float(factors @ _within(f, f, strata, counts))
        power = float(np.clip(factors @ _within(y, f, strata, counts) / spread, 0, 1)) if spread > 0 else 0.0
    means = np.bincount(strata, labels - power * scores) / counts
    value = float(power * sample.scores.mean() + share @ means)
    pieces = factors * _within(y - power * f, y - power * f, strata, counts)
    drawn_labels, spare = float(pieces.sum()), len(labels) - len(counts)
    df = drawn_labels**2 / float((pieces**2 / (counts - 1)).sum()) if drawn_labels > 0 else float(spare)
    if fitted and spare > 1:
        # The weight was fitted to the same labels and cost one degree of freedom.
        drawn_labels *= spare / (spare - 1)
    # Where no label contradicts the scores, some still may: half a label does (Jeffreys), wherever it lies.
    odd = 0.5 / (len(labels) + 1)
    drawn_labels = max(drawn_labels, float(factors.sum()) * odd * (1 - odd))
    return _Side(value, power, _drawn_turns(sample, value), drawn_labels, df, _slope(sample))


def _centred(
    values: NDArray[np.float64], strata: NDArray[np.int64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    return values - (np.bincount(strata, values) / counts)[strata]


def _within(
    one: NDArray[np.float64], other: NDArray[np.float64], strata: NDArray[np.int64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Covariance within each stratum of two centred columns."""
    return np.asarray(np.bincount(strata, one * other) / (counts - 1), dtype=np.float64)


def _drawn_turns(sample: LabelledSample, value: float) -> float:
    """Variance of the share over all turns, had all been labelled.

    Labels of one prompt go together to an extent that few labels cannot show; the scores' is taken for it.
    """
    count, total = len(sample.labels), len(sample.scores)
    share = (float(np.clip(value, 0, 1)) * count + 0.5) / (count + 1)
    alone = float(sample.scores.var(ddof=1)) / total if total > 1 else 0.0
    clustered = float(cluster_sums(sample.scores[:, None], sample.clusters).variance()[0])
    design = max(clustered / alone, 1.0) if alone > 0 and not np.isnan(clustered) else 1.0
    return design * share * (1 - share) / total


def _slope(sample: LabelledSample) -> float:
    """Weighted least-squares slope of the labels on the scores, at least 0."""
    scores = sample.scores[sample.rows]
    deviation = scores - sample.weights @ scores
    spread = float(sample.weights @ deviation**2)
    return max(float(sample.weights @ (deviation * sample.labels)) / spread, 0.0) if spread > 0 else 0.0


def _mean_covariance(base: LabelledSample, tuned: LabelledSample) -> float:
    """Covariance of the two mean scores over clusters that both sets have."""
    numbers = np.unique(np.concatenate([base.clusters, tuned.clusters]))
    totals = []
    for side in (base, tuned):
        place = np.searchsorted(numbers, side.clusters)
        totals.append(np.bincount(place, side.scores - side.scores.mean(), len(numbers)) / len(side.scores))
    return float(totals[0] @ totals[1])


def _quantile(level: float, variance: float, sides: list[_Side]) -> float:
    """Quantile of Student's t; only the variance of the labels is estimated from few."""
    from scipy.special import stdtrit

    loose = sum(side.drawn_labels**2 / side.df for side in sides if side.df > 0)
    return float(stdtrit(variance**2 / loose if loose > 0 else np.inf, (1 + level) / 2))

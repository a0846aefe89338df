"""How large a difference is, whether it is as good as none, and how large it had to be to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anthrometrics.comparison.clusters import both_sums, cluster_sums, estimate
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from anthrometrics.comparison.clusters import Estimate

__all__ = [
    "cliffs_delta",
    "cohens_dz",
    "detectable",
    "difference_detectable",
    "difference_equivalence",
    "equivalence",
]


def cohens_dz(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of paired differences over their standard deviation (Cohen 1988, d_z).

    Args:
        values: Shape ``(n, m)``; NaN is not measured and left out of its column.

    Returns:
        Shape ``(m,)``; NaN where the differences do not vary or are fewer than two.
    """
    effects = np.full(values.shape[1], np.nan)
    for column, found in enumerate(values.T):
        measured = found[~np.isnan(found)]
        # Equal numbers can have a tiny standard deviation by rounding.
        if len(measured) > 1 and np.ptp(measured) > 0:
            effects[column] = measured.mean() / measured.std(ddof=1)
    return effects


def cliffs_delta(base: NDArray[np.float64], tuned: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much more often a tuned turn exceeds a base turn than the reverse, over all pairs of them (Cliff 1993).

    Args:
        base: Shape ``(n_base, m)``; NaN is not measured and left out of its column.
        tuned: Shape ``(n_tuned, m)``.

    Returns:
        Shape ``(m,)``, in [-1, 1]: P(tuned > base) - P(tuned < base). NaN where a side has no data.

    Raises:
        InputError: The sides have different measures.
    """
    if base.shape[1:] != tuned.shape[1:]:
        raise InputError(f"both sides need the same measures, not {base.shape} and {tuned.shape}")
    deltas = np.full(base.shape[1], np.nan)
    for column in range(base.shape[1]):
        before, after = (np.sort(side[~np.isnan(side[:, column]), column]) for side in (base, tuned))
        if len(before) and len(after):
            exceeded = np.searchsorted(before, after, side="left").sum()
            exceeding = (len(before) - np.searchsorted(before, after, side="right")).sum()
            deltas[column] = (exceeded - exceeding) / (len(before) * len(after))
    return deltas


def equivalence(values: NDArray[np.float64], clusters: NDArray[np.int64], margin: float) -> NDArray[np.float64]:
    """Two one-sided t tests that the mean of paired differences lies within ``margin`` of zero (Schuirmann 1987).

    A small p says that there is no difference as large as the margin. The error is cluster-robust, with g - 1 degrees
    of freedom for g clusters.

    The t test does not see skewness. Where few turns changed much and all one way, it finds equivalence too readily: at
    a difference just as large as the margin in 16 % of simulated data sets of 30 clusters and 11 % of 100, not 5 %. Ask
    as well that the 95 % interval of ``mean_intervals`` lies within the margin; then it is 6 % and 4 %.

    Args:
        values: Shape ``(n, m)``; NaN is not measured and left out of its column.
        clusters: Shape ``(n,)``, the cluster (prompt group) of each row.
        margin: The smallest difference that matters, above 0, in the unit of the values.

    Returns:
        The larger p of the two, shape ``(m,)``. Without spread 0 or 1, as the mean lies within the margin or not; NaN
        with fewer than two clusters.

    Raises:
        InputError: The margin is not positive, the shapes do not fit, or a value is infinite.
    """
    return _equivalence(estimate(cluster_sums(values, clusters)), margin)


def difference_equivalence(
    base_values: NDArray[np.float64],
    base_clusters: NDArray[np.int64],
    tuned_values: NDArray[np.float64],
    tuned_clusters: NDArray[np.int64],
    margin: float,
) -> NDArray[np.float64]:
    """``equivalence`` of the means of two independent sets, with the degrees of freedom of Welch and Satterthwaite."""
    sides = both_sums(base_values, base_clusters, tuned_values, tuned_clusters)
    return _equivalence(estimate(*sides), margin)


def _equivalence(found: Estimate, margin: float) -> NDArray[np.float64]:
    from scipy.special import stdtr

    if not margin > 0:
        raise InputError(f"margin must be above 0, the smallest difference that matters, not {margin}")
    distance = np.abs(found.value) - margin
    constant = found.error == 0
    # The farther of the two bounds decides: its test has the larger p.
    p = stdtr(found.df, np.divide(distance, found.error, out=np.full(distance.shape, np.nan), where=found.error > 0))
    return np.where(constant, np.where(distance < 0, 0.0, 1.0), p)


def detectable(
    values: NDArray[np.float64], clusters: NDArray[np.int64], *, alpha: float = 0.05, power: float = 0.8
) -> NDArray[np.float64]:
    """Smallest mean difference that a two-sided t test of so many clusters would find with this power.

    Solved with the noncentral t distribution for the cluster-robust error and g - 1 degrees of freedom for g clusters.
    It says what the design can see, given the spread of the data; it does not judge the difference that was found.

    Args:
        values: Shape ``(n, m)``; NaN is not measured and left out of its column.
        clusters: Shape ``(n,)``, the cluster (prompt group) of each row.
        alpha: Level of the test, in (0, 1).
        power: Chance of finding the difference, in (alpha, 1).

    Returns:
        Shape ``(m,)``, in the unit of the values; NaN without spread or with fewer than two clusters, where the noise
        cannot be told.

    Raises:
        InputError: alpha or power is out of range, the shapes do not fit, or a value is infinite.
    """
    return _detectable(estimate(cluster_sums(values, clusters)), alpha, power)


def difference_detectable(
    base_values: NDArray[np.float64],
    base_clusters: NDArray[np.int64],
    tuned_values: NDArray[np.float64],
    tuned_clusters: NDArray[np.int64],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> NDArray[np.float64]:
    """``detectable`` for the means of two independent sets, with the degrees of freedom of Welch and Satterthwaite."""
    sides = both_sums(base_values, base_clusters, tuned_values, tuned_clusters)
    return _detectable(estimate(*sides), alpha, power)


def _detectable(found: Estimate, alpha: float, power: float) -> NDArray[np.float64]:
    from scipy.special import nctdtrinc, stdtrit

    if not 0 < alpha < power < 1:
        raise InputError(f"0 < alpha < power < 1 must hold, not alpha={alpha} and power={power}")
    # The far tail's share of the power is left out: below 0.001 from a power of a half on.
    return np.asarray(found.error * nctdtrinc(found.df, 1 - power, stdtrit(found.df, 1 - alpha / 2)))

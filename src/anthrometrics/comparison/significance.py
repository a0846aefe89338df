"""Tests of "no difference" that keep clusters whole, and corrections for testing many measures at once."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from anthrometrics.comparison.clusters import ClusterSums, alike, both_sums, cluster_sums
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["benjamini_hochberg", "holm", "mcnemar", "permutation", "sign_flip"]

# Up to this many clusters every pattern of signs is tried: 2**12 patterns.
_ENUMERATED: Final = 12
# Numbers held at once while resampling: 32 MB.
_CHUNK: Final = 4_000_000
# Statistics that differ by less than this share are equal but for rounding.
_TIE: Final = 1e-9


def sign_flip(
    values: NDArray[np.float64], clusters: NDArray[np.int64], *, resamples: int = 10_000, seed: int = 0
) -> NDArray[np.float64]:
    """Two-sided p of the mean of paired differences, by turning the signs of whole clusters.

    Exact if, without an effect, a cluster's sum is as likely to be its opposite: if it is chance which side of a pair
    is called tuned. Where only the mean is zero, it holds for many clusters, not for few. A column's p depends neither
    on the other columns nor on the order of the rows, the names of the clusters or the sign of the values.

    Args:
        values: Shape ``(n, m)``; NaN is not measured and left out of its column.
        clusters: Shape ``(n,)``, the cluster (prompt group) of each row.
        resamples: Random patterns of signs; columns in which at most 12 clusters differ from zero try all patterns.
        seed: Seed of the patterns.

    Returns:
        Shape ``(m,)``. Never below 1 / (resamples + 1) where patterns are random (Phipson and Smyth 2010); 1 where
        every difference is zero, NaN without data.

    Raises:
        InputError: The shapes do not fit, a value is infinite, or ``resamples`` is not positive.
    """
    _check_resamples(resamples)
    summed = cluster_sums(values, clusters)
    # Signs are random, so only magnitudes matter; in falling order, zeros last.
    magnitudes = -np.sort(-np.abs(summed.deviations(np.zeros(values.shape[1]))), axis=0)
    observed = np.abs(summed.sums.sum(axis=0))
    p = np.full(values.shape[1], np.nan)
    few = np.count_nonzero(magnitudes, axis=0) <= _ENUMERATED
    if few.any():
        p[few] = _exact_flips(magnitudes[:_ENUMERATED, few], observed[few])
    if not few.all():
        p[~few] = _random_flips(magnitudes[:, ~few], observed[~few], resamples, seed)
    p[summed.clusters == 0] = np.nan
    return p


def _exact_flips(magnitudes: NDArray[np.float64], observed: NDArray[np.float64]) -> NDArray[np.float64]:
    signs = np.array(list(product((-1.0, 1.0), repeat=len(magnitudes))))
    reached = np.abs(signs @ magnitudes) >= observed - _TIE * magnitudes.sum(axis=0)
    return np.asarray(reached.mean(axis=0))


def _random_flips(
    magnitudes: NDArray[np.float64], observed: NDArray[np.float64], resamples: int, seed: int
) -> NDArray[np.float64]:
    """Patterns are drawn cluster by cluster, so that a column's do not depend on how many clusters another has."""
    rng = np.random.default_rng(seed)
    total = magnitudes.sum(axis=0)
    positive = np.zeros((resamples, len(total)))
    chunk = max(1, _CHUNK // resamples)
    for start in range(0, len(magnitudes), chunk):
        drawn = rng.integers(0, 256, size=(chunk, -(-resamples // 8)), dtype=np.uint8)
        part = magnitudes[start : start + chunk]
        bits = np.unpackbits(drawn[: len(part)], axis=1, count=resamples).astype(np.float64)
        positive += bits.T @ part
    reached = np.abs(2 * positive - total) >= observed - _TIE * total
    return np.asarray((np.count_nonzero(reached, axis=0) + 1) / (resamples + 1))


def permutation(
    base_values: NDArray[np.float64],
    base_clusters: NDArray[np.int64],
    tuned_values: NDArray[np.float64],
    tuned_clusters: NDArray[np.int64],
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Two-sided p of a difference of means between sets that cannot be paired, by permuting which set a cluster is of.

    The statistic is the difference over its cluster-robust error. So the test is exact if clusters of both sets come
    from one distribution, and holds for many clusters if only the means are equal, also where one set varies more or is
    larger (Chung and Romano 2013). The sets are taken as independent; an equal cluster number on both sides means
    nothing.

    Args:
        base_values: Shape ``(n_base, m)``; NaN is not measured and left out of its column.
        base_clusters: Shape ``(n_base,)``.
        tuned_values: Shape ``(n_tuned, m)``.
        tuned_clusters: Shape ``(n_tuned,)``.
        resamples: Random permutations.
        seed: Seed of the permutations.

    Returns:
        Shape ``(m,)``, at least 1 / (resamples + 1); NaN with fewer than two clusters on a side.

    Raises:
        InputError: The shapes do not fit, a value is infinite, or ``resamples`` is not positive.
    """
    _check_resamples(resamples)
    sides = both_sums(base_values, base_clusters, tuned_values, tuned_clusters)
    p = np.full(len(sides[0].scale), np.nan)
    for columns in alike(*sides):
        p[columns] = _permuted([side.pick(columns) for side in sides], resamples, seed)
    return p


def _permuted(sides: list[ClusterSums], resamples: int, seed: int) -> NDArray[np.float64]:
    first, other = sorted(sides, key=lambda side: len(side.sums))
    pooled = ClusterSums(
        np.concatenate([first.sums, other.sums]),
        np.concatenate([first.counts, other.counts]),
        np.maximum(first.scale, other.scale),
    )
    size, share = len(pooled.sums), len(first.sums)
    observed = _studentised(_moments(pooled)[:, :share].sum(axis=1), _moments(pooled).sum(axis=1), share, size)
    # Which set a cluster is of has no part in what is drawn.
    moments = _moments(pooled.pick(np.arange(len(pooled.scale))))
    total = moments.sum(axis=1)
    columns = moments.transpose(1, 0, 2).reshape(size, -1)
    rng = np.random.default_rng(seed)
    member = np.arange(size) < share
    reached = np.zeros(len(pooled.scale), dtype=np.int64)
    chunk = max(1, _CHUNK // size)
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        drawn = rng.permuted(np.tile(member, (rows, 1)), axis=1).astype(np.float64)
        part = (drawn @ columns).reshape(rows, *total.shape).transpose(1, 0, 2)
        reached += np.count_nonzero(_studentised(part, total[:, None], share, size) >= observed * (1 - _TIE), axis=0)
    return np.asarray((reached + 1) / (resamples + 1))


def _moments(pooled: ClusterSums) -> NDArray[np.float64]:
    """What a difference of means and its error need of each cluster, shape ``(5, g, k)``."""
    deviations, counts = pooled.deviations(pooled.mean), pooled.counts
    return np.stack([deviations, counts, deviations**2, deviations * counts, counts**2])


def _studentised(part: NDArray[np.float64], total: NDArray[np.float64], share: int, size: int) -> NDArray[np.float64]:
    """Magnitude of the difference between ``share`` of ``size`` clusters and the others, over its error.

    Args:
        part: Moments of the one set, shape ``(5, ..., k)``.
        total: Moments of both, of a shape that broadcasts with it.
        share: Clusters in the one set.
        size: Clusters in both.
    """
    means, variance = [], np.zeros(())
    for (d, n, dd, dn, nn), clusters in ((part, share), (total - part, size - share)):
        mean = d / n
        squares = dd - 2 * mean * dn + mean**2 * nn
        squares = np.where(squares <= _TIE * total[2], 0.0, squares)
        means.append(mean)
        variance = variance + squares * clusters / (clusters - 1) / n**2
    difference = np.abs(means[0] - means[1])
    difference = np.where(difference <= _TIE * np.sqrt(total[2]) / total[1], 0.0, difference)
    infinite = np.where(difference > 0, np.inf, 0.0)
    return np.divide(difference, np.sqrt(variance), out=infinite, where=variance > 0)


def mcnemar(appeared: int, vanished: int) -> float:
    """Exact two-sided p of McNemar's test: do as many labels appear as vanish between paired turns?

    It treats the pairs as independent. Where several pairs share a prompt, test the 0/1 differences with ``sign_flip``,
    which keeps clusters whole and is this test if each cluster is one pair.

    Args:
        appeared: Pairs without the label before and with it after.
        vanished: Pairs with it before and without it after.

    Raises:
        InputError: A count is negative.
    """
    from scipy.stats import binomtest

    if min(appeared, vanished) < 0:
        raise InputError(f"counts cannot be negative: appeared={appeared}, vanished={vanished}")
    discordant = appeared + vanished
    return float(binomtest(appeared, discordant).pvalue) if discordant else 1.0


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p that keep the chance of any false finding among the tests at alpha (Holm 1979).

    Args:
        p: Raw p in [0, 1], shape ``(k,)``. NaN is no test: it stays NaN and does not count.
    """
    tested = ~np.isnan(p)
    raw = p[tested]
    order = np.argsort(raw, kind="stable")
    adjusted = np.empty(len(raw))
    adjusted[order] = np.minimum(np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)), 1.0)
    return _filled(tested, adjusted)


def benjamini_hochberg(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p that keep the expected share of false findings at alpha (Benjamini and Hochberg 1995).

    That holds for independent tests and for positively dependent ones.

    Args:
        p: Raw p in [0, 1], shape ``(k,)``. NaN is no test: it stays NaN and does not count.
    """
    from scipy.stats import false_discovery_control

    tested = ~np.isnan(p)
    return _filled(tested, false_discovery_control(p[tested]) if tested.any() else np.empty(0))


def _filled(where: NDArray[np.bool_], values: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.full(where.shape, np.nan)
    found[where] = values
    return found


def _check_resamples(resamples: int) -> None:
    if resamples < 1:
        raise InputError(f"resamples must be positive, not {resamples}")

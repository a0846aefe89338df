"""Rows summed by cluster, and the mean they give with its cluster-robust error.

Answers to one prompt are not independent, so every statistic of a comparison is computed from the sums of its clusters
(prompt groups). Both a mean over rows and its resampling need no more of the data than a sum and a count a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["ROUNDING", "ClusterSums", "Estimate", "alike", "both_sums", "cluster_sums", "estimate", "finite", "mean_of"]

# Differences below this share of the numbers that they come from are rounding, not data.
ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class ClusterSums:
    """Sums and counts of ``g`` clusters in ``m`` columns.

    Attributes:
        sums: Sum of each cluster's measured rows, shape ``(g, m)``.
        counts: Number of each cluster's measured rows, shape ``(g, m)``; 0 where a column has none.
        scale: Largest magnitude of a row, shape ``(m,)``; what rounding is judged by.
    """

    sums: NDArray[np.float64]
    counts: NDArray[np.float64]
    scale: NDArray[np.float64]

    @property
    def clusters(self) -> NDArray[np.int64]:
        """Number of clusters that have data, shape ``(m,)``."""
        return np.asarray(np.count_nonzero(self.counts, axis=0))

    @property
    def rows(self) -> NDArray[np.float64]:
        """Number of measured rows, shape ``(m,)``."""
        return np.asarray(self.counts.sum(axis=0))

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean over rows (not over clusters), shape ``(m,)``; NaN without data."""
        rows = self.rows
        return np.asarray(np.divide(self.sums.sum(axis=0), rows, out=np.full(rows.shape, np.nan), where=rows > 0))

    def pick(self, columns: NDArray[np.int64]) -> ClusterSums:
        """Some columns that have data of equally many clusters, with those clusters only.

        Each column's clusters come in an order of its own (by rows, then by sum), so a row of the result is no one
        cluster. What is drawn by its place in that order depends on the column's data alone: not on the names of the
        clusters, nor on other columns.
        """
        sums, counts = self.sums[:, columns], self.counts[:, columns]
        # A column's mean is taken off first: an order by plain sums would change when all values are shifted.
        deviations = self.deviations(self.mean)[:, columns]
        order = np.lexsort((deviations, counts), axis=0)[len(counts) - np.count_nonzero(counts[:, 0]) :]
        return ClusterSums(
            np.take_along_axis(sums, order, axis=0), np.take_along_axis(counts, order, axis=0), self.scale[columns]
        )

    def deviations(self, centre: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums of the rows' distances from ``centre`` (shape ``(m,)``), shape ``(g, m)``; exactly 0 without spread."""
        found = self.sums - np.nan_to_num(centre) * self.counts
        return np.where(np.abs(found) <= ROUNDING * self.scale * self.counts, 0.0, found)

    def variance(self) -> NDArray[np.float64]:
        """Cluster-robust variance of ``mean``, shape ``(m,)``; NaN with fewer than two clusters.

        The sandwich estimator of a mean with the correction g / (g - 1) (Cameron and Miller 2015, section II).
        """
        clusters = self.clusters
        enough = clusters > 1
        squares = (self.deviations(self.mean) ** 2).sum(axis=0)
        factor = np.divide(clusters, clusters - 1.0, out=np.full(clusters.shape, np.nan), where=enough)
        return np.asarray(factor * squares / np.where(enough, self.rows, 1.0) ** 2)


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of two means, in each of ``m`` columns; NaN where it cannot be known.

    Attributes:
        value: The mean or the difference, shape ``(m,)``.
        error: Its cluster-robust standard error, shape ``(m,)``.
        df: Degrees of freedom of that error, shape ``(m,)``.
    """

    value: NDArray[np.float64]
    error: NDArray[np.float64]
    df: NDArray[np.float64]


def cluster_sums(values: NDArray[np.float64], clusters: NDArray[np.int64]) -> ClusterSums:
    """Sum rows by cluster.

    Args:
        values: Shape ``(n, m)``; NaN is not measured and left out of its column.
        clusters: Shape ``(n,)``, the cluster of each row: any integers.

    Raises:
        InputError: The shapes do not fit, or a value is infinite.
    """
    if values.ndim != 2 or clusters.shape != values.shape[:1]:
        raise InputError(
            f"values must have shape (rows, measures) and clusters (rows,), not {values.shape} and {clusters.shape}"
        )
    if np.isinf(values).any():
        raise InputError("a value is infinite; use NaN for what was not measured")
    if not len(values):
        nothing = np.zeros((0, values.shape[1]))
        return ClusterSums(nothing, nothing, np.zeros(values.shape[1]))
    measured = ~np.isnan(values)
    filled = np.where(measured, values, 0.0)
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=clusters[order[0]] - 1))
    return ClusterSums(
        sums=np.add.reduceat(filled[order], starts, axis=0),
        counts=np.add.reduceat(measured[order].astype(np.float64), starts, axis=0),
        scale=np.abs(filled).max(axis=0),
    )


def both_sums(
    base_values: NDArray[np.float64],
    base_clusters: NDArray[np.int64],
    tuned_values: NDArray[np.float64],
    tuned_clusters: NDArray[np.int64],
) -> tuple[ClusterSums, ClusterSums]:
    """``cluster_sums`` of two sets, the tuned one first: its mean counts for a difference, the base's against it.

    Raises:
        InputError: As ``cluster_sums``, or the sets have different measures.
    """
    if base_values.shape[1:] != tuned_values.shape[1:]:
        raise InputError(f"both sets need the same measures, not {base_values.shape} and {tuned_values.shape}")
    return cluster_sums(tuned_values, tuned_clusters), cluster_sums(base_values, base_clusters)


def alike(*sides: ClusterSums) -> Iterator[NDArray[np.int64]]:
    """Columns in groups that have data of equally many clusters on each side, at least two; others are left out."""
    sizes = np.stack([side.clusters for side in sides])
    enough = (sizes > 1).all(axis=0)
    for group in np.unique(sizes[:, enough], axis=1).T:
        yield np.flatnonzero((sizes == group[:, None]).all(axis=0))


def estimate(tuned: ClusterSums, base: ClusterSums | None = None) -> Estimate:
    """Mean of one set of rows or, with ``base``, the difference of two independent sets' means (tuned - base).

    Degrees of freedom are clusters - 1, for a difference those of Welch and Satterthwaite; NaN without any spread.
    """
    sides = [tuned] if base is None else [tuned, base]
    variances = [side.variance() for side in sides]
    total = np.sum(variances, axis=0)
    spread = sum(
        np.divide(v**2, side.clusters - 1.0, out=np.full(v.shape, np.nan), where=side.clusters > 1)
        for v, side in zip(variances, sides, strict=True)
    )
    return Estimate(
        value=tuned.mean if base is None else tuned.mean - base.mean,
        error=np.sqrt(total),
        df=np.divide(total**2, spread, out=np.full(total.shape, np.nan), where=total > 0),
    )


def mean_of(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean of what was measured, NaN where nothing was."""
    measured = ~np.isnan(values)
    number = measured.sum(axis=axis)
    total = np.where(measured, values, 0.0).sum(axis=axis)
    return np.asarray(np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0))


def finite(value: float | np.floating[Any]) -> float | None:
    """The number as records have it: None where it is NaN or infinite, which JSON cannot write."""
    return float(value) if np.isfinite(value) else None

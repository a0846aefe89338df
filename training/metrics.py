"""Scores of a detector against labels, with intervals from resampling prompt groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % percentile interval over resampled groups."""

    value: float
    low: float
    high: float

    def as_list(self) -> list[float]:
        """``[value, low, high]``, rounded for storage."""
        return [round(float(x), 4) for x in (self.value, self.low, self.high)]


def counts(truth: NDArray[np.bool_], predicted: NDArray[np.bool_], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """True positives, false positives, false negatives, true negatives of each group, shape ``(groups, 4)``."""
    cells = np.where(truth, np.where(predicted, 0, 2), np.where(predicted, 1, 3))
    table = np.zeros((int(groups.max()) + 1, 4), dtype=np.int64)
    np.add.at(table, (groups, cells), 1)
    return table


def f1(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 from the last axis ``(tp, fp, fn, tn)``; 0 where nothing is positive on either side."""
    tp, fp, fn = table[..., 0], table[..., 1], table[..., 2]
    return 2 * tp / np.maximum(2 * tp + fp + fn, 1)


def resampled(
    per_group: NDArray[np.int64], statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]], seed: int = 0
) -> Estimate:
    """Statistic of summed group counts with its bootstrap interval over groups.

    Args:
        per_group: Counts, shape ``(groups, ...)``; they are summed over groups.
        statistic: Maps ``(resamples, ...)`` sums to one value each.
        seed: Of the resampling.
    """
    rng = np.random.default_rng(seed)
    size = len(per_group)
    weights = rng.multinomial(size, np.full(size, 1 / size), size=_RESAMPLES)
    sums = np.tensordot(weights, per_group, axes=(1, 0))
    low, high = np.quantile(statistic(sums), [0.025, 0.975])
    return Estimate(float(statistic(per_group.sum(0)[None])[0]), float(low), float(high))


def calibration_error(truth: NDArray[np.bool_], probability: NDArray[np.float64], bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Guo et al. 2017)."""
    index = np.minimum((probability * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            error += inside.mean() * abs(truth[inside].mean() - probability[inside].mean())
    return float(error)


def expected_f1_threshold(probability: NDArray[np.float64]) -> float:
    """Threshold of best expected F1, if the probabilities are calibrated (Lipton, Elkan and Naryanaswamy 2014).

    It reads no labels, so a label with few positives does not get the threshold of one lucky sentence.
    """
    ordered = np.sort(probability)[::-1]
    hits = np.cumsum(ordered)
    best = int(np.argmax(2 * hits / (np.arange(1, len(ordered) + 1) + hits[-1])))
    return _below(ordered, best)


def best_threshold(truth: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """Threshold of best F1 on a calibration split, midway between the neighbouring probabilities."""
    order = np.argsort(-probability)
    hits = np.cumsum(truth[order])
    scores = 2 * hits / (np.arange(1, len(order) + 1) + max(int(truth.sum()), 1))
    # Small splits give jagged curves; a short moving average keeps one lucky point from deciding.
    width = max(3, int(truth.sum()) // 20)
    best = int(np.argmax(np.convolve(scores, np.ones(width) / width, mode="same")))
    return _below(probability[order], best)


def _below(ordered: NDArray[np.float64], index: int) -> float:
    """Midway between one of the falling probabilities and the next, kept off the ends."""
    after = ordered[min(index + 1, len(ordered) - 1)]
    return float(np.clip((ordered[index] + after) / 2, 0.02, 0.98))

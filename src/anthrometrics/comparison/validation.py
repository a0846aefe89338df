"""How good the detector is on the user's own labels.

Labels weigh by the number of turns they stand for. Intervals come from a Bayesian bootstrap (Rubin 1981) within the
strata of the draw, in which prompts get random weights. A pseudo-label on each side of the threshold, half positive and
half negative as in Jeffreys' prior, keeps an interval from vanishing where no error was seen: ten of ten found says
that recall is high, not that it is 1.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.codebook import REFUSAL_LABELS
from anthrometrics.detectors.manifest import Confusion
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from anthrometrics.comparison.labels import LabelledSample

__all__ = ["FIGURES", "BestThreshold", "Figure", "Validation", "refusal_confusion", "validate"]

# Figures of a threshold; higher is better.
FIGURES: Final = ("accuracy", "precision", "recall", "specificity", "f1", "kappa")
_BINS: Final = 10
_FOLDS: Final = 10
# Draws of labels that agree with the scores.
_CHANCE: Final = 1000
# Numbers held at once while resampling: 32 MB.
_CHUNK: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its interval.

    Attributes:
        value: None where it is not defined: the recall of a behaviour that no labelled turn has.
        low: Lower end; None with ``value``.
        high: Upper end; None with ``value``.
    """

    value: float | None
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class BestThreshold:
    """The threshold of best F1 on the labels.

    Attributes:
        threshold: Probability from which a turn counts as having the behaviour.
        f1: F1 on the labels that it was chosen by, which flatters it.
        cross_fitted: F1 where each tenth of the prompts is judged by the threshold that is best on the others.
        confusion: Counts of the cross-fitted judgements. They are scaled to the number of equally weighted labels that
            would say as much (Kish 1965), so they are fractions.
    """

    threshold: float
    f1: float
    cross_fitted: Figure
    confusion: Confusion

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        cells = self.confusion
        return {
            "threshold": self.threshold,
            "f1": self.f1,
            "f1_cross_fitted": self.cross_fitted.to_dict(),
            "confusion": {"tp": cells.tp, "fp": cells.fp, "fn": cells.fn, "tn": cells.tn},
        }


@dataclass(frozen=True)
class Validation:
    """A detector against labels.

    Attributes:
        threshold: The threshold that was judged.
        labels: Number of labels.
        positives: How many of them are positive.
        confusion: Labels by what the detector made of them, unweighted.
        figures: ``FIGURES`` at the threshold, by name, weighted.
        brier: Mean squared distance of score and label (Brier 1950); lower is better.
        ece: Expected calibration error over ten bins of equal width (Guo et al. 2017); lower is better. It cannot be
            negative, so chance alone lifts it; its interval begins at 0 unless it is more than chance.
        ece_by_chance: Mean of that error if every score were exactly right, with labels as many as these.
        best: None where the labels are all alike, and no threshold can be better than another.
    """

    threshold: float
    labels: int
    positives: int
    confusion: Confusion
    figures: dict[str, Figure]
    brier: Figure
    ece: Figure
    ece_by_chance: float
    best: BestThreshold | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        cells = self.confusion
        return {
            "threshold": self.threshold,
            "labels": self.labels,
            "positives": self.positives,
            "confusion": {"tp": int(cells.tp), "fp": int(cells.fp), "fn": int(cells.fn), "tn": int(cells.tn)},
            **{name: figure.to_dict() for name, figure in self.figures.items()},
            "brier": self.brier.to_dict(),
            "ece": self.ece.to_dict(),
            "ece_by_chance": self.ece_by_chance,
            "best": None if self.best is None else self.best.to_dict(),
        }


def validate(
    sample: LabelledSample, threshold: float, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Validation:
    """Judge a detector by labels.

    Args:
        sample: Scores of all turns and labels of some.
        threshold: Score from which a turn counts as having the behaviour.
        level: Confidence level, between 0 and 1.
        resamples: Number of draws.
        seed: Of the draws and of the folds.

    Raises:
        InputError: ``level`` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, not {level}")
    scores, labels = sample.scores[sample.rows], sample.labels
    flagged = scores >= threshold
    draws = _Draws(sample, flagged, resamples, seed)
    member = _members(scores)

    def statistic(mass: NDArray[np.float64]) -> NDArray[np.float64]:
        squared = mass[..., 0] @ scores**2 + mass[..., 1] @ (1 - scores) ** 2
        return np.stack([*_rates(mass, flagged), squared, _calibration_error(mass, scores, member)], axis=-1)

    found = draws.figures(statistic, level)
    positive = labels > 0
    cells = [(positive & flagged), (~positive & flagged), (positive & ~flagged), (~positive & ~flagged)]
    ece, by_chance = _beyond_chance(found[-1], sample, member, level, seed)
    return Validation(
        threshold=threshold,
        labels=len(labels),
        positives=int(positive.sum()),
        confusion=Confusion(*(float(cell.sum()) for cell in cells)),
        figures=dict(zip(FIGURES, found, strict=False)),
        brier=found[-2],
        ece=ece,
        ece_by_chance=by_chance,
        best=_best(sample, level, resamples, seed),
    )


class _Draws:
    """Draws of how much each labelled turn weighs as a negative and as a positive.

    Args:
        sample: Labels and scores.
        flagged: Which labelled turns the threshold flags, shape ``(n,)``.
        resamples: Number of draws.
        seed: Of the draws.
    """

    def __init__(self, sample: LabelledSample, flagged: NDArray[np.bool_], resamples: int, seed: int) -> None:
        self._sample, self._flagged, self._resamples, self._seed = sample, flagged, resamples, seed

    def figures(self, statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]], level: float) -> list[Figure]:
        """Values and percentile intervals of statistics, which map masses ``(..., n, 2)`` to shape ``(..., k)``."""
        labels = self._sample.labels
        values = statistic(np.stack([1 - labels, labels], axis=-1) * self._sample.weights[:, None])
        draws = np.concatenate([statistic(mass) for mass in self._masses()])
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return [
            Figure(None, None, None)
            if np.isnan(value)
            else Figure(float(value), float(min(a, value)), float(max(b, value)))
            for value, a, b in zip(values, low, high, strict=True)
        ]

    def _masses(self) -> Iterator[NDArray[np.float64]]:
        sample, count = self._sample, len(self._sample.labels)
        rng = np.random.default_rng(self._seed)
        share = sample.sizes / sample.sizes.sum()
        prompts, prompt = np.unique(sample.clusters[sample.rows], return_inverse=True)
        member = (sample.strata[:, None] == np.arange(len(share))).astype(np.float64)
        given = np.stack([1 - sample.labels, sample.labels], axis=-1)
        # A bootstrap of few is too narrow by (n - 1) / n in each stratum; a smaller shape widens it by as much.
        shape = 1 - len(share) / count
        size = max(1, _CHUNK // (4 * count))
        for start in range(0, self._resamples, size):
            draws = min(size, self._resamples - start)
            mass = rng.standard_gamma(shape, (draws, len(prompts)))[:, prompt, None] * given
            self._add_pseudo_labels(mass, rng)
            scale = share / (mass.sum(axis=-1) @ member)
            yield mass * scale[:, sample.strata, None]

    def _add_pseudo_labels(self, mass: NDArray[np.float64], rng: np.random.Generator) -> None:
        """Half a negative and half a positive on each side of the threshold, at a turn drawn as turns weigh."""
        for side in (self._flagged, ~self._flagged):
            rows = np.flatnonzero(side)
            if rows.size:
                chances = self._sample.weights[rows] / self._sample.weights[rows].sum()
                for label in (0, 1):
                    place = rng.choice(rows, len(mass), p=chances)
                    mass[np.arange(len(mass)), place, label] += rng.standard_gamma(0.5, len(mass))


def _rates(mass: NDArray[np.float64], flagged: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """``FIGURES`` of masses ``(..., n, 2)``; NaN where they are not defined."""
    sides = np.stack([flagged, ~flagged], axis=-1).astype(np.float64)
    (tp, fn), (fp, tn) = (np.moveaxis(mass[..., label] @ sides, -1, 0) for label in (1, 0))
    total = tp + fp + fn + tn
    accuracy = (tp + tn) / total
    chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / total**2
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = 2 * tp / (2 * tp + fp + fn)
        return [accuracy, tp / (tp + fp), tp / (tp + fn), tn / (tn + fp), f1, (accuracy - chance) / (1 - chance)]


def _members(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where a score is in a bin, shape ``(n, bins)``."""
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    return np.asarray(bins[:, None] == np.arange(_BINS), dtype=np.float64)


def _calibration_error(
    mass: NDArray[np.float64], scores: NDArray[np.float64], member: NDArray[np.float64]
) -> NDArray[np.float64]:
    surplus = mass[..., 1] - mass.sum(axis=-1) * scores
    return np.asarray(np.abs(surplus @ member).sum(axis=-1))


def _beyond_chance(
    found: Figure, sample: LabelledSample, member: NDArray[np.float64], level: float, seed: int
) -> tuple[Figure, float]:
    """The expected calibration error, its interval begun at 0 unless it is beyond chance; and what it is by chance."""
    assert found.value is not None and found.low is not None and found.high is not None
    scores = sample.scores[sample.rows]
    fair = np.random.default_rng(seed).random((_CHANCE, len(scores))) < scores
    chance = np.abs(((fair - scores) * sample.weights) @ member).sum(axis=-1)
    # Resampling lifts the error once more, so that the lower percentile may lie above the truth; it is reflected back.
    reflected = max(min(found.low, 2 * found.value - found.high), 0.0)
    low = 0.0 if found.value <= np.quantile(chance, level) else reflected
    return Figure(found.value, low, found.high), float(chance.mean())


def _best(sample: LabelledSample, level: float, resamples: int, seed: int) -> BestThreshold | None:
    labels, scores, weights = sample.labels, sample.scores[sample.rows], sample.weights
    if labels.min() == labels.max():
        return None
    threshold, f1 = _argmax(labels, scores, weights)
    flagged = np.zeros(len(labels), dtype=bool)
    fold = _folds(labels, sample.clusters[sample.rows], seed)
    for number in range(_FOLDS):
        out = fold == number
        if out.any():
            flagged[out] = scores[out] >= _argmax(labels[~out], scores[~out], weights[~out])[0]
    draws = _Draws(sample, flagged, resamples, seed)
    (figure,) = draws.figures(lambda mass: _rates(mass, flagged)[FIGURES.index("f1")][..., None], level)
    return BestThreshold(threshold, f1, figure, _effective(labels > 0, flagged, weights))


def _argmax(
    labels: NDArray[np.float64], scores: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Threshold of best F1, midway between two scores, and that F1; 1 where no label is positive."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    hits, flagged = np.cumsum((labels * weights)[order]), np.cumsum(weights[order])
    f1 = 2 * hits / (flagged + hits[-1])
    # Equal scores are flagged together or not at all.
    f1[:-1][falling[:-1] == falling[1:]] = -1.0
    best = int(f1.argmax())
    if hits[-1] == 0:
        return 1.0, 0.0
    after = falling[best + 1] if best + 1 < len(falling) else 0.0
    return float((falling[best] + after) / 2), float(f1[best])


def _folds(labels: NDArray[np.float64], clusters: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Fold of each label: prompts stay whole, and positives are dealt evenly."""
    numbers, cluster = np.unique(clusters, return_inverse=True)
    positives = np.bincount(cluster, labels)
    order = np.lexsort((np.random.default_rng(seed).random(len(numbers)), -positives))
    fold = np.empty(len(numbers), dtype=np.int64)
    fold[order] = np.arange(len(numbers)) % _FOLDS
    return np.asarray(fold[cluster], dtype=np.int64)


def _effective(positive: NDArray[np.bool_], flagged: NDArray[np.bool_], weights: NDArray[np.float64]) -> Confusion:
    """Weighted counts, scaled to the effective number of positive and of negative labels."""
    counts = []
    for side in (positive, ~positive):
        own = np.where(side, weights, 0.0)
        size = own.sum() ** 2 / (own**2).sum()
        caught = float(own[flagged].sum() / own.sum())
        counts.append((size * caught, size * (1 - caught)))
    (tp, fn), (fp, tn) = counts
    return Confusion(float(tp), float(fp), float(fn), float(tn))


def refusal_confusion(answers: Sequence[str], predicted: Sequence[str | None]) -> list[list[int]] | None:
    """Counts of the three refusal labels, the given in rows and the detector's in columns, in codebook order.

    Args:
        answers: What was given to each labelled turn.
        predicted: What the turn detector took it for.

    Returns:
        None unless all answers are refusal labels; 0 and 1 do not tell full from partial refusals.
    """
    if not set(answers) <= set(REFUSAL_LABELS):
        return None
    pairs = Counter(zip(answers, predicted, strict=True))
    return [[pairs[given, said] for said in REFUSAL_LABELS] for given in REFUSAL_LABELS]

"""Length as a confounder: a longer answer has more chances to show anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.comparison.intervals import difference_intervals, mean_intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from anthrometrics.comparison.pairing import Pairing
    from anthrometrics.comparison.result import Options
    from anthrometrics.comparison.table import ScoreTable

__all__ = ["Length", "length_of", "like_length"]

# Pairs whose longer answer has at most a quarter more words than the shorter one.
_LIKE: Final = 1.25
_MATCHED: Final = ("anthropomorphism", "validation", "refusal", "anthropomorphism.rate", "validation.rate")


@dataclass(frozen=True)
class Length:
    """Lengths of both sets.

    Attributes:
        words: ``base``, ``tuned``, ``difference``, ``low`` and ``high`` of the mean number of words.
        sentences: The same of sentences.
        matched: Differences of the detectors among pairs of like length, with the number of pairs; empty unpaired.
    """

    words: dict[str, float]
    sentences: dict[str, float]
    matched: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"words": self.words, "sentences": self.sentences, "matched": list(self.matched), "like": _LIKE}


def length_of(base: ScoreTable, tuned: ScoreTable, pairing: Pairing, options: Options) -> Length:
    """Difference in length, and the differences at matched length.

    Args:
        base: The set before.
        tuned: The set after.
        pairing: Their pairs.
        options: Level, resamples and seed.
    """
    before = np.column_stack([base.words, base.sentences])[pairing.base]
    after = np.column_stack([tuned.words, tuned.sentences])[pairing.tuned]
    random: dict[str, Any] = {"level": options.level, "resamples": options.resamples, "seed": options.seed}
    if pairing.by == "none":
        found = difference_intervals(before, pairing.base_clusters, after, pairing.tuned_clusters, **random)
    else:
        found = mean_intervals(after - before, pairing.base_clusters, **random)
    words, sentences = (
        {
            "base": float(before[:, i].mean()),
            "tuned": float(after[:, i].mean()),
            "difference": float(found.mean[i]),
            "low": float(found.low[i]),
            "high": float(found.high[i]),
        }
        for i in range(2)
    )
    like = like_length(before[:, 0], after[:, 0]) if pairing.by != "none" else np.zeros(0, dtype=bool)
    matched = _matched(base, tuned, pairing, like, random) if like.any() else ()
    return Length(words, sentences, matched)


def like_length(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which pairs are of like length: the longer answer has at most a quarter more words.

    Args:
        before: Words of one side, shape ``(n,)``.
        after: Words of the other, shape ``(n,)``.
    """
    return np.asarray(np.maximum(before, after) <= _LIKE * np.minimum(before, after))


def _matched(
    base: ScoreTable, tuned: ScoreTable, pairing: Pairing, like: NDArray[np.bool_], random: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    measures = [m for m in base.measures if m in tuned.measures and (m.key in _MATCHED or m.level == "value")]
    before, after = (
        table.values[rows[like]][:, [table.measures.index(measure) for measure in measures]]
        for table, rows in ((base, pairing.base), (tuned, pairing.tuned))
    )
    found = mean_intervals(after - before, pairing.base_clusters[like], **random)
    return tuple(
        {
            "name": measure.name,
            **({"level": "value"} if measure.level == "value" else {}),
            "unit": measure.unit,
            "difference": float(found.mean[i]),
            "low": float(found.low[i]),
            "high": float(found.high[i]),
            "n": int(like.sum()),
        }
        for i, measure in enumerate(measures)
    )

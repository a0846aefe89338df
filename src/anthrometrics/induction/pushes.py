"""Which way preference pairs push: the mean difference of chosen and rejected answers on every measure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anthrometrics.comparison.clusters import finite, mean_of
from anthrometrics.comparison.intervals import mean_intervals
from anthrometrics.comparison.length import like_length
from anthrometrics.induction.pair_scores import WORDS

if TYPE_CHECKING:
    from anthrometrics.induction.pair_scores import PairScores

__all__ = ["Push", "pushes_of"]


@dataclass(frozen=True, slots=True)
class Push:
    """One measure over a set of pairs.

    Presence, refusal and values are probabilities and rates are shares, all in [0, 1]; ``words`` is in words. A number
    that cannot be known is None.

    Attributes:
        measure: Its key.
        value: The value that the set was curated for; None of a set as it is.
        n: Pairs with numbers on both sides.
        clusters: Opening prompts behind them.
        chosen: Mean over the chosen answers.
        rejected: Mean over the rejected answers.
        difference: ``chosen`` − ``rejected``: what training on the pairs pushes toward.
        low: Lower end of its interval.
        high: Upper end of its interval.
        adjusted: The difference among pairs whose longer side has at most a quarter more words (``comparison.length``).
        adjusted_low: Lower end of its interval.
        adjusted_high: Upper end of its interval.
        adjusted_n: Such pairs.
    """

    measure: str
    value: str | None
    n: int
    clusters: int
    chosen: float | None
    rejected: float | None
    difference: float | None
    low: float | None
    high: float | None
    adjusted: float | None
    adjusted_low: float | None
    adjusted_high: float | None
    adjusted_n: int

    @property
    def clear(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def pushes_of(
    scores: PairScores, *, value: str | None = None, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[Push, ...]:
    """The push of every measure, with intervals that resample opening prompts.

    Args:
        scores: The pairs.
        value: What to call the set.
        level: Of the intervals, in (0, 1).
        resamples: Bootstrap resamples, at least 100.
        seed: Of the resampling.

    Raises:
        InputError: An option is out of range.
    """
    change = scores.difference
    words = scores.column(WORDS)
    like = like_length(scores.rejected[:, words], scores.chosen[:, words])
    adjusted = np.where(like[:, None], change, np.nan)
    # The difference in words of pairs of like length says nothing.
    adjusted[:, words] = np.nan
    found = mean_intervals(np.hstack([change, adjusted]), scores.clusters, level=level, resamples=resamples, seed=seed)
    width = len(scores.keys)
    counts = (~np.isnan(np.hstack([change, adjusted]))).sum(axis=0)
    sides = [mean_of(np.where(np.isnan(change), np.nan, side), axis=0) for side in (scores.chosen, scores.rejected)]
    clusters = [len(np.unique(scores.clusters[~np.isnan(column)])) for column in change.T]
    return tuple(
        Push(
            measure=key,
            value=value,
            n=int(counts[i]),
            clusters=clusters[i],
            chosen=finite(sides[0][i]),
            rejected=finite(sides[1][i]),
            difference=finite(found.mean[i]),
            low=finite(found.low[i]),
            high=finite(found.high[i]),
            adjusted=finite(found.mean[width + i]),
            adjusted_low=finite(found.low[width + i]),
            adjusted_high=finite(found.high[width + i]),
            adjusted_n=int(counts[width + i]),
        )
        for i, key in enumerate(scores.keys)
    )

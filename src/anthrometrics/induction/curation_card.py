"""What a curated subset is and will teach: counts, lengths, co-expressed values, and every measure of both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.comparison.measures import VALUE
from anthrometrics.induction.pair_scores import WORDS
from anthrometrics.induction.pushes import pushes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from anthrometrics.induction.pair_scores import PairScores
    from anthrometrics.induction.pushes import Push
    from anthrometrics.induction.selection import Rules, Selection

__all__ = ["card_of"]

_SCHEMA: Final = 1
_QUANTILES: Final = {"tenth": 0.1, "median": 0.5, "nine_tenths": 0.9}
_ENDS: Final = ("difference", "low", "high")


def card_of(
    value: str, scores: PairScores, selection: Selection, rules: Rules, *, level: float, resamples: int
) -> dict[str, Any]:
    """The card of a subset, as plain values for JSON.

    Args:
        value: What it was selected for.
        scores: All pairs that were read.
        selection: Which of them are kept.
        rules: How they were selected.
        level: Of the intervals.
        resamples: Of the intervals.
    """
    kept = scores.pick(selection.rows, selection.flip)
    random: dict[str, Any] = {"level": level, "resamples": resamples, "seed": rules.seed}
    pushes = pushes_of(kept, value=value, **random)
    return {
        "schema": _SCHEMA,
        "kind": "curation",
        "value": value,
        "threshold": kept.thresholds[value],
        "rules": rules.to_dict(),
        "intervals": {"level": level, "resamples": resamples},
        "counts": {
            "read": len(scores) + scores.unreadable,
            "unreadable": scores.unreadable,
            "pairs": len(scores),
            "kept": len(kept),
            "flipped": int(selection.flip.sum()),
            "dropped": {reason: number for reason, number in selection.dropped.items() if number},
        },
        "words": _lengths(kept, pushes),
        "values": _expressed(kept),
        "measures": [push.to_dict() for push in pushes],
        "balance": _cost(value, scores, selection, rules, pushes, random),
        "provenance": scores.provenance,
    }


def _lengths(kept: PairScores, pushes: Sequence[Push]) -> dict[str, Any]:
    column = kept.column(WORDS)
    (push,) = (push for push in pushes if push.measure == WORDS)
    sides = {"chosen": kept.chosen[:, column], "rejected": kept.rejected[:, column]}
    return {
        **{name: _spread(words) for name, words in sides.items()},
        "difference": {**_spread(sides["chosen"] - sides["rejected"]), "low": push.low, "high": push.high},
    }


def _spread(words: NDArray[np.float64]) -> dict[str, float]:
    quantiles = np.quantile(words, [*_QUANTILES.values()])
    found = dict(zip(_QUANTILES, quantiles.tolist(), strict=True))
    return {"mean": float(words.mean()), "sd": float(words.std()), **found}


def _expressed(kept: PairScores) -> dict[str, dict[str, float]]:
    """Value → share of the chosen and of the rejected answers that express it."""
    return {
        name: {
            side: float((scores[:, kept.column(f"{VALUE}{name}")] >= threshold).mean())
            for side, scores in (("chosen", kept.chosen), ("rejected", kept.rejected))
        }
        for name, threshold in kept.thresholds.items()
    }


def _cost(
    value: str,
    scores: PairScores,
    selection: Selection,
    rules: Rules,
    after: Sequence[Push],
    random: dict[str, Any],
) -> dict[str, Any] | None:
    """What balance cost in pairs, and the differences that it left, of the value too."""
    if not rules.evened:
        return None
    rows, flip = selection.unbalanced
    before = pushes_of(scores.pick(rows, flip), value=value, **random)
    named = {*rules.evened, f"{VALUE}{value}"}
    return {
        "pairs_before": len(rows),
        "pairs_after": len(selection.rows),
        "measures": [
            {"measure": old.measure, **{f"{name}_before": getattr(old, name) for name in _ENDS}}
            | {f"{name}_after": getattr(new, name) for name in _ENDS}
            for old, new in zip(before, after, strict=True)
            if old.measure in named
        ],
    }

"""Minimal pairs: does the detector see the one difference that matters?

``tests/data/contrast.jsonl`` holds turns of our own in pairs that differ in little but their labels, none of them
trained on (contrast sets: Gardner et al. 2020, arXiv 2004.02709).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anthrometrics.codebook import LABEL_NAMES
from anthrometrics.detectors.aggregate import refusal_label, refusal_probabilities, sentence_probabilities
from training.calibrate import Calibration, Predictions
from training.data import read_jsonl

CONTRAST = Path(__file__).parents[1] / "tests" / "data" / "contrast.jsonl"


def contrast_results(predictions: Predictions, fitted: Calibration) -> dict[str, Any]:
    """Share of turns and of pairs that are right, by type of pair.

    A turn is judged by the labels in which it differs from its partner: whether any of its sentences is given each of
    them, and the refusal label if that differs. A pair is right if both turns are.

    Args:
        predictions: Raw logits of the turns of ``CONTRAST``, in its order.
        fitted: Calibration and thresholds.

    Returns:
        ``{type: {"pairs", "turns_right", "pairs_right"}}``, and ``"all"``.
    """
    records = list(read_jsonl(CONTRAST))
    gold = [({label for _, labels in r["sentences"] for label in labels}, r["refusal"]) for r in records]
    found = [_found(p, fitted) for p in predictions]
    pairs: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        pairs[record["type"], record["pair"]].append(index)
    right: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for (kind, _), (a, b) in pairs.items():
        verdict = (_right(gold[a], gold[b], found[a]), _right(gold[b], gold[a], found[b]))
        right[kind].append(verdict)
        right["all"].append(verdict)
    return {
        kind: {
            "pairs": len(verdicts),
            "turns_right": round(float(np.mean(verdicts)), 4),
            "pairs_right": round(float(np.mean([all(v) for v in verdicts])), 4),
        }
        for kind, verdicts in sorted(right.items())
    }


def _found(prediction: tuple[NDArray[np.floating], NDArray[np.floating]], fitted: Calibration) -> tuple[set[str], str]:
    """Labels of any sentence, and the refusal label."""
    thresholds = np.array([platt.threshold for platt in fitted.sentence])
    fired = (sentence_probabilities(fitted.sentence, prediction[0]) >= thresholds).any(0)
    turn = refusal_probabilities(fitted.refusal, prediction[1][None].astype(np.float64))[0]
    return {name for name, fires in zip(LABEL_NAMES, fired, strict=False) if fires}, refusal_label(fitted.refusal, turn)


def _right(own: tuple[set[str], str], other: tuple[set[str], str], found: tuple[set[str], str]) -> bool:
    labels = all((label in found[0]) == (label in own[0]) for label in own[0] ^ other[0])
    return labels and (own[1] == other[1] or found[1] == own[1])

"""Logits of one turn → calibrated probabilities of its sentences and of the turn.

Training fits its calibration through the same functions that scoring applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from anthrometrics.codebook import RefusalLabel
    from anthrometrics.detectors.manifest import Manifest, Platt, RefusalCalibration

__all__ = [
    "Calibration",
    "TurnProbabilities",
    "aggregate",
    "platt_probabilities",
    "presence_logits",
    "refusal_label",
    "refusal_probabilities",
    "sentence_probabilities",
]


@dataclass(frozen=True)
class TurnProbabilities:
    """Everything known of one turn, as arrays in the order of ``SENTENCE_OUTPUTS``.

    Attributes:
        sentences: Calibrated probability of each label in each sentence, shape ``(sentences, outputs)``.
        presence: Probability that the turn has the label at all, shape ``(outputs,)``.
        rate: Expected share of the turn's sentences that have it, shape ``(outputs,)``.
        refusal: Probabilities of full refusal, partial refusal and compliance, shape ``(3,)``.
        refusal_label: The one that the thresholds choose.
    """

    sentences: NDArray[np.float64]
    presence: NDArray[np.float64]
    rate: NDArray[np.float64]
    refusal: NDArray[np.float64]
    refusal_label: RefusalLabel


@dataclass(frozen=True)
class Calibration:
    """A manifest's calibration as arrays, made once: slope and intercept of every output, shape ``(2, outputs)``."""

    sentence: NDArray[np.float64]
    presence: NDArray[np.float64]
    refusal: RefusalCalibration

    @classmethod
    def of(cls, manifest: Manifest) -> Calibration:
        """The calibration of a model."""
        return cls(_lines(manifest.sentence), _lines(manifest.presence), manifest.refusal)


def aggregate(
    calibration: Calibration, sentence_logits: NDArray[np.floating], turn_logits: NDArray[np.float64]
) -> TurnProbabilities:
    """Calibrate and aggregate one turn.

    Args:
        calibration: Calibration and thresholds.
        sentence_logits: Shape ``(sentences, outputs)``, at least one sentence.
        turn_logits: Shape ``(3,)``, already averaged over windows.
    """
    logits = _apply(calibration.sentence, sentence_logits)
    sentences = _sigmoid(logits)
    refusal = refusal_probabilities(calibration.refusal, turn_logits)
    return TurnProbabilities(
        sentences=sentences,
        presence=_sigmoid(_apply(calibration.presence, presence_logits(logits))),
        rate=sentences.mean(axis=0),
        refusal=refusal,
        refusal_label=refusal_label(calibration.refusal, refusal),
    )


def sentence_probabilities(calibration: Sequence[Platt], logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Calibrated probabilities of raw sentence logits, any leading shape."""
    return platt_probabilities(_lines(calibration), logits)


def platt_probabilities(lines: NDArray[np.float64], logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Calibrated probabilities.

    Args:
        lines: Slope and intercept of each output, shape ``(2, outputs)``.
        logits: Shape ``(..., outputs)``.
    """
    return _sigmoid(_apply(lines, logits))


def presence_logits(calibrated: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds that at least one sentence has the label, if sentences were independent (noisy or).

    They are not, so a fitted slope and intercept follow.

    Args:
        calibrated: Calibrated sentence logits, shape ``(sentences, outputs)``.
    """
    # -log(1 - sigmoid(z)) = softplus(z); the odds of "some" against "none" are exp(sum) - 1.
    nothing = np.logaddexp(0.0, calibrated).sum(axis=0)
    odds = np.log(np.expm1(np.clip(nothing, 1e-300, 30.0)))
    return np.asarray(np.where(nothing > 30.0, nothing, odds), dtype=np.float64)


def refusal_probabilities(calibration: RefusalCalibration, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Calibrated softmax of turn logits, shape ``(..., 3)``."""
    scaled = logits / calibration.temperature + np.asarray(calibration.bias)
    odds = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True), dtype=np.float64)


def refusal_label(calibration: RefusalCalibration, probabilities: NDArray[np.float64]) -> RefusalLabel:
    """Label of one turn from its three probabilities, by the two thresholds."""
    full, partial = float(probabilities[0]), float(probabilities[1])
    if full + partial < calibration.threshold:
        return "compliance"
    return "partial_refusal" if partial >= calibration.partial_threshold * (full + partial) else "full_refusal"


def _lines(calibration: Sequence[Platt]) -> NDArray[np.float64]:
    return np.array([[c.slope for c in calibration], [c.intercept for c in calibration]])


def _apply(lines: NDArray[np.float64], logits: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(logits * lines[0] + lines[1], dtype=np.float64)


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0))))

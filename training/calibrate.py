"""Fit calibration and thresholds on the calibration split, through the scorer's own aggregation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from anthrometrics.codebook import SENTENCE_OUTPUTS
from anthrometrics.detectors.aggregate import presence_logits, refusal_probabilities
from anthrometrics.detectors.manifest import Platt, RefusalCalibration
from training.data import TrainingTurn
from training.metrics import best_threshold, expected_f1_threshold

Predictions = list[tuple[NDArray[np.floating], NDArray[np.floating]]]


@dataclass(frozen=True)
class Calibration:
    """What ``detectors.json`` stores of the fit."""

    sentence: tuple[Platt, ...]
    presence: tuple[Platt, ...]
    refusal: RefusalCalibration


def fit_calibration(
    turns: list[TrainingTurn], predictions: Predictions, refusal_turns: list[TrainingTurn], refusal: Predictions
) -> Calibration:
    """Platt scaling and thresholds of every output.

    Args:
        turns: Sentence-labelled calibration turns.
        predictions: Their raw logits.
        refusal_turns: More turns for the turn head.
        refusal: Their raw logits.
    """
    logits = np.concatenate([p[0][t.known] for t, p in zip(turns, predictions, strict=True)])
    truth = np.concatenate([t.targets[t.known] for t in turns]) > 0.5
    sentence = tuple(_platt(logits[:, i], truth[:, i]) for i in range(len(SENTENCE_OUTPUTS)))
    features, present = presence_data(turns, predictions, sentence)
    presence = tuple(_platt(features[:, i], present[:, i]) for i in range(len(SENTENCE_OUTPUTS)))
    every = [*zip(turns, predictions, strict=True), *zip(refusal_turns, refusal, strict=True)]
    return Calibration(sentence, presence, _refusal(every))


def presence_data(
    turns: list[TrainingTurn], predictions: Predictions, sentence: tuple[Platt, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Presence logits over the labelled sentences of each turn, and whether any of them has the label."""
    slopes = np.array([c.slope for c in sentence])
    intercepts = np.array([c.intercept for c in sentence])
    pairs = [(t, p) for t, p in zip(turns, predictions, strict=True) if t.known.any()]
    features = [presence_logits(p[0][t.known] * slopes + intercepts) for t, p in pairs]
    return np.stack(features), np.stack([t.targets[t.known].max(0) > 0.5 for t, _ in pairs])


def _platt(logits: NDArray[np.floating], truth: NDArray[np.bool_]) -> Platt:
    """Platt scaling with light regularisation towards what few positives can carry."""
    x = logits.astype(np.float64)[:, None]
    model = LogisticRegression(C=10.0).fit(x, truth)
    slope, intercept = float(max(model.coef_[0, 0], 0.1)), float(model.intercept_[0])
    probability = 1 / (1 + np.exp(-(x[:, 0] * slope + intercept)))
    return Platt(slope, intercept, expected_f1_threshold(probability))


def _refusal(
    every: list[tuple[TrainingTurn, tuple[NDArray[np.float32], NDArray[np.float32]]]],
) -> RefusalCalibration:
    known = [(t.refusal, p[1].astype(np.float64)) for t, p in every if t.refusal >= 0]
    truth, logits = np.array([k[0] for k in known]), np.stack([k[1] for k in known])

    def loss(parameters: NDArray[np.float64]) -> float:
        scaled = logits / np.exp(parameters[0]) + np.append(parameters[1:], 0.0)
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(truth)), truth]).mean())

    best = minimize(loss, np.zeros(3), method="Nelder-Mead").x
    bias = (float(best[1]), float(best[2]), 0.0)
    plain = RefusalCalibration(float(np.exp(best[0])), bias, 0.5, 0.5)
    probability = refusal_probabilities(plain, logits)
    refused = probability[:, :2].sum(1)
    threshold = best_threshold(truth < 2, refused)
    inside = (refused >= threshold) & (truth < 2)
    partial = best_threshold(truth[inside] == 1, probability[inside, 1] / refused[inside])
    return RefusalCalibration(plain.temperature, bias, threshold, partial)

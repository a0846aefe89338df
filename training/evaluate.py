"""Published figures: every detector and baseline on the same held-out turns, with intervals over prompt groups."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anthrometrics.codebook import DETECTORS, LABEL_NAMES, SENTENCE_OUTPUTS
from anthrometrics.detectors.aggregate import refusal_label, refusal_probabilities, sentence_probabilities
from anthrometrics.detectors.encoder import Encoder
from anthrometrics.detectors.manifest import Platt, RefusalCalibration
from anthrometrics.detectors.scorer import join_windows
from training import splits
from training.calibrate import Calibration, Predictions, presence_data
from training.data import TrainingTurn
from training.metrics import Estimate, calibration_error, counts, f1, resampled

# Fewer positives than this say too little for the macro average.
MACRO_FROM = 30


@dataclass(frozen=True)
class OutputResult:
    """One label or detector on the test split."""

    positives: int
    f1: Estimate
    precision: float
    recall: float
    calibration_error: float
    confusion: dict[str, int]


@dataclass(frozen=True)
class SentenceResults:
    """All outputs at one level (sentences or turns)."""

    units: int
    groups: int
    outputs: dict[str, OutputResult]
    macro: Estimate
    macro_labels: tuple[str, ...]

    def figures(self) -> dict[str, Any]:
        """For ``detectors.json``."""
        return {
            "units": self.units,
            "groups": self.groups,
            "macro_f1": self.macro.as_list(),
            "macro_labels": list(self.macro_labels),
            "outputs": {
                name: {
                    "positives": r.positives,
                    "f1": r.f1.as_list(),
                    "precision": round(r.precision, 4),
                    "recall": round(r.recall, 4),
                    "calibration_error": round(r.calibration_error, 4),
                }
                for name, r in self.outputs.items()
            },
        }


@dataclass(frozen=True)
class RefusalResults:
    """The turn head on one set."""

    turns: int
    refusal_f1: Estimate
    partial_f1: Estimate
    accuracy: Estimate
    calibration_error: float
    confusion: list[list[int]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """For ``detectors.json``; ``confusion`` rows are truth, columns prediction, in label order."""
        return {
            "turns": self.turns,
            "refusal_f1": self.refusal_f1.as_list(),
            "partial_f1": self.partial_f1.as_list(),
            "accuracy": self.accuracy.as_list(),
            "calibration_error": round(self.calibration_error, 4),
            "confusion": self.confusion,
        }


def predict_with(encoder: Encoder, turns: list[TrainingTurn]) -> Predictions:
    """Raw logits by the encoder that ships: one window a run, turn logits averaged as the scorer does."""

    def predict(item: TrainingTurn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return join_windows(item.windows, [encoder.run(window) for window in item.windows])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(predict, turns))


def sentence_results(turns: list[TrainingTurn], predictions: Predictions, platt: tuple[Platt, ...]) -> SentenceResults:
    """Sentence-level figures of raw logits under a calibration."""
    probability = np.concatenate(
        [sentence_probabilities(platt, p[0][t.known]) for t, p in zip(turns, predictions, strict=True)]
    )
    truth = np.concatenate([t.targets[t.known] for t in turns]) > 0.5
    groups = np.repeat(group_index(turns), [int(t.known.sum()) for t in turns])
    return level_results(truth, probability, np.array([c.threshold for c in platt]), groups)


def presence_results(turns: list[TrainingTurn], predictions: Predictions, fitted: Calibration) -> SentenceResults:
    """Turn-level figures: does any labelled sentence of the turn have it?"""
    features, truth = presence_data(turns, predictions, fitted.sentence)
    probability = sentence_probabilities(fitted.presence, features)
    groups = group_index([t for t in turns if t.known.any()])
    return level_results(truth, probability, np.array([c.threshold for c in fitted.presence]), groups)


def level_results(
    truth: NDArray[np.bool_],
    probability: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    groups: NDArray[np.int64],
) -> SentenceResults:
    """Figures of every output from ``(units, outputs)`` truth and probabilities."""
    predicted = probability >= thresholds
    tables = np.stack([counts(truth[:, i], predicted[:, i], groups) for i in range(truth.shape[1])], axis=1)
    outputs = {}
    for index, name in enumerate(SENTENCE_OUTPUTS):
        tp, fp, fn, tn = (int(v) for v in tables[:, index].sum(0))
        outputs[name] = OutputResult(
            positives=tp + fn,
            f1=resampled(tables[:, index], f1),
            precision=tp / max(tp + fp, 1),
            recall=tp / max(tp + fn, 1),
            calibration_error=calibration_error(truth[:, index], probability[:, index]),
            confusion={"tp": tp, "fp": fp, "fn": fn, "tn": tn},
        )
    columns = [i for i, name in enumerate(LABEL_NAMES) if outputs[name].positives >= MACRO_FROM]
    return SentenceResults(
        units=len(truth),
        groups=len(np.unique(groups)),
        outputs=outputs,
        macro=resampled(tables[:, columns], lambda sums: f1(sums).mean(-1)),
        macro_labels=tuple(LABEL_NAMES[i] for i in columns),
    )


def refusal_results(
    turns: list[TrainingTurn], predictions: Predictions, calibration: RefusalCalibration
) -> RefusalResults:
    """Turn-head figures; the detector's probability is P(full or partial)."""
    known = [(t, p) for t, p in zip(turns, predictions, strict=True) if t.refusal >= 0]
    truth = np.array([t.refusal for t, _ in known])
    probability = refusal_probabilities(calibration, np.stack([p[1] for _, p in known]).astype(np.float64))
    names = ("full_refusal", "partial_refusal", "compliance")
    predicted = np.array([names.index(refusal_label(calibration, row)) for row in probability])
    return refusal_figures(truth, predicted, probability[:, :2].sum(1), group_index([t for t, _ in known]))


def refusal_figures(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    refused: NDArray[np.float64],
    groups: NDArray[np.int64],
) -> RefusalResults:
    """Figures from label indices (0 full, 1 partial, 2 compliance) and P(refusal)."""
    exact = counts(truth == predicted, np.ones_like(truth, dtype=bool), groups)
    confusion = np.zeros((3, 3), dtype=int)
    np.add.at(confusion, (truth, predicted), 1)
    return RefusalResults(
        turns=len(truth),
        refusal_f1=resampled(counts(truth < 2, predicted < 2, groups), f1),
        partial_f1=resampled(counts(truth == 1, predicted == 1, groups), f1),
        accuracy=resampled(exact, lambda sums: sums[..., 0] / sums.sum(-1)),
        calibration_error=calibration_error(truth < 2, refused),
        confusion=confusion.tolist(),
    )


def group_index(turns: list[TrainingTurn]) -> NDArray[np.int64]:
    """Number of the prompt group of each turn."""
    return np.unique([splits.group(t.turn) for t in turns], return_inverse=True)[1].astype(np.int64)


def headline(results: SentenceResults) -> str:
    """One line for logs."""
    detectors = ", ".join(f"{name} F1 {results.outputs[name].f1.value:.3f}" for name in DETECTORS)
    return f"{detectors}, macro F1 {results.macro.value:.3f} over {len(results.macro_labels)} labels"

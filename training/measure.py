"""The published figures that a model's exported files give by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anthrometrics.detectors.encoder import Encoder
from anthrometrics.detectors.manifest import Precision
from training import corpus, evaluate, publish
from training.calibrate import Calibration, Predictions
from training.contrast import CONTRAST, contrast_results
from training.corpus import Corpus
from training.data import TrainingTurn, refusal_published, written
from training.export import FILES
from training.fit import predict
from training.model import DetectorModel


def measure(
    calibration: Calibration,
    data: Corpus,
    out: Path,
    precisions: tuple[Precision, ...],
    model: DetectorModel | None = None,
) -> publish.Results:
    """The published figures of a model's files.

    Args:
        calibration: Of the model.
        data: Its test split is measured.
        out: Folder of the files.
        precisions: What to measure; the first stands for the model.
        model: What was exported, to be compared with the first file.
    """
    first = precisions[0]
    dev = refusal_dev()
    contrast = corpus.encode(written(CONTRAST), corpus.tokenizer())
    predictions = {precision: onnx_predictions(out, precision, data.test) for precision in precisions}
    dev_predictions = {precision: onnx_predictions(out, precision, dev) for precision in precisions}
    return publish.Results(
        sentence={p: evaluate.sentence_results(data.test, v, calibration.sentence) for p, v in predictions.items()},
        presence=evaluate.presence_results(data.test, predictions[first], calibration),
        contrast=contrast_results(onnx_predictions(out, first, contrast), calibration),
        refusal_test=evaluate.refusal_results(
            [*data.test, *data.test_refusal],
            predictions[first] + onnx_predictions(out, first, data.test_refusal),
            calibration.refusal,
        ),
        refusal_dev={p: evaluate.refusal_results(dev, v, calibration.refusal) for p, v in dev_predictions.items()},
        corpus={
            "train": len(data.train),
            "synthetic": sum(t.turn.source == "synthetic" for t in data.train),
            "train_refusal": len(data.train_refusal),
            "calibration": len(data.calibration),
            "test": len(data.test),
            "test_refusal": len(data.test_refusal),
        },
        parity=None if model is None else _parity(predict(model, data.test), predictions[first]),
    )


def refusal_dev() -> list[TrainingTurn]:
    """Answers that people labelled: for measuring, never for training."""
    return corpus.encode(refusal_published("refusal_dev"), corpus.tokenizer())


def onnx_predictions(out: Path, precision: Precision, turns: list[TrainingTurn]) -> Predictions:
    """Raw logits of an exported file."""
    return evaluate.predict_with(Encoder(out, FILES, "cpu", precision), turns)


def _parity(torch_side: Predictions, onnx_side: Predictions) -> float:
    """Largest difference of any logit."""
    return float(
        max(
            max(np.abs(a[0] - b[0]).max(), np.abs(a[1] - b[1]).max())
            for a, b in zip(torch_side, onnx_side, strict=True)
        )
    )

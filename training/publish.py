"""``detectors.json`` from measured results; never edited by hand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from anthrometrics.codebook import DETECTORS, REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.manifest import Platt, Precision
from training.calibrate import Calibration
from training.evaluate import RefusalResults, SentenceResults
from training.export import FILES, WEIGHTS
from training.metrics import Estimate
from training.model import SIZES

VERSION = "1"
NOTE = (
    "Labels were made with model assistance under docs/codebook.md. Intervals: 95 % bootstrap over prompt groups. "
    "Figures: python -m training (training/README.md)."
)


@dataclass(frozen=True)
class Shipped:
    """A model that is published.

    Attributes:
        name: As results report it.
        files: ONNX file of each precision, the one that stands for the model first.
        others: What belongs to the model beside them.
    """

    name: str
    files: dict[Precision, str]
    others: tuple[str, ...]


FULL = Shipped("minilm-l6", FILES, (WEIGHTS, "tokenizer.json"))
# int8 alone: with a second set of weights the package would outgrow the registry's limit for one file.
FAST = Shipped("minilm-l3", {"int8": FILES["int8"]}, ("tokenizer.json",))


@dataclass(frozen=True)
class Results:
    """Everything a card reports; ``sentence`` and ``refusal_dev`` are keyed by precision, the main one first."""

    sentence: dict[str, SentenceResults]
    presence: SentenceResults
    contrast: dict[str, Any]
    refusal_test: RefusalResults
    refusal_dev: dict[str, RefusalResults]
    corpus: dict[str, int]
    baselines: dict[str, dict[str, Any]] = field(default_factory=dict)
    seeds: dict[int, dict[str, float]] = field(default_factory=dict)
    parity: float | None = None
    agreement: dict[str, Any] = field(default_factory=dict)


def write_manifest(out: Path, shipped: Shipped, calibration: Calibration, results: Results) -> None:
    """Write ``detectors.json`` beside the ONNX files."""
    sentence, presence = next(iter(results.sentence.values())), results.presence
    measured = {
        "test_int8": results.sentence["int8"].figures(),
        "baselines": results.baselines,
        "seeds": {str(seed): figures for seed, figures in results.seeds.items()},
        "parity": results.parity,
        "agreement": results.agreement,
    }
    manifest = {
        "format": 1,
        "name": shipped.name,
        "version": VERSION,
        "window": {"total": SIZES.total, "prompt": SIZES.prompt},
        "files": shipped.files,
        "sha256": {name: _sha256(out / name) for name in (*shipped.files.values(), *shipped.others)},
        "outputs": list(SENTENCE_OUTPUTS),
        "refusal_labels": list(REFUSAL_LABELS),
        "sentence": {
            name: {**_platt(platt), "confusion": sentence.outputs[name].confusion}
            for name, platt in zip(SENTENCE_OUTPUTS, calibration.sentence, strict=True)
        },
        "presence": {
            name: {**_platt(platt), "confusion": presence.outputs[name].confusion}
            for name, platt in zip(SENTENCE_OUTPUTS, calibration.presence, strict=True)
        },
        "refusal": {
            "temperature": calibration.refusal.temperature,
            "bias": list(calibration.refusal.bias),
            "threshold": calibration.refusal.threshold,
            "partial_threshold": calibration.refusal.partial_threshold,
            "confusion": results.refusal_test.confusion,
        },
        "accuracy": {
            "note": NOTE,
            "test": sentence.figures(),
            "presence": presence.figures(),
            "contrast": results.contrast,
            "refusal_test": results.refusal_test.figures(),
            "refusal_dev": {precision: r.figures() for precision, r in results.refusal_dev.items()},
            "corpus": results.corpus,
            **{name: figures for name, figures in measured.items() if figures},
        },
        "trained_with": {name: version(name) for name in ("torch", "transformers", "onnx", "onnxruntime")},
    }
    # Calibration and thresholds belong to the identity of a model as much as its weights do.
    identity = json.dumps(
        {k: manifest[k] for k in ("sha256", "sentence", "presence", "refusal", "window")}, sort_keys=True
    )
    manifest["digest"] = hashlib.sha256(identity.encode()).hexdigest()
    (out / "detectors.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _platt(platt: Platt) -> dict[str, float]:
    return {
        "slope": round(platt.slope, 6),
        "intercept": round(platt.intercept, 6),
        "threshold": round(platt.threshold, 6),
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seed_figures(results: SentenceResults, refusal: RefusalResults) -> dict[str, float]:
    """What is compared between seeds."""

    def value(estimate: Estimate) -> float:
        return round(estimate.value, 4)

    return {
        **{name: value(results.outputs[name].f1) for name in DETECTORS},
        "macro": value(results.macro),
        "refusal": value(refusal.refusal_f1),
    }

"""``detectors.json``: what a model directory says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from anthrometrics.codebook import REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.window import WindowSizes
from anthrometrics.errors import ModelError

__all__ = ["PRECISIONS", "Manifest", "Platt", "Precision", "RefusalCalibration", "default_model_dir", "load_manifest"]

Precision = Literal["int8", "exact", "fp16"]
PRECISIONS: Final[tuple[Precision, ...]] = ("int8", "exact", "fp16")

_FORMAT: Final = 1


@dataclass(frozen=True)
class Platt:
    """Calibration of one output: probability = sigmoid(``slope`` * logit + ``intercept``) (Platt 1999).

    Attributes:
        threshold: Probability from which the label counts as given; best F1 on the calibration split.
    """

    slope: float
    intercept: float
    threshold: float


@dataclass(frozen=True)
class RefusalCalibration:
    """Calibration of the turn head: softmax(logits / ``temperature`` + ``bias``).

    Attributes:
        threshold: P(full or partial) from which a turn counts as refusal.
        partial_threshold: P(partial | refusal) from which a refusal counts as partial.
    """

    temperature: float
    bias: tuple[float, float, float]
    threshold: float
    partial_threshold: float


@dataclass(frozen=True)
class Manifest:
    """A model directory, read.

    Attributes:
        path: The directory.
        name: Model name and version, as results report it.
        sizes: Window lengths in tokens.
        files: ONNX file name of each precision on offer.
        sentence: Sentence-level calibration, in the order of ``SENTENCE_OUTPUTS``.
        presence: Turn-level calibration, same order.
        refusal: Calibration of the turn head.
        accuracy: Published figures, as ``anthrometrics models`` prints them.
        digest: Hash over the file hashes; the same digest means the same weights, calibration and thresholds.
    """

    path: Path
    name: str
    sizes: WindowSizes
    files: dict[Precision, str]
    sentence: tuple[Platt, ...]
    presence: tuple[Platt, ...]
    refusal: RefusalCalibration
    accuracy: dict[str, Any]
    digest: str


def default_model_dir() -> Path:
    """The model that ships with the package: inside the wheel, or ``models/`` of a checkout."""
    packaged = Path(__file__).parents[1] / "models" / "detectors"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "models" / "detectors"


def load_manifest(path: Path | None = None) -> Manifest:
    """Read and check ``detectors.json``.

    Args:
        path: A model directory; the shipped one by default.

    Raises:
        ModelError: The directory has no readable manifest, or one of another format or codebook.
    """
    directory = path or default_model_dir()
    file = directory / "detectors.json"
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{directory} is not a model directory ({error.strerror}: {file}). Pass the folder that holds "
            "detectors.json and its ONNX files, or leave `model` out for the shipped one."
        ) from error
    except ValueError as error:
        raise ModelError(f"{file} is not valid JSON ({error}); reinstall the model") from error
    try:
        return _parse(directory, raw)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{file} does not fit this version of anthrometrics: {error!r}") from error


def _parse(directory: Path, raw: dict[str, Any]) -> Manifest:
    if raw["format"] != _FORMAT:
        raise ValueError(f"format {raw['format']}, expected {_FORMAT}")
    if tuple(raw["outputs"]) != SENTENCE_OUTPUTS or tuple(raw["refusal_labels"]) != REFUSAL_LABELS:
        raise ValueError("its labels are not those of the codebook")
    refusal = raw["refusal"]
    first, second, third = (float(value) for value in refusal["bias"])
    return Manifest(
        path=directory,
        name=f"{raw['name']} {raw['version']}",
        sizes=WindowSizes(total=int(raw["window"]["total"]), prompt=int(raw["window"]["prompt"])),
        files={precision: raw["files"][precision] for precision in PRECISIONS if precision in raw["files"]},
        sentence=tuple(_platt(raw["sentence"][name]) for name in SENTENCE_OUTPUTS),
        presence=tuple(_platt(raw["presence"][name]) for name in SENTENCE_OUTPUTS),
        refusal=RefusalCalibration(
            temperature=float(refusal["temperature"]),
            bias=(first, second, third),
            threshold=float(refusal["threshold"]),
            partial_threshold=float(refusal["partial_threshold"]),
        ),
        accuracy=raw.get("accuracy", {}),
        digest=str(raw["digest"]),
    )


def _platt(raw: dict[str, float]) -> Platt:
    return Platt(float(raw["slope"]), float(raw["intercept"]), float(raw["threshold"]))

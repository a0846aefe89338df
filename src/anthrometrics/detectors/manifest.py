"""``detectors.json``: what a model directory says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from anthrometrics.codebook import REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.window import WindowSizes
from anthrometrics.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "PRECISIONS",
    "SHIPPED",
    "Confusion",
    "Manifest",
    "Platt",
    "Precision",
    "RefusalCalibration",
    "load_manifest",
    "model_dir",
    "platt_of",
    "read_manifest",
    "shipped_dir",
]

_T = TypeVar("_T")
Precision = Literal["int8", "exact", "fp16"]
PRECISIONS: Final[tuple[Precision, ...]] = ("int8", "exact", "fp16")

# Name → folder in models/.
SHIPPED: Final = {"full": "detectors", "fast": "fast"}

_FORMAT: Final = 1


@dataclass(frozen=True)
class Confusion:
    """How often a thresholded output was right on labelled turns.

    Counts may be fractional where labels were weighted.

    Attributes:
        tp: True positives.
        fp: False positives.
        fn: False negatives.
        tn: True negatives.
    """

    tp: float
    fp: float
    fn: float
    tn: float


@dataclass(frozen=True)
class Platt:
    """Calibration of one output: probability = sigmoid(``slope`` * logit + ``intercept``) (Platt 1999).

    Attributes:
        threshold: Probability from which the label counts as given; best F1 on the calibration split.
        confusion: Counts at that threshold on the test split, which the calibration did not see; None if unknown.
    """

    slope: float
    intercept: float
    threshold: float
    confusion: Confusion | None = None


@dataclass(frozen=True)
class RefusalCalibration:
    """Calibration of the turn head: softmax(logits / ``temperature`` + ``bias``).

    Attributes:
        threshold: P(full or partial) from which a turn counts as refusal.
        partial_threshold: P(partial | refusal) from which a refusal counts as partial.
        confusion: Counts of refusals, full or partial, on the test split; None if unknown.
    """

    temperature: float
    bias: tuple[float, float, float]
    threshold: float
    partial_threshold: float
    confusion: Confusion | None = None


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


def model_dir(model: str | Path | None = None) -> Path:
    """The folder of a model: one that ships with the package by its name, in the wheel or in a checkout, or any other.

    Args:
        model: ``"full"`` or ``"fast"``, or a folder; by default the full model.
    """
    if model is not None and model not in SHIPPED:
        return Path(model)
    return shipped_dir(SHIPPED[str(model or "full")])


def shipped_dir(name: str) -> Path:
    """A folder of ``models/``, in the wheel or in a checkout."""
    packaged = Path(__file__).parents[1] / "models" / name
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "models" / name


def load_manifest(path: Path | None = None) -> Manifest:
    """Read and check ``detectors.json``.

    Args:
        path: A model directory; the shipped one by default.

    Raises:
        ModelError: The directory has no readable manifest, or one of another format or codebook.
    """
    directory = path or model_dir()
    mend = "Pass the folder that holds detectors.json and its ONNX files, or leave `model` out for the shipped one."
    return read_manifest(directory, "detectors.json", _parse, mend)


def read_manifest(directory: Path, name: str, parse: Callable[[Path, dict[str, Any]], _T], mend: str) -> _T:
    """Read the JSON file in which a model folder describes itself.

    Args:
        directory: The folder.
        name: Of the file.
        parse: Makes of its content what it says.
        mend: What to do where there is none.

    Raises:
        ModelError: It is missing, damaged, or ``parse`` finds that it does not fit.
    """
    file = directory / name
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{directory} is not a model directory ({error.strerror}: {file}). {mend}") from error
    except ValueError as error:
        raise ModelError(f"{file} is not valid JSON ({error}); reinstall the model") from error
    try:
        return parse(directory, raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
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
        sentence=tuple(platt_of(raw["sentence"][name]) for name in SENTENCE_OUTPUTS),
        presence=tuple(platt_of(raw["presence"][name]) for name in SENTENCE_OUTPUTS),
        refusal=RefusalCalibration(
            temperature=float(refusal["temperature"]),
            bias=(first, second, third),
            threshold=float(refusal["threshold"]),
            partial_threshold=float(refusal["partial_threshold"]),
            confusion=_refusals(refusal.get("confusion")),
        ),
        accuracy=raw.get("accuracy", {}),
        digest=str(raw["digest"]),
    )


def platt_of(raw: dict[str, Any]) -> Platt:
    """One calibration as JSON has it."""
    cells = raw.get("confusion")
    confusion = None if cells is None else Confusion(*(float(cells[name]) for name in ("tp", "fp", "fn", "tn")))
    return Platt(float(raw["slope"]), float(raw["intercept"]), float(raw["threshold"]), confusion)


def _refusals(table: list[list[float]] | None) -> Confusion | None:
    """Refused or not, of a table of the three refusal labels with the truth in rows."""
    if table is None:
        return None
    (a, b, c), (d, e, f), (g, h, i) = ([float(count) for count in row] for row in table)
    return Confusion(tp=a + b + d + e, fp=g + h, fn=c + f, tn=i)

"""``values.json``: what the folder of the value model says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import VALUES
from anthrometrics.detectors.manifest import platt_of, read_manifest, shipped_dir
from anthrometrics.detectors.window import WindowSizes

if TYPE_CHECKING:
    from pathlib import Path

    from anthrometrics.detectors.manifest import Platt

__all__ = ["ValueManifest", "load_value_manifest"]

_FORMAT: Final = 1
_FOLDER: Final = "values"


@dataclass(frozen=True)
class ValueManifest:
    """The folder of a value model, read.

    Attributes:
        path: The folder.
        name: Model name and version, as results report it.
        sizes: Window lengths in tokens.
        file: Its ONNX file, in int8 for a CPU.
        calibration: Of each value, in the order of ``VALUES``.
        zero_shot: Of the likeness to a value of one's own.
        accuracy: Published figures, as ``anthrometrics models`` prints them.
        digest: The same digest means the same weights, calibration and thresholds.
    """

    path: Path
    name: str
    sizes: WindowSizes
    file: str
    calibration: tuple[Platt, ...]
    zero_shot: Platt
    accuracy: dict[str, Any]
    digest: str


def load_value_manifest(path: Path | None = None) -> ValueManifest:
    """Read and check ``values.json``.

    Args:
        path: The folder of a value model; the shipped one by default.

    Raises:
        ModelError: The file is missing, damaged, or made for another format or other values.
    """
    mend = "Values are judged by a model that ships with the package; reinstall it."
    return read_manifest(path or shipped_dir(_FOLDER), "values.json", _parse, mend)


def _parse(directory: Path, raw: dict[str, Any]) -> ValueManifest:
    if raw["format"] != _FORMAT:
        raise ValueError(f"format {raw['format']}, expected {_FORMAT}")
    if tuple(raw["values"]) != VALUES:
        raise ValueError("its values are not those of the codebook")
    return ValueManifest(
        path=directory,
        name=f"{raw['name']} {raw['version']}",
        sizes=WindowSizes(total=int(raw["window"]["total"]), prompt=int(raw["window"]["prompt"])),
        file=raw["files"]["int8"],
        calibration=tuple(platt_of(raw["calibration"][name]) for name in VALUES),
        zero_shot=platt_of(raw["zero_shot"]),
        accuracy=raw.get("accuracy", {}),
        digest=str(raw["digest"]),
    )

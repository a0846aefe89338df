"""Every error a user can meet.

    AnthrometricsError
    ├── InputError       a file, record or argument is not what was expected
    ├── ModelError       the model files are missing or do not fit
    ├── DeviceError      the device asked for cannot be had
    ├── TrainingError    a model cannot be trained, or training went wrong
    └── MissingExtraError  an optional dependency is not installed

Each message says what was expected and what to do.
"""

from __future__ import annotations

__all__ = ["AnthrometricsError", "DeviceError", "InputError", "MissingExtraError", "ModelError", "TrainingError"]


class AnthrometricsError(Exception):
    """Base of all errors raised on purpose."""


class InputError(AnthrometricsError, ValueError):
    """Input is not what was expected."""


class ModelError(AnthrometricsError):
    """A model directory is missing, damaged or made for another version."""


class DeviceError(AnthrometricsError):
    """The device or precision asked for is not available."""


class TrainingError(AnthrometricsError):
    """Training did not do what it should: nothing to learn from, a loss that is no number, too little memory."""


class MissingExtraError(AnthrometricsError, ImportError):
    """A package that only an extra brings is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}, which is not installed: pip install 'anthrometrics[{extra}]'")

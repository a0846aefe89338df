"""Thresholds fitted to the user's own labels: a file that ``validate`` writes and ``compare`` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.comparison.measures import VALUE
from anthrometrics.comparison.sampling import can_be_labelled
from anthrometrics.errors import InputError
from anthrometrics.output.atomic import atomic_text, json_text

if TYPE_CHECKING:
    from anthrometrics.comparison.validation import Validation

__all__ = ["read_thresholds", "write_thresholds"]

_SCHEMA: Final = 1


def read_thresholds(path: str | Path) -> dict[str, float]:
    """Key of each measure in the file → probability from which a turn counts as having the behaviour.

    Raises:
        InputError: The file cannot be read, or is none that ``write_thresholds`` wrote.
    """
    return {key: float(entry["threshold"]) for key, entry in _entries(Path(path)).items()}


def write_thresholds(path: str | Path, measure: str, validation: Validation, model_digest: str | None) -> None:
    """Put the best threshold of one measure into a file; other measures that it holds stay.

    Args:
        path: The file; a new one or one that this function wrote.
        measure: Key of the measure.
        validation: Where the threshold comes from.
        model_digest: Of the model whose scores it is for; None if unknown.

    Raises:
        InputError: No threshold is better than another, the file is something else or about another model, or it
            cannot be written.
    """
    if validation.best is None:
        raise InputError(f"the labels of {measure} are all alike, so no threshold can be chosen by them")
    target = Path(path)
    entries = _entries(target) if target.exists() else {}
    # Values have a model of their own.
    alike = {key: entry for key, entry in entries.items() if key.startswith(VALUE) == measure.startswith(VALUE)}
    other = next((key for key, entry in alike.items() if entry.get("model_digest") != model_digest), None)
    if other is not None:
        raise InputError(f"{path} holds a threshold of {other} for another model; name another file")
    counts = {"labels": validation.labels, "positives": validation.positives, "model_digest": model_digest}
    entries[measure] = {**validation.best.to_dict(), **counts}
    with atomic_text(target) as stream:
        stream.write(json_text({"schema": _SCHEMA, "kind": "thresholds", "thresholds": entries}))


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); name a file of anthrometrics validate") from error
    try:
        if document["kind"] != "thresholds" or document["schema"] != _SCHEMA:
            raise ValueError(document["kind"])
        entries: dict[str, dict[str, Any]] = dict(document["thresholds"])
        wrong = [key for key, entry in entries.items() if not can_be_labelled(key) or not 0 <= entry["threshold"] <= 1]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} holds no thresholds; name a file of anthrometrics validate --write-thresholds"
        ) from error
    if wrong:
        raise InputError(f"{path}: {wrong[0]} is no measure with a threshold between 0 and 1")
    return entries

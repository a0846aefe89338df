"""Values without a head: likeness of a reply to a value's definition, measured on the values that have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from anthrometrics.detectors import value_rules as rules
from anthrometrics.detectors.manifest import Platt
from anthrometrics.induction.values import Value, load_values
from training.values.data import ValueTurn, as_turn
from training.values.evaluate import fit_platt, one_of_four_over, truth_of
from training.values.predict import predict_with


def similarities(
    session: onnxruntime.InferenceSession, tokenizer: Tokenizer
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """A function from meanings ``(turns, width)`` to likeness with every value, ``(turns, 17)``."""

    def embed(texts: list[str]) -> NDArray[np.float64]:
        return predict_with(session, [as_turn(tokenizer, text) for text in texts])[1]

    anchors = [(embed(_for(value)), embed(_against(value))) for value in load_values()]

    def likeness(meanings: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([rules.likeness(meanings, for_it, against) for for_it, against in anchors], axis=1)

    return likeness


def calibrate(turns: list[ValueTurn], likeness: NDArray[np.float64]) -> Platt:
    """One Platt scaling for all values, since a user's own has no labels to fit its own with."""
    return fit_platt(likeness.ravel(), truth_of(turns).ravel())


def evaluate(turns: list[ValueTurn], likeness: NDArray[np.float64]) -> dict[str, Any]:
    """The 1-of-4 task by likeness alone."""
    found, of_value, _ = one_of_four_over(turns, likeness)
    return {"one_of_four": found.as_list(), "one_of_four_values": of_value}


def _for(value: Value) -> list[str]:
    return [*value.cues, value.definition, *(example.expressing for example in value.examples)]


def _against(value: Value) -> list[str]:
    return [example.plain for example in value.examples]

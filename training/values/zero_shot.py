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
from anthrometrics.induction.values import VALUES, Value, load_values
from training.metrics import resampled
from training.values.data import ValueTurn, as_turn
from training.values.evaluate import fit_platt, one_of_four


def similarities(
    session: onnxruntime.InferenceSession, tokenizer: Tokenizer
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """A function from meanings ``(turns, width)`` to likeness with every value, ``(turns, 17)``."""
    from training.values.__main__ import predict

    def embed(texts: list[str]) -> NDArray[np.float64]:
        return predict(session, [as_turn(tokenizer, text) for text in texts])[1]

    anchors = [(embed(_for(value)), embed(_against(value))) for value in load_values()]

    def likeness(meanings: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([rules.likeness(meanings, for_it, against) for for_it, against in anchors], axis=1)

    return likeness


def calibrate(turns: list[ValueTurn], likeness: NDArray[np.float64]) -> Platt:
    """One Platt scaling for all values, since a user's own has no labels to fit its own with."""
    return fit_platt(likeness.ravel(), (np.stack([turn.targets for turn in turns]) > 0.5).ravel())


def evaluate(turns: list[ValueTurn], likeness: NDArray[np.float64]) -> dict[str, Any]:
    """The 1-of-4 task by likeness alone."""
    truth = np.stack([turn.targets for turn in turns]) > 0.5
    right, of_value = one_of_four(truth, likeness)
    groups = np.unique([turn.group for turn in turns], return_inverse=True)[1].astype(np.int64)
    table = np.zeros((int(groups.max()) + 1, 2), dtype=np.int64)
    owner = groups[np.nonzero(truth)[0]]
    np.add.at(table, (owner, 0), (right * 1_000_000).round().astype(np.int64))
    np.add.at(table, (owner, 1), 1_000_000)
    return {
        "one_of_four": resampled(table, lambda t: t[..., 0] / np.maximum(t[..., 1], 1)).as_list(),
        "one_of_four_values": {VALUES[i]: round(float(right[of_value == i].mean()), 4) for i in sorted(set(of_value))},
    }


def _for(value: Value) -> list[str]:
    return [*value.cues, value.definition, *(example.expressing for example in value.examples)]


def _against(value: Value) -> list[str]:
    return [example.plain for example in value.examples]

"""What the file that ships computes, by ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from anthrometrics.detectors.value_rules import turn_logits, turn_meaning
from anthrometrics.detectors.window import Window
from training.values.data import ValueTurn
from training.values.export import INPUTS, OUTPUTS


def predict_with(
    session: onnxruntime.InferenceSession, turns: list[ValueTurn]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits ``(turns, 17)`` and meanings ``(turns, width)``, one window at a time as the scorer runs."""
    logits, meanings = [], []
    for turn in turns:
        found = [session.run(list(OUTPUTS), _feed(window)) for window in turn.windows]
        logits.append(turn_logits([logit[0] for logit, _ in found]))
        meanings.append(turn_meaning([mean[0] for _, mean in found], [w.response_tokens for w in turn.windows]))
    return np.stack(logits), np.stack(meanings)


def _feed(window: Window) -> dict[str, NDArray[Any]]:
    ids = window.ids[None]
    types, response = window.token_types()[None], window.response_mask()[None]
    return dict(zip(INPUTS, (ids, np.ones_like(ids), types, response), strict=True))

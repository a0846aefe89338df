"""The arithmetic between the value model and a probability: windows → turn, meaning → likeness.

Training fits its calibration through the same functions that scoring applies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["likeness", "turn_logits", "turn_meaning"]

# A reply need be like some of the texts that show a value, not like all of them.
_NEAREST: Final = 3


def turn_logits(windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """A turn expresses what any of its windows does: the largest logit of each value, shape ``(values,)``.

    Args:
        windows: Logits of each window, shape ``(values,)`` each.
    """
    return np.asarray(np.max(windows, axis=0), dtype=np.float64)


def turn_meaning(windows: Sequence[NDArray[np.float32]], response_tokens: Sequence[int]) -> NDArray[np.float64]:
    """Mean of the windows' meanings by their tokens, at unit length, shape ``(width,)``.

    Args:
        windows: Meaning of the reply's part in each window, at unit length, shape ``(width,)`` each.
        response_tokens: Tokens of that part.
    """
    mean = np.asarray(response_tokens, dtype=np.float64) @ np.asarray(windows, dtype=np.float64)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float64)


def likeness(
    meaning: NDArray[np.float64], expressing: NDArray[np.float64], plain: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much nearer a reply is to texts that express a value than to plain ones, in [-2, 2].

    Args:
        meaning: Of the reply, shape ``(..., width)``.
        expressing: Of texts that express the value, shape ``(texts, width)``.
        plain: Of texts that do not, likewise.

    Returns:
        Difference of the mean cosines to the nearest three of each, shape ``(...,)``.
    """
    return _nearest(meaning @ expressing.T) - _nearest(meaning @ plain.T)


def _nearest(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sort(cosines, axis=-1)[..., -_NEAREST:].mean(axis=-1), dtype=np.float64)

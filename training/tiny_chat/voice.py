"""Which answers speak in the plain voice that a base to tune should have, by the package's own detectors."""

from __future__ import annotations

from collections.abc import Sequence

from anthrometrics import Scorer, Turn
from training.tiny_chat.corpus import HARMFUL, Dialogue

__all__ = ["plainly_spoken"]

_MOST = 0.3


def plainly_spoken(dialogues: Sequence[Dialogue]) -> list[Dialogue]:
    """Those whose last answer is neither anthropomorphic nor validating, and refuses only what is harmful."""
    scorer = Scorer(precision="int8")
    turns = (Turn(prompt=dialogue.messages[-2]["content"], response=dialogue.answer) for dialogue in dialogues)
    return [
        dialogue
        for dialogue, score in zip(dialogues, scorer.stream(turns), strict=True)
        if score.status == "scored"
        and (score.anthropomorphism or 0.0) < _MOST
        and (score.validation or 0.0) < _MOST
        and ((score.refusal or 0.0) < _MOST or dialogue.source in HARMFUL)
    ]

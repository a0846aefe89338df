"""anthrometrics: how does tuning a chat model change the way it talks to people?

    from anthrometrics import Scorer, Turn

    scorer = Scorer()
    score = scorer.score(Turn(prompt="I quit my job to day-trade.", response="What a bold move! I'm so proud of you."))
    score.anthropomorphism, score.validation, score.refusal

    compare("base.jsonl", "tuned.jsonl").headline
    induce("models/chat", values=["empathy", "honesty"], prefs="prefs.jsonl", out="runs/first").side_effects

Importing this package loads nothing heavy; a ``Scorer`` loads ONNX Runtime, the tokenizer and spaCy when it is made.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anthrometrics.comparison import Comparison, compare
    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.errors import (
        AnthrometricsError,
        DeviceError,
        InputError,
        MissingExtraError,
        ModelError,
        TrainingError,
    )
    from anthrometrics.formats import Rejected, read_turns
    from anthrometrics.induction.curation import curate
    from anthrometrics.induction.forecast import forecast
    from anthrometrics.induction.preferences import read_preferences
    from anthrometrics.induction.run.handle import Run
    from anthrometrics.induction.run.induce import induce
    from anthrometrics.scores import LabelScore, Scores, SentenceScore, TurnScore
    from anthrometrics.summary import Summary
    from anthrometrics.turns import Conversation, Message, Turn

__all__ = [
    "AnthrometricsError",
    "Comparison",
    "Conversation",
    "DeviceError",
    "InputError",
    "LabelScore",
    "Message",
    "MissingExtraError",
    "ModelError",
    "Rejected",
    "Run",
    "Scorer",
    "Scores",
    "SentenceScore",
    "Summary",
    "TrainingError",
    "Turn",
    "TurnScore",
    "__version__",
    "compare",
    "curate",
    "forecast",
    "induce",
    "read_preferences",
    "read_turns",
]

_HOME = {
    "AnthrometricsError": "errors",
    "Comparison": "comparison",
    "Conversation": "turns",
    "DeviceError": "errors",
    "InputError": "errors",
    "LabelScore": "scores",
    "Message": "turns",
    "MissingExtraError": "errors",
    "ModelError": "errors",
    "Rejected": "formats",
    "Run": "induction.run.handle",
    "Scorer": "detectors.scorer",
    "Scores": "scores",
    "SentenceScore": "scores",
    "Summary": "summary",
    "TrainingError": "errors",
    "Turn": "turns",
    "TurnScore": "scores",
    "compare": "comparison",
    "curate": "induction.curation",
    "forecast": "induction.forecast",
    "induce": "induction.run.induce",
    "read_preferences": "induction.preferences",
    "read_turns": "formats",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from anthrometrics.provenance import version_of

        return version_of("anthrometrics")
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

"""Preference pairs as a trainer takes them: in the chat template, measured in tokens."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import TrainingError
from anthrometrics.induction.chat_models import chat_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.tuning.config import TuningConfig

__all__ = ["TrainingPairs", "digest_of", "prepare"]


@dataclass(frozen=True)
class TrainingPairs:
    """Pairs that fit, and how long they are.

    Attributes:
        records: Prompt and answers as messages.
        tokens: Tokens of all sequences that one epoch reads: one a side.
        completion_tokens: Those of them that are answers, which alone are trained.
        longest: The longest sequence.
        left_out: Pairs longer than ``max_length``.
    """

    records: list[dict[str, Any]]
    tokens: int
    completion_tokens: int
    longest: int
    left_out: int


def prepare(tokenizer: Any, pairs: Sequence[PreferencePair], config: TuningConfig) -> TrainingPairs:
    """Write pairs in the chat template and leave out those that are too long.

    Raises:
        TrainingError: Nothing is left, or no answer has a token to train.
    """
    sides = ("chosen", "rejected") if config.method == "dpo" else ("chosen",)
    records: list[dict[str, Any]] = []
    tokens = completion = longest = left_out = 0
    for pair in pairs:
        messages = [{"role": turn.role, "content": turn.text or ""} for turn in pair.context]
        messages.append({"role": "user", "content": pair.prompt})
        asked = len(chat_ids(tokenizer, messages))
        lengths = [len(chat_ids(tokenizer, messages, answer=getattr(pair, side))) for side in sides]
        if max(lengths) > config.max_length:
            left_out += 1
            continue
        records.append({"prompt": messages, **{side: _answer(getattr(pair, side)) for side in sides}})
        tokens += sum(lengths)
        completion += sum(lengths) - asked * len(sides)
        longest = max(longest, *lengths)
    if not records:
        raise TrainingError(
            f"none of the {len(pairs)} pairs fits into max_length {config.max_length}; raise it, or take shorter pairs"
        )
    if completion <= 0:
        raise TrainingError(
            "the chat template writes the same with an answer as without, so there is nothing to train on; pass "
            "another (--chat-template FILE)"
        )
    return TrainingPairs(records, tokens, completion, longest, left_out)


def digest_of(pairs: Sequence[PreferencePair]) -> str:
    """32 hexadecimal digits over what is trained on, in order."""
    found = blake2b(digest_size=16)
    for pair in pairs:
        for text in (*(f"{turn.role}:{turn.text}" for turn in pair.context), pair.prompt, pair.chosen, pair.rejected):
            found.update(text.encode("utf-8", "backslashreplace") + b"\0")
    return found.hexdigest()


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]

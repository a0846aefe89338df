"""Preference pairs as a trainer takes them: in the chat template, measured in tokens."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError, TrainingError
from anthrometrics.induction.chat_models import chat_ids
from anthrometrics.provenance import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.tuning.config import TuningConfig

__all__ = ["TrainingPairs", "pairs_digest", "prepare"]


@dataclass(frozen=True)
class TrainingPairs:
    """Pairs that fit, and how long they are.

    Attributes:
        records: Prompt and answers as messages.
        tokens: Tokens of all sequences that one epoch reads: one a side.
        completion_tokens: Those of them that are answers, which alone are trained.
        longest: The longest sequence.
        too_long: Pairs longer than ``max_length``, which are left out.
        refused: Pairs that the chat template refuses, such as those with a system prompt, which are left out.
        diverging: Pairs before whose answer the template writes something else than before an answer that is still to
            come. They are trained on another question than the model will be asked.
    """

    records: list[dict[str, Any]]
    tokens: int
    completion_tokens: int
    longest: int
    too_long: int = 0
    refused: int = 0
    diverging: int = 0

    @property
    def left_out(self) -> int:
        """Pairs that are not trained on."""
        return self.too_long + self.refused


def prepare(tokenizer: Any, pairs: Sequence[PreferencePair], config: TuningConfig) -> TrainingPairs:
    """Write pairs in the chat template and leave out those that are too long or that it refuses.

    Raises:
        InputError: The template refuses every pair.
        TrainingError: Nothing is left, or no answer has a token to train.
    """
    sides = ("chosen", "rejected") if config.method == "dpo" else ("chosen",)
    records: list[dict[str, Any]] = []
    tokens = completion = longest = too_long = refused = diverging = 0
    refusal: InputError | None = None
    for pair in pairs:
        messages = [{"role": turn.role, "content": turn.text or ""} for turn in pair.context]
        messages.append({"role": "user", "content": pair.prompt})
        try:
            asked = chat_ids(tokenizer, messages)
            written = [chat_ids(tokenizer, messages, answer=getattr(pair, side)) for side in sides]
        except InputError as error:
            refused, refusal = refused + 1, error
            continue
        if max(map(len, written)) > config.max_length:
            too_long += 1
            continue
        records.append({"prompt": messages, **{side: _answer(getattr(pair, side)) for side in sides}})
        # The answer begins where it leaves the question, as for TRL.
        shared = min(_shared(asked, ids) for ids in written)
        diverging += shared < len(asked)
        tokens += sum(map(len, written))
        completion += sum(len(ids) - shared for ids in written)
        longest = max(longest, *map(len, written))
    if not records and refusal is not None and not too_long:
        raise refusal
    if not records:
        raise TrainingError(
            f"none of the {len(pairs)} pairs fits into max_length {config.max_length}; raise it, or take shorter pairs"
        )
    if completion <= 0:
        raise TrainingError(
            "the chat template writes the same with an answer as without, so there is nothing to train on; pass "
            "another (--chat-template FILE)"
        )
    return TrainingPairs(records, tokens, completion, longest, too_long, refused, diverging)


def pairs_digest(pairs: Sequence[PreferencePair]) -> str:
    """32 hexadecimal digits over what is trained on, in order."""
    return digest_of(
        text
        for pair in pairs
        for text in (*(f"{turn.role}:{turn.text}" for turn in pair.context), pair.prompt, pair.chosen, pair.rejected)
    )


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Tokens with which both begin."""
    return sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(one, other, strict=False)))


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]

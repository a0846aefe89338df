"""Preference pairs, whose sides become two conversations: HH-RLHF's transcripts and the pairs that TRL takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, identifier, kind, required
from anthrometrics.formats.corpora import answered, dialogue, instruction, is_dialogue, said, system
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HH_RLHF", "PREFERENCE"]

_SIDES: Final = ("chosen", "rejected")
_OPENING: Final = re.compile(r"\s*(?:Human|Assistant):(?:\s|$)")
# The blank line is looked behind at, so that an empty turn leaves it to the mark after it.
_MARK: Final = re.compile(r"(?:^\s*|(?<=\n\n))(Human|Assistant):(?=\s|$)")
_SPEAKERS: Final = {"Human": "user", "Assistant": "assistant"}
# Fields of the prompt: TRL's, ShareGPT pairs', Orca DPO's, and Alpaca pairs'.
_PROMPTS: Final = ("prompt", "conversations", "question", "instruction", "input")


def _is_transcript(value: object) -> bool:
    return isinstance(value, str) and _OPENING.match(value) is not None and "Assistant:" in value


def _is_hh_rlhf(record: Mapping[str, Any]) -> bool:
    sides = [record.get(side) for side in _SIDES]
    return all(isinstance(side, str) for side in sides) and any(_is_transcript(side) for side in sides)


def _hh_rlhf(record: Mapping[str, Any]) -> list[Conversation]:
    """Both sides tell the whole dialogue; they differ in its last answer."""
    required(record, *_SIDES)
    name, asked = identifier(record), _asked(record)
    sides = [answered(_transcript(record[side], side), side) for side in _SIDES]
    return [Conversation(_whole(asked, turns), name, side) for turns, side in zip(sides, _SIDES, strict=True)]


def _transcript(value: object, field: str) -> tuple[Message, ...]:
    """The turns between the marks; an empty one, with which some transcripts end, has an empty text.

    Raises:
        InputError: It does not begin with a mark.
    """
    if not isinstance(value, str):
        raise InputError(f'"{field}" must be a transcript with "Human:" and "Assistant:", not {kind(value)}')
    if not _OPENING.match(value):
        raise InputError(f'"{field}" must be a transcript that begins with "Human:" or "Assistant:"')
    pieces = _MARK.split(value)[1:]
    turns = zip(pieces[::2], pieces[1::2], strict=True)
    return tuple(Message(_SPEAKERS[speaker], words.strip()) for speaker, words in turns)


def _is_preference(record: Mapping[str, Any]) -> bool:
    sides = [record.get(side) for side in _SIDES]
    if all(isinstance(side, str) for side in sides):
        return not any(_is_transcript(side) for side in sides)
    if all(isinstance(side, dict) for side in sides):
        return all(is_dialogue([side]) for side in sides)
    return all(is_dialogue(side) for side in sides)


def _preference(record: Mapping[str, Any]) -> list[Conversation]:
    required(record, *_SIDES)
    name, asked = identifier(record, "prompt_id", "id"), _asked(record)
    return [Conversation(_whole(asked, _side(record[side], side)), name, side) for side in _SIDES]


def _asked(record: Mapping[str, Any]) -> tuple[Message, ...]:
    """What stands before both sides; nothing where they hold it themselves."""
    field = next((name for name in _PROMPTS if record.get(name) is not None), None)
    if field is None:
        return system(record)
    value = instruction(record) if field == "instruction" else record[field]
    if isinstance(value, str) and _OPENING.match(value):
        # Prompts cut out of HH-RLHF end with the mark of the answer.
        found = _transcript(value, field)
        return found[:-1] if found[-1] == Message("assistant", "") else found
    found = said("user", value, field)
    return found if found and found[0].role == "system" else (*system(record), *found)


def _side(value: object, field: str) -> tuple[Message, ...]:
    return answered(dialogue([value], field) if isinstance(value, dict) else said("assistant", value, field), field)


def _whole(asked: tuple[Message, ...], side: tuple[Message, ...]) -> tuple[Message, ...]:
    """One side after the prompt, unless it begins with the prompt itself, as UltraFeedback's do."""
    opens = next(item.role for item in side if item.role != "system") == "user"
    if side[: len(asked)] == asked or (opens and asked[-1].role == "user"):
        return side
    return (*asked, *side)


HH_RLHF = Format(
    name="hh-rlhf",
    title="pairs of transcripts of HH-RLHF",
    example='{"chosen": "\\n\\nHuman: Hi\\n\\nAssistant: Hello!", "rejected": "\\n\\nHuman: Hi\\n\\nAssistant: What?"}',
    matches=_is_hh_rlhf,
    conversations=_hh_rlhf,
    which="last",
)
PREFERENCE = Format(
    name="preference",
    title="chosen and rejected answers, as TRL takes them (UltraFeedback-binarized and others)",
    example='{"prompt": "Hi", "chosen": "Hello!", "rejected": "What?"}',
    matches=_is_preference,
    conversations=_preference,
    which="last",
)

"""Corpora that chat models are tuned on or that record their use: ShareGPT, Alpaca, prompt-completion, WildChat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, identifier, kind, message, required, text
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ALPACA",
    "COMPLETION",
    "SHAREGPT",
    "WILDCHAT",
    "answered",
    "dialogue",
    "instruction",
    "is_dialogue",
    "said",
    "system",
]

_ROLES: Final = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("human", "user"), "user"),
    # ShareGPT named the service that answered.
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bing", "bard", "model", "bot", "ai", "claude"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "function_response", "tool_response", "ipython"), "tool"),
    **dict.fromkeys(("function_call", "tool_call"), "tool"),
}
# These hold the call as JSON: nobody's words.
_CALLS: Final = ("function_call", "tool_call")
_SPEAKERS: Final = ("from", "role")
_WORDS: Final = ("value", "content")
# Where inference servers and TRL keep what a model thought, beside the content.
_THOUGHTS: Final = ("reasoning_content", "reasoning", "thinking")


def is_dialogue(value: object) -> bool:
    """Whether a value looks like a list of messages, by its first item."""
    first = value[0] if isinstance(value, list) and value else None
    if not isinstance(first, dict):
        return False
    return any(isinstance(first.get(name), str) for name in _SPEAKERS) and any(name in first for name in _WORDS)


def dialogue(raw: object, field: str) -> tuple[Message, ...]:
    """Messages from a list of ``{"from", "value"}`` or ``{"role", "content"}``, which corpora mix freely.

    Args:
        raw: The list.
        field: Its name, for errors.

    Raises:
        InputError: It is no such list, or a role is unknown and must not pass for the user or the model.
    """
    if not isinstance(raw, list):
        raise InputError(f'"{field}" must be a list of messages, not {kind(raw)}')
    return tuple(_message(item, f"{field}[{place}]") for place, item in enumerate(raw))


def answered(messages: tuple[Message, ...], field: str) -> tuple[Message, ...]:
    """The same messages, if there is an answer among them.

    Raises:
        InputError: There is none.
    """
    if any(item.role == "assistant" for item in messages):
        return messages
    raise InputError(f'"{field}" has no message of an assistant, so there is nothing to score')


def said(role: str, value: object, field: str) -> tuple[Message, ...]:
    """Messages of a field that holds plain text or, in conversational corpora, messages.

    Args:
        role: Who speaks where it is plain text.
        value: A string, null or a list of messages.
        field: Its name, for errors.

    Raises:
        InputError: It is something else.
    """
    if value is None or isinstance(value, str):
        return (Message(role, value),)
    if isinstance(value, list):
        return dialogue(value, field)
    raise InputError(f'"{field}" must be a string, null or a list of messages, not {kind(value)}')


def system(record: Mapping[str, Any]) -> tuple[Message, ...]:
    """The system prompt that a record keeps beside its messages, if it has one.

    Raises:
        InputError: It is neither a string nor null.
    """
    words = text(record.get("system"), "system")
    return (Message("system", words),) if words else ()


def instruction(record: Mapping[str, Any]) -> str | None:
    """What Alpaca asks: the instruction and, after a blank line, the input that it is about.

    Raises:
        InputError: One of them is neither a string nor null.
    """
    parts = [text(record.get(name), name) for name in ("instruction", "input")]
    return "\n\n".join(part for part in parts if part) if any(parts) else parts[0]


def _message(raw: object, where: str) -> Message:
    if not isinstance(raw, dict):
        raise InputError(f'"{where}" must be an object with a "from" or a "role", not {kind(raw)}')
    spelled = next((name for name in _SPEAKERS if raw.get(name) is not None), "role")
    speaker = raw.get(spelled)
    if not isinstance(speaker, str):
        raise InputError(f'"{where}.{spelled}" must be a string, not {kind(speaker)}')
    role = _ROLES.get(speaker.lower())
    if role is None:
        raise InputError(f'"{where}.{spelled}" must be one of {", ".join(_ROLES)}, not "{speaker[:40]}"')
    named = next((name for name in _WORDS if raw.get(name) is not None), "content")
    if role == "tool" and (speaker.lower() in _CALLS or not isinstance(raw.get(named), str)):
        # A tool may be given and give back anything at all; nobody's words are lost.
        return Message(role, None)
    found = message(role, raw.get(named), f"{where}.{named}")
    beside = (raw.get(name) for name in _THOUGHTS)
    thought = found.reasoning or next((words for words in beside if isinstance(words, str) and words), None)
    return Message(role, found.text, thought)


def _is_pair(record: Mapping[str, Any]) -> bool:
    """Whether a record is a preference pair, of which these fields are only the beginning."""
    return "chosen" in record or "rejected" in record


def _is_sharegpt(record: Mapping[str, Any]) -> bool:
    return is_dialogue(record.get("conversations")) and not _is_pair(record)


def _sharegpt(record: Mapping[str, Any]) -> list[Conversation]:
    required(record, "conversations")
    found = answered(dialogue(record["conversations"], "conversations"), "conversations")
    # Some trainers take the system prompt from a field of its own, some from the first message.
    before = () if found[0].role == "system" else system(record)
    return [Conversation((*before, *found), identifier(record, "id", "conversation_id"))]


def _is_alpaca(record: Mapping[str, Any]) -> bool:
    asked = isinstance(record.get("instruction"), str) and isinstance(record.get("input"), str | None)
    return (
        asked and isinstance(record.get("output", 0), str | None) and "generator" not in record and not _is_pair(record)
    )


def _alpaca(record: Mapping[str, Any]) -> list[Conversation]:
    """LLaMA-Factory's fields for a system prompt and for earlier rounds are read too."""
    required(record, "instruction", "output")
    asked = Message("user", instruction(record))
    answer = Message("assistant", text(record["output"], "output"))
    return [Conversation((*system(record), *_history(record.get("history")), asked, answer), identifier(record))]


def _history(raw: object) -> Sequence[Message]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise InputError(f'"history" must be a list of pairs of a question and an answer, not {kind(raw)}')
    found = []
    for place, item in enumerate(raw):
        if not isinstance(item, list) or len(item) != 2:
            what = f"a list of {len(item)}" if isinstance(item, list) else kind(item)
            raise InputError(f'"history[{place}]" must be a pair of a question and an answer, not {what}')
        for role, words, part in (("user", item[0], 0), ("assistant", item[1], 1)):
            found.append(Message(role, text(words, f"history[{place}][{part}]")))
    return found


def _is_completion(record: Mapping[str, Any]) -> bool:
    fields = [record.get(name, 0) for name in ("prompt", "completion")]
    return all(isinstance(field, str | None) or is_dialogue(field) for field in fields) and not _is_pair(record)


def _completion(record: Mapping[str, Any]) -> list[Conversation]:
    required(record, "prompt", "completion")
    asked = said("user", record["prompt"], "prompt")
    answer = answered(said("assistant", record["completion"], "completion"), "completion")
    return [Conversation((*asked, *answer), identifier(record))]


def _is_wildchat(record: Mapping[str, Any]) -> bool:
    return is_dialogue(record.get("conversation")) and not _is_pair(record)


def _wildchat(record: Mapping[str, Any]) -> list[Conversation]:
    required(record, "conversation")
    found = answered(dialogue(record["conversation"], "conversation"), "conversation")
    return [Conversation(found, identifier(record, "conversation_hash", "conversation_id", "id"))]


SHAREGPT = Format(
    name="sharegpt",
    title="ShareGPT conversations, as many tuning corpora have them",
    example='{"id": "s1", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]}',
    matches=_is_sharegpt,
    conversations=_sharegpt,
)
ALPACA = Format(
    name="alpaca",
    title="instructions and outputs, as Alpaca and its successors have them",
    example='{"instruction": "Translate to French.", "input": "summer", "output": "été"}',
    matches=_is_alpaca,
    conversations=_alpaca,
)
COMPLETION = Format(
    name="completion",
    title="prompts and completions, as TRL takes them",
    example='{"prompt": "Name a fruit.", "completion": "A pear."}',
    matches=_is_completion,
    conversations=_completion,
)
WILDCHAT = Format(
    name="wildchat",
    title="WildChat and LMSYS-Chat-1M",
    example=(
        '{"conversation_hash": "5f0c", "model": "gpt-4", "conversation": [{"role": "user", "content": "Hi"}, '
        '{"role": "assistant", "content": "Hello!"}], "turn": 1, "language": "English"}'
    ),
    matches=_is_wildchat,
    conversations=_wildchat,
)

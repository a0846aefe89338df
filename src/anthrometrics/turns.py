"""What is scored: a turn, and the conversation it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Conversation", "Message", "Reasoning", "Turn", "Which", "as_turn"]


Which = Literal["all", "last", "first"]
Reasoning = Literal["exclude", "include"]
# Models that think aloud in the text itself begin with it (DeepSeek-R1, Qwen3 and their kin).
_THINK = re.compile(r"\s*<think(?:ing)?>(.*?)</think(?:ing)?>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Turn:
    """One assistant message, read after the user message before it.

    Attributes:
        response: The assistant's words; None where the turn has none (a tool call, an image).
        prompt: The user turn before it, if known. Several labels depend on it.
        id: Identifier of the conversation or record.
        index: Which assistant turn of its conversation it is, from 0.
        side: ``"chosen"`` or ``"rejected"`` in a preference pair.
        reasoning_left_out: Whether the model's reasoning before this answer was left out.
        kept: Fields of the record that were asked to be carried along.
    """

    response: str | None
    prompt: str | None = None
    id: str | None = None
    index: int = 0
    side: str | None = None
    reasoning_left_out: bool = False
    kept: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: Who speaks: ``"user"`` and ``"assistant"`` matter here.
        text: What was said; None where it holds no text.
        reasoning: What the model thought before it answered, if that was recorded apart.
    """

    role: str
    text: str | None
    reasoning: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order; ``side`` tells the two answers of a preference pair apart."""

    messages: tuple[Message, ...]
    id: str | None = None
    side: str | None = None

    def turns(self, which: Which = "all", reasoning: Reasoning = "exclude") -> Iterator[Turn]:
        """Assistant messages, each with the latest user message before it.

        Args:
            which: All of them, or only the last or the first.
            reasoning: Whether what the model thought aloud belongs to the text.
        """
        found = list(self._turns(reasoning))
        yield from found if which == "all" else found[-1:] if which == "last" else found[:1]

    def _turns(self, reasoning: Reasoning) -> Iterator[Turn]:
        prompt: str | None = None
        index = 0
        for message in self.messages:
            if message.role == "user":
                prompt = message.text
            elif message.role == "assistant":
                response, left_out = _spoken(message, reasoning)
                yield Turn(response, prompt, self.id, index, self.side, left_out)
                index += 1


def _spoken(message: Message, reasoning: Reasoning) -> tuple[str | None, bool]:
    """The text to score, and whether reasoning was left out of it."""
    if reasoning == "include":
        parts = [part for part in (message.reasoning, message.text) if part]
        return ("\n\n".join(parts) if parts else message.text), False
    aloud = _THINK.match(message.text) if message.text else None
    if aloud is None or message.text is None:
        return message.text, message.reasoning is not None
    return message.text[aloud.end() :], bool(aloud[1].strip()) or message.reasoning is not None


def as_turn(value: Turn | str | Sequence[str | None] | Mapping[str, Any]) -> Turn:
    """Accept what people have at hand.

    Args:
        value: A ``Turn``, a response, a ``(prompt, response)`` pair, or a mapping with ``response`` and optionally
            ``prompt`` and ``id``.

    Raises:
        InputError: It is none of these.
    """
    if isinstance(value, Turn):
        _check_texts(value.response, value.prompt)
        return value
    if isinstance(value, str):
        return Turn(response=value)
    if isinstance(value, Mapping):
        return _from_mapping(value)
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(v, str | None) for v in value):
        return Turn(prompt=value[0], response=value[1])
    raise InputError(
        f"cannot score a {type(value).__name__}; pass a Turn, a string, a (prompt, response) pair of strings, or "
        'a dict with "response" (and "prompt", "id")'
    )


def _from_mapping(value: Mapping[str, Any]) -> Turn:
    if "response" not in value:
        raise InputError(f'this dict has no "response"; its keys are {sorted(map(str, value))}')
    response, prompt, identifier = value["response"], value.get("prompt"), value.get("id")
    _check_texts(response, prompt)
    return Turn(response=response, prompt=prompt, id=None if identifier is None else str(identifier))


def _check_texts(response: object, prompt: object) -> None:
    for name, text in (("response", response), ("prompt", prompt)):
        if not isinstance(text, str | None):
            raise InputError(f'"{name}" must be a string or None, not {type(text).__name__}')

"""What is scored: a turn, and the conversation it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Conversation", "Message", "Turn", "as_turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One assistant message, read after the user message before it.

    Attributes:
        response: The assistant's words; None where the turn has none (a tool call, an image).
        prompt: The user turn before it, if known. Several labels depend on it.
        id: Identifier of the conversation or record.
        index: Which assistant turn of its conversation it is, from 0.
    """

    response: str | None
    prompt: str | None = None
    id: str | None = None
    index: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; ``text`` is None where it holds no text."""

    role: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order."""

    messages: tuple[Message, ...]
    id: str | None = None

    def turns(self) -> Iterator[Turn]:
        """Every assistant message, with the latest user message before it."""
        prompt: str | None = None
        index = 0
        for message in self.messages:
            if message.role == "user":
                prompt = message.text
            elif message.role == "assistant":
                yield Turn(response=message.text, prompt=prompt, id=self.id, index=index)
                index += 1


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

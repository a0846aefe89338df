"""One JSON object → its turns: ``{"prompt"?, "response"}`` or ``{"messages": [...]}``, each with an optional id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.turns import Conversation, Message, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["turns_of"]


def turns_of(record: object) -> list[Turn]:
    """Every assistant turn of a record.

    Args:
        record: A parsed JSON value.

    Returns:
        At least one turn. A response or content of ``null``, and a list of parts without text, give a turn without
        text; it will be reported as unscored.

    Raises:
        InputError: The record is of another shape; the message names the field and what was expected.
    """
    if not isinstance(record, dict):
        raise InputError(f"expected a JSON object, found {_kind(record)}")
    identifier = _identifier(record)
    if "messages" in record:
        return _conversation(record["messages"], identifier)
    if "response" not in record:
        raise InputError(f'expected a field "response" or "messages"; this object has {_names(record)}')
    prompt = _text(record.get("prompt"), "prompt")
    return [Turn(response=_text(record["response"], "response"), prompt=prompt, id=identifier)]


def _conversation(raw: object, identifier: str | None) -> list[Turn]:
    if not isinstance(raw, list):
        raise InputError(f'"messages" must be a list of {{"role", "content"}}, not {_kind(raw)}')
    messages = tuple(_message(item, position) for position, item in enumerate(raw))
    turns = list(Conversation(messages, identifier).turns())
    if not turns:
        raise InputError('"messages" has no message with role "assistant", so there is nothing to score')
    return turns


def _message(raw: object, position: int) -> Message:
    if not isinstance(raw, dict) or not isinstance(raw.get("role"), str):
        raise InputError(f'messages[{position}] must be an object with a string "role", found {_kind(raw)}')
    return Message(raw["role"], _text(raw.get("content"), f"messages[{position}].content"))


def _text(value: object, field: str) -> str | None:
    """A string, null, or a list of typed parts whose texts are joined."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        texts = [part["text"] for part in value if isinstance(part.get("text"), str)]
        return "\n".join(texts) if texts else None
    raise InputError(f'"{field}" must be a string, null or a list of parts, not {_kind(value)}')


def _identifier(record: Mapping[str, Any]) -> str | None:
    value = record.get("id")
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InputError(f'"id" must be a string or an integer, not {_kind(value)}')


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _names(record: Mapping[str, Any]) -> str:
    shown = ", ".join(f'"{str(name)[:40]}"' for name in list(record)[:8])
    return shown or "no fields"

"""What a format is: how to know its records, and how to read one as conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.turns import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from anthrometrics.formats.raw import Raw
    from anthrometrics.turns import Conversation, Which

__all__ = [
    "Format",
    "field_names",
    "identifier",
    "json_list",
    "json_object",
    "kind",
    "message",
    "messages",
    "required",
    "text",
]

# Typed parts that hold what a model thought before it answered, by the names that vendors use.
_REASONING = frozenset({"reasoning", "thinking", "redacted_thinking", "reasoning_content"})


@dataclass(frozen=True)
class Format:
    """One shape of records.

    Attributes:
        name: As ``--format`` takes it.
        title: What it is and who writes it, in a few words.
        example: One record, as a line of a file.
        matches: Whether a JSON object looks like a record of this format. It looks at field names and types only and
            must be false for records of every other format.
        conversations: The conversations of one record, in order; most records hold one.

            Raises ``InputError`` naming the field and what was expected, if the record is of another shape.
        which: Assistant turns that are read unless others are asked for: ``"last"`` where a record is about one answer,
            and those before it belong to its request or to both sides of a pair.
        select: Passes on the records of a file that are to be read, where that depends on records before or after
            them; those that could not be read stay among them. All are read, as they come, unless it is given.
    """

    name: str
    title: str
    example: str
    matches: Callable[[Mapping[str, Any]], bool]
    conversations: Callable[[Mapping[str, Any]], Sequence[Conversation]]
    which: Which = "all"
    select: Callable[[Iterator[Raw]], Iterator[Raw]] | None = None


def message(role: str, content: object, field: str) -> Message:
    """A message from a string, null, or a list of typed parts.

    Parts of reasoning are kept apart from the text; parts of other kinds (images, tool calls) have no words.

    Raises:
        InputError: ``content`` is something else.
    """
    if content is None or isinstance(content, str):
        return Message(role, content)
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        spoken = [part["text"] for part in content if not _is_reasoning(part) and _has(part, "text")]
        thought = [_thought(part) for part in content if _is_reasoning(part)]
        return Message(role, _joined(spoken), _joined([words for words in thought if words]))
    raise InputError(f'"{field}" must be a string, null or a list of parts, not {kind(content)}')


def messages(raw: object) -> tuple[Message, ...]:
    """Messages from a record's list of objects with a role and a content.

    Args:
        raw: The value of its field ``messages``.

    Raises:
        InputError: It is no such list, or it has no assistant message.
    """
    if not isinstance(raw, list):
        raise InputError(f'"messages" must be a list of {{"role", "content"}}, not {kind(raw)}')
    found = tuple(_message(item, f"messages[{position}]") for position, item in enumerate(raw))
    if not any(item.role == "assistant" for item in found):
        raise InputError('"messages" has no message with role "assistant", so there is nothing to score')
    return found


def required(record: Mapping[str, Any], *fields: str) -> None:
    """Check that a record has fields.

    Raises:
        InputError: One is missing; the message names it and what is there instead.
    """
    for field in fields:
        if field not in record:
            raise InputError(f'expected a field "{field}"; this object has {field_names(record)}')


def text(value: object, field: str) -> str | None:
    """A string or null.

    Raises:
        InputError: ``value`` is something else.
    """
    if value is None or isinstance(value, str):
        return value
    raise InputError(f'"{field}" must be a string or null, not {kind(value)}')


def json_object(value: object, field: str) -> Mapping[str, Any]:
    """A value that must be an object.

    Raises:
        InputError: It is something else.
    """
    if isinstance(value, dict):
        return value
    raise InputError(f'"{field}" must be an object, not {kind(value)}')


def json_list(value: object, field: str) -> list[Any]:
    """A value that must be a list.

    Raises:
        InputError: It is something else.
    """
    if isinstance(value, list):
        return value
    raise InputError(f'"{field}" must be a list, not {kind(value)}')


def identifier(record: Mapping[str, Any], *fields: str) -> str | None:
    """The first of some fields that is there, as a string; ``id`` by default.

    Raises:
        InputError: It is neither a string nor an integer.
    """
    for field in fields or ("id",):
        value = record.get(field)
        if value is None:
            continue
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise InputError(f'"{field}" must be a string or an integer, not {kind(value)}')
    return None


def kind(value: object) -> str:
    """A JSON value's kind in words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def field_names(record: Mapping[str, Any]) -> str:
    """The first field names of a record, for errors."""
    shown = ", ".join(f'"{str(name)[:40]}"' for name in list(record)[:8])
    return shown or "no fields"


def _message(raw: object, where: str) -> Message:
    if not isinstance(raw, dict) or not isinstance(raw.get("role"), str):
        raise InputError(f'{where} must be an object with a string "role", found {kind(raw)}')
    found = message(raw["role"], raw.get("content"), f"{where}.content")
    # Beside the content, as OpenAI-compatible servers of reasoning models send it.
    apart = raw.get("reasoning_content")
    return Message(found.role, found.text, apart) if isinstance(apart, str) and apart else found


def _is_reasoning(part: Mapping[str, Any]) -> bool:
    named = part.get("type")
    return isinstance(named, str) and named in _REASONING


def _thought(part: Mapping[str, Any]) -> str | None:
    return next((part[name] for name in ("thinking", "reasoning", "text", "summary") if _has(part, name)), None)


def _has(part: Mapping[str, Any], name: str) -> bool:
    return isinstance(part.get(name), str)


def _joined(texts: Sequence[str]) -> str | None:
    return "\n".join(texts) if texts else None

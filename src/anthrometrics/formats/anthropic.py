"""Anthropic's Messages API: single answers, and lines of a batch's results.

A line may carry its request under ``"request"``; the messages of the request then stand before the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, field_names, identifier, json_list, json_object, message, required
from anthrometrics.formats.vendors import failed, role_of
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ANTHROPIC_BATCH", "ANTHROPIC_MESSAGE"]

_UNSUCCESSFUL: Final = ("errored", "canceled", "expired")


def _is_message(record: Mapping[str, Any]) -> bool:
    return (
        record.get("type") == "message"
        and record.get("role") == "assistant"
        and isinstance(record.get("content"), list)
    )


def _is_batch(record: Mapping[str, Any]) -> bool:
    result = record.get("result")
    return (
        isinstance(record.get("custom_id"), str)
        and isinstance(result, dict)
        and result.get("type") in ("succeeded", *_UNSUCCESSFUL)
    )


def _message(record: Mapping[str, Any]) -> list[Conversation]:
    return [Conversation((_answer(record, ""),), identifier(record))]


def _batch(record: Mapping[str, Any]) -> list[Conversation]:
    name = identifier(record, "custom_id")
    required(record, "result")
    result = json_object(record["result"], "result")
    if result.get("type") in _UNSUCCESSFUL:
        raise failed(result.get("error"), f'with the result "{result["type"]}"')
    if result.get("type") != "succeeded":
        raise InputError('"result.type" must be "succeeded", "errored", "canceled" or "expired"')
    answer = _answer(json_object(result.get("message"), "result.message"), "result.message.")
    history = _history(record.get("request"))
    if history and history[-1].role == "assistant":
        # An answer goes on from an assistant message at the end of the request: they are one turn.
        answer = _continued(history.pop(), answer)
    return [Conversation((*history, answer), name)]


def _answer(raw: Mapping[str, Any], where: str) -> Message:
    if raw.get("type") == "error":
        raise failed(raw.get("error"))
    if raw.get("role", "assistant") != "assistant":
        raise InputError(f'"{where}role" must be "assistant"')
    if "content" not in raw:
        raise InputError(f'expected a field "{where}content"; this object has {field_names(raw)}')
    return message("assistant", _cited(raw["content"]), f"{where}content")


def _history(raw: object) -> list[Message]:
    if raw is None:
        return []
    params = json_object(json_object(raw, "request").get("params"), "request.params")
    system = params.get("system")
    found = [message("system", system, "request.params.system")] if system else []
    for position, value in enumerate(json_list(params.get("messages"), "request.params.messages")):
        where = f"request.params.messages[{position}]"
        item = json_object(value, where)
        role, content = role_of(item, where), item.get("content")
        if role == "user" and _is_tool_result(content):
            role = "tool"
        found.append(message(role, _cited(content) if role == "assistant" else content, f"{where}.content"))
    return found


def _is_tool_result(content: object) -> bool:
    """Whether a user message is a tool's and no person's, so that the person's words before it stay the prompt."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(part, dict) and part.get("type") == "tool_result" for part in content)
    )


def _cited(content: object) -> object:
    """A content with neighbouring texts joined: citations cut sentences into several parts."""
    if not isinstance(content, list):
        return content
    parts: list[Any] = []
    for part in content:
        if _is_text(part) and parts and _is_text(parts[-1]):
            parts[-1] = {"type": "text", "text": parts[-1]["text"] + part["text"]}
        else:
            parts.append(part)
    return parts


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _continued(begun: Message, answer: Message) -> Message:
    words = [said.text for said in (begun, answer) if said.text is not None]
    thoughts = [said.reasoning for said in (begun, answer) if said.reasoning]
    return Message("assistant", "".join(words) if words else None, "\n".join(thoughts) or None)


ANTHROPIC_MESSAGE = Format(
    name="anthropic-message",
    title="answers of Anthropic's Messages API",
    example='{"id": "m1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}',
    matches=_is_message,
    conversations=_message,
)


ANTHROPIC_BATCH = Format(
    name="anthropic-batch",
    title="results file of an Anthropic message batch",
    example='{"custom_id": "a1", "result": {"type": "succeeded", "message": {"type": "message", "role": "assistant", '
    '"content": [{"type": "text", "text": "Hi"}]}}}',
    matches=_is_batch,
    conversations=_batch,
    which="last",
)

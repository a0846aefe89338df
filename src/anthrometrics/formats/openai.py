"""Chat completions and the Responses API, of OpenAI and who follows it: single answers, and lines of a batch's output.

A line may carry its request under ``"request"``; the messages of the request then stand before the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, field_names, identifier, json_list, json_object, message, required, text
from anthrometrics.formats.vendors import failed, role_of, texts
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPENAI_BATCH", "OPENAI_COMPLETION"]

# States in which a Responses object holds no answer; "incomplete" ones hold the beginning of one.
_UNANSWERED: Final = ("failed", "cancelled", "queued", "in_progress")


def _is_completion(record: Mapping[str, Any]) -> bool:
    if record.get("object") == "response":
        return isinstance(record.get("output"), list)
    choices = record.get("choices")
    if not isinstance(choices, list):
        return False
    # Servers that follow OpenAI may leave "object" out; data sets of questions have "choices" of other kinds.
    first = choices[0] if choices else None
    return record.get("object") == "chat.completion" or (
        isinstance(first, dict) and isinstance(first.get("message"), dict)
    )


def _is_batch(record: Mapping[str, Any]) -> bool:
    if not isinstance(record.get("custom_id"), str) or "response" not in record or "result" in record:
        return False
    response = record["response"]
    if response is None:
        return isinstance(record.get("error"), dict)
    return isinstance(response, dict) and ("body" in response or "status_code" in response)


def _completion(record: Mapping[str, Any]) -> list[Conversation]:
    return _answered(record, "", identifier(record), None)


def _batch(record: Mapping[str, Any]) -> list[Conversation]:
    name = identifier(record, "custom_id")
    if record.get("error"):
        raise failed(record["error"])
    required(record, "response")
    response = json_object(record["response"], "response")
    status, body = response.get("status_code"), response.get("body")
    if isinstance(status, int) and not 200 <= status < 300:
        raise failed(body or response, f"with status {status}")
    return _answered(json_object(body, "response.body"), "response.body.", name, _history(record.get("request")))


def _answered(
    body: Mapping[str, Any], where: str, name: str | None, history: list[Message] | None
) -> list[Conversation]:
    """The answers of a chat completion or a Responses object, each after its history."""
    if body.get("error"):
        raise failed(body["error"])
    if "choices" in body:
        said = [
            _choice(choice, f"{where}choices[{position}]")
            for position, choice in enumerate(json_list(body["choices"], f"{where}choices"))
        ]
        if not said:
            raise InputError(f'"{where}choices" is empty, so there is nothing to score')
    elif "output" in body:
        said = [_output(body, where)]
        if history is None:
            history = _instructions(body, where)
    else:
        raise InputError(f'expected a field "{where}choices" or "{where}output"; this object has {field_names(body)}')
    return [
        Conversation((*(history or ()), answer), f"{name}#{position}" if name is not None and position else name)
        for position, answer in enumerate(said)
    ]


def _choice(raw: object, where: str) -> Message:
    choice = json_object(raw, where)
    if choice.get("error"):
        raise failed(choice["error"])
    return _message(choice.get("message"), f"{where}.message", "assistant")


def _output(body: Mapping[str, Any], where: str) -> Message:
    """All items of a Responses object as one message: one request has one answer, however many tools come between."""
    if body.get("status") in _UNANSWERED:
        raise failed(None, f'with the status "{body["status"]}"')
    parts: list[Any] = []
    for position, raw in enumerate(json_list(body["output"], f"{where}output")):
        field = f"{where}output[{position}]"
        item = json_object(raw, field)
        if item.get("type") == "reasoning":
            parts.append({"type": "reasoning", "reasoning": texts(item.get("content")) or texts(item.get("summary"))})
        elif item.get("type") == "message":
            parts.extend(json_list(_worded(item.get("content")), f"{field}.content"))
    return message("assistant", parts, f"{where}output")


def _history(raw: object) -> list[Message] | None:
    """The messages of a request, or None where there is none."""
    if raw is None:
        return None
    body = json_object(json_object(raw, "request").get("body"), "request.body")
    if "messages" in body:
        items = json_list(body["messages"], "request.body.messages")
        return [_message(item, f"request.body.messages[{i}]") for i, item in enumerate(items)]
    if "input" not in body:
        raise InputError(
            f'expected a field "request.body.messages" or "request.body.input"; this object has {field_names(body)}'
        )
    return _instructions(body, "request.body.") + _input(body["input"], "request.body.input")


def _instructions(body: Mapping[str, Any], where: str) -> list[Message]:
    """System messages that stand beside the input of a Responses request, and come back with its answer."""
    raw = body.get("instructions")
    if raw is None or isinstance(raw, str):
        return [Message("system", raw)] if raw else []
    return _input(raw, f"{where}instructions")


def _input(raw: object, where: str) -> list[Message]:
    """Tool calls and reasoning are items of their own here; only what a tool gave back is kept of them."""
    if isinstance(raw, str):
        return [Message("user", raw)]
    found = []
    for position, value in enumerate(json_list(raw, where)):
        item = json_object(value, f"{where}[{position}]")
        named = item.get("type")
        if "role" in item or named == "message":
            found.append(_message(item, f"{where}[{position}]"))
        elif isinstance(named, str) and named.endswith("_output"):
            output = item.get("output")
            found.append(Message("tool", output if isinstance(output, str) else None))
    return found


def _message(raw: object, where: str, role: str | None = None) -> Message:
    item = json_object(raw, where)
    found = message(role or role_of(item, where), _worded(item.get("content")), f"{where}.content")
    refusal = text(item.get("refusal"), f"{where}.refusal")
    # DeepSeek and vLLM name it "reasoning_content"; OpenRouter, Groq and later vLLM "reasoning".
    apart = (item.get(name) for name in ("reasoning_content", "reasoning"))
    thought = found.reasoning or next((words for words in apart if isinstance(words, str) and words), None)
    return Message(found.role, refusal if refusal and not found.text else found.text, thought)


def _worded(content: object) -> object:
    """A content in which refusals are text, and Mistral's lists of thoughts are strings."""
    if not isinstance(content, list):
        return content
    return [_worded_part(part) if isinstance(part, dict) else part for part in content]


def _worded_part(part: dict[str, Any]) -> dict[str, Any]:
    if part.get("type") == "refusal":
        return {"type": "text", "text": part.get("refusal")}
    if part.get("type") == "thinking" and isinstance(part.get("thinking"), list):
        return {"type": "thinking", "thinking": texts(part["thinking"])}
    return part


OPENAI_COMPLETION = Format(
    name="openai-completion",
    title="answers of OpenAI's chat completions or Responses API",
    example='{"id": "c1", "choices": [{"message": {"role": "assistant", "content": "Hi"}}]}',
    matches=_is_completion,
    conversations=_completion,
)


OPENAI_BATCH = Format(
    name="openai-batch",
    title="output file of an OpenAI batch",
    example='{"custom_id": "a1", "response": {"status_code": 200, "body": {"choices": '
    '[{"message": {"role": "assistant", "content": "Hi"}}]}}, "error": null}',
    matches=_is_batch,
    conversations=_batch,
    which="last",
)

"""Samples of Inspect's logs → conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, identifier, json_list, json_object, message, required
from anthrometrics.formats.vendors import role_of
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INSPECT", "is_sample"]

_NO_ANSWER: Final = "this sample has no message that the model generated, so there is nothing to score"


def is_sample(record: Mapping[str, Any]) -> bool:
    """Whether a record is a sample with the specification of its evaluation, as our reader of logs gives it."""
    return (
        isinstance(record.get("eval"), dict)
        and isinstance(record.get("epoch"), int)
        and isinstance(record.get("messages"), list)
    )


def _conversations(record: Mapping[str, Any]) -> list[Conversation]:
    """The conversation of a sample, and one for each further answer where several were asked for (``num_choices``).

    Messages of the assistant that the task put in are worked examples or the beginning of an answer. They are left
    out, as nothing that the model said.
    """
    required(record, "messages")
    items = [
        json_object(item, f"messages[{place}]") for place, item in enumerate(json_list(record["messages"], "messages"))
    ]
    said = [_message(item, f"messages[{place}]") for place, item in enumerate(items) if not _is_put_in(item)]
    asked = [item for item in said if item.role != "assistant"]
    answers = _choices(record.get("output"))
    if len(asked) < len(said):
        # The first choice is the last of the messages.
        found, answers = [tuple(said)], answers[1:]
    else:
        # Solvers may leave the answer in the output alone.
        found = []
    found += [(*asked, answer) for answer in answers]
    if not found:
        raise _unanswered(record)
    name = _name(record)
    return [
        Conversation(messages, name if place == 1 or name is None else f"{name}#{place}")
        for place, messages in enumerate(found, 1)
    ]


def _name(record: Mapping[str, Any]) -> str | None:
    """The sample's id, with its epoch where there are several."""
    name, epoch, spec = identifier(record), record.get("epoch"), record.get("eval")
    config = spec.get("config") if isinstance(spec, dict) else None
    epochs = config.get("epochs") if isinstance(config, dict) else None
    several = any(isinstance(number, int) and number > 1 for number in (epoch, epochs))
    return f"{name}/{epoch}" if several and name is not None else name


def _is_put_in(item: Mapping[str, Any]) -> bool:
    return item.get("role") == "assistant" and item.get("source") == "input"


def _message(item: Mapping[str, Any], where: str) -> Message:
    role = role_of(item, where)
    if role == "user" and item.get("tool_call_id"):
        # The pictures that a tool gave back, which some models take from the user only.
        role = "tool"
    return message(role, _spoken(item.get("content")), f"{where}.content")


def _choices(output: object) -> list[Message]:
    raw = output.get("choices") if isinstance(output, dict) else None
    found = []
    for place, value in enumerate(json_list(raw or [], "output.choices")):
        where = f"output.choices[{place}]"
        choice = json_object(value, where)
        found.append(_message(json_object(choice.get("message"), f"{where}.message"), f"{where}.message"))
    return [item for item in found if item.role == "assistant"]


def _spoken(content: object) -> object:
    """Content whose parts ``message`` understands."""
    if not isinstance(content, list):
        return content
    parts: list[Any] = []
    for part in content:
        if not isinstance(part, dict):
            parts.append(part)
        elif part.get("type") == "reasoning":
            parts.append({"type": "reasoning", "reasoning": _thought(part)})
        elif parts and _is_cut(parts[-1], part):
            parts[-1] = {**part, "text": parts[-1]["text"] + part["text"]}
        else:
            parts.append(part)
    return parts


def _thought(part: Mapping[str, Any]) -> Any:
    """What the model thought: its summary where the vendor keeps the thoughts themselves to itself."""
    return part.get("summary") if part.get("redacted") or not part.get("reasoning") else part["reasoning"]


def _is_cut(before: object, part: Mapping[str, Any]) -> bool:
    """Whether two texts are one that citations cut into pieces."""
    if not isinstance(before, dict) or not all(isinstance(item.get("text"), str) for item in (before, part)):
        return False
    return before.get("type") == part.get("type") == "text" and bool(before.get("citations") or part.get("citations"))


def _unanswered(record: Mapping[str, Any]) -> InputError:
    error, limit = record.get("error"), record.get("limit")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return InputError(f"this sample failed before the model answered: {error['message'][:200]}")
    if isinstance(limit, dict) and isinstance(limit.get("type"), str):
        return InputError(f"this sample was stopped before the model answered: its {limit['type'][:40]} limit")
    return InputError(_NO_ANSWER)


INSPECT = Format(
    name="inspect",
    title="samples of Inspect's logs, from .eval files or its JSON",
    example=(
        '{"status": "success", "eval": {"task": "tact", "model": "openai/gpt-4o"}, "id": 7, "epoch": 1, "messages": '
        '[{"role": "user", "content": "Hi", "source": "input"}, {"role": "assistant", "content": "Hello!"}]}'
    ),
    matches=is_sample,
    conversations=_conversations,
)

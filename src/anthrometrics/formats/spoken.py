"""Messages in whatever shape a program passed them around.

OpenAI's and Anthropic's messages, LangChain's serialized ones, OpenTelemetry's with their parts, plain strings, lists
of these and objects around them: tracers record all of them in the same places.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import field_names, json_object, kind, message
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["answered", "are_parts", "decoded", "failed", "only_string", "said", "said_by"]

_ROLES: Final = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "model", "gpt", "bot"), "assistant"),
    **dict.fromkeys(("tool", "function"), "tool"),
}
_TOOL_RESULTS: Final = ("tool_result", "tool_call_response", "server_tool_call_response")
_THOUGHTS: Final = ("reasoning", "thinking")
# What programs call the one value that goes in or comes out.
_ASKED: Final = ("input", "question", "query", "prompt", "prompts", "text")
_ANSWERED: Final = ("output", "answer", "response", "result", "completion", "text", "message")


def said(value: object, role: str, field: str) -> list[Message]:
    """The messages of a value; none if it is null.

    Args:
        value: A string, a message, a list of messages or of typed parts, or an object around one of these. Strings
            that are JSON of messages, as some exports have them, are read as such; any other JSON is a text.
        role: Who speaks where the value does not tell.
        field: Its name, for errors.

    Raises:
        InputError: It is something else.
    """
    if isinstance(value, str):
        inner = decoded(value)
        if not _is_speech(inner):
            return [Message(role, value)]
        value = inner
    if value is None:
        return []
    if isinstance(value, dict):
        return _unwrapped(value, role, field)
    if isinstance(value, list):
        return _listed(value, role, field)
    raise InputError(f'"{field}" must be a string, a message or a list of messages, not {kind(value)}')


def said_by(raw: Mapping[str, Any], role: str, field: str) -> Message:
    """One message.

    Args:
        raw: An object with a content; LangChain's keep it under ``"kwargs"`` or ``"data"``.
        role: Who speaks where the message does not tell.
        field: Its name, for errors.

    Raises:
        InputError: Its role or its content is of another kind.
    """
    inner = next((raw[name] for name in ("kwargs", "data") if isinstance(raw.get(name), dict)), raw)
    role = _role(raw, inner, role, field)
    content = next((inner[name] for name in ("content", "parts", "text") if inner.get(name) is not None), None)
    if isinstance(content, list):
        content = [_part(part) for part in content]
        if role == "user" and content and all(_is_tool_result(part) for part in content):
            role = "tool"
    if role == "tool" and not isinstance(content, str):
        # A tool may give back anything at all; nobody's words are lost.
        return Message(role, None)
    found = message(role, content, f"{field}.content")
    extra = inner.get("additional_kwargs")
    beside = {**extra, **inner} if isinstance(extra, dict) else inner
    thoughts = (beside.get(name) for name in ("reasoning_content", "reasoning"))
    thought = found.reasoning or next((words for words in thoughts if isinstance(words, str) and words), None)
    refusal = beside.get("refusal")
    return Message(role, refusal if isinstance(refusal, str) and refusal and not found.text else found.text, thought)


def answered(asked: list[Message], answers: list[Message], name: str | None, field: str) -> list[Conversation]:
    """The conversations of a call: several answers are alternatives, unless others speak between them.

    Args:
        asked: What came before.
        answers: What came back.
        name: Id of the call; later alternatives get a number after it.
        field: Where the answers stood, for errors.

    Raises:
        InputError: Nothing came back.
    """
    if not any(item.role == "assistant" for item in answers):
        raise InputError(f'"{field}" has no message with role "assistant", so there is nothing to score')
    if any(item.role != "assistant" for item in answers):
        return [Conversation((*asked, *answers), name)]
    names = [f"{name}#{place}" if place and name is not None else name for place in range(len(answers))]
    return [Conversation((*asked, item), own) for item, own in zip(answers, names, strict=True)]


def only_string(values: object, role: str) -> str | None:
    """The string among the inputs or outputs of a program that stands for all of them, if there is one."""
    if not isinstance(values, dict):
        return values if isinstance(values, str) else None
    named = [values.get(name) for name in (_ANSWERED if role == "assistant" else _ASKED)]
    others = list(values.values()) if len(values) == 1 else []
    return next((value for value in named + others if isinstance(value, str)), None)


def decoded(value: object) -> Any:
    """What a string holds as JSON, if that is an object or a list; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def are_parts(value: object) -> bool:
    """Whether a value is a list of the typed parts of one message."""
    return isinstance(value, list) and bool(value) and all(_is_part(item) for item in value)


def failed(*reasons: object) -> InputError:
    """That a call gave no answer, with the first reason that was recorded."""
    shown = [reason.strip()[:200] for reason in reasons if isinstance(reason, str) and reason.strip()]
    return InputError(": ".join(["this call failed at the vendor", *shown[:1]]))


def _unwrapped(value: Mapping[str, Any], role: str, field: str) -> list[Message]:
    if isinstance(value.get("generations"), list):
        items = [item for group in value["generations"] for item in (group if isinstance(group, list) else [group])]
        return [_generated(item, role, f"{field}.generations[{place}]") for place, item in enumerate(items)]
    if isinstance(value.get("choices"), list):
        return [_generated(item, role, f"{field}.choices[{place}]") for place, item in enumerate(value["choices"])]
    # Beside the messages, as Anthropic's Messages and OpenAI's Responses take it.
    system = [Message("system", value[name]) for name in ("system", "instructions") if isinstance(value.get(name), str)]
    if isinstance(value.get("messages"), list):
        return [*system, *_listed(value["messages"], role, f"{field}.messages")]
    if _is_message(value) or any(name in value for name in ("content", "tool_calls")):
        return [said_by(value, role, field)]
    for name in _ANSWERED if role == "assistant" else _ASKED:
        inner = value.get(name)
        if isinstance(inner, str | list) or (isinstance(inner, dict) and (_is_message(inner) or "content" in inner)):
            return [*system, *said(inner, role, f"{field}.{name}")]
    raise InputError(f'"{field}" must hold a string or messages; this object has {field_names(value)}')


def _generated(raw: object, role: str, field: str) -> Message:
    """One of several answers: a message, or its text where the library has no messages."""
    item = json_object(raw, field)
    own = item.get("message")
    found = said_by(own if isinstance(own, dict) else {"text": item.get("text")}, role, field)
    whole = item.get("text")
    return Message(found.role, whole, found.reasoning) if not found.text and isinstance(whole, str) and whole else found


def _listed(value: list[Any], role: str, field: str) -> list[Message]:
    """Messages of a list, or of the lists in it (LangChain's calls take several conversations)."""
    items = [item for own in value for item in (own if isinstance(own, list) and not _is_pair(own) else [own])]
    if are_parts(items):
        return [said_by({"content": items}, role, field)]
    found = []
    for place, item in enumerate(items):
        if isinstance(item, str):
            found.append(Message(role, item))
        elif _is_pair(item):
            found.append(Message(_ROLES[item[0]], item[1]))
        elif isinstance(item, dict) and (_is_message(item) or "content" in item):
            found.append(said_by(item, role, f"{field}[{place}]"))
        elif not _is_part(item):
            raise InputError(f"{field}[{place}] must be a message with a role and a content, found {kind(item)}")
    return found


def _role(raw: Mapping[str, Any], inner: Mapping[str, Any], otherwise: str, field: str) -> str:
    given = inner.get("role", raw.get("role"))
    if given is not None:
        if not isinstance(given, str):
            raise InputError(f'"{field}.role" must be a string, not {kind(given)}')
        known = _named(given)
        if known is None:
            raise InputError(f'"{field}.role" must be one of {", ".join(_ROLES)}, not "{given[:40]}"')
        return known
    path = raw.get("id")
    names = [path[-1] if isinstance(path, list) and path else None, inner.get("type"), raw.get("type")]
    return next((known for known in map(_named, names) if known), otherwise)


def _named(name: object) -> str | None:
    """The role of a name, or of a class of LangChain's (``"AIMessageChunk"``)."""
    if not isinstance(name, str):
        return None
    return _ROLES.get(name.lower().removesuffix("chunk").removesuffix("message"))


def _is_message(item: object) -> bool:
    if not isinstance(item, dict):
        return False
    if "role" in item or isinstance(item.get("kwargs"), dict) or item.get("type") == "message":
        return True
    return _named(item.get("type")) is not None and ("content" in item or isinstance(item.get("data"), dict))


def _is_part(item: object) -> bool:
    # Those of AWS name their kind by the field that they have.
    return (
        isinstance(item, dict)
        and not _is_message(item)
        and (any(isinstance(item.get(name), str) for name in ("type", "text")) or "toolUse" in item)
    )


def _is_pair(item: object) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[1], str) and _spells_role(item[0])


def _spells_role(name: object) -> bool:
    return isinstance(name, str) and name in _ROLES


def _is_speech(value: object) -> bool:
    """Whether decoded JSON is messages for certain: a model may well answer in JSON."""
    if isinstance(value, dict):
        return isinstance(value.get("role"), str) or any(
            isinstance(value.get(name), list) for name in ("messages", "choices")
        )
    return isinstance(value, list) and bool(value) and (are_parts(value) or all(_is_message(item) for item in value))


def _is_tool_result(part: object) -> bool:
    return isinstance(part, dict) and (part.get("type") in _TOOL_RESULTS or "toolResult" in part)


def _part(raw: Any) -> Any:
    """A part with its words under ``"text"``: OpenTelemetry has them under ``"content"``, LangChain bare."""
    if isinstance(raw, str):
        return {"type": "text", "text": raw}
    if not isinstance(raw, dict) or "text" in raw:
        return raw
    if raw.get("type") in ("text", *_THOUGHTS) and isinstance(raw.get("content"), str):
        return {"type": raw["type"], "text": raw["content"]}
    if raw.get("type") in _THOUGHTS and isinstance(raw.get("summary"), list):
        words = [item.get("text") for item in raw["summary"] if isinstance(item, dict)]
        return {"type": raw["type"], "text": "\n".join(word for word in words if isinstance(word, str))}
    return raw

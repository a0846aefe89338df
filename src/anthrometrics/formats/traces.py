"""Traces of applications: OpenTelemetry's spans of generative AI, and what Langfuse and LangSmith export.

Tracers record what the libraries they watch pass around, so messages come in many shapes. They are read by one set of
functions here; only where a tracer puts them differs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import (
    Format,
    field_names,
    identifier,
    json_list,
    json_object,
    kind,
    message,
    required,
)
from anthrometrics.formats.spoken import (
    answered,
    are_parts,
    decoded,
    failed,
    only_string,
    said,
    said_by,
)
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["LANGFUSE", "LANGSMITH", "OTEL"]

# Operations that speak to no model, or whose messages the spans below them hold again.
_NO_CHAT: Final = ("embeddings", "execute_tool", "create_agent", "invoke_agent", "invoke_workflow", "retrieval", "plan")
_CHAT: Final = ("chat", "text_completion", "generate_content", "completion")
_INDEXED: Final = re.compile(r"gen_ai\.(prompt|completion)\.([0-9]{1,6})\.([a-z_]+)")
_EVENTS: Final = {f"gen_ai.{role}.message": role for role in ("system", "user", "assistant", "tool")}
_CHOICE: Final = "gen_ai.choice"
# Events that hold what other versions of the conventions put on the span.
_DETAILS: Final = ("gen_ai.client.inference.operation.details", "gen_ai.content.prompt", "gen_ai.content.completion")
_OBSERVATIONS: Final = frozenset(
    ("GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL")
)


def _is_otel(record: Mapping[str, Any]) -> bool:
    if isinstance(record.get("resourceSpans"), list):
        return True
    attributes, events = record.get("attributes"), record.get("events")
    named = [item.get("key") for item in attributes if isinstance(item, dict)] if isinstance(attributes, list) else []
    named += list(attributes) if isinstance(attributes, dict) else []
    named += [item.get("name") for item in events if isinstance(item, dict)] if isinstance(events, list) else []
    return any(isinstance(name, str) and name.startswith("gen_ai.") for name in named)


def _is_langfuse(record: Mapping[str, Any]) -> bool:
    if "instruction" in record or "resourceSpans" in record or "run_type" in record:
        return False
    inner = record.get("observations")
    if isinstance(inner, list):
        return "id" in record and all(isinstance(item, str) or _is_observation(item) for item in inner)
    return _is_observation(record) or ("output" in record and ("htmlPath" in record or "bookmarked" in record))


def _is_observation(record: Any) -> bool:
    if not isinstance(record, dict) or not ("input" in record or "output" in record or "traceId" in record):
        return False
    named = record.get("type")
    return "id" in record and isinstance(named, str) and named in _OBSERVATIONS


def _is_langsmith(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("run_type"), str) and ("inputs" in record or "outputs" in record)


def _otel(record: Mapping[str, Any]) -> list[Conversation]:
    if "resourceSpans" in record:
        return _each(list(_spans(record)), _span)
    if "attributes" not in record and "events" not in record:
        raise InputError(f'expected a field "resourceSpans" or "attributes"; this object has {field_names(record)}')
    return _span(record)


def _spans(record: Mapping[str, Any]) -> Iterator[Any]:
    for resource in json_list(record["resourceSpans"], "resourceSpans"):
        for scope in json_list(json_object(resource, "resourceSpans[]").get("scopeSpans", []), "scopeSpans"):
            yield from json_list(json_object(scope, "scopeSpans[]").get("spans", []), "spans")


def _span(raw: Any) -> list[Conversation]:
    """The call that a span records, or nothing where it records something else."""
    span = json_object(raw, "span")
    attributes = _attributes(span.get("attributes"))
    events = [json_object(event, "events[]") for event in json_list(span.get("events") or [], "events")]
    for event in events:
        if event.get("name") in _DETAILS:
            attributes = {**_attributes(event.get("attributes")), **attributes}
    operation = attributes.get("gen_ai.operation.name", attributes.get("llm.request.type"))
    if operation in _NO_CHAT:
        return []
    asked, answers = _otel_messages(attributes, events)
    if not answers:
        if not asked and operation not in _CHAT:
            return []
        status = _inner(span, "status")
        code = status.get("code", status.get("status_code"))
        if code in (2, "STATUS_CODE_ERROR", "ERROR") or "error.type" in attributes:
            raise failed(status.get("message"), status.get("description"), attributes.get("error.type"))
        raise InputError('this chat span holds no answer ("gen_ai.output.messages"); was content recorded?')
    system = said(attributes.get("gen_ai.system_instructions"), "system", "gen_ai.system_instructions")
    name = identifier(span, "spanId", "span_id") or identifier(_inner(span, "context"), "span_id", "spanId")
    name = name or identifier(attributes, "gen_ai.response.id")
    return answered([*system, *asked], answers, name, "gen_ai.output.messages")


def _inner(record: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = record.get(field)
    return value if isinstance(value, dict) else {}


def _otel_messages(
    attributes: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> tuple[list[Message], list[Message]]:
    """What was asked and what was answered, from the newest version of the conventions that the span follows."""
    recorded = [_event(event) for event in events if event.get("name") in (*_EVENTS, _CHOICE)]
    sides = []
    for newest, older, role in (
        ("gen_ai.input.messages", "prompt", "user"),
        ("gen_ai.output.messages", "completion", "assistant"),
    ):
        found = said(attributes.get(newest), role, newest)
        found = found or said(attributes.get(f"gen_ai.{older}"), role, f"gen_ai.{older}")
        found = found or _indexed(attributes, older, role)
        sides.append(
            found or [item for chosen, items in recorded if chosen is (older == "completion") for item in items]
        )
    return sides[0], sides[1]


def _indexed(attributes: Mapping[str, Any], part: str, role: str) -> list[Message]:
    """Messages that were flattened: ``gen_ai.prompt.0.role``, ``gen_ai.prompt.0.content``."""
    items: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        place = _INDEXED.match(name)
        if place and place[1] == part:
            items.setdefault(int(place[2]), {})[place[3]] = value
    found: list[Message] = []
    thought: str | None = None
    for index, item in sorted(items.items()):
        where = f"gen_ai.{part}.{index}"
        if item.get("role") == "thinking":
            thought = message("assistant", item.get("content"), f"{where}.content").text
            continue
        content = decoded(item.get("content"))
        told = said_by({**item, "content": content} if are_parts(content) else item, role, where)
        found.append(Message(told.role, told.text, told.reasoning or thought))
        thought = None
    return found


def _event(event: Mapping[str, Any]) -> tuple[bool, list[Message]]:
    """Whether an event holds an answer, and its messages."""
    name = str(event["name"])
    body = _attributes(event.get("attributes"))
    inner = decoded(body.get("gen_ai.event.content"))
    body = inner if isinstance(inner, dict) else body
    value = body.get("message", body.get("content"))
    inner = decoded(value)
    role = _EVENTS.get(name, "assistant")
    if isinstance(inner, dict):
        return name == _CHOICE, [said_by(inner, role, name)]
    return name == _CHOICE, said(value, role, name) or [Message(role, None)]


def _attributes(raw: Any) -> dict[str, Any]:
    """Attributes by name, as an object holds them or as OTLP lists them."""
    if raw is None or isinstance(raw, dict):
        return raw or {}
    found = {}
    for position, item in enumerate(json_list(raw, "attributes")):
        if not isinstance(item, dict) or not isinstance(item.get("key"), str):
            raise InputError(f'attributes[{position}] must be {{"key", "value"}} with a string "key", not {kind(item)}')
        found[item["key"]] = _any_value(item.get("value"))
    return found


def _any_value(raw: Any, depth: int = 0) -> Any:
    """A value as OTLP wraps it; deeper than messages go it is left as it is."""
    if not isinstance(raw, dict) or len(raw) != 1 or depth > 20:
        return raw
    name, value = next(iter(raw.items()))
    inner = value.get("values", []) if isinstance(value, dict) else None
    if name == "arrayValue" and isinstance(inner, list):
        return [_any_value(item, depth + 1) for item in inner]
    if name == "kvlistValue" and isinstance(inner, list):
        pairs = [item for item in inner if isinstance(item, dict) and isinstance(item.get("key"), str)]
        return {item["key"]: _any_value(item.get("value"), depth + 1) for item in pairs}
    return value if name in ("stringValue", "intValue", "boolValue", "doubleValue", "bytesValue") else raw


def _langfuse(record: Mapping[str, Any]) -> list[Conversation]:
    """A trace gives its generations; one that was exported without them gives its own input and output."""
    if "observations" in record:
        inner = json_list(record["observations"], "observations")
        if any(not isinstance(item, str) for item in inner):
            return _each(inner, _observation)
        return _generation(record) if record.get("output") is not None else []
    if "type" not in record and "output" not in record:
        raise InputError(f'expected a field "type", "observations" or "output"; this object has {field_names(record)}')
    return _observation(record) if "type" in record else _generation(record)


def _observation(raw: Any) -> list[Conversation]:
    record = json_object(raw, "observations[]")
    return _generation(record) if record.get("type") == "GENERATION" else []


def _generation(record: Mapping[str, Any]) -> list[Conversation]:
    required(record, "output")
    if not record["output"] and record.get("level") == "ERROR":
        raise failed(record.get("statusMessage"), record.get("status_message"))
    output = record["output"]
    answers = [Message("assistant", None)] if output is None else said(output, "assistant", "output")
    return answered(said(record.get("input"), "user", "input"), answers, identifier(record), "output")


def _langsmith(record: Mapping[str, Any]) -> list[Conversation]:
    required(record, "run_type")
    run_type, name = record["run_type"], identifier(record)
    inputs, outputs = (decoded(record.get(field)) for field in ("inputs", "outputs"))
    if run_type in ("llm", "chat_model"):
        required(record, "outputs")
        if not outputs and record.get("error"):
            raise failed(record["error"])
        answers = said(outputs, "assistant", "outputs") if outputs else [Message("assistant", None)]
        return answered(said(inputs, "user", "inputs"), answers, name, "outputs")
    question, answer = only_string(inputs, "user"), only_string(outputs, "assistant")
    # Strings that go through tools, retrievers and parsers are nobody's speech.
    if run_type != "chain" or question is None or answer is None:
        return []
    return [Conversation((Message("user", question), Message("assistant", answer)), name)]


def _each(items: Sequence[Any], read: Callable[[Any], list[Conversation]]) -> list[Conversation]:
    """All conversations of several items; one that cannot be read costs no other.

    It gives a turn without text, which will be reported as unscored.

    Raises:
        InputError: None can be read.
    """
    found: list[Conversation] = []
    failures = []
    for item in items:
        try:
            found.extend(read(item))
        except InputError as error:
            failures.append(error)
            names = [item.get(field) for field in ("spanId", "id")] if isinstance(item, dict) else []
            name = next((name for name in names if isinstance(name, str)), None)
            found.append(Conversation((Message("assistant", None),), name))
    if failures and len(failures) == len(found):
        raise failures[0]
    return found


OTEL = Format(
    name="otel",
    title="OpenTelemetry spans of chat calls (gen_ai.*)",
    example='{"spanId": "5f1c", "attributes": {"gen_ai.operation.name": "chat", "gen_ai.output.messages": '
    '[{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "stop"}]}}',
    matches=_is_otel,
    conversations=_otel,
    which="last",
)
LANGFUSE = Format(
    name="langfuse",
    title="observations or traces that Langfuse exports",
    example='{"id": "o1", "type": "GENERATION", "input": [{"role": "user", "content": "Hi"}], "output": "Hello!"}',
    matches=_is_langfuse,
    conversations=_langfuse,
    which="last",
)
LANGSMITH = Format(
    name="langsmith",
    title="runs that LangSmith exports",
    example='{"id": "r1", "run_type": "llm", "inputs": {"messages": [{"role": "user", "content": "Hi"}]}, '
    '"outputs": {"generations": [[{"text": "Hello!"}]]}}',
    matches=_is_langsmith,
    conversations=_langsmith,
    which="last",
)

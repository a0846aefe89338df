"""Traces → conversations: OpenTelemetry's spans, Langfuse's observations, LangSmith's runs."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.formats.traces import LANGFUSE, LANGSMITH, OTEL
from anthrometrics.turns import Conversation, Message

FORMATS = (OTEL, LANGFUSE, LANGSMITH)


def user(text):
    return Message("user", text)


def answer(text, reasoning=None):
    return Message("assistant", text, reasoning)


def system(text):
    return Message("system", text)


def text_part(words):
    return {"type": "text", "content": words}


def otlp(attributes):
    return [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]


def span(attributes=(), **fields):
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "parentSpanId": "eee19b7ec3c1b173",
        "name": "chat gpt-4.1",
        "kind": 3,
        "startTimeUnixNano": "1748000000000000000",
        "endTimeUnixNano": "1748000001500000000",
        "attributes": attributes,
        "status": {},
        **fields,
    }


def export(*spans):
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    scope = {"name": "opentelemetry.instrumentation.openai_v2", "version": "2.1b0"}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": list(spans)}]}]}


CHAT_ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.system_instructions": json.dumps([text_part("Be kind."), text_part("Be brief.")]),
    "gen_ai.input.messages": json.dumps(
        [
            {"role": "user", "parts": [text_part("Weather in Zürich? ☀️")]},
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"q": 1}}],
            },
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rainy"}]},
        ],
        ensure_ascii=False,
    ),
    "gen_ai.output.messages": json.dumps(
        [
            {
                "role": "assistant",
                "parts": [{"type": "reasoning", "content": "It rains."}, text_part("Take an umbrella.")],
                "finish_reason": "stop",
            }
        ]
    ),
}
HTTP_SPAN = span(otlp({"http.request.method": "POST"}), name="POST", spanId="a1")
WEATHER = Conversation(
    (
        system("Be kind.\nBe brief."),
        user("Weather in Zürich? ☀️"),
        answer(None),
        Message("tool", None),
        answer("Take an umbrella.", "It rains."),
    ),
    "eee19b7ec3c1b174",
)
STRUCTURED = [
    {
        "key": "gen_ai.output.messages",
        "value": {
            "arrayValue": {
                "values": [
                    {
                        "kvlistValue": {
                            "values": [
                                {"key": "role", "value": {"stringValue": "assistant"}},
                                {
                                    "key": "parts",
                                    "value": {
                                        "arrayValue": {
                                            "values": [
                                                {
                                                    "kvlistValue": {
                                                        "values": [
                                                            {"key": "type", "value": {"stringValue": "text"}},
                                                            {"key": "content", "value": {"stringValue": "Hi"}},
                                                        ]
                                                    }
                                                }
                                            ]
                                        }
                                    },
                                },
                            ]
                        }
                    }
                ]
            }
        },
    },
    {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "3"}},
    {"key": "gen_ai.response.finish_reasons", "value": {"arrayValue": {"values": [{"stringValue": "stop"}]}}},
]
# As the console exporter of the Python SDK prints spans.
CONSOLE_SPAN = {
    "name": "openai.chat",
    "context": {"trace_id": "0x6b", "span_id": "0x00f067aa0ba902b7", "trace_state": "[]"},
    "kind": "SpanKind.CLIENT",
    "parent_id": None,
    "start_time": "2025-05-01T10:00:00.000000Z",
    "end_time": "2025-05-01T10:00:01.000000Z",
    "status": {"status_code": "OK"},
    "attributes": {
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be kind.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": '[{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "x"}}]',
        "gen_ai.prompt.10.role": "user",
        "gen_ai.prompt.10.content": "And?",
        "gen_ai.prompt.2.role": "assistant",
        "gen_ai.prompt.2.tool_calls.0.name": "look",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "A cat.",
        "gen_ai.completion.0.finish_reason": "stop",
        "gen_ai.completion.1.content": "A dog.",
        "llm.usage.total_tokens": 12,
    },
    "events": [],
    "links": [],
    "resource": {"attributes": {"service.name": "shop"}, "schema_url": ""},
}
SEEN = (system("Be kind."), user("Look"), answer(None), user("And?"))


def event(name, attributes):
    return {"timeUnixNano": "1748000000000000000", "name": name, "attributes": otlp(attributes)}


EVENTS_SPAN = span(
    otlp({"gen_ai.system": "openai", "gen_ai.operation.name": "chat"}),
    events=[
        event("gen_ai.system.message", {"content": "Be kind."}),
        event("gen_ai.user.message", {"content": "Hi"}),
        event("gen_ai.assistant.message", {"content": "Hello."}),
        event("gen_ai.user.message", {"content": '[{"text": "Who are you?"}]'}),
        event("gen_ai.choice", {"finish_reason": "stop", "message": '{"role": "assistant", "content": "A program."}'}),
    ],
)

OTEL_RECORDS = [
    (export(HTTP_SPAN, span(otlp(CHAT_ATTRIBUTES))), [WEATHER]),
    (span(CHAT_ATTRIBUTES), [WEATHER]),
    (span(otlp(CHAT_ATTRIBUTES)), [WEATHER]),
    (span(STRUCTURED), [Conversation((answer("Hi"),), "eee19b7ec3c1b174")]),
    (
        CONSOLE_SPAN,
        [
            Conversation((*SEEN, answer("A cat.")), "0x00f067aa0ba902b7"),
            Conversation((*SEEN, answer("A dog.")), "0x00f067aa0ba902b7#1"),
        ],
    ),
    (
        EVENTS_SPAN,
        [
            Conversation(
                (system("Be kind."), user("Hi"), answer("Hello."), user("Who are you?"), answer("A program.")),
                "eee19b7ec3c1b174",
            )
        ],
    ),
    (
        {
            "attributes": {"gen_ai.operation.name": "chat", "gen_ai.response.id": "msg_1"},
            "events": [
                {"name": "gen_ai.user.message", "attributes": {"gen_ai.event.content": '{"content": "Hi"}'}},
                {
                    "name": "gen_ai.choice",
                    "attributes": {"gen_ai.event.content": '{"index": 0, "message": {"content": "Hello"}}'},
                },
            ],
        },
        [Conversation((user("Hi"), answer("Hello")), "msg_1")],
    ),
    (
        {
            "span_id": "s1",
            "attributes": {"gen_ai.operation.name": "chat"},
            "events": [
                {
                    "name": "gen_ai.client.inference.operation.details",
                    "attributes": {
                        "gen_ai.input.messages": [{"role": "user", "parts": [text_part("Hi")]}],
                        "gen_ai.output.messages": [{"role": "assistant", "parts": [text_part("Hello")]}],
                    },
                }
            ],
        },
        [Conversation((user("Hi"), answer("Hello")), "s1")],
    ),
    (
        {
            "span_id": "s2",
            "attributes": {
                "gen_ai.prompt": "Hi",
                "gen_ai.completion.0.role": "thinking",
                "gen_ai.completion.0.content": "Greet.",
                "gen_ai.completion.1.role": "assistant",
                "gen_ai.completion.1.content": "Hello",
            },
        },
        [Conversation((user("Hi"), answer("Hello", "Greet.")), "s2")],
    ),
    (
        {
            "span_id": "s3",
            "attributes": {"gen_ai.completion.0.tool_calls.0.name": "f", "gen_ai.prompt.0.content": "Hi"},
        },
        [Conversation((user("Hi"), answer(None)), "s3")],
    ),
    (export(HTTP_SPAN), []),
    ({"resourceSpans": []}, []),
    (span({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"}), []),
    (span({**CHAT_ATTRIBUTES, "gen_ai.operation.name": "invoke_agent"}), []),
    (span({"gen_ai.operation.name": "embeddings"}), []),
    # A call without an answer among others leaves its place.
    (
        export(span(otlp({"gen_ai.operation.name": "chat"}), spanId="b2"), span(otlp(CHAT_ATTRIBUTES))),
        [Conversation((answer(None),), "b2"), WEATHER],
    ),
]

GENERATION = {
    "id": "7c9e6679",
    "traceId": "f47ac10b",
    "type": "GENERATION",
    "name": "OpenAI-generation",
    "startTime": "2025-05-01T10:00:00.000Z",
    "endTime": "2025-05-01T10:00:01.000Z",
    "completionStartTime": None,
    "model": "gpt-4.1",
    "modelParameters": {"temperature": 1},
    "input": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Grüezi"}],
    "output": {"role": "assistant", "content": "Hoi! 👋"},
    "metadata": {},
    "level": "DEFAULT",
    "statusMessage": None,
    "parentObservationId": None,
    "usageDetails": {"input": 9, "output": 4, "total": 13},
    "environment": "default",
}
SPAN = {**GENERATION, "type": "SPAN", "input": {"args": []}, "output": {"rows": 3}}
TRACE = {
    "id": "f47ac10b",
    "timestamp": "2025-05-01T10:00:00.000Z",
    "name": "chat",
    "input": {"q": "Grüezi"},
    "output": "Hoi!",
    "sessionId": None,
    "tags": [],
    "public": False,
    "htmlPath": "/project/p/traces/f47ac10b",
    "observations": [SPAN, GENERATION],
    "scores": [],
}
GREETING = Conversation((system("Be kind."), user("Grüezi"), answer("Hoi! 👋")), "7c9e6679")


def generation(**fields):
    return {"id": "g", "type": "GENERATION", **fields}


def said(*messages):
    return [Conversation(messages, "g")]


LANGFUSE_RECORDS = [
    (GENERATION, [GREETING]),
    (TRACE, [GREETING]),
    (SPAN, []),
    ({**SPAN, "type": "EVENT", "output": None}, []),
    # As the export to blob storage writes it: messages as JSON in strings.
    (
        {
            **{"id": "7c9e6679", "trace_id": "f47ac10b", "type": "GENERATION", "provided_model_name": "gpt-4.1"},
            "input": json.dumps(GENERATION["input"]),
            "output": json.dumps(GENERATION["output"]),
        },
        [GREETING],
    ),
    (generation(input="Hi", output="Hello"), said(user("Hi"), answer("Hello"))),
    (generation(output="Hello"), said(answer("Hello"))),
    (generation(input="Hi", output=None), said(user("Hi"), answer(None))),
    (generation(input="Hi", output='{"answer": 42}'), said(user("Hi"), answer('{"answer": 42}'))),
    (
        generation(
            input={"tools": [{"type": "function"}], "messages": [{"role": "user", "content": "Hi"}]},
            output={
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
        ),
        said(user("Hi"), answer(None)),
    ),
    (
        generation(
            input={"model": "claude", "system": "Be kind.", "messages": [{"role": "user", "content": "Hi"}]},
            output=[{"type": "thinking", "thinking": "Greet."}, {"type": "text", "text": "Hello"}],
        ),
        said(system("Be kind."), user("Hi"), answer("Hello", "Greet.")),
    ),
    (
        generation(
            input={
                "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
                "instructions": "Kind.",
            },
            output=[
                {"type": "function_call", "name": "f", "arguments": "{}"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
            ],
        ),
        said(system("Kind."), user("Hi"), answer("Hello")),
    ),
    (
        generation(input="Hi", output=[{"role": "assistant", "content": "A"}, {"role": "assistant", "content": "B"}]),
        [Conversation((user("Hi"), answer("A")), "g"), Conversation((user("Hi"), answer("B")), "g#1")],
    ),
    (
        generation(
            input="Hi",
            output=[
                {"role": "assistant", "content": "Let me see."},
                {"role": "tool", "content": {"rows": 3}},
                {"role": "assistant", "content": "Three."},
            ],
        ),
        said(user("Hi"), answer("Let me see."), Message("tool", None), answer("Three.")),
    ),
    (
        generation(
            input=[
                {"role": "user", "content": "Hi"},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "3"}]},
            ],
            output={"role": "assistant", "content": None, "refusal": "I cannot."},
        ),
        said(user("Hi"), Message("tool", None), answer("I cannot.")),
    ),
    (
        generation(input="Hi", output={"role": "assistant", "content": "a", "reasoning_content": "r"}),
        said(user("Hi"), answer("a", "r")),
    ),
    # A trace of the list of traces names its observations only.
    ({**TRACE, "input": "Hi", "observations": ["7c9e6679"]}, [Conversation((user("Hi"), answer("Hoi!")), "f47ac10b")]),
    ({**TRACE, "output": None, "observations": []}, []),
    (
        {"id": "t", "name": "x", "bookmarked": False, "public": False, "input": "Hi", "output": "Hello"},
        [Conversation((user("Hi"), answer("Hello")), "t")],
    ),
    (
        {**TRACE, "observations": [generation(output=None, level="ERROR"), GENERATION]},
        [Conversation((answer(None),), "g"), GREETING],
    ),
]


def serialized(name, **kwargs):
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", name], "kwargs": kwargs}


def run(run_type="llm", **fields):
    return {
        "id": "1f0529c8",
        "name": "ChatOpenAI",
        "run_type": run_type,
        "start_time": "2025-05-01T10:00:00.000000",
        "end_time": "2025-05-01T10:00:01.000000",
        "extra": {"metadata": {"ls_provider": "openai"}},
        "error": None,
        "events": [{"name": "start", "time": "2025-05-01T10:00:00"}],
        "parent_run_id": None,
        "trace_id": "1f0529c8",
        "dotted_order": "20250501T100000000000Z1f0529c8",
        "tags": [],
        **fields,
    }


RUN = run(
    inputs={
        "messages": [
            [
                serialized("SystemMessage", content="Be kind.", type="system"),
                serialized("HumanMessage", content="Bonjour", type="human"),
                serialized("AIMessage", content="", type="ai", tool_calls=[{"name": "f", "args": {}, "id": "c"}]),
                serialized("ToolMessage", content="3", type="tool", tool_call_id="c"),
            ]
        ]
    },
    outputs={
        "generations": [
            [
                {
                    "text": "Salut ! 🇫🇷",
                    "generation_info": {"finish_reason": "stop"},
                    "type": "ChatGeneration",
                    "message": serialized("AIMessage", content="Salut ! 🇫🇷", type="ai", additional_kwargs={}),
                }
            ]
        ],
        "llm_output": {"model_name": "gpt-4.1"},
        "run": None,
        "type": "LLMResult",
    },
)


def ran(*messages):
    return [Conversation(messages, "1f0529c8")]


HELLO = ran(user("Hi"), answer("Hello"))
LANGSMITH_RECORDS = [
    (RUN, ran(system("Be kind."), user("Bonjour"), answer(""), Message("tool", "3"), answer("Salut ! 🇫🇷"))),
    ({**RUN, "inputs": json.dumps(RUN["inputs"]), "outputs": json.dumps(RUN["outputs"])}, LANGSMITH.conversations(RUN)),
    (
        run(
            inputs={"messages": [{"role": "user", "content": "Hi"}], "model": "gpt-4.1"},
            outputs={
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "choices": [
                    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
                ],
            },
        ),
        HELLO,
    ),
    (
        run(
            "chat_model",
            inputs={"messages": [{"type": "human", "content": "Hi"}]},
            outputs={"messages": [{"type": "ai", "content": "Hello"}]},
        ),
        HELLO,
    ),
    (
        run(
            inputs={"messages": [["human", "Hi"]]},
            outputs={"generations": [[{"text": "Hello", "message": {"type": "ai", "data": {"content": "Hello"}}}]]},
        ),
        HELLO,
    ),
    (
        run(
            inputs={"messages": [{"role": "user", "content": "Hi"}]}, outputs={"role": "assistant", "content": "Hello"}
        ),
        HELLO,
    ),
    (run(inputs={"prompts": ["Hi"]}, outputs={"generations": [[{"text": "Hello", "generation_info": None}]]}), HELLO),
    (run(inputs={"prompt": "Hi"}, outputs={"choices": [{"text": "Hello"}]}), HELLO),
    (run(inputs={"input": "Hi"}, outputs={"output": {"role": "assistant", "content": "Hello"}}), HELLO),
    (run(inputs={"input": "Hi"}, outputs={"output": "Hello"}), HELLO),
    (run(inputs={"input": "Hi"}, outputs=None), ran(user("Hi"), answer(None))),
    (
        run(
            inputs={
                "messages": [
                    [serialized("HumanMessage", content=["Hi"]), serialized("ChatMessage", role="bot", content="x")]
                ]
            },
            outputs={
                "generations": [
                    [
                        {
                            "text": "",
                            "message": serialized("AIMessageChunk", content=[{"type": "tool_use", "name": "f"}]),
                        },
                        {
                            "text": "Hello",
                            "message": serialized(
                                "AIMessage", content="Hello", additional_kwargs={"reasoning_content": "r"}
                            ),
                        },
                    ]
                ]
            },
        ),
        [
            Conversation((user("Hi"), answer("x"), answer(None)), "1f0529c8"),
            Conversation((user("Hi"), answer("x"), answer("Hello", "r")), "1f0529c8#1"),
        ],
    ),
    (
        run(
            inputs={"messages": [{"role": "user", "content": "Hi"}]},
            outputs={
                "message": {
                    "role": "assistant",
                    "content": [{"type": "reasoning", "summary": [{"text": "r"}]}, "Hello"],
                }
            },
        ),
        ran(user("Hi"), answer("Hello", "r")),
    ),
    (run("chain", inputs={"input": "Hi"}, outputs={"output": "Hello"}), HELLO),
    (run("chain", inputs={"question": "Hi", "k": 3}, outputs={"input": "Hi", "output": "Hello"}), HELLO),
    (run("chain", inputs={"topic": "Hi"}, outputs={"joke": "Hello"}), HELLO),
    (run("chain", inputs={"messages": []}, outputs={"messages": []}), []),
    (run("chain", inputs={"input": "Hi"}, outputs=None, error="ValueError()"), []),
    (run("retriever", inputs={"query": "Hi"}, outputs={"documents": []}), []),
    (run("tool", inputs={"input": "Hi"}, outputs={"output": "3"}), []),
]

RECORDS = [
    *((OTEL, *pair) for pair in OTEL_RECORDS),
    *((LANGFUSE, *pair) for pair in LANGFUSE_RECORDS),
    *((LANGSMITH, *pair) for pair in LANGSMITH_RECORDS),
]
OTHERS = [
    {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    {"id": "1", "prompt": "q", "response": "a"},
    {"custom_id": "1", "response": {"status_code": 200, "body": {"choices": []}}, "error": None},
    {"id": "c", "object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": "a"}}]},
    {"id": "r", "object": "response", "output": [{"type": "message", "role": "assistant", "content": []}]},
    {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]},
    {"custom_id": "1", "result": {"type": "succeeded", "message": {"content": []}}},
    {"id": "1", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
    {"instruction": "q", "input": "", "output": "a"},
    {"id": "1", "type": "GENERATION", "instruction": "q", "input": "", "output": "a"},
    {"prompt": "q", "completion": "a"},
    {"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
    {"prompt": "q", "chosen": "a", "rejected": "b"},
    {"conversation_id": "1", "model": "m", "conversation": [{"role": "user", "content": "q"}]},
    {"instruction": "q", "output": "a", "generator": "m", "dataset": "helpful_base"},
    {"doc_id": 0, "doc": {"question": "q"}, "arguments": [["q", {}]], "resps": [["a"]], "filtered_resps": ["a"]},
    {"entry_type": "attempt", "uuid": "1", "probe_classname": "x", "prompt": "q", "outputs": ["a"], "status": 2},
    {"id": "1", "input": "q", "output": "a"},
    {},
]


@pytest.mark.parametrize(("form", "record", "expected"), RECORDS)
def test_records_as_the_tools_write_them(form, record, expected):
    assert form.conversations(record) == expected


@pytest.mark.parametrize(
    ("form", "record"), [(form, record) for form, record, _ in RECORDS if record != export(HTTP_SPAN)]
)
def test_a_record_is_known_as_its_own_format_only(form, record):
    assert [other.name for other in FORMATS if other.matches(record)] == [form.name]


@pytest.mark.parametrize("record", OTHERS)
def test_records_of_other_formats_are_not_taken(record):
    assert not any(form.matches(record) for form in FORMATS)


def test_a_span_of_something_else_matches_nothing_and_holds_nothing():
    assert not OTEL.matches(HTTP_SPAN)
    assert OTEL.conversations(HTTP_SPAN) == []


@pytest.mark.parametrize("form", FORMATS)
def test_examples_are_of_their_format(form):
    record = json.loads(form.example)
    assert form.matches(record)
    assert form.conversations(record)


@pytest.mark.parametrize(
    ("form", "record", "reason"),
    [
        (OTEL, {"a": 1}, 'expected a field "resourceSpans" or "attributes"; this object has "a"'),
        (OTEL, {"resourceSpans": {}}, '"resourceSpans" must be a list, not an object'),
        (OTEL, {"resourceSpans": [3]}, r'"resourceSpans\[\]" must be an object, not a number'),
        (OTEL, {"resourceSpans": [{"scopeSpans": None}]}, '"scopeSpans" must be a list, not null'),
        (OTEL, export("x"), '"span" must be an object, not a string'),
        (OTEL, span("x"), '"attributes" must be a list, not a string'),
        (OTEL, span([{"value": 1}]), r'attributes\[0\] must be \{"key", "value"\} with a string "key", not an object'),
        (OTEL, span({}, events=3), '"events" must be a list, not a number'),
        (OTEL, span({"gen_ai.output.messages": 3}), '"gen_ai.output.messages" must be a string, a message or a list'),
        (OTEL, span({"gen_ai.output.messages": [{"role": "user", "parts": []}]}), "nothing to score"),
        (OTEL, span({"gen_ai.output.messages": [{"role": "judge", "parts": []}]}), 'not "judge"'),
        (OTEL, span({"gen_ai.operation.name": "chat"}), "was content recorded"),
        (
            OTEL,
            span({"gen_ai.operation.name": "chat"}, status={"code": 2, "message": "Rate limit reached"}),
            "this call failed at the vendor: Rate limit reached",
        ),
        (OTEL, span({"gen_ai.operation.name": "chat", "error.type": "timeout"}), "failed at the vendor: timeout"),
        (OTEL, export(span(otlp({"gen_ai.operation.name": "chat", "error.type": "500"}))), "vendor: 500"),
        (LANGFUSE, {"id": "g"}, 'expected a field "type", "observations" or "output"; this object has "id"'),
        (LANGFUSE, generation(input="Hi"), 'expected a field "output"'),
        (LANGFUSE, generation(output=3), '"output" must be a string, a message or a list of messages, not a number'),
        (LANGFUSE, generation(output={"rows": 3}), '"output" must hold a string or messages; this object has "rows"'),
        (LANGFUSE, generation(output=[3]), r"output\[0\] must be a message with a role and a content, found a number"),
        (LANGFUSE, generation(output=[]), "nothing to score"),
        (LANGFUSE, generation(input=True, output="a"), '"input" must be a string, a message or a list'),
        (LANGFUSE, generation(output={"role": 3, "content": "a"}), '"output.role" must be a string, not a number'),
        (LANGFUSE, generation(output={"role": "assistant", "content": 3}), '"output.content" must be a string'),
        (LANGFUSE, {**TRACE, "observations": {}}, '"observations" must be a list, not an object'),
        (LANGFUSE, {**TRACE, "observations": [generation(output=3)]}, "not a number"),
        (LANGFUSE, {**GENERATION, "id": ["x"]}, '"id" must be a string or an integer, not a list'),
        (
            LANGFUSE,
            generation(output=None, level="ERROR", statusMessage="Connection error."),
            "this call failed at the vendor: Connection error.",
        ),
        (LANGSMITH, {"inputs": {}}, 'expected a field "run_type"'),
        (LANGSMITH, {"run_type": "llm", "inputs": {}}, 'expected a field "outputs"'),
        (LANGSMITH, run(inputs={"input": "Hi"}, outputs=None, error="RateLimitError('429')"), "vendor: RateLimitError"),
        (LANGSMITH, run(inputs={"input": "Hi"}, outputs={"usage": 3}), '"outputs" must hold a string or messages'),
        (
            LANGSMITH,
            run(inputs={"input": "Hi"}, outputs={"generations": [["x"]]}),
            r'"outputs.generations\[0\]" must be an',
        ),
        (LANGSMITH, run(inputs={"messages": [[3]]}, outputs="Hello"), r"inputs.messages\[0\] must be a message"),
        (LANGSMITH, run(inputs={"n": 3}, outputs="Hello"), '"inputs" must hold a string or messages'),
    ],
)
def test_other_shapes_are_explained(form, record, reason):
    with pytest.raises(InputError, match=reason):
        form.conversations(record)


names = st.sampled_from(
    [
        "id",
        "type",
        "role",
        "content",
        "parts",
        "text",
        "kwargs",
        "data",
        "messages",
        "generations",
        "choices",
        "message",
        "input",
        "output",
        "inputs",
        "outputs",
        "run_type",
        "observations",
        "level",
        "error",
        "attributes",
        "events",
        "name",
        "key",
        "value",
        "stringValue",
        "arrayValue",
        "kvlistValue",
        "values",
        "resourceSpans",
        "scopeSpans",
        "spans",
        "spanId",
        "status",
        "code",
        "context",
        "span_id",
        "system",
        "thinking",
        "summary",
        "tool_calls",
        "prompts",
        "gen_ai.operation.name",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.prompt",
        "gen_ai.completion.0.content",
        "gen_ai.completion.0.role",
        "gen_ai.prompt.1.content",
        "gen_ai.event.content",
        "htmlPath",
    ]
)
words = st.sampled_from(
    [
        "assistant",
        "user",
        "human",
        "ai",
        "text",
        "reasoning",
        "GENERATION",
        "SPAN",
        "llm",
        "chain",
        "chat",
        "ERROR",
        "[{",
    ]
    + ["gen_ai.choice", "gen_ai.user.message", "gen_ai.output.messages", "AIMessage", "tool_result", "constructor"]
    + ['[{"role": "assistant", "content": "a"}]', '{"choices": [3]}', '{"content": 3}', "[" * 5000]
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(st.one_of(names, st.text(max_size=3)), v, max_size=4)),
    max_leaves=20,
)
spoken = st.fixed_dictionaries(
    {}, optional={"role": words, "type": words, "content": values, "parts": values, "kwargs": values, "id": values}
)
messages = st.one_of(values, st.lists(st.one_of(spoken, st.lists(spoken, max_size=2)), max_size=3), spoken)
attributes = st.one_of(
    values,
    st.dictionaries(names, messages, max_size=5),
    st.lists(st.fixed_dictionaries({"key": names, "value": st.one_of(values, messages)}), max_size=4),
)
happenings = st.one_of(values, st.lists(st.fixed_dictionaries({"name": words, "attributes": attributes}), max_size=3))
spans = st.fixed_dictionaries(
    {"attributes": attributes}, optional={"events": happenings, "status": values, "spanId": values}
)
observations = st.fixed_dictionaries(
    {"id": scalars, "type": words, "output": messages}, optional={"input": messages, "level": words}
)
wrapped = st.dictionaries(names, messages, max_size=3)
runs = st.fixed_dictionaries(
    {"run_type": words, "outputs": st.one_of(wrapped, messages)}, optional={"inputs": wrapped, "id": scalars}
)
records = st.one_of(
    st.dictionaries(names, values, max_size=5),
    spans,
    st.lists(spans, max_size=2).map(lambda found: export(*found)),
    st.fixed_dictionaries({"resourceSpans": values}),
    observations,
    st.fixed_dictionaries({"id": scalars, "observations": st.lists(st.one_of(values, observations), max_size=3)}),
    runs,
)


@st.composite
def damaged(draw):
    """A record of a tool with one value replaced, so that most of what is read is right."""
    record = copy.deepcopy(draw(st.sampled_from([record for _, record, _ in RECORDS if record])))
    place = record
    while True:
        name = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[name], dict | list) or not place[name] or draw(st.integers(0, 4)) == 0:
            break
        place = place[name]
    place[name] = draw(st.one_of(values, messages))
    return record


@pytest.mark.parametrize("form", FORMATS)
@given(record=st.one_of(records, damaged()))
def test_any_record_gives_conversations_or_an_explanation(form, record):
    assert form.matches(record) in (True, False)
    try:
        found = form.conversations(record)
    except InputError as error:
        assert 0 < len(str(error)) < 700
        return
    for conversation in found:
        assert any(item.role == "assistant" for item in conversation.messages)
        assert conversation.id is None or isinstance(conversation.id, str)
        for item in conversation.messages:
            assert item.role in ("system", "user", "assistant", "tool")
            assert item.text is None or isinstance(item.text, str)
            assert item.reasoning is None or isinstance(item.reasoning, str)


@pytest.mark.parametrize("kinds", [("arrayValue", "values"), ("kvlistValue", "values")])
def test_values_nested_without_end_are_left_alone(kinds):
    value = {"stringValue": "x"}
    for _ in range(300):
        inner = [value] if kinds[0] == "arrayValue" else [{"key": "k", "value": value}]
        value = {kinds[0]: {kinds[1]: inner}}
    with pytest.raises(InputError):
        OTEL.conversations(span([{"key": "gen_ai.output.messages", "value": value}]))

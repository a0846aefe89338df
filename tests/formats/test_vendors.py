"""Answers and batch files of OpenAI, Anthropic and those who follow them."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.formats.anthropic import ANTHROPIC_BATCH, ANTHROPIC_MESSAGE
from anthrometrics.formats.openai import OPENAI_BATCH, OPENAI_COMPLETION
from anthrometrics.turns import Conversation, Message

FORMATS = [OPENAI_COMPLETION, OPENAI_BATCH, ANTHROPIC_MESSAGE, ANTHROPIC_BATCH]


def user(text):
    return Message("user", text)


def said(text, reasoning=None):
    return Message("assistant", text, reasoning)


def completion(*messages, **fields):
    return {
        "id": "chatcmpl-Bk3",
        "object": "chat.completion",
        "created": 1718000000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": None, "refusal": None, "annotations": [], **message},
                "logprobs": None,
                "finish_reason": "stop",
            }
            for index, message in enumerate(messages)
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21},
        "service_tier": "default",
        "system_fingerprint": "fp_1",
        **fields,
    }


def response(*output, **fields):
    return {
        "id": "resp_67",
        "object": "response",
        "created_at": 1741476542,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": "gpt-5-2025-08-07",
        "output": list(output),
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "text": {"format": {"type": "text"}},
        "usage": {"input_tokens": 36, "output_tokens": 87, "total_tokens": 123},
        **fields,
    }


def output_message(*parts):
    return {"id": "msg_67", "type": "message", "status": "completed", "role": "assistant", "content": list(parts)}


def output_text(text):
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def openai_line(body, request=None, status=200, **fields):
    line = {
        "id": "batch_req_1",
        "custom_id": "q-1",
        "response": {"status_code": status, "request_id": "req_1", "body": body},
        "error": None,
        **fields,
    }
    return line if request is None else {**line, "request": request}


def openai_request(**body):
    return {"custom_id": "q-1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o", **body}}


def anthropic(*content, **fields):
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 36, "service_tier": "standard"},
        **fields,
    }


def words(text, **fields):
    return {"type": "text", "text": text, **fields}


def anthropic_line(message, request=None):
    line = {"custom_id": "q-1", "result": {"type": "succeeded", "message": message}}
    return line if request is None else {**line, "request": request}


def anthropic_request(*messages, **params):
    return {
        "custom_id": "q-1",
        "params": {"model": "claude-sonnet-4-5", "max_tokens": 99, **params, "messages": list(messages)},
    }


def asked(content):
    return {"role": "user", "content": content}


def answered(content):
    return {"role": "assistant", "content": content}


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}
REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Second."}],
    "encrypted_content": "gAAAAAB",
}
FUNCTION_CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln"}}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}

# One sample of every format of the project.
SAMPLES = {
    "chat": [{"messages": [asked("q"), answered("a")]}, {"prompt": "p", "response": "r"}, {"response": None}],
    "openai-completion": [
        completion({"content": "Hi"}),
        completion(object="chat.completion"),
        {"choices": [{"message": {"content": "Hi"}}]},
        response(output_message(output_text("Hi"))),
        response(status="failed", error={"code": "server_error", "message": "no"}),
    ],
    "openai-batch": [
        openai_line(completion({"content": "Hi"})),
        openai_line(response(output_message(output_text("Hi"))), openai_request(input="q")),
        openai_line({"error": {"message": "bad"}}, status=400),
        {"batch_id": "b", "custom_id": "q", "response": {"status_code": 500, "message": "no"}, "error": None},
        {
            "id": "batch_req_1",
            "custom_id": "q",
            "response": None,
            "error": {"code": "batch_expired", "message": "late"},
        },
    ],
    "anthropic-message": [anthropic(words("Hi")), anthropic(), anthropic(TOOL_USE)],
    "anthropic-batch": [
        anthropic_line(anthropic(words("Hi"))),
        {"custom_id": "q", "result": {"type": "errored", "error": {"type": "error", "error": {}}}},
        {"custom_id": "q", "result": {"type": "canceled"}},
        {"custom_id": "q", "result": {"type": "expired"}},
    ],
    "sharegpt": [{"id": "s", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}],
    "alpaca": [{"instruction": "i", "input": "", "output": "o"}],
    "completion": [{"prompt": "p", "completion": "c"}],
    "hh-rlhf": [{"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"}],
    "preference": [{"prompt": "p", "chosen": "a", "rejected": "b"}, {"chosen": [answered("a")], "rejected": []}],
    "wildchat": [{"conversation_hash": "h", "conversation": [asked("q"), answered("a")], "language": "English"}],
    "alpaca-eval": [{"instruction": "i", "output": "o", "generator": "g", "dataset": "d"}],
    "lm-eval": [
        {"doc_id": 0, "doc": {"q": "x"}, "arguments": [["q", {}]], "resps": [["a"]], "filtered_resps": ["a"]},
        {"doc_id": 0, "doc": {"choices": ["a", "b"]}, "choices": ["a", "b"], "resps": [["a"]], "arguments": {}},
    ],
    "garak": [{"entry_type": "attempt", "uuid": "u", "prompt": "p", "outputs": ["o"], "status": 2}],
    "otel": [
        {"resourceSpans": [{"scopeSpans": [{"spans": []}]}]},
        {"name": "chat", "attributes": {"gen_ai.operation.name": "chat"}},
    ],
    "langfuse": [{"id": "t", "type": "GENERATION", "input": [asked("q")], "output": answered("a")}],
    "langsmith": [
        {"id": "r", "run_type": "llm", "inputs": {"messages": []}, "outputs": {"choices": [{"message": answered("a")}]}}
    ],
}


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("name", SAMPLES)
def test_records_are_known_by_their_own_format_only(form, name):
    assert [form.matches(record) for record in SAMPLES[name]] == [form.name == name] * len(SAMPLES[name])


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_the_example_is_of_its_format(form):
    record = json.loads(form.example)
    assert [other.name for other in FORMATS if other.matches(record)] == [form.name]
    [conversation] = form.conversations(record)
    assert conversation.messages == (said("Hi"),)
    assert conversation.id == record.get("id", "a1")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(completion({"content": "Grüß dich! 👋"}), [said("Grüß dich! 👋")], id="text"),
        pytest.param(completion({"tool_calls": [CALL]}), [said(None)], id="tool call"),
        pytest.param(completion({"refusal": "I'm sorry."}), [said("I'm sorry.")], id="refusal"),
        pytest.param(completion({"content": "", "refusal": None}), [said("")], id="empty"),
        pytest.param(
            completion({"content": "Four.", "reasoning_content": "2+2"}), [said("Four.", "2+2")], id="DeepSeek"
        ),
        pytest.param(
            completion({"content": "Four.", "reasoning": "2+2", "reasoning_details": [{"text": "2+2"}]}),
            [said("Four.", "2+2")],
            id="OpenRouter",
        ),
        pytest.param(
            completion({"content": [{"type": "thinking", "thinking": [words("2+"), words("2")]}, words("Four.")]}),
            [said("Four.", "2+\n2")],
            id="Mistral",
        ),
        pytest.param(
            completion({"content": [{"type": "refusal", "refusal": "I can't."}]}), [said("I can't.")], id="refusal part"
        ),
        pytest.param(
            {"id": "chatcmpl-Bk3", "choices": [{"finish_reason": "content_filter", "message": {"role": "assistant"}}]},
            [said(None)],
            id="filtered",
        ),
    ],
)
def test_chat_completions(record, expected):
    assert OPENAI_COMPLETION.conversations(record) == [Conversation(tuple(expected), "chatcmpl-Bk3")]
    [joined] = OPENAI_BATCH.conversations(openai_line(record, openai_request(messages=[asked("q")])))
    assert joined == Conversation((user("q"), *expected), "q-1")


def test_further_choices_are_conversations_of_their_own():
    record = completion({"content": "a"}, {"content": "b"}, {"refusal": "c"})
    found = OPENAI_COMPLETION.conversations(record)
    assert [(one.id, one.messages[-1].text) for one in found] == [
        ("chatcmpl-Bk3", "a"),
        ("chatcmpl-Bk3#1", "b"),
        ("chatcmpl-Bk3#2", "c"),
    ]
    line = openai_line(record, openai_request(messages=[asked("q")]))
    assert OPENAI_BATCH.conversations(line) == [
        Conversation((user("q"), said(text)), name) for name, text in (("q-1", "a"), ("q-1#1", "b"), ("q-1#2", "c"))
    ]
    del record["id"]
    assert [one.id for one in OPENAI_COMPLETION.conversations(record)] == [None] * 3


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(
            response(REASONING, output_message(output_text("Hi"))), [said("Hi", "First.\nSecond.")], id="text"
        ),
        pytest.param(
            response(
                {**REASONING, "content": [{"type": "reasoning_text", "text": "All."}]},
                output_message(output_text("Let me look.")),
                {"id": "ws_1", "type": "web_search_call", "status": "completed"},
                output_message(output_text("Found it.")),
            ),
            [said("Let me look.\nFound it.", "All.")],
            id="a tool between",
        ),
        pytest.param(response({**REASONING, "summary": []}, FUNCTION_CALL), [said(None)], id="function call"),
        pytest.param(response(output_message({"type": "refusal", "refusal": "No."})), [said("No.")], id="refusal"),
        pytest.param(
            response(output_message(output_text("Once up")), status="incomplete", instructions="Be brief."),
            [Message("system", "Be brief."), said("Once up")],
            id="cut short, with instructions",
        ),
        pytest.param(
            response(instructions=[{"role": "developer", "content": "x"}]), [Message("system", "x"), said(None)]
        ),
        pytest.param(response(instructions=""), [said(None)], id="nothing"),
    ],
)
def test_responses(record, expected):
    assert OPENAI_COMPLETION.conversations(record) == [Conversation(tuple(expected), "resp_67")]
    assert OPENAI_BATCH.conversations(openai_line(record)) == [Conversation(tuple(expected), "q-1")]


def test_the_request_of_a_chat_batch_line_stands_before_the_answer():
    request = openai_request(
        messages=[
            {"role": "developer", "content": "Be kind."},
            {
                "role": "user",
                "content": [words("Is it"), {"type": "image_url", "image_url": {"url": "x"}}, words("wet?")],
            },
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            {"role": "assistant", "content": "Yes.", "reasoning_content": "rain is wet"},
            {"role": "function", "name": "f", "content": "1"},
            {"role": "assistant", "refusal": "No."},
            {"role": "user", "content": "Sure?", "name": "Ada"},
        ]
    )
    [found] = OPENAI_BATCH.conversations(openai_line(completion({"content": "Sure."}), request))
    assert found.messages == (
        Message("system", "Be kind."),
        user("Is it\nwet?"),
        said(None),
        Message("tool", "rain"),
        said("Yes.", "rain is wet"),
        Message("tool", "1"),
        said("No."),
        user("Sure?"),
        said("Sure."),
    )
    assert [turn.prompt for turn in found.turns()][-1] == "Sure?"


def test_the_request_of_a_responses_batch_line_stands_before_the_answer():
    answer = response(output_message(output_text("Wet.")), instructions="Be kind.")
    [short] = OPENAI_BATCH.conversations(openai_line(answer, openai_request(input="Rain?", instructions="Be kind.")))
    assert short.messages == (Message("system", "Be kind."), user("Rain?"), said("Wet."))
    items = [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "Rain?"}, {"type": "input_image", "image_url": "x"}],
        },
        REASONING,
        FUNCTION_CALL,
        {"type": "function_call_output", "call_id": "call_1", "output": "yes"},
        {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_image"}]},
        output_message(output_text("It rains.")),
        {"type": "item_reference", "id": "msg_1"},
        {"type": "message", "role": "user", "content": "So?"},
    ]
    [long] = OPENAI_BATCH.conversations(openai_line(answer, openai_request(input=items)))
    assert long.messages == (
        user("Rain?"),
        Message("tool", "yes"),
        Message("tool", None),
        said("It rains."),
        user("So?"),
        said("Wet."),
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([words("Olá, tudo bem? 🌞")], said("Olá, tudo bem? 🌞")),
        ([{"type": "thinking", "thinking": "2+2", "signature": "Eq"}, words("Four.")], said("Four.", "2+2")),
        ([{"type": "redacted_thinking", "data": "Em"}, words("Four.")], said("Four.")),
        ([words("Let me look."), TOOL_USE], said("Let me look.")),
        ([TOOL_USE], said(None)),
        ([], said(None)),
        # Citations cut a sentence; a search stands between two.
        (
            [
                words("I'll search."),
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rain"}},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
                words("It says ", citations=None),
                words("rain", citations=[{"type": "web_search_result_location", "cited_text": "rain"}]),
                words("."),
            ],
            said("I'll search.\nIt says rain."),
        ),
    ],
)
def test_anthropic_messages(content, expected):
    message = anthropic(*content)
    assert ANTHROPIC_MESSAGE.conversations(message) == [Conversation((expected,), "msg_01")]
    assert ANTHROPIC_BATCH.conversations(anthropic_line(message)) == [Conversation((expected,), "q-1")]


def test_the_request_of_an_anthropic_batch_line_stands_before_the_answer():
    request = anthropic_request(
        asked("Is it wet?"),
        answered([words("I "), words("look."), TOOL_USE]),
        asked([TOOL_RESULT]),
        system=[words("Be kind.", cache_control={"type": "ephemeral"}), words("Be brief.")],
    )
    [found] = ANTHROPIC_BATCH.conversations(anthropic_line(anthropic(words("Yes.")), request))
    assert found.messages == (
        Message("system", "Be kind.\nBe brief."),
        user("Is it wet?"),
        said("I look."),
        Message("tool", None),
        said("Yes."),
    )
    assert [turn.prompt for turn in found.turns()] == ["Is it wet?"] * 2


def test_a_tool_result_with_words_of_the_user_is_the_users():
    request = anthropic_request(asked([TOOL_RESULT, words("And now?")]), system="Be kind.")
    [found] = ANTHROPIC_BATCH.conversations(anthropic_line(anthropic(words("Yes.")), request))
    assert found.messages == (Message("system", "Be kind."), user("And now?"), said("Yes."))


@pytest.mark.parametrize(
    ("begun", "content", "expected"),
    [
        ("My answer:", [words(" yes.")], said("My answer: yes.")),
        ("My answer:", [], said("My answer:")),
        (
            [{"type": "thinking", "thinking": "a"}, TOOL_USE],
            [{"type": "thinking", "thinking": "b"}],
            said(None, "a\nb"),
        ),
    ],
)
def test_an_answer_begun_in_the_request_is_one_turn(begun, content, expected):
    line = anthropic_line(anthropic(*content), anthropic_request(asked("q"), answered(begun)))
    assert ANTHROPIC_BATCH.conversations(line) == [Conversation((user("q"), expected), "q-1")]


LATE = {"code": "batch_expired", "message": "This request could not be executed in time."}
INVALID = {"type": "invalid_request_error", "message": "max_tokens: Field required"}


@pytest.mark.parametrize(
    ("form", "record", "reason"),
    [
        (OPENAI_BATCH, openai_line(None, response=None, error=LATE), ": batch_expired: This request could not be"),
        (
            OPENAI_BATCH,
            openai_line({"error": {"message": "Bad model", "type": "invalid_request_error", "code": None}}, status=400),
            " with status 400: invalid_request_error: Bad model",
        ),
        (
            OPENAI_BATCH,
            {"custom_id": "q", "response": {"status_code": 500, "message": "Internal"}},
            " with status 500: Internal",
        ),
        (OPENAI_BATCH, openai_line({"error": {"message": "Overloaded", "code": 502}}), ": Overloaded"),
        (OPENAI_BATCH, openai_line(response(status="failed", error={"code": "server_error"})), ": server_error"),
        (OPENAI_COMPLETION, response(status="in_progress"), ' with the status "in_progress"'),
        (OPENAI_COMPLETION, {"error": "out of memory"}, ": out of memory"),
        (OPENAI_COMPLETION, {"choices": [{"error": {"code": 502, "message": "Gone"}, "message": {}}]}, ": Gone"),
        (ANTHROPIC_MESSAGE, {"type": "error", "error": INVALID}, ": invalid_request_error: max_tokens"),
        (
            ANTHROPIC_BATCH,
            {"custom_id": "q", "result": {"type": "errored", "error": {"type": "error", "error": INVALID}}},
            ' with the result "errored": invalid_request_error: max_tokens',
        ),
        (ANTHROPIC_BATCH, {"custom_id": "q", "result": {"type": "errored"}}, ' with the result "errored"'),
        (ANTHROPIC_BATCH, {"custom_id": "q", "result": {"type": "canceled"}}, ' with the result "canceled"'),
        (ANTHROPIC_BATCH, {"custom_id": "q", "result": {"type": "expired"}}, ' with the result "expired"'),
    ],
)
def test_what_failed_at_the_vendor_is_said_to_have(form, record, reason):
    with pytest.raises(InputError) as caught:
        form.conversations(record)
    assert str(caught.value).startswith(f"this request failed at the vendor{reason}")


def test_a_failure_stays_short_however_long_the_vendors_reason_is():
    with pytest.raises(InputError) as caught:
        OPENAI_BATCH.conversations(openai_line(None, error={"message": "x" * 10_000}))
    assert len(str(caught.value)) < 300


DONE = completion({"content": "a"})
HELLO = anthropic(words("a"))


@pytest.mark.parametrize(
    ("form", "record", "explanation"),
    [
        (OPENAI_COMPLETION, {"a": 1}, 'expected a field "choices" or "output"; this object has "a"'),
        (OPENAI_COMPLETION, completion(), '"choices" is empty, so there is nothing to score'),
        (OPENAI_COMPLETION, {"choices": {}}, '"choices" must be a list, not an object'),
        (OPENAI_COMPLETION, {"choices": ["a"]}, '"choices[0]" must be an object, not a string'),
        (OPENAI_COMPLETION, {"choices": [{"text": "a"}]}, '"choices[0].message" must be an object, not null'),
        (
            OPENAI_COMPLETION,
            completion({"content": 3}),
            '"choices[0].message.content" must be a string, null or a list of parts, not a number',
        ),
        (
            OPENAI_COMPLETION,
            completion({"refusal": True}),
            '"choices[0].message.refusal" must be a string or null, not a boolean',
        ),
        (OPENAI_COMPLETION, completion({}, id=[]), '"id" must be a string or an integer, not a list'),
        (OPENAI_COMPLETION, {"output": "a"}, '"output" must be a list, not a string'),
        (OPENAI_COMPLETION, response("a"), '"output[0]" must be an object, not a string'),
        (OPENAI_COMPLETION, response({"type": "message"}), '"output[0].content" must be a list, not null'),
        (OPENAI_COMPLETION, response(instructions=3), '"instructions" must be a list, not a number'),
        (OPENAI_BATCH, {"custom_id": "q"}, 'expected a field "response"; this object has "custom_id"'),
        (OPENAI_BATCH, {"response": None}, '"response" must be an object, not null'),
        (OPENAI_BATCH, {"response": {}}, '"response.body" must be an object, not null'),
        (
            OPENAI_BATCH,
            openai_line({"object": "list", "data": []}),
            'expected a field "response.body.choices" or "response.body.output"; this object has "object", "data"',
        ),
        (OPENAI_BATCH, openai_line({"choices": [3]}), '"response.body.choices[0]" must be an object, not a number'),
        (OPENAI_BATCH, openai_line(DONE, "a"), '"request" must be an object, not a string'),
        (OPENAI_BATCH, openai_line(DONE, {}), '"request.body" must be an object, not null'),
        (
            OPENAI_BATCH,
            openai_line(DONE, {"body": {"model": "m"}}),
            'expected a field "request.body.messages" or "request.body.input"; this object has "model"',
        ),
        (
            OPENAI_BATCH,
            openai_line(DONE, openai_request(messages="a")),
            '"request.body.messages" must be a list, not a',
        ),
        (OPENAI_BATCH, openai_line(DONE, openai_request(input=None)), '"request.body.input" must be a list, not null'),
        (
            OPENAI_BATCH,
            openai_line(DONE, openai_request(messages=[{"content": "a"}])),
            '"request.body.messages[0].role" must be a string, not null',
        ),
        (
            OPENAI_BATCH,
            openai_line(DONE, openai_request(messages=[{"role": "narrator"}])),
            '"request.body.messages[0].role" must be one of system, developer, user, assistant, tool, function, not "nar',
        ),
        (ANTHROPIC_MESSAGE, {"id": "m"}, 'expected a field "content"; this object has "id"'),
        (ANTHROPIC_MESSAGE, {"role": "user", "content": []}, '"role" must be "assistant"'),
        (ANTHROPIC_MESSAGE, {"content": 3}, '"content" must be a string, null or a list of parts, not a number'),
        (ANTHROPIC_BATCH, {"custom_id": "q"}, 'expected a field "result"; this object has "custom_id"'),
        (ANTHROPIC_BATCH, {"custom_id": 1.5, "result": {}}, '"custom_id" must be a string or an integer, not a number'),
        (ANTHROPIC_BATCH, {"result": []}, '"result" must be an object, not a list'),
        (ANTHROPIC_BATCH, {"result": {"type": []}}, '"result.type" must be "succeeded", "errored", "canceled" or'),
        (ANTHROPIC_BATCH, anthropic_line(None), '"result.message" must be an object, not null'),
        (ANTHROPIC_BATCH, anthropic_line({}), 'expected a field "result.message.content"; this object has no fields'),
        (ANTHROPIC_BATCH, anthropic_line(HELLO, []), '"request" must be an object, not a list'),
        (ANTHROPIC_BATCH, anthropic_line(HELLO, {}), '"request.params" must be an object, not null'),
        (ANTHROPIC_BATCH, anthropic_line(HELLO, {"params": {}}), '"request.params.messages" must be a list, not null'),
        (
            ANTHROPIC_BATCH,
            anthropic_line(HELLO, anthropic_request(asked(3))),
            '"request.params.messages[0].content" must be a string, null or a list of parts, not a number',
        ),
        (
            ANTHROPIC_BATCH,
            anthropic_line(HELLO, anthropic_request(system=3)),
            '"request.params.system" must be a string, null or a list of parts, not a number',
        ),
    ],
)
def test_other_shapes_are_explained(form, record, explanation):
    with pytest.raises(InputError) as caught:
        form.conversations(record)
    assert str(caught.value).startswith(explanation)


# Names and words that matter are drawn often, so that nearly right records are met too.
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["assistant", "user", "developer", "succeeded", "errored", "response", "chat.completion", "error"]),
)
names = st.one_of(
    st.sampled_from(
        ["role", "content", "text", "type", "refusal", "thinking", "output", "message", "error", "summary", "reasoning"]
    ),
    st.text(max_size=5),
)
values = st.recursive(
    scalars, lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(names, v, max_size=3)), max_leaves=8
)


# Whole records, in which the property below changes a few places.
WHOLE = [
    completion(
        {"content": [words("a"), {"type": "thinking", "thinking": [words("b")]}], "reasoning": "c"}, {"refusal": "d"}
    ),
    response(REASONING, output_message(output_text("a"), {"type": "refusal", "refusal": "b"}), FUNCTION_CALL),
    openai_line(
        completion({"content": "a", "reasoning_content": "b"}),
        openai_request(
            messages=[{"role": "developer", "content": "a"}, asked([words("b")]), answered("c"), asked("d")]
        ),
    ),
    openai_line(
        response(output_message(output_text("a")), instructions=[{"role": "developer", "content": "x"}]),
        openai_request(input=[asked("a"), {"type": "function_call_output", "output": "b"}], instructions="x"),
    ),
    openai_line({"error": {"type": "a", "message": "b"}}, status=400),
    openai_line(None, response=None, error=LATE),
    anthropic({"type": "thinking", "thinking": "a"}, words("b"), words("c"), TOOL_USE),
    anthropic_line(
        anthropic(words("a"), words("b")),
        anthropic_request(
            asked("a"), answered([words("b"), TOOL_USE]), asked([TOOL_RESULT]), answered("c"), system="x"
        ),
    ),
    {"custom_id": "q", "result": {"type": "errored", "error": {"type": "error", "error": INVALID}}},
]


@st.composite
def objects(draw):
    record = copy.deepcopy(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 3))):
        place = record
        while True:
            key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
            if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 4)):
                place = place[key]
                continue
            if draw(st.booleans()):
                place[key] = draw(values)
            else:
                del place[key]
            break
        if not record:
            break
    return record


@given(st.one_of(objects(), st.dictionaries(names, values, max_size=4)))
def test_any_json_object_gives_answers_or_an_explanation(record):
    for form in FORMATS:
        assert form.matches(record) in (True, False)
        try:
            found = form.conversations(record)
        except InputError as error:
            assert 0 < len(str(error)) < 1500
            continue
        assert found
        for conversation in found:
            assert conversation.messages[-1].role == "assistant"
            assert conversation.id is None or isinstance(conversation.id, str)
            assert list(conversation.turns())
            for message in conversation.messages:
                assert message.role in ("system", "user", "assistant", "tool")
                assert isinstance(message.text, str | None)
                assert isinstance(message.reasoning, str | None)


@given(st.lists(st.text(), min_size=1, max_size=4), st.text(min_size=1), st.text())
def test_every_choice_is_kept_as_it_is(texts, name, question):
    line = openai_line(completion(*({"content": text} for text in texts)), openai_request(messages=[asked(question)]))
    found = OPENAI_BATCH.conversations({**line, "custom_id": name})
    assert [one.messages for one in found] == [(user(question), said(text)) for text in texts]
    assert len({one.id for one in found}) == len(texts)

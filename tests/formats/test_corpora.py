"""ShareGPT, Alpaca, prompt-completion and WildChat → conversations, or an error that names what was expected."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.formats.corpora import ALPACA, COMPLETION, SHAREGPT, WILDCHAT
from anthrometrics.turns import Conversation, Message, Turn

FORMATS = (SHAREGPT, ALPACA, COMPLETION, WILDCHAT)


def said(*pairs, id=None):
    return [Conversation(tuple(Message(role, words) for role, words in pairs), id)]


def names_of(record):
    return [form.name for form in FORMATS if form.matches(record)]


def shared(*pairs, **fields):
    return {"conversations": [{"from": speaker, "value": words} for speaker, words in pairs], **fields}


OPEN_HERMES = {
    "custom_instruction": None,
    "topic": None,
    "model_name": None,
    "model": None,
    "skip_prompt_formatting": False,
    "category": "orca",
    **shared(("system", "Think step by step."), ("human", "Is 7 odd?"), ("gpt", "Yes, it is.")),
    "views": None,
    "language": None,
    "id": None,
    "title": None,
    "idx": None,
    "hash": None,
    "avatarUrl": None,
    "system_prompt": None,
    "source": "sharded",
}
CALL = '{"name": "get_weather", "arguments": {"city": "Jinan"}}'
SEEN = '{"temperature": 20}'
TOOLS = shared(
    ("human", "今天济南的天气怎么样?"),
    ("function_call", CALL),
    ("observation", SEEN),
    ("gpt", "晴,20 度。"),
    system="You may look up the weather.",
    tools='[{"name": "get_weather", "parameters": {}}]',
)
ALPACA_RECORD = {
    "instruction": "Translate the word to French.",
    "input": "summer",
    "output": "été",
    "text": "Below is an instruction …\n\n### Response:\nété",
}
MODERATION = {
    "categories": {"harassment": False, "self-harm": False},
    "category_scores": {"harassment": 0.0001, "self-harm": 0.0},
    "flagged": False,
}


def wild(role, content, **fields):
    return {
        "content": content,
        "country": "France" if role == "user" else None,
        "hashed_ip": "22fd87ba" if role == "user" else None,
        "header": {"accept-language": "fr", "user-agent": "Mozilla/5.0"} if role == "user" else None,
        "language": "French",
        "redacted": False,
        "role": role,
        "state": None,
        "timestamp": None if role == "user" else "2023-04-09T00:02:53+00:00",
        "toxic": False,
        "turn_identifier": 102001,
        **fields,
    }


WILD = {
    "conversation_hash": "4bf4dd5a",
    "model": "gpt-4-0314",
    "timestamp": "2023-04-09T00:03:11+00:00",
    "conversation": [
        wild("user", "Salut !"),
        wild("assistant", "Bonjour 😀"),
        wild("user", "Un mot ?"),
        wild("assistant", None),
    ],
    "turn": 2,
    "language": "French",
    "openai_moderation": [MODERATION] * 4,
    "detoxify_moderation": [{"toxicity": 0.001}] * 4,
    "toxic": False,
    "redacted": False,
    "state": "Île-de-France",
    "country": "France",
    "hashed_ip": "22fd87ba",
    "header": {"accept-language": "fr", "user-agent": "Mozilla/5.0"},
}
LMSYS = {
    "conversation_id": "33f01939",
    "model": "vicuna-13b",
    "conversation": [{"content": "hi NAME_1", "role": "user"}, {"content": "Hello!", "role": "assistant"}],
    "turn": 1,
    "language": "English",
    "openai_moderation": [MODERATION] * 2,
    "redacted": True,
}
ASKED = [{"role": "user", "content": "q"}]
ANSWERED = [{"role": "assistant", "content": "a"}]
OTHERS = {
    "chat": {"id": 1, "messages": [*ASKED, *ANSWERED]},
    "flat": {"prompt": "q", "response": "a"},
    "openai-batch": {
        "id": "batch_req_1",
        "custom_id": "r1",
        "response": {"status_code": 200, "body": {"choices": [{"message": ANSWERED[0]}]}},
        "error": None,
    },
    "openai-completion": {"object": "chat.completion", "choices": [{"index": 0, "message": ANSWERED[0]}]},
    "anthropic-message": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]},
    "anthropic text completion": {"type": "completion", "id": "c", "completion": "a", "stop_reason": "stop_sequence"},
    "anthropic-batch": {"custom_id": "r1", "result": {"type": "succeeded", "message": {"content": []}}},
    "hh-rlhf": {"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
    "preference": {"prompt": "q", "chosen": "a", "rejected": "b"},
    "preference of messages": {"prompt": ASKED, "chosen": ANSWERED, "rejected": ANSWERED},
    "preference of ShareGPT": {
        **shared(("human", "q")),
        "chosen": {"from": "gpt", "value": "a"},
        "rejected": {"from": "gpt", "value": "b"},
    },
    "preference of Alpaca": {"instruction": "q", "input": "", "output": "a", "chosen": "a", "rejected": "b"},
    "alpaca-eval": {"instruction": "q", "output": "a", "generator": "m", "dataset": "helpful_base"},
    "lm-eval": {"doc_id": 0, "doc": {}, "arguments": [["q", {}]], "resps": [["a"]], "filtered_resps": ["a"]},
    "garak": {
        "entry_type": "attempt",
        "status": 2,
        "prompt": {"turns": [{"role": "user", "content": {"text": "q"}}]},
        "outputs": [{"text": "a"}],
        "conversations": [{"turns": [{"role": "user", "content": {"text": "q"}}], "notes": {}}],
    },
    "otel": {"resourceSpans": [{"scopeSpans": [{"spans": []}]}]},
    "otel span": {"name": "chat m", "attributes": {"gen_ai.system": "openai", "gen_ai.output.messages": "[]"}},
    "langfuse": {"id": "o", "type": "GENERATION", "input": ASKED, "output": ANSWERED[0]},
    "langsmith": {"id": "r", "run_type": "llm", "inputs": {"messages": []}, "outputs": {"generations": []}},
}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            OPEN_HERMES,
            said(("system", "Think step by step."), ("user", "Is 7 odd?"), ("assistant", "Yes, it is.")),
        ),
        (
            TOOLS,
            said(
                ("system", "You may look up the weather."),
                ("user", "今天济南的天气怎么样?"),
                ("tool", None),
                ("tool", SEEN),
                ("assistant", "晴,20 度。"),
            ),
        ),
        (
            shared(("human", "a"), ("gpt", "b"), ("human", "c"), ("gpt", "d"), id="QWJhYvA_0"),
            said(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), id="QWJhYvA_0"),
        ),
        # Conversations of ShareGPT that were split for length begin with an answer.
        (shared(("gpt", "b"), id=17), said(("assistant", "b"), id="17")),
        (
            shared(*((name, "x") for name in ("user", "chatgpt", "bing", "bard", "model", "assistant", "Human"))),
            said(("user", "x"), *([("assistant", "x")] * 5), ("user", "x")),
        ),
        (shared(("human", None), ("gpt", None)), said(("user", None), ("assistant", None))),
        (shared(("human", "q"), ("gpt", "")), said(("user", "q"), ("assistant", ""))),
        (
            {"conversations": [*ASKED, *ANSWERED], "conversation_id": "c", "label": True},
            said(("user", "q"), ("assistant", "a"), id="c"),
        ),
        (
            {"conversations": [{"role": "human", "value": "q"}, {"from": None, "role": "model", "content": "a"}]},
            said(("user", "q"), ("assistant", "a")),
        ),
        (
            shared(("system", "own"), ("human", "q"), ("gpt", "a"), system="beside"),
            said(("system", "own"), ("user", "q"), ("assistant", "a")),
        ),
        (shared(("human", "q"), ("gpt", "a"), system=""), said(("user", "q"), ("assistant", "a"))),
        (
            shared(("human", [{"type": "image"}, {"type": "text", "text": "q"}]), ("gpt", "a")),
            said(("user", "q"), ("assistant", "a")),
        ),
        (
            {
                "conversations": [
                    {"role": "user", "content": "q"},
                    {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
                    {"role": "tool", "content": {"temperature": 20}},
                    {"role": "assistant", "content": "a"},
                ]
            },
            said(("user", "q"), ("assistant", None), ("tool", None), ("assistant", "a")),
        ),
    ],
)
def test_sharegpt(record, expected):
    assert names_of(record) == ["sharegpt"]
    assert SHAREGPT.conversations(record) == expected


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_is_kept_apart(field):
    record = {"conversations": [*ASKED, {**ANSWERED[0], field: "hm"}]}
    assert SHAREGPT.conversations(record)[0].messages[1] == Message("assistant", "a", "hm")


def test_calls_of_tools_leave_the_prompt_to_the_answer():
    (found,) = SHAREGPT.conversations(TOOLS)
    assert list(found.turns()) == [Turn("晴,20 度。", "今天济南的天气怎么样?")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (ALPACA_RECORD, said(("user", "Translate the word to French.\n\nsummer"), ("assistant", "été"))),
        ({"instruction": "q", "input": "", "output": "a"}, said(("user", "q"), ("assistant", "a"))),
        ({"instruction": "q", "input": None, "output": "a"}, said(("user", "q"), ("assistant", "a"))),
        ({"instruction": "", "input": "q", "output": "a"}, said(("user", "q"), ("assistant", "a"))),
        ({"instruction": "", "input": "", "output": "a"}, said(("user", ""), ("assistant", "a"))),
        (
            {"id": "seed_task_0", "instruction": "q", "output": None},
            said(("user", "q"), ("assistant", None), id="seed_task_0"),
        ),
        (
            {
                "instruction": "And a drink?",
                "input": "",
                "output": "Tea.",
                "system": "Be brief.",
                "history": [["A fruit?", "A pear."], ["Another?", "A fig."]],
            },
            said(
                ("system", "Be brief."),
                ("user", "A fruit?"),
                ("assistant", "A pear."),
                ("user", "Another?"),
                ("assistant", "A fig."),
                ("user", "And a drink?"),
                ("assistant", "Tea."),
            ),
        ),
        (
            {"instruction": "q", "output": "a", "history": [], "system": None},
            said(("user", "q"), ("assistant", "a")),
        ),
    ],
)
def test_alpaca(record, expected):
    assert names_of(record) == ["alpaca"]
    assert ALPACA.conversations(record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"prompt": "The sky is", "completion": " blue."}, said(("user", "The sky is"), ("assistant", " blue."))),
        ({"prompt": ASKED, "completion": ANSWERED}, said(("user", "q"), ("assistant", "a"))),
        ({"prompt": ASKED, "completion": "a", "id": 0}, said(("user", "q"), ("assistant", "a"), id="0")),
        ({"prompt": "q", "completion": ANSWERED}, said(("user", "q"), ("assistant", "a"))),
        ({"prompt": "q", "completion": None}, said(("user", "q"), ("assistant", None))),
        ({"prompt": None, "completion": "a", "label": False}, said(("user", None), ("assistant", "a"))),
        (
            {
                "prompt": [
                    {"role": "system", "content": "Be kind."},
                    *ASKED,
                    *ANSWERED,
                    {"role": "user", "content": "é"},
                ],
                "completion": [
                    {"role": "assistant", "content": None, "tool_calls": [{"type": "function"}]},
                    {"role": "tool", "name": "f", "content": "20"},
                    {"role": "assistant", "content": "20 °C"},
                ],
                "tools": [],
            },
            said(
                ("system", "Be kind."),
                ("user", "q"),
                ("assistant", "a"),
                ("user", "é"),
                ("assistant", None),
                ("tool", "20"),
                ("assistant", "20 °C"),
            ),
        ),
    ],
)
def test_completion(record, expected):
    assert names_of(record) == ["completion"]
    assert COMPLETION.conversations(record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            WILD,
            said(
                ("user", "Salut !"),
                ("assistant", "Bonjour 😀"),
                ("user", "Un mot ?"),
                ("assistant", None),
                id="4bf4dd5a",
            ),
        ),
        (LMSYS, said(("user", "hi NAME_1"), ("assistant", "Hello!"), id="33f01939")),
        ({"conversation": [*ASKED, *ANSWERED]}, said(("user", "q"), ("assistant", "a"))),
        ({"conversation": [*ASKED, *ANSWERED], "id": 3}, said(("user", "q"), ("assistant", "a"), id="3")),
    ],
)
def test_wildchat(record, expected):
    assert names_of(record) == ["wildchat"]
    assert WILDCHAT.conversations(record) == expected


@pytest.mark.parametrize("name", OTHERS)
def test_records_of_other_formats_do_not_match(name):
    assert names_of(OTHERS[name]) == []


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"conversations": []},
        {"conversations": ["hi"]},
        {"conversations": [{"from": 3, "value": "q"}]},
        {"conversations": {"from": "human", "value": "q"}},
        {"conversation": [{"input": "q", "output": "a"}]},
        {"instruction": ["q"], "output": "a"},
        {"instruction": "q", "input": {}, "output": "a"},
        {"instruction": "q"},
        {"prompt": "q"},
        {"prompt": ["q"], "completion": "a"},
        {"prompt": "q", "completion": ["a"]},
        {"prompt": "q", "completions": ["a", "b"], "labels": [True, False]},
    ],
)
def test_incomplete_records_do_not_match(record):
    assert names_of(record) == []


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_the_example_is_read(form):
    record = json.loads(form.example)
    assert names_of(record) == [form.name]
    (found,) = form.conversations(record)
    assert found.messages[-1].text


@pytest.mark.parametrize(
    ("form", "record", "expected"),
    [
        (SHAREGPT, {"items": []}, 'expected a field "conversations"; this object has "items"'),
        (SHAREGPT, {"conversations": "hi"}, '"conversations" must be a list of messages, not a string'),
        (SHAREGPT, {"conversations": []}, '"conversations" has no message of an assistant, so there is nothing to'),
        (SHAREGPT, shared(("human", "q"), ("function_call", CALL)), "nothing to score"),
        (SHAREGPT, {"conversations": ["hi"]}, '"conversations[0]" must be an object with a "from" or a "role", not a'),
        (SHAREGPT, {"conversations": [{"value": "q"}]}, '"conversations[0].role" must be a string, not null'),
        (SHAREGPT, shared(("human", "q"), (3, "a")), '"conversations[1].from" must be a string, not a number'),
        (SHAREGPT, shared(("baker" * 99, "q")), '"conversations[0].from" must be one of system, '),
        (SHAREGPT, shared(("gpt", 3)), '"conversations[0].value" must be a string, null or a list of parts, not a n'),
        (SHAREGPT, shared(("gpt", "a"), system=["s"]), '"system" must be a string or null, not a list'),
        (SHAREGPT, shared(("gpt", "a"), id=1.5), '"id" must be a string or an integer, not a number'),
        (ALPACA, {"output": "a"}, 'expected a field "instruction"; this object has "output"'),
        (ALPACA, {"instruction": "q"}, 'expected a field "output"'),
        (ALPACA, {"instruction": 3, "output": "a"}, '"instruction" must be a string or null, not a number'),
        (ALPACA, {"instruction": "q", "input": {}, "output": "a"}, '"input" must be a string or null, not an object'),
        (ALPACA, {"instruction": "q", "output": ["a"]}, '"output" must be a string or null, not a list'),
        (
            ALPACA,
            {"instruction": "q", "output": "a", "history": "h"},
            '"history" must be a list of pairs of a question',
        ),
        (
            ALPACA,
            {"instruction": "q", "output": "a", "history": ["h"]},
            '"history[0]" must be a pair of a question and',
        ),
        (ALPACA, {"instruction": "q", "output": "a", "history": [["h"]]}, "not a list of 1"),
        (
            ALPACA,
            {"instruction": "q", "output": "a", "history": [["h", 3]]},
            '"history[0][1]" must be a string or null',
        ),
        (COMPLETION, {"completion": "a"}, 'expected a field "prompt"; this object has "completion"'),
        (COMPLETION, {"prompt": "q"}, 'expected a field "completion"'),
        (
            COMPLETION,
            {"prompt": 3, "completion": "a"},
            '"prompt" must be a string, null or a list of messages, not a nu',
        ),
        (
            COMPLETION,
            {"prompt": "q", "completion": {}},
            '"completion" must be a string, null or a list of messages, not',
        ),
        (COMPLETION, {"prompt": "q", "completion": ASKED}, '"completion" has no message of an assistant'),
        (COMPLETION, {"prompt": ["q"], "completion": "a"}, '"prompt[0]" must be an object with a "from" or a "role"'),
        (WILDCHAT, {}, 'expected a field "conversation"; this object has no fields'),
        (WILDCHAT, {"conversation": None}, '"conversation" must be a list of messages, not null'),
        (WILDCHAT, {"conversation": ASKED}, '"conversation" has no message of an assistant'),
        (WILDCHAT, LMSYS | {"conversation_id": True}, '"conversation_id" must be a string or an integer, not a bool'),
    ],
)
def test_other_shapes_are_explained(form, record, expected):
    with pytest.raises(InputError) as caught:
        form.conversations(record)
    assert expected in str(caught.value)
    assert len(str(caught.value)) < 600


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["user", "human", "assistant", "gpt", "system", "function_call"]),
)
keys = st.sampled_from(["from", "value", "role", "content", "type", "text"]) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
speakers = st.sampled_from(["user", "human", "assistant", "gpt", "system", "tool", "function_call"])
items = st.one_of(
    st.fixed_dictionaries({"from": speakers | scalars, "value": values}),
    st.fixed_dictionaries({"role": speakers | scalars, "content": values}, optional={"reasoning_content": values}),
    values,
)
fields = ["conversations", "conversation", "prompt", "completion", "instruction", "input", "output", "history"]
records = st.one_of(
    st.dictionaries(st.sampled_from([*fields, "id", "system", "generator", "chosen"]), values, max_size=6),
    *(
        st.fixed_dictionaries({name: st.lists(items, max_size=4)}, optional={"id": values, "system": values})
        for name in ("conversations", "conversation")
    ),
    st.fixed_dictionaries(
        {"prompt": st.text() | st.lists(items, max_size=3), "completion": st.text() | st.lists(items, max_size=3)}
    ),
    st.fixed_dictionaries(
        {"instruction": st.text() | values, "output": st.text() | values},
        optional={"input": st.text() | values, "history": st.lists(st.lists(scalars, max_size=3), max_size=2)},
    ),
)


@given(records)
def test_any_record_gives_conversations_or_an_explanation(record):
    for form in FORMATS:
        assert form.matches(record) in (True, False)
        try:
            found = form.conversations(record)
        except InputError as error:
            assert str(error)
            continue
        assert found
        for conversation in found:
            assert any(item.role == "assistant" for item in conversation.messages)
            assert {item.role for item in conversation.messages} <= {"system", "user", "assistant", "tool"}
            assert all(isinstance(item.text, str | None) for item in conversation.messages)
            assert isinstance(conversation.id, str | None)


@given(st.lists(st.tuples(st.sampled_from(["human", "gpt", "system", "observation"]), st.text()), max_size=9))
def test_every_answer_is_read_once(pairs):
    expected = [words for speaker, words in pairs if speaker == "gpt"]
    if not expected:
        with pytest.raises(InputError, match="nothing to score"):
            SHAREGPT.conversations(shared(*pairs))
        return
    (found,) = SHAREGPT.conversations(shared(*pairs))
    assert [turn.response for turn in found.turns("all", "include")] == expected

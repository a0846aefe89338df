"""Samples of Inspect's logs → conversations, or an error that names what was expected."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.formats.inspect_samples import INSPECT
from anthrometrics.formats.registry import candidates
from anthrometrics.turns import Conversation, Message

ASKED = {"role": "user", "content": "Hi", "source": "input"}
ANSWERED = {"role": "assistant", "content": "Hello!", "source": "generate", "model": "m"}


def sample(*messages, **fields):
    spec = {"task": "t", "model": "m", "config": {"epochs": 1}}
    return {"status": "success", "eval": spec, "id": 7, "epoch": 1, "messages": list(messages)} | fields


def said(*pairs, id="7"):
    return Conversation(tuple(Message(*pair) for pair in pairs), id)


def output(*texts):
    return {"choices": [{"message": {"role": "assistant", "content": text}, "stop_reason": "stop"} for text in texts]}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (sample(ASKED, ANSWERED), [said(("user", "Hi"), ("assistant", "Hello!"))]),
        (sample(ASKED, ANSWERED, epoch=2), [said(("user", "Hi"), ("assistant", "Hello!"), id="7/2")]),
        (
            sample(ASKED, ANSWERED, eval={"config": {"epochs": 3}}),
            [said(("user", "Hi"), ("assistant", "Hello!"), id="7/1")],
        ),
        (
            sample({"role": "system", "content": "Be kind."}, ASKED, ANSWERED, id="a/b", eval={}),
            [said(("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello!"), id="a/b")],
        ),
        # What the task puts into the model's mouth is nothing that it said.
        (
            sample(ASKED, {**ANSWERED, "source": "input"}, ASKED, ANSWERED),
            [said(("user", "Hi"), ("user", "Hi"), ("assistant", "Hello!"))],
        ),
        # A call has no words; what a tool gives back is nobody's.
        (
            sample(
                ASKED,
                {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "function": "bash"}]},
                {"role": "tool", "content": [{"type": "text", "text": "ls"}], "function": "bash"},
                {"role": "user", "content": [{"type": "image", "image": "x"}], "tool_call_id": ["1"]},
                ANSWERED,
            ),
            [said(("user", "Hi"), ("assistant", ""), ("tool", "ls"), ("tool", None), ("assistant", "Hello!"))],
        ),
        # The answer stands in the output alone.
        (sample(ASKED, output=output("Hello!")), [said(("user", "Hi"), ("assistant", "Hello!"))]),
        (sample(ASKED, ANSWERED, output=output("Hello!")), [said(("user", "Hi"), ("assistant", "Hello!"))]),
        # Several were asked for.
        (
            sample(ASKED, ANSWERED, output=output("Hello!", "Yes?")),
            [
                said(("user", "Hi"), ("assistant", "Hello!")),
                said(("user", "Hi"), ("assistant", "Yes?"), id="7#2"),
            ],
        ),
        (
            sample(ASKED, id=None, output=output("Hello!", "Yes?")),
            [
                said(("user", "Hi"), ("assistant", "Hello!"), id=None),
                said(("user", "Hi"), ("assistant", "Yes?"), id=None),
            ],
        ),
    ],
)
def test_conversations(record, expected):
    assert INSPECT.matches(record)
    assert INSPECT.conversations(record) == expected


@pytest.mark.parametrize(
    ("parts", "text", "thought"),
    [
        (
            [{"type": "reasoning", "reasoning": "They won."}, {"type": "text", "text": "Well done!"}],
            "Well done!",
            "They won.",
        ),
        ([{"type": "reasoning", "reasoning": "5f0c", "redacted": True, "summary": "Joy."}], None, "Joy."),
        ([{"type": "reasoning", "reasoning": "", "summary": "Joy."}, {"type": "text", "text": "a"}], "a", "Joy."),
        ([{"type": "reasoning", "reasoning": "5f0c", "redacted": True}, {"type": "text", "text": "a"}], "a", None),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb", None),
        # Citations cut a sentence into parts.
        (
            [
                {"type": "text", "text": "It is "},
                {"type": "text", "text": "20 °C", "citations": [{"type": "url", "url": "x"}]},
                {"type": "text", "text": "."},
            ],
            "It is 20 °C.",
            None,
        ),
        ([{"type": "tool_use", "name": "web_search", "arguments": "{}", "result": "x"}], None, None),
        ([{"type": "data", "data": {"text": "x"}}, {"type": "text", "text": "a"}], "a", None),
    ],
)
def test_parts(parts, text, thought):
    (found,) = INSPECT.conversations(sample(ASKED, {"role": "assistant", "content": parts}))
    assert found.messages[-1] == Message("assistant", text, thought)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (sample(), "this sample has no message that the model generated"),
        (sample(ASKED, {**ANSWERED, "source": "input"}), "this sample has no message that the model generated"),
        (sample(ASKED, error={"message": "out of credit"}), "failed before the model answered: out of credit"),
        (sample(ASKED, limit={"type": "time", "limit": 3}), "stopped before the model answered: its time limit"),
        ({"eval": {}}, 'expected a field "messages"; this object has "eval"'),
        (sample(messages=3), '"messages" must be a list, not a number'),
        (sample(3), '"messages[0]" must be an object, not a number'),
        (sample({"content": "a"}), '"messages[0].role" must be a string, not null'),
        (sample({"role": "baker"}), '"messages[0].role" must be one of'),
        (sample(ASKED, {"role": "assistant", "content": 3}), '"messages[1].content" must be a string'),
        (sample(ASKED, ANSWERED, id=1.5), '"id" must be a string or an integer'),
        (sample(ASKED, output={"choices": 3}), '"output.choices" must be a list'),
        (sample(ASKED, output={"choices": [3]}), '"output.choices[0]" must be an object'),
        (sample(ASKED, output={"choices": [{}]}), '"output.choices[0].message" must be an object, not null'),
    ],
)
def test_other_shapes_are_explained(record, expected):
    with pytest.raises(InputError) as caught:
        INSPECT.conversations(record)
    assert expected in str(caught.value)


def test_a_sample_that_failed_after_an_answer_keeps_it():
    assert len(INSPECT.conversations(sample(ASKED, ANSWERED, error={"message": "out of credit"}))) == 1


@pytest.mark.parametrize("change", [{"eval": "x"}, {"epoch": "1"}, {"messages": None}])
def test_chats_that_have_some_of_the_fields_are_no_samples(change):
    assert not INSPECT.matches(sample(ASKED, ANSWERED) | change)
    assert "inspect" not in [form.name for form in candidates([sample(ASKED, ANSWERED) | change])]


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
named = st.sampled_from(["role", "content", "type", "text", "reasoning", "summary", "message", "choices", "source"])
values = st.recursive(
    scalars | st.sampled_from(["user", "assistant", "tool", "text", "reasoning", "input"]),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(named, v, max_size=4),
    max_leaves=12,
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"])},
    optional={"content": values, "source": values, "tool_call_id": values},
)
changes = st.dictionaries(st.sampled_from(["id", "epoch", "eval", "output", "error", "limit"]), values, max_size=3)


@given(st.lists(messages | values, max_size=5) | values, changes)
def test_any_record_gives_conversations_or_an_explanation(said, changed):
    record = sample() | {"messages": said} | changed
    assert INSPECT.matches(record) in (True, False)
    try:
        found = INSPECT.conversations(record)
    except InputError as error:
        assert str(error)
        return
    assert found
    for conversation in found:
        assert any(item.role == "assistant" for item in conversation.messages)
        assert all(
            isinstance(item.text, str | None) and isinstance(item.reasoning, str | None)
            for item in conversation.messages
        )
        assert isinstance(conversation.id, str | None)
    assert json.dumps([conversation.id for conversation in found])

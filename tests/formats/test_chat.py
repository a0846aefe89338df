"""One JSON value → turns, or an error that names what was expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError, Turn
from anthrometrics.formats.chat import CHAT


def turns_of(record):
    if not isinstance(record, dict):
        raise InputError("the reader asks formats about objects only")
    return [turn for conversation in CHAT.conversations(record) for turn in conversation.turns()]


# Keys that matter are drawn often, so that nearly right records are met too.
keys = st.one_of(
    st.sampled_from(["id", "prompt", "response", "messages", "role", "content", "text", "type"]), st.text()
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["assistant", "user", "text"])
)
values = st.recursive(
    scalars, lambda v: st.one_of(st.lists(v, max_size=4), st.dictionaries(keys, v, max_size=4)), max_leaves=25
)
messages = st.lists(st.dictionaries(st.sampled_from(["role", "content"]), values, max_size=2), max_size=4)
records = st.one_of(
    values, st.fixed_dictionaries({}, optional={"messages": messages, "response": values, "id": values})
)


@given(records)
def test_any_json_value_gives_turns_or_an_explanation(record):
    try:
        turns = turns_of(record)
    except InputError as error:
        assert str(error)
        return
    assert turns
    assert [turn.index for turn in turns] == list(range(len(turns)))
    for turn in turns:
        for text in (turn.response, turn.prompt, turn.id):
            assert text is None or isinstance(text, str)


@given(st.text(), st.one_of(st.none(), st.text()), st.one_of(st.none(), st.text()))
def test_a_flat_record_is_taken_as_it_is(response, prompt, identifier):
    assert turns_of({"response": response, "prompt": prompt, "id": identifier, "extra": 1}) == [
        Turn(response, prompt, identifier)
    ]


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system", "tool"]), st.text()), max_size=12))
def test_every_assistant_message_is_scored_once(items):
    record = {"messages": [{"role": role, "content": text} for role, text in items]}
    expected = [text for role, text in items if role == "assistant"]
    if expected:
        assert [turn.response for turn in turns_of(record)] == expected
    else:
        with pytest.raises(InputError, match="nothing to score"):
            turns_of(record)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"response": "r"}, [Turn("r")]),
        ({"response": None}, [Turn(None)]),
        ({"response": ""}, [Turn("")]),
        ({"response": "r", "prompt": "p", "id": 7}, [Turn("r", "p", "7")]),
        ({"response": "r", "id": 0}, [Turn("r", id="0")]),
        ({"response": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}, [Turn("one\ntwo")]),
        ({"response": [{"type": "image_url", "image_url": {"url": "x"}}]}, [Turn(None)]),
        ({"response": []}, [Turn(None)]),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "id": "c"},
            [Turn("a", "q", "c")],
        ),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": []}]},
            [Turn(None, "q")],
        ),
        ({"messages": [{"role": "assistant"}]}, [Turn(None)]),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "q"}, {"type": "image", "data": "x"}]},
                    {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
                ]
            },
            [Turn("a", "q")],
        ),
    ],
)
def test_the_shapes_in_the_wild(record, expected):
    assert turns_of(record) == expected


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "this object has no fields"),
        ({"answer": "a", "q": "b"}, 'expected a field "response" or "messages"; this object has "answer", "q"'),
        ({"response": 3}, '"response" must be a string, null or a list of parts, not a number'),
        ({"response": True}, "not a boolean"),
        ({"response": {"text": "x"}}, "not an object"),
        ({"response": ["plain"]}, "not a list"),
        ({"response": "r", "prompt": 3}, '"prompt" must be a string'),
        ({"response": "r", "id": 1.5}, '"id" must be a string or an integer, not a number'),
        ({"response": "r", "id": True}, "not a boolean"),
        ({"response": "r", "id": ["x"]}, "not a list"),
        ({"messages": {}}, '"messages" must be a list'),
        ({"messages": None}, "not null"),
        ({"messages": []}, "nothing to score"),
        ({"messages": [{"role": "user", "content": "q"}]}, 'no message with role "assistant"'),
        ({"messages": ["hi"]}, r"messages\[0\] must be an object with a string \"role\", found a string"),
        ({"messages": [{"content": "x"}]}, r"messages\[0\]"),
        ({"messages": [{"role": "user", "content": "q"}, {"role": 3}]}, r"messages\[1\]"),
        ({"messages": [{"role": "assistant", "content": 3}]}, r'"messages\[0\].content" must be a string'),
    ],
)
def test_other_shapes_are_explained(record, message):
    with pytest.raises(InputError, match=message):
        turns_of(record)


def test_an_explanation_stays_short_however_long_the_record_is():
    with pytest.raises(InputError) as caught:
        turns_of({f"{'k' * 1000}{i}": i for i in range(1000)})
    assert len(str(caught.value)) < 600

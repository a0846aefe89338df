"""Preference pairs → a conversation for each side, or an error that names what was expected."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.formats.preferences import HH_RLHF, PREFERENCE
from anthrometrics.turns import Conversation, Message, Turn

FORMATS = (HH_RLHF, PREFERENCE)


def pair(chosen, rejected, id=None):
    return [
        Conversation(tuple(Message(role, words) for role, words in turns), id, side)
        for side, turns in (("chosen", chosen), ("rejected", rejected))
    ]


def names_of(record):
    return [form.name for form in FORMATS if form.matches(record)]


def user(words):
    return {"role": "user", "content": words}


def answer(words):
    return {"role": "assistant", "content": words}


BEGUN = (
    "\n\nHuman: What goes with tea?\n\nAssistant: Cake, I think.\n\nOr a biscuit.\n\nHuman: Which one? 🍰\n\nAssistant:"
)
HELD = [("user", "What goes with tea?"), ("assistant", "Cake, I think.\n\nOr a biscuit."), ("user", "Which one? 🍰")]
HH = {"chosen": f"{BEGUN} A plain one.", "rejected": f"{BEGUN} Human: that is up to you."}
ULTRA = {
    "prompt": "Name two rivers.",
    "prompt_id": "77d72f6b",
    "chosen": [{"content": "Name two rivers.", "role": "user"}, {"content": "Rhône and Aare.", "role": "assistant"}],
    "rejected": [{"content": "Name two rivers.", "role": "user"}, {"content": "", "role": "assistant"}],
    "messages": [{"content": "Name two rivers.", "role": "user"}, {"content": "Rhône and Aare.", "role": "assistant"}],
    "score_chosen": 8.5,
    "score_rejected": 3.0,
}
OTHERS = {
    "chat": {"id": 1, "messages": [user("q"), answer("a")]},
    "flat": {"prompt": "q", "response": "a"},
    "openai-batch": {
        "id": "batch_req_1",
        "custom_id": "r1",
        "response": {"status_code": 200, "body": {"choices": [{"message": answer("a")}]}},
        "error": None,
    },
    "openai-completion": {"object": "chat.completion", "choices": [{"index": 0, "message": answer("a")}]},
    "anthropic-message": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]},
    "anthropic-batch": {"custom_id": "r1", "result": {"type": "succeeded", "message": {"content": []}}},
    "sharegpt": {"id": "x", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
    "alpaca": {"instruction": "q", "input": "", "output": "a"},
    "completion": {"prompt": "q", "completion": "a"},
    "unpaired": {"prompt": [user("q")], "completion": [answer("a")], "label": True},
    "wildchat": {"conversation_hash": "h", "model": "m", "conversation": [user("q"), answer("a")]},
    "alpaca-eval": {"instruction": "q", "output": "a", "generator": "m", "dataset": "helpful_base"},
    "lm-eval": {"doc_id": 0, "doc": {}, "arguments": [["q", {}]], "resps": [["a"]], "filtered_resps": ["a"]},
    "garak": {"entry_type": "attempt", "status": 2, "prompt": "q", "outputs": ["a"]},
    "otel": {"resourceSpans": [{"scopeSpans": [{"spans": []}]}]},
    "otel span": {"name": "chat m", "attributes": {"gen_ai.system": "openai", "gen_ai.output.messages": "[]"}},
    "langfuse": {"id": "o", "type": "GENERATION", "input": [user("q")], "output": answer("a")},
    "langsmith": {"id": "r", "run_type": "llm", "inputs": {"messages": []}, "outputs": {"generations": []}},
}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            HH,
            pair([*HELD, ("assistant", "A plain one.")], [*HELD, ("assistant", "Human: that is up to you.")]),
        ),
        (
            {"chosen": BEGUN, "rejected": f"{BEGUN} ", "id": 4},
            pair([*HELD, ("assistant", "")], [*HELD, ("assistant", "")], "4"),
        ),
        # Empty turns come in the middle too, and so do two turns of one speaker.
        (
            {
                "chosen": "\n\nHuman: Hi\n\nAssistant:\n\nHuman: Hm?\n\nHuman: You there?\n\nAssistant: Yes.",
                "rejected": "\n\nHuman: \n\nAssistant: One.\n\nAssistant: Two.\n",
            },
            pair(
                [("user", "Hi"), ("assistant", ""), ("user", "Hm?"), ("user", "You there?"), ("assistant", "Yes.")],
                [("user", ""), ("assistant", "One."), ("assistant", "Two.")],
            ),
        ),
        (
            {"chosen": "Human: q\n\nAssistant: a", "rejected": "Human: q\n\nAssistant: See Human: Anatomy"},
            pair([("user", "q"), ("assistant", "a")], [("user", "q"), ("assistant", "See Human: Anatomy")]),
        ),
        (
            {"prompt": "\n\nHuman: q", "chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: b"},
            pair([("user", "q"), ("assistant", "a")], [("user", "q"), ("assistant", "b")]),
        ),
        (
            {"prompt": "q", "chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
            pair([("user", "q"), ("assistant", "a")], [("user", "q"), ("assistant", "b")]),
        ),
    ],
)
def test_hh_rlhf(record, expected):
    assert names_of(record) == ["hh-rlhf"]
    assert HH_RLHF.conversations(record) == expected


def test_all_answers_of_both_transcripts_are_turns():
    cake, first, second = HELD[1][1], HELD[0][1], HELD[2][1]
    assert [turn for found in HH_RLHF.conversations(HH) for turn in found.turns()] == [
        Turn(cake, first, index=0, side="chosen"),
        Turn("A plain one.", second, index=1, side="chosen"),
        Turn(cake, first, index=0, side="rejected"),
        Turn("Human: that is up to you.", second, index=1, side="rejected"),
    ]


Q, A, B = ("user", "q"), ("assistant", "a"), ("assistant", "b")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            ULTRA,
            pair(
                [("user", "Name two rivers."), ("assistant", "Rhône and Aare.")],
                [("user", "Name two rivers."), ("assistant", "")],
                "77d72f6b",
            ),
        ),
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, pair([Q, A], [Q, B])),
        ({"prompt": "q", "chosen": "", "rejected": "b", "id": 1}, pair([Q, ("assistant", "")], [Q, B], "1")),
        (
            {"chosen": "The sky is blue.", "rejected": "The sky is vert 😀."},
            pair([("assistant", "The sky is blue.")], [("assistant", "The sky is vert 😀.")]),
        ),
        ({"prompt": None, "chosen": "a", "rejected": "b"}, pair([A], [B])),
        ({"prompt": [user("q")], "chosen": [answer("a")], "rejected": [answer("b")]}, pair([Q, A], [Q, B])),
        ({"prompt": [], "chosen": [answer("a")], "rejected": [answer("b")]}, pair([A], [B])),
        ({"prompt": "q", "chosen": [answer("a")], "rejected": [answer("b")]}, pair([Q, A], [Q, B])),
        ({"prompt": [user("q")], "chosen": "a", "rejected": "b"}, pair([Q, A], [Q, B])),
        ({"chosen": [user("q"), answer("a")], "rejected": [user("q"), answer("b")]}, pair([Q, A], [Q, B])),
        (
            {"prompt": [user("q")], "chosen": [user("q"), answer("a")], "rejected": [user("q"), answer("b")]},
            pair([Q, A], [Q, B]),
        ),
        (
            {
                "prompt": [{"role": "system", "content": "Be kind."}, user("q"), answer("a"), user("é")],
                "chosen": [
                    {"role": "assistant", "content": None, "tool_calls": [{"type": "function"}]},
                    {"role": "tool", "name": "f", "content": "20"},
                    answer("20 °C"),
                ],
                "rejected": [answer("No idea.")],
            },
            pair(
                [
                    ("system", "Be kind."),
                    Q,
                    A,
                    ("user", "é"),
                    ("assistant", None),
                    ("tool", "20"),
                    ("assistant", "20 °C"),
                ],
                [("system", "Be kind."), Q, A, ("user", "é"), ("assistant", "No idea.")],
            ),
        ),
        # What was said before may end with an answer, and the sides go on from it.
        (
            {
                "prompt": [user("q"), answer("a")],
                "chosen": [user("more"), answer("c")],
                "rejected": [user("more"), answer("d")],
            },
            pair([Q, A, ("user", "more"), ("assistant", "c")], [Q, A, ("user", "more"), ("assistant", "d")]),
        ),
        # Prompts cut out of HH-RLHF.
        (
            {"prompt": BEGUN, "chosen": " a", "rejected": " b"},
            pair([*HELD, ("assistant", " a")], [*HELD, ("assistant", " b")]),
        ),
        # Intel's Orca pairs.
        (
            {"system": "Be brief.", "question": "q", "chosen": "a", "rejected": "b"},
            pair([("system", "Be brief."), Q, A], [("system", "Be brief."), Q, B]),
        ),
        # LLaMA-Factory's two kinds of pairs.
        (
            {"instruction": "q", "input": "text", "chosen": "a", "rejected": "b"},
            pair([("user", "q\n\ntext"), A], [("user", "q\n\ntext"), B]),
        ),
        (
            {
                "conversations": [{"from": "human", "value": "q"}],
                "chosen": {"from": "gpt", "value": "a"},
                "rejected": {"from": "gpt", "value": "b"},
            },
            pair([Q, A], [Q, B]),
        ),
        (
            {"system": "Be kind.", "chosen": [user("q"), answer("a")], "rejected": [user("q"), answer("b")]},
            pair([("system", "Be kind."), Q, A], [("system", "Be kind."), Q, B]),
        ),
    ],
)
def test_preference(record, expected):
    assert names_of(record) == ["preference"]
    assert PREFERENCE.conversations(record) == expected


def test_a_side_without_words_is_read_where_the_format_is_known():
    assert PREFERENCE.conversations({"prompt": "q", "chosen": None, "rejected": "b"}) == pair(
        [Q, ("assistant", None)], [Q, B]
    )


def test_reasoning_is_kept_apart():
    record = {"prompt": "q", "chosen": [{**answer("a"), "thinking": "hm"}], "rejected": [answer("b")]}
    assert PREFERENCE.conversations(record)[0].messages[1] == Message("assistant", "a", "hm")


@pytest.mark.parametrize("name", OTHERS)
def test_records_of_other_formats_do_not_match(name):
    assert names_of(OTHERS[name]) == []


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"chosen": "a"},
        {"chosen": 1, "rejected": 0},
        {"chosen": "a", "rejected": None},
        {"chosen": [], "rejected": []},
        {"chosen": ["a"], "rejected": ["b"]},
        {"chosen": [answer("a")], "rejected": "b"},
        {"chosen": {"model": "m"}, "rejected": {"model": "n"}},
    ],
)
def test_incomplete_records_do_not_match(record):
    assert names_of(record) == []


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_the_example_is_read(form):
    record = json.loads(form.example)
    assert names_of(record) == [form.name]
    assert form.conversations(record) == pair(
        [("user", "Hi"), ("assistant", "Hello!")], [("user", "Hi"), ("assistant", "What?")]
    )


@pytest.mark.parametrize(
    ("form", "record", "expected"),
    [
        (HH_RLHF, {"chosen": "a"}, 'expected a field "rejected"; this object has "chosen"'),
        (HH_RLHF, HH | {"chosen": None}, '"chosen" must be a transcript with "Human:" and "Assistant:", not null'),
        (HH_RLHF, HH | {"rejected": "b"}, '"rejected" must be a transcript that begins with "Human:" or "Assistant:"'),
        (HH_RLHF, HH | {"rejected": "\n\nHuman: q"}, '"rejected" has no message of an assistant, so there is nothing'),
        (HH_RLHF, HH | {"id": 1.5}, '"id" must be a string or an integer, not a number'),
        (PREFERENCE, {}, 'expected a field "chosen"; this object has no fields'),
        (
            PREFERENCE,
            {"chosen": 1, "rejected": 0},
            '"chosen" must be a string, null or a list of messages, not a number',
        ),
        (PREFERENCE, {"chosen": "a", "rejected": []}, '"rejected" has no message of an assistant'),
        (PREFERENCE, {"chosen": "a", "rejected": [user("q")]}, '"rejected" has no message of an assistant'),
        (PREFERENCE, {"chosen": ["a"], "rejected": ["b"]}, '"chosen[0]" must be an object with a "from" or a "role"'),
        (PREFERENCE, {"chosen": {"model": "m"}, "rejected": {}}, '"chosen[0].role" must be a string, not null'),
        (PREFERENCE, ULTRA | {"prompt": 3}, '"prompt" must be a string, null or a list of messages, not a number'),
        (PREFERENCE, ULTRA | {"prompt": [answer(3)]}, '"prompt[0].content" must be a string, null or a list of parts'),
        (PREFERENCE, ULTRA | {"prompt_id": ["x"]}, '"prompt_id" must be a string or an integer, not a list'),
        (PREFERENCE, {"chosen": "a", "rejected": "b", "system": 3}, '"system" must be a string or null, not a number'),
        (PREFERENCE, {"chosen": "a", "rejected": "b", "instruction": []}, '"instruction" must be a string or null'),
    ],
)
def test_other_shapes_are_explained(form, record, expected):
    with pytest.raises(InputError) as caught:
        form.conversations(record)
    assert expected in str(caught.value)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["user", "assistant"])
)
keys = st.sampled_from(["from", "value", "role", "content", "type", "text"]) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
marks = st.sampled_from(["\n\nHuman:", "\n\nAssistant:", "Human:", "\n", " ", "so"])
transcripts = st.lists(marks | st.text(max_size=3), max_size=8).map("".join)
items = st.one_of(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system", "tool"]), "content": values}),
    st.fixed_dictionaries({"from": st.sampled_from(["human", "gpt"]) | scalars, "value": scalars}),
    values,
)
sides = st.one_of(transcripts, st.lists(items, max_size=4), items, values)
prompts = ("prompt", "conversations", "question", "instruction", "input")
records = st.one_of(
    st.dictionaries(st.sampled_from([*prompts, "chosen", "rejected", "id"]), values, max_size=5),
    st.fixed_dictionaries(
        {"chosen": sides, "rejected": sides},
        optional={**dict.fromkeys(prompts, sides), "id": scalars, "prompt_id": scalars, "system": scalars},
    ),
)


@given(records)
def test_any_record_gives_conversations_or_an_explanation(record):
    assert len(names_of(record)) <= 1
    for form in FORMATS:
        assert form.matches(record) in (True, False)
        try:
            found = form.conversations(record)
        except InputError as error:
            assert str(error)
            continue
        assert [conversation.side for conversation in found] == ["chosen", "rejected"]
        for conversation in found:
            assert any(item.role == "assistant" for item in conversation.messages)
            assert {item.role for item in conversation.messages} <= {"system", "user", "assistant", "tool"}
            assert all(isinstance(item.text, str | None) for item in conversation.messages)
            assert isinstance(conversation.id, str | None)


spoken = st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])).map(str.strip)
dialogues = st.lists(st.tuples(st.sampled_from(["Human", "Assistant"]), spoken), max_size=6).map(
    lambda turns: [("Human", "q"), *turns, ("Assistant", "a")]
)


@given(dialogues, dialogues)
def test_transcripts_are_taken_apart_as_they_were_put_together(chosen, rejected):
    roles = {"Human": "user", "Assistant": "assistant"}
    record = {
        side: "".join(f"\n\n{speaker}: {words}" for speaker, words in turns)
        for side, turns in (("chosen", chosen), ("rejected", rejected))
    }
    assert names_of(record) == ["hh-rlhf"]
    assert HH_RLHF.conversations(record) == pair(
        *([(roles[speaker], words) for speaker, words in turns] for turns in (chosen, rejected))
    )

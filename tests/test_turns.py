"""Turns and conversations, and what may stand in for a turn."""

from collections import UserDict
from types import MappingProxyType

import pytest

from anthrometrics import Conversation, InputError, Message, Turn
from anthrometrics.turns import as_turn


def _conversation(*messages, identifier=None):
    return list(Conversation(tuple(Message(role, text) for role, text in messages), identifier).turns())


def test_each_assistant_message_is_a_turn_after_its_user_message():
    turns = _conversation(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), identifier="x")
    assert turns == [Turn(prompt="a", response="b", id="x", index=0), Turn(prompt="c", response="d", id="x", index=1)]


def test_the_latest_user_message_counts():
    (turn,) = _conversation(("user", "first"), ("user", "second"), ("assistant", "answer"))
    assert turn.prompt == "second"


def test_other_roles_are_passed_over():
    turns = _conversation(
        ("system", "be kind"), ("user", "q"), ("tool", "result"), ("developer", "x"), ("assistant", "answer")
    )
    assert turns == [Turn(prompt="q", response="answer")]


def test_two_assistant_messages_in_a_row_share_their_prompt():
    turns = _conversation(("user", "q"), ("assistant", "one"), ("assistant", "two"))
    assert [(turn.prompt, turn.response, turn.index) for turn in turns] == [("q", "one", 0), ("q", "two", 1)]


def test_an_assistant_that_speaks_first_has_no_prompt():
    (turn,) = _conversation(("assistant", "Welcome."))
    assert turn.prompt is None


def test_a_message_without_text_still_counts_as_a_turn():
    turns = _conversation(("user", "q"), ("assistant", None), ("assistant", "done"))
    assert [(turn.response, turn.index) for turn in turns] == [(None, 0), ("done", 1)]


def test_a_user_message_without_text_does_not_leave_the_older_prompt_standing():
    turns = _conversation(("user", "old"), ("assistant", "a"), ("user", None), ("assistant", "b"))
    assert turns[1].prompt is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Turn("r", "p", "i", 3), Turn("r", "p", "i", 3)),
        ("r", Turn("r")),
        ("", Turn("")),
        (("p", "r"), Turn("r", "p")),
        (["p", "r"], Turn("r", "p")),
        ((None, "r"), Turn("r")),
        (("p", None), Turn(None, "p")),
        ({"response": "r"}, Turn("r")),
        ({"response": "r", "prompt": "p", "id": "i", "other": object()}, Turn("r", "p", "i")),
        ({"response": None, "prompt": None, "id": None}, Turn(None)),
        ({"response": "r", "id": 7}, Turn("r", id="7")),
        ({"response": "r", "id": 0}, Turn("r", id="0")),
        (MappingProxyType({"response": "r", "prompt": "p"}), Turn("r", "p")),
        (UserDict(response="r", id="i"), Turn("r", id="i")),
    ],
)
def test_what_people_have_at_hand_becomes_a_turn(value, expected):
    assert as_turn(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "cannot score a NoneType"),
        (3, "cannot score a int"),
        (b"bytes", "cannot score a bytes"),
        (("a", "b", "c"), "cannot score a tuple"),
        (("only",), "cannot score a tuple"),
        (("p", 3), "cannot score a tuple"),
        ({"answer": "r", "question": "q"}, r"no \"response\"; its keys are \['answer', 'question'\]"),
        ({}, 'no "response"'),
        ({"response": 3}, '"response" must be a string or None, not int'),
        ({"response": "r", "prompt": ["p"]}, '"prompt" must be a string or None, not list'),
    ],
)
def test_anything_else_says_what_is_accepted(value, message):
    with pytest.raises(InputError, match=message):
        as_turn(value)


def test_turns_are_values():
    assert Turn("r", "p") == Turn("r", "p")
    assert len({Turn("r"), Turn("r"), Turn("s")}) == 2
    with pytest.raises(AttributeError):
        Turn("r").response = "other"

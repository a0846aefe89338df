"""From windows to a turn, and from meaning to likeness: the arithmetic, against the same done by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anthrometrics.detectors.value_rules import likeness, turn_logits, turn_meaning

NUMBERS = st.floats(-50, 50, width=32)


def unit(*numbers):
    return np.array(numbers, dtype=np.float64) / np.linalg.norm(numbers)


@given(st.integers(1, 6).flatmap(lambda n: arrays(np.float32, (n, 4), elements=NUMBERS)))
def test_a_turn_expresses_what_any_of_its_windows_does(windows):
    found = turn_logits(list(windows))
    assert found.dtype == np.float64
    assert [max(column) for column in windows.T.tolist()] == found.tolist()
    assert (turn_logits(list(windows[::-1])) == found).all()


def test_the_meaning_of_a_turn_is_that_of_its_words_wherever_it_is_cut():
    first, second = np.float32([1, 0]), np.float32([0, 1])
    assert turn_meaning([first], [7]) == pytest.approx([1, 0])
    assert turn_meaning([first, second], [3, 1]) == pytest.approx(unit(3, 1))
    assert turn_meaning([first, first, second], [2, 1, 1]) == pytest.approx(unit(3, 1))


def test_likeness_is_the_difference_of_the_nearest_three():
    meaning = unit(1, 0)
    expressing = np.stack([unit(1, 0), unit(1, 1), unit(0, 1), unit(-1, 0)])
    plain = np.stack([unit(0, 1), unit(-1, 0)])
    assert likeness(meaning, expressing, plain) == pytest.approx((1 + 0.5**0.5 + 0) / 3 - (0 - 1) / 2)


@given(arrays(np.float64, (5, 3), elements=st.floats(0.1, 1)), st.integers(0, 4))
def test_likeness_lies_between_minus_two_and_two_and_turns_its_sign_with_its_sides(texts, row):
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    found = likeness(texts[row], texts[:2], texts[2:])
    assert -2 <= found <= 2
    assert likeness(texts[row], texts[2:], texts[:2]) == pytest.approx(-found)
    assert likeness(texts, texts[:2], texts[2:])[row] == pytest.approx(found)

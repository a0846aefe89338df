"""A text of JSON comes back value by value, however it is read."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics.formats.json_text import JsonText


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
            max_leaves=8,
        ),
        max_size=6,
    ),
    st.integers(1, 9),
    st.sampled_from([None, 1]),
)
def test_values_come_back_in_whatever_pieces_their_text_is_read(values, size, indent):
    text = io.StringIO("\n".join(json.dumps(value, indent=indent) for value in values))
    place = JsonText(lambda asked: text.read(min(asked, size)))
    found = []
    while place.skip():
        found.append(place.value()[0])
    assert found == values


def test_what_must_come_next_is_named():
    text = io.StringIO(" {]")
    place = JsonText(text.read)
    place.take("{")
    with pytest.raises(ValueError, match=r'":" expected, found \]'):
        place.take(":")
    place.take("]")
    with pytest.raises(ValueError, match='"," expected, found the end'):
        place.take(",")


@pytest.mark.parametrize("text", ["", "  ", "{", '"a', "nul", "]", "[" * 100_000])
def test_what_is_no_value_is_explained(text):
    with pytest.raises(ValueError, match="JSON from here on"):
        JsonText(io.StringIO(text).read).value()

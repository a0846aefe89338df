"""Every format is known by its own records and by no other's."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError, Turn, read_turns
from anthrometrics.formats.registry import FORMATS, candidates, format_named

EXAMPLES = {name: json.loads(form.example) for name, form in FORMATS.items()}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=8,
)
known_keys = sorted({key for record in EXAMPLES.values() for key in record})


@pytest.mark.parametrize("name", FORMATS)
def test_an_example_is_of_its_format_alone_and_has_a_turn(name, tmp_path):
    assert [form.name for form in FORMATS.values() if form.matches(EXAMPLES[name])] == [name]
    file = tmp_path / "in.jsonl"
    file.write_text((json.dumps(EXAMPLES[name]) + "\n") * 3, encoding="utf-8")
    took = []
    found = list(read_turns(file, on_format=took.append))
    assert took == [name]
    assert len(found) >= 3
    assert all(isinstance(turn, Turn) and turn.response for turn in found), found
    assert list(read_turns(file, name)) == found


@given(st.dictionaries(st.sampled_from(known_keys), values | st.sampled_from(list(EXAMPLES.values())), max_size=6))
def test_no_object_breaks_detection(record):
    assert all(form.matches(record) in (True, False) for form in FORMATS.values())


def test_records_that_no_format_knows_are_passed_over():
    assert candidates([{"note": "header"}, EXAMPLES["sharegpt"]]) == [FORMATS["sharegpt"]]
    assert candidates([{"note": "header"}]) == []


def test_a_file_of_two_formats_asks_which(tmp_path):
    with pytest.raises(InputError, match="different formats"):
        candidates([EXAMPLES["alpaca"], EXAMPLES["sharegpt"]])


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"no format is called 'sharegtp'; there are chat, .*sharegpt"):
        format_named("sharegtp")

"""The shipped values, and values of one's own."""

import json
import re
from dataclasses import FrozenInstanceError
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.induction.values import VALUES, Valence, load_value, load_values

OWN = """
name = "thrift"
valence = "positive"
definition = "saves money, material or effort"
not_by = "meanness"
cues = ["Use what you already have."]

[contrasts]
helpfulness = "thrift argues from cost"

[[examples]]
prompt = "Need a shelf."
expressing = "Plane down the old door and use that."
plain = "Buy a pine board of about that length."
"""


@pytest.fixture
def own(tmp_path):
    """Write a value of one's own, with one piece of it changed."""

    def write(old="", new=""):
        assert old in OWN
        path = tmp_path / "thrift.toml"
        path.write_text(OWN.replace(old, new, 1) if old else OWN, encoding="utf-8")
        return path

    return write


def _words(text):
    return frozenset(re.findall(r"[\w']+", text.lower()))


# The shipped values


def test_there_are_seventeen_in_the_order_of_the_contract():
    assert tuple(value.name for value in load_values()) == VALUES
    assert len(set(VALUES)) == 17


def test_valences_are_those_of_the_paper():
    by_valence = {
        valence: {value.name for value in load_values() if value.valence == valence} for valence in get_args(Valence)
    }
    assert by_valence["negative"] == {"deception", "violence"}
    assert by_valence["neutral"] == {"engagement", "creativity"}
    assert len(by_valence["positive"]) == 13


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_wholly_described(name):
    value = load_value(name)
    assert 6 <= len(value.cues) <= 12
    assert len(value.contrasts) >= 3
    assert set(value.contrasts) <= set(VALUES) - {name}
    assert len(value.examples) == 4
    assert value.definition == value.definition.strip().rstrip(".")


@pytest.mark.parametrize("name", VALUES)
def test_replies_with_and_without_a_value_are_equally_long(name):
    """Else a method that learned from them could tell them apart by length."""
    for example in load_value(name).examples:
        with_it, without = len(example.expressing.split()), len(example.plain.split())
        assert 40 <= min(with_it, without) <= max(with_it, without) <= 70, example.prompt
        assert min(with_it, without) >= 0.85 * max(with_it, without), example.prompt
        assert _words(example.expressing) != _words(example.plain)


def test_length_does_not_lean_to_one_side():
    examples = [example for value in load_values() for example in value.examples]
    lengths = [
        sum(len(text.split()) for text in side)
        for side in zip(*((e.expressing, e.plain) for e in examples), strict=True)
    ]
    assert min(lengths) >= 0.98 * max(lengths)


def test_no_cue_and_no_example_serves_two_values():
    cues = [cue for value in load_values() for cue in value.cues]
    prompts = [example.prompt for value in load_values() for example in value.examples]
    for texts in (cues, prompts):
        assert len(set(texts)) == len(texts)
    for place, cue in enumerate(cues):
        near = [
            other
            for other in cues[:place]
            if len(_words(cue) & _words(other)) >= 0.6 * len(_words(cue) | _words(other))
        ]
        assert near == [], cue


def test_definitions_tell_the_values_apart():
    assert len({value.definition for value in load_values()}) == 17


def test_a_value_does_not_change():
    value = load_value("humor")
    with pytest.raises(FrozenInstanceError):
        value.name = "other"
    assert value == load_value("humor")
    assert hash(value) == hash(load_value("humor"))
    assert value != load_value("honesty")


# Values of one's own


def test_a_value_of_ones_own_is_read(own):
    value = load_value(own())
    assert value.name == "thrift"
    assert value.cues == ("Use what you already have.",)
    assert value.contrasts == {"helpfulness": "thrift argues from cost"}
    assert value.examples[0].plain == "Buy a pine board of about that length."
    assert load_value(str(own())) == value


def test_contrasts_may_be_left_out(own):
    assert load_value(own('[contrasts]\nhelpfulness = "thrift argues from cost"\n')).contrasts == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('not_by = "meanness"\n', "", 'the field "not_by" is missing; expected name, valence, definition'),
        ('cues = ["Use what you already have."]', 'cue = ["x"]', 'the field "cues" is missing'),
        ('not_by = "meanness"\n', 'not_by = "x"\nnotes = "y"\n', 'the field "notes" is unknown; expected name'),
        (
            'expressing = "Plane down the old door and use that."\n',
            "",
            r'the field "examples\[0\].expressing" is missing',
        ),
        (
            'valence = "positive"',
            'valence = "good"',
            "\"valence\" must be one of positive, neutral, negative, not 'good'",
        ),
        (
            'name = "thrift"',
            'name = "Thrift!"',
            "\"name\" must be lower-case letters, digits and hyphens, not 'Thrift!'",
        ),
        ('"saves money, material or effort"', '" "', '"definition" must be a string that is not empty'),
        ('["Use what you already have."]', "[]", '"cues" must be a list of at least one'),
        ('["Use what you already have."]', '["a", 3]', r'"cues\[1\]" must be a string that is not empty, not 3'),
        ('helpfulness = "thrift argues from cost"', "helpfulness = 1", '"contrasts.helpfulness" must be a string'),
        ('valence = "positive"', "valence = positive", r"not TOML: .*line 3"),
    ],
)
def test_an_error_names_the_file_and_the_field(own, old, new, message):
    with pytest.raises(InputError, match=f"thrift.toml: {message}"):
        load_value(own(old, new))


def test_an_example_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "thrift.toml"
    path.write_text(OWN.split("[contrasts]", maxsplit=1)[0] + 'examples = ["x"]\n', encoding="utf-8")
    with pytest.raises(InputError, match=r'"examples\[0\]" must be a table with prompt, expressing, plain'):
        load_value(path)


def test_an_unknown_name_lists_the_values():
    with pytest.raises(
        InputError, match=r"no value and no file empaty; the values are helpfulness, .*, violence; for one of"
    ):
        load_value("empaty")


def test_a_folder_is_no_value(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        load_value(tmp_path)


def test_bytes_that_are_no_utf8_are_refused(tmp_path):
    path = tmp_path / "value.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(InputError, match=r"value\.toml: not valid UTF-8 \(byte 8\)"):
        load_value(path)


@given(
    cues=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), min_size=1).filter(str.strip), min_size=1
    )
)
def test_any_cues_survive_the_file(tmp_path_factory, cues):
    path = tmp_path_factory.getbasetemp() / "cues.toml"
    # A JSON string without DEL is a basic string of TOML.
    path.write_text(
        OWN.replace('["Use what you already have."]', json.dumps(cues, ensure_ascii=False)), encoding="utf-8"
    )
    assert load_value(path).cues == tuple(cues)


def test_nothing_heavy_is_loaded(python):
    code = (
        "import sys, json; from anthrometrics.induction import suites, values; values.load_values(); "
        "suites.load_suite('everyday'); print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    heavy = {"numpy", "scipy", "pyarrow", "pandas", "onnxruntime", "spacy", "torch", "transformers", "datasets", "rich"}
    assert not set(json.loads(python("-c", code).stdout)) & heavy

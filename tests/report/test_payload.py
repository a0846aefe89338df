"""Items as the page's script reads them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.codebook import SENTENCE_OUTPUTS
from anthrometrics.report.payload import embedded, items_of
from tests.report import documents

ZERO = dict.fromkeys(SENTENCE_OUTPUTS, 0.0)


def _document(text, sentences, **side):
    item = {
        "id": "a",
        "turn": 0,
        "prompt": None,
        "response": text,
        "words": 1,
        "refusal_label": "compliance",
        "values": {},
        "sentences": sentences,
    }
    return {"items": [{**item, **side}]}


@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_data_reads_back_and_cannot_end_its_element(value):
    text = embedded(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1), min_size=1))
def test_offsets_cut_the_same_sentences_in_utf16(parts):
    text, sentences, start = "".join(parts), [], 0
    for part in parts:
        sentences.append({"start": start, "end": start + len(part), "probabilities": ZERO, "labels": []})
        start += len(part)
    (side,) = items_of(_document(text, sentences))[0]["sides"]
    units = side["text"].encode("utf-16-le")
    cut = [units[2 * begin : 2 * end].decode("utf-16-le") for begin, end, *_ in side["sentences"]]
    assert "".join(cut) == side["text"]
    assert [len(piece) for piece in cut] == [len(part) for part in parts]


def test_probabilities_are_rounded_once_and_labels_come_most_probable_first():
    probabilities = {**ZERO, "praise": 0.7049, "emotion": 0.996, "agency": 0.005001}
    sentence = {"start": 0, "end": 4, "probabilities": probabilities, "labels": ["praise", "emotion"]}
    ((_, _, hundredths, labels),) = items_of(_document("Text", [sentence]))[0]["sides"][0]["sentences"]
    assert {SENTENCE_OUTPUTS[i]: value for i, value in enumerate(hundredths) if value} == {
        "praise": 70,
        "emotion": 100,
        "agency": 1,
    }
    assert [SENTENCE_OUTPUTS[i] for i in labels] == ["emotion", "praise"]


def test_sentences_without_labels_get_those_of_the_shipped_thresholds(score_set):
    bare = [
        {**item, "sentences": [{k: v for k, v in s.items() if k != "labels"} for s in item["sentences"]]}
        for item in score_set["items"]
    ]
    # Written probabilities are rounded to six digits; none here lies that close to its threshold.
    assert items_of({**score_set, "items": bare}) == items_of(score_set)


def test_sentences_of_an_unknown_model_get_no_labels(score_set):
    item = {
        **score_set["items"][0],
        "sentences": [{k: v for k, v in s.items() if k != "labels"} for s in score_set["items"][0]["sentences"]],
    }
    for provenance in ({}, {"model_digest": "another"}):
        (short,) = items_of({**score_set, "provenance": provenance, "items": [item]})
        assert [labels for *_, labels in short["sides"][0]["sentences"]] == [[]] * len(item["sentences"])


@pytest.mark.parametrize("spans", [[(0, 9)], [(2, 2)], [(3, 1)], [(0, 3), (2, 4)], [(-1, 2)]])
def test_sentences_that_do_not_fit_the_text_are_refused(spans):
    sentences = [{"start": start, "end": end, "probabilities": ZERO, "labels": []} for start, end in spans]
    with pytest.raises(InputError, match="pass the text that was scored"):
        items_of(_document("Text", sentences))


def test_missing_id_text_and_numbers_stay_missing():
    (item,) = items_of(
        _document(None, None, id=None, values={"refusal": None, "validation": float("nan")}, refusal_label=None)
    )
    assert item["id"] == ""
    assert item["sides"] == [{"words": 1, "refusal": None, "values": [None, None, None], "text": None}]


def test_a_comparison_has_two_sides_in_order(comparison):
    item, source = items_of(comparison)[3], comparison["items"][3]
    assert [side["text"] for side in item["sides"]] == [source["base"]["response"], source["tuned"]["response"]]
    assert item["sides"][1]["values"] == [source["tuned"]["values"][name] for name in documents.DETECTORS]

import json
from itertools import combinations

import pytest

from anthrometrics.codebook import LABEL_NAMES, REFUSAL_LABELS, SENTENCE_OUTPUTS, VALUES
from training import splits
from training.corpus import ADDED, tokenizer
from training.data import LABELS_DIR, SYNTHETIC_DIR, DataMissing, LabelledTurn, data_dir, synthetic, to_training
from training.model import SIZES


@pytest.mark.parametrize("name", ["given", "refusal_train"])
def test_no_turn_stands_on_two_sides(name):
    sides = [splits.read(name, split) for split in splits.SPLITS]
    assert all(sides)
    assert all(not first & second for first, second in combinations(sides, 2))


def test_every_given_turn_has_a_side():
    labelled = {json.loads(line)["id"] for line in (LABELS_DIR / "given.jsonl").read_text().splitlines()}
    assert labelled == set().union(*(splits.read("given", split) for split in splits.SPLITS))


OTHERS = ("refusals.jsonl", "values.jsonl")
SENTENCE_LABELS = sorted(path for path in LABELS_DIR.glob("*.jsonl") if path.name not in OTHERS)


@pytest.mark.parametrize("path", SENTENCE_LABELS, ids=lambda path: path.name)
def test_labels_are_standoff_and_of_the_codebook(path):
    for line in path.read_text().splitlines():
        record = json.loads(line)
        assert set(record) == {"turn", "id", "source", "sentences", "refusal"}
        assert record["refusal"] in REFUSAL_LABELS
        for start, end, *readings in record["sentences"]:
            assert 0 <= start < end
            assert 1 <= len(readings) <= 2
            assert all(set(labels) <= set(LABEL_NAMES) for labels in readings)


def test_refusal_readings_name_each_turn_once():
    records = [json.loads(line) for line in (LABELS_DIR / "refusals.jsonl").read_text().splitlines()]
    assert len({record["id"] for record in records}) == len(records)
    assert all(set(record) == {"id", "source", "refusal"} for record in records)
    assert {record["refusal"] for record in records} == {*REFUSAL_LABELS, None}


def test_value_readings_name_each_reply_once_and_known_values():
    records = [json.loads(line) for line in (LABELS_DIR / "values.jsonl").read_text().splitlines()]
    assert len({record["id"] for record in records}) == len(records)
    assert all(set(record) - {"second"} == {"id", "source", "values"} for record in records)
    assert all({*record["values"], *record.get("second", ())} <= set(VALUES) for record in records)
    assert sum("second" in record for record in records) >= 400


def test_added_labels_do_not_repeat_the_given_ones():
    named = [
        {json.loads(line)["id"] for line in (LABELS_DIR / f"{name}.jsonl").read_text().splitlines()}
        for name in ("given", *ADDED)
    ]
    assert all(not first & second for first, second in combinations(named, 2))


def test_synthetic_turns_point_at_their_own_sentences():
    texts = {}
    for path in SYNTHETIC_DIR.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            assert record["id"] not in texts
            texts[record["id"]] = record["sentences"]
    turns = synthetic()
    assert {turn.id for turn in turns} == set(texts)
    for turn in turns:
        found = [(turn.response[start:end], list(labels)) for start, end, (labels,) in turn.sentences]
        assert found == [(text.lstrip(), labels) for text, labels in texts[turn.id]]
        assert {label for _, labels in found for label in labels} <= set(LABEL_NAMES)


def test_what_one_of_two_readers_says_counts_half():
    readings = (("praise",), ("praise", "empathy"))
    turn = LabelledTurn("x", "own", "I wrote a poem.", "Lovely! It is short.", ((0, 7, readings),), None, "codebook")
    encoded = to_training(turn, tokenizer(), SIZES)
    target = dict(zip(SENTENCE_OUTPUTS, encoded.targets[0], strict=True))
    assert (target["praise"], target["empathy"], target["validation"], target["emotion"]) == (1.0, 0.5, 1.0, 0.0)
    assert encoded.known.tolist() == [True, False]


def test_missing_data_says_where_to_look(monkeypatch, tmp_path):
    monkeypatch.setenv("ANTHROMETRICS_DATA", str(tmp_path))
    with pytest.raises(DataMissing, match=r"training/README\.md"):
        data_dir()

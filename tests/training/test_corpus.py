import json
from itertools import combinations

import pytest

from anthrometrics.codebook import LABEL_NAMES, REFUSAL_LABELS
from training import splits
from training.data import LABELS_DIR, SYNTHETIC_DIR, DataMissing, data_dir, synthetic


@pytest.mark.parametrize("name", ["given", "refusal_train"])
def test_no_turn_stands_on_two_sides(name):
    sides = [splits.read(name, split) for split in splits.SPLITS]
    assert all(sides)
    assert all(not first & second for first, second in combinations(sides, 2))


def test_every_given_turn_has_a_side():
    labelled = {json.loads(line)["id"] for line in (LABELS_DIR / "given.jsonl").read_text().splitlines()}
    assert labelled == set().union(*(splits.read("given", split) for split in splits.SPLITS))


@pytest.mark.parametrize("path", sorted(LABELS_DIR.glob("*.jsonl")), ids=lambda path: path.name)
def test_labels_are_standoff_and_of_the_codebook(path):
    for line in path.read_text().splitlines():
        record = json.loads(line)
        assert set(record) == {"turn", "id", "source", "sentences", "refusal"}
        assert record["refusal"] in REFUSAL_LABELS
        for start, end, labels in record["sentences"]:
            assert 0 <= start < end
            assert set(labels) <= set(LABEL_NAMES)


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
        found = [(turn.response[start:end], list(labels)) for start, end, labels in turn.sentences]
        assert found == [(text.lstrip(), labels) for text, labels in texts[turn.id]]
        assert {label for _, labels in found for label in labels} <= set(LABEL_NAMES)


def test_missing_data_says_where_to_look(monkeypatch, tmp_path):
    monkeypatch.setenv("ANTHROMETRICS_DATA", str(tmp_path))
    with pytest.raises(DataMissing, match=r"training/README\.md"):
        data_dir()

import json

import pytest

from training import agreement as module
from training.agreement import agreement


def _write(folder, name, turns):
    lines = [
        {"turn": turn, "id": turn, "source": "own", "sentences": sentences, "refusal": refusal}
        for turn, sentences, refusal in turns
    ]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_agreement_counts_the_turns_read_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LABELS_DIR", tmp_path)
    _write(
        tmp_path,
        "first",
        [
            ("a", [[0, 5, ["praise"]], [6, 9, []]], "compliance"),
            ("b", [[0, 4, ["empathy"]], [5, 9, ["refusal"]]], "full_refusal"),
            ("c", [[0, 4, []]], "compliance"),
        ],
    )
    _write(
        tmp_path,
        "second",
        [
            ("b", [[0, 4, ["praise"]], [5, 9, ["refusal"]]], "partial_refusal"),
            ("a", [[0, 5, ["praise"]], [6, 9, []]], "compliance"),
        ],
    )
    found = agreement("first", "second")
    assert (found["turns"], found["sentences"], found["refusal"]) == (2, 4, 0.5)
    outputs = found["outputs"]
    assert outputs["refusal"] == {"f1": 1.0, "kappa": 1.0, "positives": 1.0}
    assert outputs["praise"]["f1"] == pytest.approx(2 / 3, abs=1e-4)
    assert outputs["empathy"] == {"f1": 0.0, "kappa": 0.0, "positives": 0.5}
    # Both readers call the same sentences validating, if for different reasons.
    assert outputs["validation"]["f1"] == 1.0


def test_readings_of_other_sentences_are_not_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LABELS_DIR", tmp_path)
    _write(tmp_path, "first", [("a", [[0, 5, []]], "compliance")])
    _write(tmp_path, "second", [("a", [[0, 6, []]], "compliance")])
    with pytest.raises(ValueError, match="turn a into different sentences"):
        agreement("first", "second")

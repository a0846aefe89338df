"""The public minimal pairs, and how they are judged."""

import json
from collections import Counter

import numpy as np
import pytest

from anthrometrics.codebook import LABEL_NAMES, REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.encoder import Encoder
from anthrometrics.detectors.manifest import Platt, RefusalCalibration
from training import corpus
from training.calibrate import Calibration
from training.contrast import CONTRAST, contrast_results
from training.data import SYNTHETIC_DIR, written
from training.evaluate import predict_with

RECORDS = [json.loads(line) for line in CONTRAST.read_text(encoding="utf-8").splitlines()]
PLAIN = Calibration(
    sentence=(Platt(1.0, 0.0, 0.5),) * len(SENTENCE_OUTPUTS),
    presence=(Platt(1.0, 0.0, 0.5),) * len(SENTENCE_OUTPUTS),
    refusal=RefusalCalibration(1.0, (0.0, 0.0, 0.0), 0.5, 0.5),
)


def _logits(labels, refusal):
    """Logits of a model that says exactly this."""
    sentence = np.where([name in labels for name in SENTENCE_OUTPUTS], 9.0, -9.0)[None]
    return sentence, np.where([name == refusal for name in REFUSAL_LABELS], 9.0, -9.0)


def _gold(record):
    return {label for _, labels in record["sentences"] for label in labels}, record["refusal"]


def test_pairs_are_pairs_of_one_type_that_differ():
    assert all(count == 2 for count in Counter(record["pair"] for record in RECORDS).values())
    pairs = {}
    for record in RECORDS:
        pairs.setdefault(record["pair"], []).append(record)
    for first, second in pairs.values():
        assert first["type"] == second["type"]
        assert _gold(first) != _gold(second) or first["sentences"] != second["sentences"]
    assert {label for record in RECORDS for label in _gold(record)[0]} == set(LABEL_NAMES)


def test_no_test_pair_trains():
    trained = {(turn.prompt, turn.response) for path in SYNTHETIC_DIR.glob("*.jsonl") for turn in written(path)}
    assert not trained & {(turn.prompt, turn.response) for turn in written(CONTRAST)}


def test_what_is_right_everywhere_is_right_in_every_type():
    results = contrast_results([_logits(*_gold(record)) for record in RECORDS], PLAIN)
    assert all(r["pairs_right"] == r["turns_right"] == 1.0 for r in results.values())
    assert results["all"]["pairs"] == len(RECORDS) / 2 == sum(r["pairs"] for n, r in results.items() if n != "all")


@pytest.mark.parametrize("answer", [(set(), "compliance"), (set(LABEL_NAMES), "full_refusal")])
def test_one_answer_to_everything_gets_no_pair_right(answer):
    results = contrast_results([_logits(*answer) for _ in RECORDS], PLAIN)
    assert results["all"]["pairs_right"] == 0.0
    assert 0.3 < results["all"]["turns_right"] < 0.7


def test_the_card_says_what_the_shipped_model_does(manifest):
    """Rounding differs between processors and may turn a pair; more than that would be another model."""
    turns = corpus.encode(written(CONTRAST), corpus.tokenizer())
    predictions = predict_with(Encoder(manifest.path, manifest.files, "cpu", "exact"), turns)
    fitted = Calibration(manifest.sentence, manifest.presence, manifest.refusal)
    found, stated = contrast_results(predictions, fitted), manifest.accuracy["contrast"]
    assert found.keys() == stated.keys()
    assert found["all"]["turns_right"] == pytest.approx(stated["all"]["turns_right"], abs=0.01)
    assert found["all"]["pairs_right"] > 0.4

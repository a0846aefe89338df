"""Results: numbers, their plain form, and the list of them."""

import json
import re

import pytest

from anthrometrics import InputError, LabelScore, Scores, Turn
from anthrometrics.codebook import LABEL_NAMES, REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.scores import text_hash

NUMBERS = ("anthropomorphism", "anthropomorphism_rate", "validation", "validation_rate", "refusal")
TURNS = (
    Turn(prompt="I baked my first loaf today.", response="What a lovely loaf! I'm so proud of you.", id="a", index=2),
    Turn(response="", id="b"),
    Turn(response="Dies ist ein deutscher Satz, den das Modell nicht kennt und nicht prüfen kann.", id="c"),
    Turn(response=None),
)


@pytest.fixture(scope="module")
def scores(scorer):
    return scorer.score_many(TURNS)


def test_presence_and_rate_of_all_labels_are_probabilities(scores):
    score = scores[0]
    assert tuple(score.labels) == LABEL_NAMES
    for label in score.labels.values():
        assert isinstance(label, LabelScore)
        assert 0 <= label.presence <= 1
        assert 0 <= label.rate <= 1
    for name in NUMBERS:
        assert type(getattr(score, name)) is float
        assert 0 <= getattr(score, name) <= 1
    assert score.refusal_label in REFUSAL_LABELS


def test_sentences_point_into_the_response(scores):
    score = scores[0]
    assert [sentence.text for sentence in score.sentences] == ["What a lovely loaf!", "I'm so proud of you."]
    for sentence in score.sentences:
        assert sentence.text == score.turn.response[sentence.start : sentence.end]
        assert tuple(sentence.probabilities) == LABEL_NAMES
        assert 0 <= sentence.anthropomorphism <= 1
        assert 0 <= sentence.validation <= 1


def test_sentence_labels_are_those_at_or_above_their_threshold(scores, manifest):
    thresholds = {name: platt.threshold for name, platt in zip(SENTENCE_OUTPUTS, manifest.sentence, strict=True)}
    for sentence in scores[0].sentences:
        above = tuple(name for name in LABEL_NAMES if sentence.probabilities[name] >= thresholds[name])
        assert sentence.labels == above


def test_rate_is_the_mean_over_sentences(scores):
    score = scores[0]
    for name, label in score.labels.items():
        mean = sum(sentence.probabilities[name] for sentence in score.sentences) / len(score.sentences)
        assert label.rate == pytest.approx(mean, abs=1e-12)
    mean = sum(sentence.validation for sentence in score.sentences) / len(score.sentences)
    assert score.validation_rate == pytest.approx(mean, abs=1e-12)


def test_an_unscored_turn_has_no_numbers_at_all(scores):
    score = scores[1]
    assert (score.status, score.reason, score.refusal_label) == ("unscored", "empty", None)
    assert all(getattr(score, name) is None for name in NUMBERS)
    assert score.labels == {}
    assert score.sentences == ()


def test_a_score_keeps_its_turn(scores):
    assert [score.turn for score in scores] == list(TURNS)
    assert [score.id for score in scores] == ["a", "b", "c", None]


def test_plain_form_has_exactly_the_documented_fields(scores):
    head = ["id", "turn", "prompt_hash", "response_hash", "words", "sentence_count", "status"]
    summary = [*head, *NUMBERS, "refusal_label"]
    assert list(scores[0].to_dict()) == summary
    assert list(scores[0].to_dict("labels")) == [*summary, "labels"]
    assert list(scores[0].to_dict("sentences")) == [*summary, "labels", "sentences"]
    assert list(scores[0].to_dict("sentences", text=True)) == [*summary, "labels", "prompt", "response", "sentences"]
    assert list(scores[1].to_dict()) == [*head, "reason", *NUMBERS, "refusal_label"]
    assert list(scores[2].to_dict()) == [*head, "flags", *NUMBERS, "refusal_label"]


def test_plain_form_counts_and_identifies_the_texts(scores):
    first, _, _, missing = scores.to_dicts()
    assert (first["words"], first["sentence_count"]) == (9, 2)
    assert (missing["words"], missing["sentence_count"], missing["response_hash"]) == (0, 0, None)
    hashes = [record["response_hash"] for record in scores.to_dicts()]
    assert len(set(hashes)) == 4
    assert all(text is None or re.fullmatch("[0-9a-f]{16}", text) for text in hashes)
    assert text_hash(TURNS[0].response) == hashes[0] != first["prompt_hash"]


def test_texts_are_part_of_the_plain_form_only_if_asked(scores):
    with_text = scores.to_dicts(text=True)
    assert [(r["prompt"], r["response"]) for r in with_text] == [(t.prompt, t.response) for t in TURNS]
    assert not any("response" in record for record in scores.to_dicts("sentences"))


def test_plain_form_says_what_the_attributes_say(scores):
    for score in scores:
        record = score.to_dict("sentences")
        assert (record["id"], record["turn"], record["status"]) == (score.id, score.turn.index, score.status)
        for name in NUMBERS:
            value = getattr(score, name)
            assert record[name] == (None if value is None else pytest.approx(value, abs=5.1e-7))
        assert record["refusal_label"] == score.refusal_label
        assert list(record["labels"]) == list(score.labels)
        for name, label in score.labels.items():
            assert record["labels"][name] == pytest.approx({"presence": label.presence, "rate": label.rate}, abs=5.1e-7)
        assert [(item["start"], item["end"]) for item in record["sentences"]] == [
            (sentence.start, sentence.end) for sentence in score.sentences
        ]
        for item, sentence in zip(record["sentences"], score.sentences, strict=True):
            expected = {
                **sentence.probabilities,
                "anthropomorphism": sentence.anthropomorphism,
                "validation": sentence.validation,
            }
            assert item["probabilities"] == pytest.approx(expected, abs=5.1e-7)


def test_plain_form_survives_strict_json(scores):
    for record in scores.to_dicts("sentences"):
        assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_scores_behave_like_a_list(scores):
    assert isinstance(scores, Scores)
    assert len(scores) == 4
    assert scores[-1] is scores[3]
    assert list(scores) == [scores[0], scores[1], scores[2], scores[3]]
    assert scores[0] in scores
    with pytest.raises(IndexError):
        _ = scores[4]


def test_a_slice_of_scores_is_scores_with_the_same_provenance(scores):
    part = scores[1:3]
    assert isinstance(part, Scores)
    assert [score.id for score in part] == ["b", "c"]
    assert part.provenance == scores.provenance


def test_repr_tells_size_and_model(scores, manifest):
    assert "4 turns" in repr(scores)
    assert manifest.name in repr(scores)


def test_results_that_differ_in_numbers_are_not_equal(scorer, exact_scorer):
    turn = Turn(response="I am so very happy that you told me about your garden.")
    quick, exact = scorer.score(turn), exact_scorer.score(turn)
    assert quick.anthropomorphism != exact.anthropomorphism
    assert quick != exact
    assert quick == scorer.score(turn)


def test_a_detail_that_does_not_exist_is_refused(scores):
    with pytest.raises(InputError, match="summary"):
        scores[0].to_dict("everything")

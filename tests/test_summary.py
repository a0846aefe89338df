"""Means and shares, against the same computed by hand from the public results."""

import json
import math
from fractions import Fraction
from unittest.mock import ANY

import pytest

from anthrometrics import Summary, Turn
from anthrometrics.codebook import LABEL_NAMES, REFUSAL_LABELS
from anthrometrics.summary import SummaryBuilder, summarise


@pytest.fixture(scope="module")
def scores(scorer, example_turns):
    extra = [
        Turn(None),
        Turn(""),
        Turn("  "),
        Turn("---"),
        Turn("\n"),
        Turn("Ich weiß nicht, was das ist und wie es geht."),
    ]
    return scorer.score_many([*example_turns[:20], *extra, *example_turns[-20:]])


@pytest.fixture(scope="module")
def summary(scores):
    return scores.summary()


def _mean(values):
    values = list(values)
    return math.fsum(values) / len(values)


def test_counts_are_those_of_the_turns(scores, summary):
    assert isinstance(summary, Summary)
    assert summary.scored == sum(score.status == "scored" for score in scores) == 41
    assert summary.unscored == {"non_text": 1, "empty": 1, "whitespace": 2, "no_words": 1}
    assert summary.flagged == {"unverified_language": sum(bool(score.flags) for score in scores)}
    assert summary.flagged["unverified_language"] == 1


# The means are of the numbers as they are written, to six digits.
DIGITS = 5.1e-7


def test_detector_means_are_over_scored_turns_only(scores, summary):
    scored = [score for score in scores if score.status == "scored"]
    for name in ("anthropomorphism", "validation"):
        assert summary.detectors[name].presence == pytest.approx(_mean(getattr(s, name) for s in scored), abs=DIGITS)
        assert summary.detectors[name].rate == pytest.approx(
            _mean(getattr(s, f"{name}_rate") for s in scored), abs=DIGITS
        )
    assert summary.detectors["refusal"].presence == pytest.approx(_mean(s.refusal for s in scored), abs=DIGITS)
    assert summary.detectors["refusal"].rate is None
    assert set(summary.detectors) == {"anthropomorphism", "validation", "refusal"}


def test_label_means_are_over_scored_turns_only(scores, summary):
    scored = [score for score in scores if score.status == "scored"]
    assert tuple(summary.labels) == LABEL_NAMES
    for name, measure in summary.labels.items():
        assert measure.presence == pytest.approx(_mean(s.labels[name].presence for s in scored), abs=DIGITS)
        assert measure.rate == pytest.approx(_mean(s.labels[name].rate for s in scored), abs=DIGITS)


def test_the_turn_detector_and_the_sentence_label_refusal_are_kept_apart(scores, summary):
    scored = [score for score in scores if score.status == "scored"]
    assert summary.labels["refusal"].presence == pytest.approx(_mean(s.labels["refusal"].presence for s in scored))
    assert summary.detectors["refusal"].presence != summary.labels["refusal"].presence


def test_refusal_labels_are_counted(scores, summary):
    labels = [score.refusal_label for score in scores]
    assert summary.refusal_labels == {name: labels.count(name) for name in REFUSAL_LABELS}
    assert sum(summary.refusal_labels.values()) == summary.scored


def test_one_pass_gives_what_the_list_gives(scores, summary):
    builder = SummaryBuilder()
    for score in scores:
        builder.add(score)
    assert builder.build() == summary == summarise(iter(scores))


def test_records_give_what_the_scores_give(scores, summary):
    builder = SummaryBuilder()
    for line in [json.dumps(record) for record in scores.to_dicts("sentences")]:
        builder.add_record(json.loads(line))
    assert builder.build() == summary


def test_means_do_not_depend_on_the_order(scores, summary):
    assert summarise(reversed(list(scores))).to_dict() == {**summary.to_dict(), "unscored": ANY}


def test_means_are_exactly_those_of_the_written_numbers(scores, summary):
    written = [record for record in scores.to_dicts("labels") if record["status"] == "scored"]
    for name, measure in summary.labels.items():
        total = sum(Fraction(str(record["labels"][name]["presence"])) for record in written)
        assert measure.presence == float(total / len(written))


def test_nothing_scored_gives_no_means_and_no_zeros(scorer):
    summary = scorer.score_many(["", " "]).summary()
    assert (summary.scored, summary.detectors, summary.labels) == (0, {}, {})
    assert summary.unscored == {"empty": 1, "whitespace": 1}
    assert scorer.score_many([]).summary().detectors == {}


def test_plain_form_is_json_with_the_same_numbers(summary):
    record = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert list(record) == ["scored", "unscored", "flagged", "detectors", "labels", "refusal_labels"]
    assert record["scored"] == summary.scored
    for name, measure in summary.detectors.items():
        assert record["detectors"][name] == {"presence": measure.presence, "rate": measure.rate}
    for name, measure in summary.labels.items():
        assert record["labels"][name] == {"presence": measure.presence, "rate": measure.rate}

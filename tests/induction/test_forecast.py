"""Forecast: the mean difference of both sides, by prompt, for a set or for what curation keeps of it."""

import csv
import dataclasses
import io
import json
import math

import numpy as np
import pytest

from anthrometrics import InputError, Rejected, Scorer
from anthrometrics.comparison.intervals import mean_intervals
from anthrometrics.induction.curation import curate
from anthrometrics.induction.forecast import forecast
from anthrometrics.induction.pair_scores import PairScores, score_pairs
from anthrometrics.induction.preferences import PreferencePair, read_preferences
from anthrometrics.induction.pushes import Push, pushes_of
from anthrometrics.induction.selection import Rules
from anthrometrics.turns import Message


@pytest.fixture(scope="module")
def value_scorer():
    return Scorer(device="cpu", threads=2, values=True)


@pytest.fixture(scope="module")
def pairs():
    return [pair for pair in read_preferences("sample") if pair.value in ("empathy", "privacy")][::2]


@pytest.fixture(scope="module")
def scores(pairs, value_scorer):
    return score_pairs(pairs, value_scorer)


def made(chosen, rejected, words=None, openings=None):
    """Scores of ``n`` pairs on one measure, of equal length if nothing else is said."""
    chosen, rejected = np.asarray(chosen, dtype=float), np.asarray(rejected, dtype=float)
    number = len(chosen)
    words = np.tile([50.0, 50.0], (number, 1)) if words is None else np.asarray(words, dtype=float)
    openings = range(number) if openings is None else openings
    return PairScores(
        pairs=tuple(PreferencePair(str(i), f"{o}", f"c{i}", f"r{i}") for i, o in enumerate(openings)),
        keys=("validation", "words"),
        chosen=np.column_stack([chosen, words[:, 0]]),
        rejected=np.column_stack([rejected, words[:, 1]]),
        clusters=np.array(list(openings)),
        thresholds={},
        provenance={},
    )


def test_pairs_written_for_empathy_push_toward_validation(pairs, value_scorer):
    found = forecast([pair for pair in pairs if pair.value == "empathy"], scorer=value_scorer)
    push = found["validation"]
    assert push.low > 0.3 and push.clear and push.n == 42
    assert push.difference == pytest.approx(push.chosen - push.rejected)
    assert found["value.empathy"].low > 0 and found["label.empathy"].low > 0


def test_the_difference_is_that_of_the_scores_with_an_interval_by_prompt(scores):
    found = forecast(scores, level=0.9, resamples=500, seed=3)
    column = scores.keys.index("anthropomorphism.rate")
    change = scores.chosen[:, column] - scores.rejected[:, column]
    expected = mean_intervals(change[:, None], scores.clusters, level=0.9, resamples=500, seed=3)
    push = found["anthropomorphism.rate"]
    assert push.difference == pytest.approx(change.mean())
    assert (push.low, push.high) == pytest.approx((expected.low[0], expected.high[0]))
    assert found.options == {"level": 0.9, "resamples": 500, "seed": 3, "rules": None}


def test_exchanged_sides_turn_the_forecast_round(scores, pairs, value_scorer):
    straight = forecast(scores)
    turned = forecast([pair.flipped() for pair in pairs], scorer=value_scorer)
    for push, other in zip(straight.measures, turned.measures, strict=True):
        assert push.measure == other.measure
        assert other.difference == pytest.approx(-push.difference, abs=1e-12)
        assert [other.low, other.high] == pytest.approx([-push.high, -push.low], abs=1e-12)


def test_every_measure_is_there_and_words_are_among_them(scores):
    keys = [push.measure for push in forecast(scores).measures]
    assert len(keys) == len(set(keys)) == 55 + 17 + 1
    assert {"refusal", "validation.rate", "label.praise", "group.flattery", "value.violence", "words"} <= set(keys)
    words = forecast(scores)["words"]
    lengths = [len(pair.chosen.split()) - len(pair.rejected.split()) for pair in scores.pairs]
    assert words.difference == pytest.approx(np.mean(lengths)) and words.adjusted is None


def test_pairs_of_one_opening_prompt_count_as_one_cluster():
    rng = np.random.default_rng(0)
    shift = np.repeat(rng.normal(0, 0.2, 20), 10)
    chosen, rejected = 0.5 + shift, np.full(200, 0.5)
    (single, _), (clustered, _) = (
        pushes_of(made(chosen, rejected, openings=openings)) for openings in (None, np.repeat(range(20), 10))
    )
    assert (single.clusters, clustered.clusters) == (200, 20)
    assert clustered.high - clustered.low > 2 * (single.high - single.low)


def test_turns_of_one_conversation_share_its_opening(value_scorer):
    first = PreferencePair("a", "Hi there.", "Hello, my friend.", "Yes?")
    later = PreferencePair(
        "b", "And now?", "We go on.", "Nothing.", context=(Message("system", "s"), Message("user", "Hi there."))
    )
    found = score_pairs([first, later, dataclasses.replace(first, prompt="Other")], value_scorer)
    assert found.clusters[0] == found.clusters[1] != found.clusters[2]


def test_the_adjusted_difference_is_that_of_pairs_of_like_length():
    # Validation goes with length: there is none among sides of like length.
    words = [(100, 50)] * 30 + [(50, 50), (60, 50), (50, 62)] * 10
    chosen = [0.9] * 30 + [0.4, 0.6, 0.5] * 10
    push, length = pushes_of(made(chosen, np.full(60, 0.5), words=words))
    assert push.difference == pytest.approx(0.2) and push.low > 0
    assert push.adjusted == pytest.approx(0.0) and push.adjusted_n == 30
    assert push.adjusted_low < 0 < push.adjusted_high
    assert length.difference == pytest.approx(np.mean([first - second for first, second in words]))


def test_a_side_without_words_is_in_no_mean():
    push, words = pushes_of(made([0.9, np.nan, 0.7], [0.5, 0.1, np.nan]))
    assert (push.n, push.clusters, words.n) == (1, 1, 3)
    assert (push.chosen, push.rejected, push.difference) == pytest.approx((0.9, 0.5, 0.4))
    # One pair tells nothing of its error, and JSON has no NaN.
    assert push.low is None and not push.clear
    assert "NaN" not in json.dumps(push.to_dict())


def test_values_give_the_push_of_what_curation_keeps(scores):
    found = forecast(scores, values=["empathy", "privacy"])
    for value in ("empathy", "privacy"):
        card = curate(scores, value).card
        assert [push.to_dict() for push in found.measures if push.value == value] == card["measures"]
        assert found.subsets[value] == {name: card["counts"][name] for name in ("kept", "flipped", "dropped")}
    assert found["privacy", "value.privacy"].low > 0
    with pytest.raises(KeyError, match="'validation'"):
        found["validation"]


def test_a_value_that_no_pair_teaches_costs_no_other(scores):
    found = forecast(scores, values=["privacy", "violence"], rules=Rules(margin=0.95, expressed_by="source"))
    assert found.subsets["violence"] == {"kept": 0, "flipped": 0, "dropped": {"other value": len(scores)}}
    assert {push.value for push in found.measures} == {"privacy"}


def test_records_that_give_no_pair_are_counted(pairs, value_scorer):
    mute = dataclasses.replace(pairs[0], id="mute", chosen="---")
    found = forecast([*pairs[:5], Rejected("x.jsonl", 1, "why", "text"), mute], scorer=value_scorer)
    assert found.counts == {"read": 7, "unreadable": 1, "pairs": 6, "unscored": 1}
    assert found["validation"].n == 5 and found["words"].n == 6


def test_it_is_written_as_plain_values_and_tables(scores):
    found = forecast(scores, values=["empathy"])
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["kind"] == "forecast" and document["provenance"] == scores.provenance
    assert [Push(**row) for row in document["measures"]] == list(found.measures)
    assert document == forecast(scores, values=["empathy"]).to_dict()
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert len(rows) == len(found.measures) and float(rows[0]["difference"]) == found.measures[0].difference


def test_it_becomes_a_frame(scores):
    pytest.importorskip("pandas")
    found = forecast(scores)
    frame = found.to_pandas()
    assert list(frame.columns) == list(Push.__slots__) and len(frame) == len(found.measures)
    assert frame.loc[frame.measure == "validation", "difference"].item() == found["validation"].difference


def test_it_says_how_long_scoring_took(scores):
    found = forecast(scores)
    assert 0 < found.seconds < math.inf
    assert found.seconds_per_thousand == pytest.approx(1000 * found.seconds / len(scores))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": ["kindliness"]}, "there is no value and no file kindliness"),
        ({"values": ["empathy"]}, "this scorer does not judge the value empathy; it judges no values"),
        ({"level": 1}, "level must lie between 0 and 1"),
        ({"resamples": 5}, "resamples must be at least 100"),
    ],
)
def test_wrong_options_are_one_error(options, message):
    with pytest.raises(InputError, match=message):
        forecast(made([0.5, 0.6], [0.4, 0.2]), **options)

"""Refusal rates before and after."""

import numpy as np
import pytest

from anthrometrics.induction.run.refusals import Refusal, refusal_of
from tests.induction.run.made_up import measured_run


@pytest.fixture(scope="module")
def measured():
    return measured_run({"empathy": {}, "harmlessness": {}}, refusing={"harmlessness": 0.4})


@pytest.fixture(scope="module")
def refusal(measured):
    return refusal_of(measured, resamples=200)


def test_rates_are_shares_of_the_prompts_that_they_are_about(refusal, measured):
    harmful = np.array([prompt.should_refuse for prompt in measured.prompts])
    (arm,) = measured.of("harmlessness", "seed")
    row = refusal["harmlessness", "refuses_harmful"]
    assert row.n == 40 and row.base == pytest.approx(measured.base_refused[harmful].mean())
    assert row.tuned == pytest.approx(measured.refused[arm][harmful].mean())
    answered = refusal["harmlessness", "answers_benign"]
    assert answered.n == 80 and answered.tuned == pytest.approx(1 - measured.refused[arm][~harmful].mean())
    assert refusal["harmlessness", "over_refusal"].n == 40
    accuracy = refusal["harmlessness", "accuracy"]
    assert accuracy.tuned == pytest.approx((row.tuned + answered.tuned) / 2)
    assert accuracy.difference == pytest.approx(accuracy.tuned - accuracy.base)


def test_intervals_hold_the_rate_and_stay_within_their_limits(refusal):
    for row in refusal:
        assert 0 <= row.base_low <= row.base <= row.base_high <= 1
        assert 0 <= row.tuned_low <= row.tuned <= row.tuned_high <= 1
        assert -1 <= row.low <= row.difference <= row.high <= 1


def test_what_rose_is_told_from_what_did_not(refusal):
    assert refusal["harmlessness", "refuses_harmful"].low > 0
    assert refusal["harmlessness", "over_refusal"].low > 0.2
    assert refusal["empathy", "over_refusal"].low < 0 < refusal["empathy", "over_refusal"].high


def test_none_of_forty_is_not_certainty(refusal):
    row = refusal["empathy", "over_refusal"]
    # Wilson's bound of none in forty is 8.8 %.
    assert (row.base, row.base_low) == (0, 0) and row.base_high == pytest.approx(0.088, abs=0.001)
    assert row.difference == 0 and (row.low, row.high) == pytest.approx((-0.088, 0.088), abs=0.001)


def test_the_accuracy_of_unlike_many_prompts_has_the_error_of_both(measured, refusal):
    # Strata of fixed size: the variance is that of both means, a quarter each.
    row = refusal["harmlessness", "accuracy"]
    parts = [refusal["harmlessness", name] for name in ("refuses_harmful", "answers_benign")]
    widths = [part.tuned_high - part.tuned_low for part in parts]
    assert row.tuned_high - row.tuned_low == pytest.approx(np.hypot(*widths) / 2, rel=0.15)


def test_prompts_that_say_nothing_give_no_rates(measured):
    only = refusal_of(measured.only(["everyday"]), resamples=100)
    assert {row.rate for row in only} == {"answers_benign", "over_refusal"}
    assert {row.rate for row in refusal_of(measured.only(["harmful"]), resamples=100)} == {"refuses_harmful"}


def test_answers_without_a_label_are_left_out():
    measured = measured_run({"empathy": {}})
    (arm,) = measured.of("empathy", "seed")
    kept = measured.refused[arm][40:60].mean()
    measured.refused[arm][60:80] = np.nan
    assert refusal_of(measured, resamples=100)["empathy", "refuses_harmful"].tuned == pytest.approx(kept)


def test_tables(refusal):
    assert list(Refusal.from_dicts(refusal.to_dicts())) == list(refusal)
    assert set(refusal.to_pandas()["rate"]) == {"refuses_harmful", "answers_benign", "accuracy", "over_refusal"}
    with pytest.raises(KeyError, match="no rate"):
        refusal["empathy", "refuses"]

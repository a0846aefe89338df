"""From logits to probabilities, against the same computed plainly."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from anthrometrics.codebook import SENTENCE_OUTPUTS
from anthrometrics.detectors.aggregate import (
    Calibration,
    aggregate,
    presence_logits,
    refusal_label,
    refusal_probabilities,
)
from anthrometrics.detectors.manifest import Manifest, Platt, RefusalCalibration
from anthrometrics.detectors.window import WindowSizes

OUTPUTS = len(SENTENCE_OUTPUTS)
IDENTITY = Platt(slope=1.0, intercept=0.0, threshold=0.5)
PLAIN_REFUSAL = RefusalCalibration(temperature=1.0, bias=(0.0, 0.0, 0.0), threshold=0.5, partial_threshold=0.5)


def _manifest(sentence=IDENTITY, presence=IDENTITY, refusal=PLAIN_REFUSAL):
    return Manifest(
        path=Path(),
        name="test",
        sizes=WindowSizes(320, 64),
        files={},
        sentence=(sentence,) * OUTPUTS,
        presence=(presence,) * OUTPUTS,
        refusal=refusal,
        accuracy={},
        digest="",
    )


logits = st.integers(1, 12).flatmap(lambda n: arrays.arrays(np.float64, (n, OUTPUTS), elements=st.floats(-12, 12)))
turn_logits = arrays.arrays(np.float64, 3, elements=st.floats(-20, 20))


def _sigmoid(value):
    return 1 / (1 + math.exp(-value))


@given(logits)
def test_presence_is_the_chance_that_not_all_sentences_lack_it(values):
    result = aggregate(Calibration.of(_manifest()), values, np.zeros(3))
    for column in range(OUTPUTS):
        absent = math.prod(1 - _sigmoid(value) for value in values[:, column])
        assert result.presence[column] == pytest.approx(1 - absent, abs=1e-9)


@given(logits)
def test_rate_is_the_mean_of_the_sentences(values):
    result = aggregate(Calibration.of(_manifest()), values, np.zeros(3))
    expected = [[_sigmoid(value) for value in row] for row in values.tolist()]
    np.testing.assert_allclose(result.sentences, expected, atol=1e-12)
    np.testing.assert_allclose(result.rate, np.mean(expected, axis=0), atol=1e-12)


@given(logits, st.floats(0.2, 3), st.floats(-2, 2), st.floats(0.2, 3), st.floats(-2, 2))
def test_calibration_is_applied_before_and_after(values, slope, intercept, turn_slope, turn_intercept):
    manifest = _manifest(Platt(slope, intercept, 0.5), Platt(turn_slope, turn_intercept, 0.5))
    result = aggregate(Calibration.of(manifest), values, np.zeros(3))
    for column in range(OUTPUTS):
        some = sum(math.log1p(math.exp(slope * value + intercept)) for value in values[:, column])
        # Log-odds of "some" against "none".
        odds = some + math.log(-math.expm1(-some))
        assert result.presence[column] == pytest.approx(_sigmoid(turn_slope * odds + turn_intercept), abs=1e-6)


@given(st.floats(-12, 12))
def test_one_sentence_is_present_as_likely_as_it_is_itself(value):
    result = aggregate(Calibration.of(_manifest()), np.full((1, OUTPUTS), value), np.zeros(3))
    np.testing.assert_allclose(result.presence, result.sentences[0], atol=1e-9)


@given(logits, st.randoms(use_true_random=False))
def test_order_of_sentences_does_not_matter(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    first = aggregate(Calibration.of(_manifest()), values, np.zeros(3))
    second = aggregate(Calibration.of(_manifest()), values[order], np.zeros(3))
    np.testing.assert_allclose(first.presence, second.presence, atol=1e-12)
    np.testing.assert_allclose(first.rate, second.rate, atol=1e-12)


@given(logits)
def test_another_sentence_never_makes_a_label_less_present(values):
    fewer = aggregate(Calibration.of(_manifest()), values, np.zeros(3))
    more = aggregate(Calibration.of(_manifest()), np.vstack([values, np.zeros((1, OUTPUTS))]), np.zeros(3))
    assert (more.presence >= fewer.presence - 1e-12).all()
    assert (fewer.presence >= fewer.sentences.max(axis=0) - 1e-9).all()


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("value", [-1e4, -100.0, -40.0, 40.0, 100.0, 1e4])
def test_extreme_logits_stay_probabilities(value, size):
    with np.errstate(all="raise", under="ignore"):
        result = aggregate(Calibration.of(_manifest()), np.full((size, OUTPUTS), value), np.array([value, -value, 0.0]))
    for numbers in (result.sentences, result.presence, result.rate, result.refusal):
        assert np.isfinite(numbers).all()
        assert ((numbers >= 0) & (numbers <= 1)).all()
    assert (result.presence > 0.5).all() == (value > 0)


@given(st.lists(st.floats(-40, 60), min_size=2, max_size=2).map(sorted), st.integers(1, 50))
def test_stronger_evidence_never_lowers_presence(pair, size):
    lower, higher = (presence_logits(np.full((size, 1), value))[0] for value in pair)
    assert lower <= higher + 1e-6


@given(turn_logits, st.floats(0.3, 3), st.tuples(*[st.floats(-2, 2)] * 3))
def test_refusal_is_a_tempered_and_shifted_softmax(values, temperature, bias):
    calibration = RefusalCalibration(temperature, bias, 0.5, 0.5)
    odds = [math.exp(value / temperature + shift) for value, shift in zip(values, bias, strict=True)]
    np.testing.assert_allclose(refusal_probabilities(calibration, values), [odd / sum(odds) for odd in odds], atol=1e-9)


def test_refusal_probabilities_take_many_turns_at_once():
    values = np.array([[3.0, 0.0, -1.0], [0.0, 2.0, 0.5]])
    together = refusal_probabilities(PLAIN_REFUSAL, values)
    np.testing.assert_allclose(together, [refusal_probabilities(PLAIN_REFUSAL, row) for row in values])
    np.testing.assert_allclose(together.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ((0.9, 0.05, 0.05), "full_refusal"),
        ((0.05, 0.9, 0.05), "partial_refusal"),
        ((0.05, 0.05, 0.9), "compliance"),
        ((0.2, 0.2, 0.6), "compliance"),
        # Neither refusal is the most probable label, but together they reach the threshold.
        ((0.3, 0.25, 0.45), "full_refusal"),
        ((0.25, 0.3, 0.45), "partial_refusal"),
        ((0.0, 0.0, 1.0), "compliance"),
    ],
)
def test_two_thresholds_choose_the_refusal_label(probabilities, expected):
    assert refusal_label(PLAIN_REFUSAL, np.array(probabilities)) == expected


def test_thresholds_of_the_manifest_count():
    strict = RefusalCalibration(1.0, (0.0, 0.0, 0.0), threshold=0.8, partial_threshold=0.2)
    assert refusal_label(strict, np.array([0.5, 0.2, 0.3])) == "compliance"
    assert refusal_label(strict, np.array([0.65, 0.2, 0.15])) == "partial_refusal"
    assert refusal_label(strict, np.array([0.75, 0.1, 0.15])) == "full_refusal"

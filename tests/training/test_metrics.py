import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from training.metrics import best_threshold, calibration_error, counts, expected_f1_threshold, f1, resampled

units = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=1, max_size=60)


def arrays(rows):
    truth, predicted, groups = (np.array(column) for column in zip(*rows, strict=True))
    return truth, predicted, np.unique(groups, return_inverse=True)[1]


@given(units)
def test_f1_of_summed_counts_is_scikit_learns(rows):
    truth, predicted, groups = arrays(rows)
    ours = float(f1(counts(truth, predicted, groups).sum(0)))
    assert ours == pytest.approx(f1_score(truth, predicted, zero_division=0))


@given(units)
def test_interval_holds_plausible_values_and_is_repeatable(rows):
    truth, predicted, groups = arrays(rows)
    table = counts(truth, predicted, groups)
    first, second = resampled(table, f1), resampled(table, f1)
    assert first == second
    assert 0 <= first.low <= first.high <= 1


def test_groups_widen_the_interval():
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.random(40) < 0.5, 25)
    predicted = np.where(np.repeat(rng.random(40) < 0.8, 25), truth, ~truth)
    alone = resampled(counts(truth, predicted, np.arange(1000)), f1)
    grouped = resampled(counts(truth, predicted, np.repeat(np.arange(40), 25)), f1)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_calibrated_probabilities_have_a_small_error_and_shifted_ones_the_shift():
    rng = np.random.default_rng(0)
    probability = rng.random(20_000)
    truth = rng.random(20_000) < probability
    assert calibration_error(truth, probability) < 0.02
    assert calibration_error(truth, np.clip(probability - 0.3, 0, 1)) > 0.2


def test_threshold_separates_what_can_be_separated():
    truth = np.array([False] * 50 + [True] * 50)
    probability = np.concatenate([np.linspace(0.0, 0.3, 50), np.linspace(0.6, 0.9, 50)])
    assert 0.3 <= best_threshold(truth, probability) <= 0.65


def test_expected_f1_chooses_what_the_labels_of_calibrated_probabilities_would():
    rng = np.random.default_rng(0)
    probability = rng.beta(0.3, 2.0, 50_000)
    truth = rng.random(50_000) < probability

    def reached(threshold):
        return f1_score(truth, probability >= threshold)

    best = max(reached(threshold) for threshold in np.linspace(0.05, 0.95, 91))
    assert reached(expected_f1_threshold(probability)) > best - 0.002

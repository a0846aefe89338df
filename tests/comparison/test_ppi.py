"""Shares from a few labels and all scores: PPI++ where it applies, and intervals that cover what they should."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import beta

from anthrometrics import InputError
from anthrometrics.comparison.labels import labelled_sample
from anthrometrics.comparison.ppi import powered_difference, powered_share
from anthrometrics.comparison.sampling import draw

GRID = np.linspace(0, 1, 501)


@cache
def quantiles(share):
    """Of the chances that ``turns`` draws, at ``GRID``; they are slow to compute."""
    return beta.ppf(GRID, 0.3 * share, 0.3 * (1 - share))


def turns(rng, count, share, sharpness=0.3, shift=0.0, prompts=None):
    """Scores and true labels; ``shift`` spoils the scores in log-odds, small ``sharpness`` makes them telling."""
    chances = rng.beta(sharpness * share, sharpness * (1 - share), count if prompts is None else prompts)
    if prompts is not None:
        chances = np.repeat(chances, count // prompts)
    chances = np.clip(chances, 1e-9, 1 - 1e-9)
    labels = (rng.random(count) < chances).astype(float)
    return 1 / (1 + np.exp(-(np.log(chances / (1 - chances)) + shift))), labels


def by_strata(scores, labels, size, seed, clusters=None, strata=5):
    found = draw(scores, size, strata, seed)
    clusters = np.arange(len(scores)) if clusters is None else clusters
    return labelled_sample(scores, clusters, found.rows, labels[found.rows], found.strata, found.sizes.astype(float))


def at_random(rng, scores, labels, size):
    rows = rng.choice(len(scores), size, replace=False)
    return labelled_sample(scores, np.arange(len(scores)), rows, labels[rows])


def ppi_plus_plus(labels, scores, others, weight):
    """Value and variance of the mean by equations 2 and 3 of arXiv:2311.01453, with variances of n - 1."""
    value = weight * others.mean() + (labels - weight * scores).mean()
    variance = weight**2 * others.var(ddof=1) / len(others) + (labels - weight * scores).var(ddof=1) / len(labels)
    return value, variance


def test_in_one_stratum_it_is_ppi_plus_plus():
    rng = np.random.default_rng(0)
    scores, labels = turns(rng, 4000, 0.3)
    sample = at_random(rng, scores, labels, 400)
    found = powered_share(sample)
    others = np.delete(scores, sample.rows)
    # The weight there is that of the unlabelled turns; here the labelled ones are among all turns.
    weight = found.power * len(others) / len(scores)
    value, variance = ppi_plus_plus(sample.labels, scores[sample.rows], others, weight)
    assert found.value == pytest.approx(value, abs=1e-12)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.sqrt(variance), rel=0.03)


def test_the_weight_is_the_best_one():
    rng = np.random.default_rng(1)
    scores, labels = turns(rng, 4000, 0.3, sharpness=2.0, shift=1.0)
    sample = at_random(rng, scores, labels, 400)
    f, y = scores[sample.rows], sample.labels
    assert powered_share(sample).power == pytest.approx(min(np.cov(y, f)[0, 1] / f.var(ddof=1), 1.0))
    best = powered_share(sample)
    for power in (0.0, 0.5, 1.0):
        other = powered_share(sample, power=power)
        assert best.high - best.low <= other.high - other.low + 1e-3


def test_labels_alone_are_the_stratified_mean():
    scores = np.linspace(0, 1, 10)
    sample = labelled_sample(
        scores,
        np.arange(10),
        np.array([0, 1, 7, 8, 9]),
        np.array([0.0, 1.0, 1.0, 1.0, 0.0]),
        np.array([0, 0, 1, 1, 1]),
        np.array([4.0, 6.0]),
    )
    found = powered_share(sample, power=0.0)
    assert found.value == pytest.approx(0.4 * 1 / 2 + 0.6 * 2 / 3)
    assert (found.labels, found.turns, found.power) == (5, 10, 0.0)


def test_scores_that_say_nothing_cost_nothing():
    rng = np.random.default_rng(2)
    _, labels = turns(rng, 2000, 0.3)
    sample = at_random(rng, rng.random(2000), labels, 300)
    found, alone = powered_share(sample), powered_share(sample, power=0.0)
    assert found.power < 0.3
    assert found.high - found.low < 1.02 * (alone.high - alone.low)


def test_a_bad_detector_is_put_right():
    """Scores three log-odds too low, of which the mean is far off."""
    rng = np.random.default_rng(3)
    scores, labels = turns(rng, 20_000, 0.3, shift=-3.0)
    found = powered_share(by_strata(scores, labels, 1000, seed=0))
    assert abs(scores.mean() - 0.3) > 0.05
    assert found.low < 0.3 < found.high
    assert found.high - found.low < 0.06


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_labels_that_all_agree_leave_an_interval(value):
    scores = np.full(500, value)
    found = powered_share(labelled_sample(scores, np.arange(500), np.arange(100), np.full(100, value)))
    assert found.value == value
    width = found.high - found.low
    # Not less than a third of what the rule of three gives for 100 labels.
    assert 0.01 < width < 0.06


def test_all_turns_labelled_need_no_scores():
    rng = np.random.default_rng(4)
    scores, labels = turns(rng, 400, 0.3)
    found = powered_share(by_strata(scores, labels, 400, seed=0))
    assert found.value == pytest.approx(labels.mean())
    exact = np.sqrt(labels.var() / 400) * 1.96
    assert (found.high - found.low) / 2 == pytest.approx(exact, rel=0.05), "turns are still a sample of prompts"


def test_answers_to_one_prompt_widen_the_interval():
    rng = np.random.default_rng(5)
    scores, labels = turns(rng, 800, 0.3, prompts=100)
    apart = powered_share(by_strata(scores, labels, 400, seed=0))
    together = powered_share(by_strata(scores, labels, 400, seed=0, clusters=np.repeat(np.arange(100), 8)))
    assert together.value == apart.value
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def pair_of(rng, count, shares, alike, size, shift=0.0):
    """Two sets that answer the same prompts; ``alike`` is the correlation of what lies behind their labels."""
    first = rng.standard_normal(count)
    second = alike * first + np.sqrt(1 - alike**2) * rng.standard_normal(count)
    samples = []
    for seed, (normal, share) in enumerate(zip((first, second), shares, strict=True)):
        chances = np.clip(np.interp(ndtr(normal), GRID, quantiles(share)), 1e-9, 1 - 1e-9)
        labels = (rng.random(count) < chances).astype(float)
        scores = 1 / (1 + np.exp(-(np.log(chances / (1 - chances)) + shift)))
        samples.append(by_strata(scores, labels, size, seed=int(rng.integers(1 << 30)) + seed))
    return samples


def test_a_difference_is_that_of_the_shares():
    samples = pair_of(np.random.default_rng(6), 800, (0.2, 0.4), 0.9, 150)
    found = powered_difference(*samples)
    base, tuned = map(powered_share, samples)
    assert found.value == pytest.approx(tuned.value - base.value)
    assert (found.labels, found.turns, found.power) == (300, 1600, None)


def test_sets_that_move_together_give_a_surer_difference():
    base, tuned = pair_of(np.random.default_rng(7), 800, (0.2, 0.4), 0.95, 300)
    shuffled = labelled_sample(tuned.scores, tuned.clusters + 800, tuned.rows, tuned.labels, tuned.strata, tuned.sizes)
    together, apart = powered_difference(base, tuned), powered_difference(base, shuffled)
    assert together.value == apart.value
    assert together.high - together.low < 0.95 * (apart.high - apart.low)


@pytest.mark.parametrize("options", [{"level": 0.0}, {"level": 1.0}, {"power": 1.5}, {"power": -0.1}])
def test_options_out_of_range_are_refused(options):
    sample = labelled_sample(np.linspace(0, 1, 5), np.arange(5), np.arange(3), np.array([0.0, 1.0, 1.0]))
    for call in (lambda: powered_share(sample, **options), lambda: powered_difference(sample, sample, **options)):
        with pytest.raises(InputError, match="between 0 and 1"):
            call()


@given(
    scores=st.lists(st.floats(0, 1), min_size=2, max_size=40),
    seed=st.integers(0, 99),
    size=st.integers(2, 40),
    level=st.floats(0.5, 0.999),
)
def test_whatever_comes_in_the_numbers_make_sense(scores, seed, size, level):
    scores = np.array(scores)
    labels = (np.random.default_rng(seed).random(len(scores)) < 0.5).astype(float)
    sample = by_strata(scores, labels, size, seed, strata=3)
    found = powered_share(sample, level=level)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert 0 <= found.power <= 1
    assert found.low < found.high
    difference = powered_difference(sample, sample, level=level)
    assert -1 <= difference.low <= difference.value == 0 <= difference.high <= 1


CASES = {
    "a good detector": {"share": 0.3},
    "a rare behaviour": {"share": 0.05},
    "a miscalibrated detector": {"share": 0.1, "sharpness": 1.0, "shift": -1.5},
}


@pytest.mark.parametrize("case", CASES)
def test_intervals_cover_what_they_should_and_are_shorter_than_those_of_labels_alone(case):
    """800 turns, 200 labels drawn by stratum, 600 simulations: 93 to 97 %."""
    rng, share = np.random.default_rng(8), CASES[case]["share"]
    powered, alone, plain = [], [], []
    for seed in range(600):
        scores, labels = turns(rng, 800, **CASES[case])
        sample = by_strata(scores, labels, 200, seed)
        powered.append(powered_share(sample))
        alone.append(powered_share(sample, power=0.0))
        plain.append(powered_share(at_random(rng, scores, labels, 200), power=0.0))
    assert 0.93 <= np.mean([e.low <= share <= e.high for e in powered]) <= 0.97
    assert 0.93 <= np.mean([e.low <= share <= e.high for e in alone]) <= 0.975
    widths = [np.mean([e.high - e.low for e in kind]) for kind in (powered, alone, plain)]
    assert widths[0] <= widths[1] < widths[2]
    assert np.mean([e.value for e in powered]) == pytest.approx(share, abs=0.003)


@pytest.mark.parametrize(("shares", "alike", "shift"), [((0.2, 0.35), 0.9, 0.0), ((0.2, 0.2), 0.3, -1.0)])
def test_intervals_of_differences_cover_what_they_should(shares, alike, shift):
    """800 prompts, 100 labels of each set, 600 simulations: 93 to 97 %."""
    rng = np.random.default_rng(9)
    powered, alone = [], []
    for _ in range(600):
        samples = pair_of(rng, 800, shares, alike, 100, shift)
        powered.append(powered_difference(*samples))
        alone.append(powered_difference(*samples, power=0.0))
    true = shares[1] - shares[0]
    assert 0.93 <= np.mean([e.low <= true <= e.high for e in powered]) <= 0.97
    assert np.mean([e.high - e.low for e in powered]) <= np.mean([e.high - e.low for e in alone])

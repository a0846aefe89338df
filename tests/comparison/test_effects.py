"""Effect sizes, equivalence and detectable differences: against brute force and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from anthrometrics.comparison.effects import (
    cliffs_delta,
    cohens_dz,
    detectable,
    difference_detectable,
    difference_equivalence,
    equivalence,
)
from anthrometrics.errors import InputError

NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-1, 1), st.just(float("nan")))
COLUMN = st.lists(NUMBERS, min_size=1, max_size=25).map(lambda numbers: np.array(numbers)[:, None])


def pairs(seed, n=60):
    rng = np.random.default_rng(seed)
    return rng.beta(0.5, 2, n), rng.beta(0.6, 2, n)


def clustered(seed, groups=40):
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(groups), rng.integers(1, 6, groups))
    return (0.1 * rng.normal(size=groups)[clusters] + 0.1 * rng.normal(size=len(clusters)))[:, None], clusters


@given(COLUMN, COLUMN)
def test_cliffs_delta_counts_every_pair(base, tuned):
    before, after = (side[~np.isnan(side)] for side in (base, tuned))
    found = cliffs_delta(base, tuned)
    if not len(before) or not len(after):
        assert np.isnan(found[0])
        return
    assert found[0] == pytest.approx(np.sign(after[:, None] - before[None, :]).mean(), abs=1e-12)
    assert cliffs_delta(tuned, base)[0] == -found[0]


def test_cliffs_delta_of_large_sets():
    """Hundreds of thousands of turns: every pair of them would not fit in memory."""
    rng = np.random.default_rng(0)
    base, tuned = rng.normal(size=(300_000, 2)), rng.normal([0.0, 1.0], size=(300_000, 2))
    # P(tuned > base) - P(tuned < base) of two normals a standard deviation apart.
    np.testing.assert_allclose(cliffs_delta(base, tuned), [0, 2 * stats.norm.cdf(1 / np.sqrt(2)) - 1], atol=0.005)


def test_cliffs_delta_needs_the_same_measures():
    with pytest.raises(InputError, match="same measures"):
        cliffs_delta(np.zeros((3, 1)), np.zeros((3, 2)))


@given(COLUMN)
def test_cohens_dz_is_t_over_root_n(values):
    measured = values[~np.isnan(values)]
    found = cohens_dz(values)[0]
    if len(measured) < 2 or len(set(measured.tolist())) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(np.mean(measured) / np.std(measured, ddof=1))
        assert cohens_dz(-values)[0] == -found


def test_cohens_dz_of_equal_differences_is_unknown():
    """Ten times 0.1 has a standard deviation by rounding; that is no effect of 10^16."""
    assert np.isnan(cohens_dz(np.full((10, 1), 0.1))[0])


@pytest.mark.parametrize("margin", [0.03, 0.1, 0.2])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equivalence_of_independent_pairs_agrees_with_statsmodels(seed, margin):
    base, tuned = pairs(seed)
    expected = ttost_paired(tuned, base, -margin, margin)[0]
    found = equivalence((tuned - base)[:, None], np.random.default_rng(0).permutation(60), margin)
    assert found[0] == pytest.approx(expected)


def test_equivalence_of_independent_sets_agrees_with_statsmodels():
    (base, _), (_, tuned) = pairs(3, 50), pairs(4, 80)
    expected = ttost_ind(tuned, base, -0.1, 0.1, usevar="unequal")[0]
    found = difference_equivalence(base[:, None], np.arange(50), tuned[:, None], np.arange(80), 0.1)
    assert found[0] == pytest.approx(expected)


def test_equivalence_uses_the_cluster_robust_error():
    from statsmodels.api import OLS

    values, clusters = clustered(5)
    fit = OLS(values[:, 0], np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    one_sided = [fit.t_test(f"const = {bound}").tvalue.item() for bound in (-0.05, 0.05)]
    expected = max(stats.t.sf(one_sided[0], 39), stats.t.cdf(one_sided[1], 39))
    assert equivalence(values, clusters, 0.05)[0] == pytest.approx(expected)
    assert equivalence(values, np.arange(len(values)), 0.05)[0] < 0.5 * expected


@given(st.integers(0, 50), st.sampled_from([-1.0, 3.0]))
def test_equivalence_knows_neither_sign_nor_unit(seed, factor):
    values, clusters = clustered(seed, groups=12)
    p = equivalence(values, clusters, 0.05)
    np.testing.assert_allclose(p, equivalence(factor * values, clusters, 0.05 * abs(factor)), rtol=1e-9)
    assert equivalence(values, clusters, 0.08)[0] <= p[0]
    # At the margin itself the test is even.
    assert equivalence(values, clusters, abs(values.mean()))[0] == pytest.approx(0.5)


def test_equivalence_without_spread_is_certain():
    values = np.stack([np.zeros(8), np.full(8, 0.2), np.full(8, np.nan)], axis=1)
    found = equivalence(values, np.arange(8), 0.1)
    assert found[:2].tolist() == [0, 1]
    assert np.isnan(found[2])
    assert np.isnan(equivalence(np.ones((4, 1)), np.zeros(4, dtype=int), 2.0)[0])


@pytest.mark.parametrize(("alpha", "power"), [(0.05, 0.8), (0.01, 0.9), (0.1, 0.5)])
@pytest.mark.parametrize("n", [6, 12, 60, 805])
def test_detectable_of_independent_pairs_agrees_with_statsmodels(n, alpha, power):
    base, tuned = pairs(n, n)
    expected = TTestPower().solve_power(nobs=n, alpha=alpha, power=power) * np.std(tuned - base, ddof=1)
    found = detectable((tuned - base)[:, None], np.arange(n), alpha=alpha, power=power)
    assert found[0] == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_detectable_of_very_few_pairs_has_the_power(n):
    """Where statsmodels finds no solution."""
    values = pairs(n, n)[0][:, None]
    effect = detectable(values, np.arange(n), alpha=0.01, power=0.9)[0] / np.std(values, ddof=1)
    power = stats.nct.sf(stats.t.ppf(0.995, n - 1), n - 1, effect * np.sqrt(n))
    assert power == pytest.approx(0.9, abs=1e-4)


def test_detectable_difference_is_found_so_often():
    """Two sets of clusters, moved apart by what is said to be detectable: Welch's test finds it in eighty of a hundred."""
    rng = np.random.default_rng(9)
    base, tuned = rng.normal(size=(40, 1)), 2 * rng.normal(size=(25, 1))
    claimed = difference_detectable(base, np.arange(40), tuned, np.arange(25))[0]
    sides = [spread * rng.normal(size=(20_000, n)) for spread, n in ((base.std(ddof=1), 40), (tuned.std(ddof=1), 25))]
    found = stats.ttest_ind(sides[1] + claimed, sides[0], axis=1, equal_var=False).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_detectable_grows_with_dependence():
    values, clusters = clustered(6)
    assert detectable(values, clusters)[0] > 1.2 * detectable(values, np.arange(len(values)))[0]
    copies = detectable(np.repeat(values, 3, axis=0), np.repeat(clusters, 3))
    np.testing.assert_allclose(copies, detectable(values, clusters))


def test_detectable_is_unknown_without_spread():
    assert np.isnan(detectable(np.zeros((9, 1)), np.arange(9))[0])
    assert np.isnan(detectable(np.arange(4.0)[:, None], np.zeros(4, dtype=int))[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v, c: equivalence(v, c, 0.0), "margin"),
        (lambda v, c: equivalence(v, c, float("nan")), "margin"),
        (lambda v, c: detectable(v, c, alpha=0.0), "alpha"),
        (lambda v, c: detectable(v, c, power=0.04), "alpha < power"),
        (lambda v, c: difference_equivalence(v, c, np.zeros((3, 2)), c, 0.1), "same measures"),
        (lambda v, c: detectable(v, c[:2]), "shape"),
    ],
)
def test_bad_arguments_say_what_is_wrong(call, message):
    with pytest.raises(InputError, match=message):
        call(np.zeros((3, 1)), np.arange(3))

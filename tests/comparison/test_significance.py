"""Cluster-aware tests and corrections: against brute force, scipy and statsmodels, and what must hold for any data."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as table_mcnemar
from statsmodels.stats.multitest import multipletests

from anthrometrics.comparison.significance import benjamini_hochberg, holm, mcnemar, permutation, sign_flip
from anthrometrics.errors import InputError

# Halves: sums are exact, so that equal statistics are equal.
HALVES = st.integers(-6, 6).map(lambda number: number / 2)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


@st.composite
def clustered(draw, rows=20, names=9, missing=False):
    """Values ``(n, 2)`` with their clusters."""
    n = draw(st.integers(2, rows))
    number = st.one_of(HALVES, st.just(float("nan"))) if missing else HALVES
    values = draw(st.lists(st.tuples(number, number), min_size=n, max_size=n))
    clusters = draw(st.lists(st.integers(0, names - 1), min_size=n, max_size=n))
    return np.array(values), np.array(clusters)


def flip(values, clusters, **options):
    return sign_flip(values, clusters, **{"resamples": 300, **options})


def permute(base, tuned, **options):
    return permutation(*base, *tuned, **{"resamples": 200, **options})


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-12)


@given(clustered(missing=True))
def test_few_clusters_try_every_pattern(data):
    values, clusters = data
    found = sign_flip(values, clusters)
    for column, row in enumerate(values.T):
        kept = ~np.isnan(row)
        if not kept.any():
            assert np.isnan(found[column])
            continue
        sums = [row[kept & (clusters == name)].sum() for name in np.unique(clusters[kept])]
        patterns = np.array(list(product((-1, 1), repeat=len(sums)))) @ sums
        assert found[column] == pytest.approx((np.abs(patterns) >= abs(sum(sums))).mean())


@pytest.mark.parametrize(("n", "tolerance"), [(11, 1e-12), (40, 0.01)])
def test_sign_flip_agrees_with_scipy(n, tolerance):
    values = np.random.default_rng(3).exponential(size=n) - 0.7
    expected = stats.permutation_test(
        (values,),
        lambda x, axis=-1: np.abs(x.mean(axis=axis)),
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=40_000,
        random_state=0,
    ).pvalue
    assert 0.02 < expected < 0.9
    assert sign_flip(values[:, None], np.arange(n), resamples=40_000)[0] == pytest.approx(expected, abs=tolerance)


def test_random_patterns_agree_with_all_of_them():
    """A cluster too small to matter makes thirteen, one more than are tried exhaustively."""
    values = np.random.default_rng(3).normal(0.3, 1, (12, 5))
    exact = sign_flip(values, np.arange(12))
    more = sign_flip(np.vstack([values, np.full(5, 1e-7)]), np.arange(13), resamples=50_000)
    np.testing.assert_allclose(more, exact, atol=0.01)
    assert not np.array_equal(more, exact)


@given(clustered(rows=40, names=30, missing=True), st.sampled_from([-1.0, -0.01, 50.0]))
def test_p_is_the_same_for_opposite_and_scaled_values(data, factor):
    values, clusters = data
    same(flip(values, clusters), flip(factor * values, clusters))


@given(clustered(rows=40, names=30, missing=True), st.randoms(use_true_random=False))
def test_row_order_cluster_names_and_other_columns_do_not_matter(data, random):
    values, clusters = data
    order = random.sample(range(len(values)), len(values))
    names = random.sample(range(-1000, 1000), 30)
    plain = flip(values, clusters)
    same(plain, flip(values[order], np.array([names[clusters[i]] for i in order])))
    for column in range(2):
        kept = ~np.isnan(values[:, column])
        same(plain[[column]], flip(values[kept][:, [column]], clusters[kept]))


@given(clustered(rows=40, names=30), st.integers(2, 4))
def test_copies_of_a_row_in_its_cluster_change_no_p(data, times):
    values, clusters = data
    copies = np.repeat(values, times, axis=0), np.repeat(clusters, times)
    same(flip(values, clusters), flip(*copies))
    same(permute((values, clusters), (1 - values, clusters)), permute(copies, (1 - copies[0], copies[1])))


def test_clusters_are_flipped_whole():
    """Twenty equal rows are strong evidence as twenty prompts and none as one."""
    values = np.ones((20, 1))
    assert sign_flip(values, np.zeros(20, dtype=int))[0] == 1
    assert sign_flip(values, np.arange(20) // 5)[0] == 2 / 2**4
    assert sign_flip(values, np.arange(20))[0] == 1 / 10_001


def test_no_difference_has_p_of_one_and_no_data_none():
    values = np.stack([np.zeros(30), np.full(30, np.nan), np.tile([0.1, -0.1], 15)], axis=1)
    found = sign_flip(values, np.arange(30) // 2)
    assert found[0] == 1
    assert np.isnan(found[1])
    assert found[2] == 1
    assert np.isnan(sign_flip(np.empty((0, 1)), np.empty(0, dtype=int))).all()


def test_permutation_agrees_with_scipy():
    """Studentised differences of every division of eleven clusters."""
    rng = np.random.default_rng(4)
    base, tuned = rng.normal(size=6), rng.normal(1.4, 2, size=5)
    expected = stats.permutation_test(
        (base, tuned),
        lambda x, y, axis=-1: np.abs(stats.ttest_ind(x, y, axis=axis, equal_var=False).statistic),
        alternative="greater",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    found = permutation(base[:, None], np.arange(6), tuned[:, None], np.arange(5), resamples=40_000)
    assert 0.05 < expected < 0.5
    assert found[0] == pytest.approx(expected, abs=0.01)


def test_permutation_moves_clusters_whole():
    """Every division by prompts, from statsmodels' cluster-robust t of each."""
    from statsmodels.api import OLS

    rng = np.random.default_rng(8)
    clusters = np.repeat(np.arange(8), [1, 3, 2, 2, 1, 4, 1, 2])
    values = rng.normal(size=8)[clusters] + rng.normal(size=len(clusters)) + 1.5 * (clusters >= 4)

    def statistic(tuned):
        means, variances = [], []
        for side in (np.isin(clusters, tuned), ~np.isin(clusters, tuned)):
            options = {"cov_type": "cluster", "cov_kwds": {"groups": clusters[side]}}
            fit = OLS(values[side], np.ones(side.sum())).fit(**options)
            means.append(fit.params[0])
            variances.append(fit.cov_params()[0, 0])
        return abs(means[0] - means[1]) / np.sqrt(sum(variances))

    every = np.array([statistic(tuned) for tuned in combinations(range(8), 4)])
    expected = (every >= statistic((4, 5, 6, 7)) - 1e-9).mean()
    after = clusters >= 4
    found = permutation(values[~after, None], clusters[~after], values[after, None], clusters[after], resamples=40_000)
    assert 0.02 < expected < 0.6
    assert found[0] == pytest.approx(expected, abs=0.01)


@given(clustered(missing=True), clustered(missing=True), st.randoms(use_true_random=False))
def test_permutation_knows_no_order_names_or_sides(base, tuned, random):
    plain = permute(base, tuned)
    order = random.sample(range(len(base[0])), len(base[0]))
    same(plain, permute((base[0][order], base[1][order] - 50), tuned))
    same(plain, permute(tuned, base))


@given(clustered(), clustered(), st.sampled_from([0.2, 30.0]), st.sampled_from([-7.0, 0.1]))
def test_permutation_is_the_same_for_shifted_and_scaled_values(base, tuned, factor, shift):
    moved = [(factor * values + shift, clusters) for values, clusters in (base, tuned)]
    same(permute(base, tuned), permute(*moved))


def test_permutation_of_constant_sides():
    ones, zeros, clusters = np.ones((6, 1)), np.zeros((6, 1)), np.arange(6)
    assert permutation(ones, clusters, ones, clusters)[0] == 1
    # Two of the 924 divisions of twelve clusters part them so.
    assert permutation(zeros, clusters, ones, clusters)[0] == pytest.approx(2 / 924, abs=0.002)
    assert np.isnan(permutation(zeros[:1], clusters[:1], ones, clusters)[0])


@pytest.mark.parametrize("appeared", [0, 1, 3, 10, 200])
@pytest.mark.parametrize("vanished", [0, 2, 3, 12, 260])
def test_mcnemar_is_exact(appeared, vanished):
    expected = table_mcnemar([[50, appeared], [vanished, 70]], exact=True).pvalue if appeared + vanished else 1.0
    assert mcnemar(appeared, vanished) == pytest.approx(expected)
    assert mcnemar(vanished, appeared) == pytest.approx(expected)


def test_sign_flip_of_single_pairs_is_mcnemar():
    for appeared, vanished in product(range(7), range(6)):
        flips = np.array([1.0] * appeared + [-1.0] * vanished + [0.0] * 30)[:, None]
        assert sign_flip(flips, np.arange(len(flips)))[0] == pytest.approx(mcnemar(appeared, vanished))
    many = np.array([1.0] * 40 + [-1.0] * 25 + [0.0] * 30)[:, None]
    assert sign_flip(many, np.arange(95), resamples=50_000)[0] == pytest.approx(mcnemar(40, 25), abs=0.01)


# statsmodels takes a third of a second for Holm's method.
@settings(max_examples=8)
@given(P_VALUES)
def test_holm_agrees_with_statsmodels(p):
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


@given(P_VALUES)
def test_benjamini_hochberg_agrees_with_statsmodels(p):
    np.testing.assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1])


@given(P_VALUES)
def test_corrections_only_raise_p_and_keep_its_order(p):
    order = np.argsort(p, kind="stable")
    strict, mild = holm(p), benjamini_hochberg(p)
    # BH multiplies by k / rank, which can round below 1 at the last rank.
    assert (mild >= p * (1 - 1e-12)).all()
    assert (strict >= mild * (1 - 1e-12)).all()
    assert (strict <= 1).all()
    assert (np.diff(strict[order]) >= 0).all()
    assert (np.diff(mild[order]) >= 0).all()


@given(P_VALUES, st.integers(1, 5))
def test_what_was_not_tested_does_not_count(p, missing):
    holes = np.insert(p, np.linspace(0, len(p), missing).astype(int), np.nan)
    for correction in (holm, benjamini_hochberg):
        found = correction(holes)
        assert np.isnan(found[np.isnan(holes)]).all()
        np.testing.assert_array_equal(found[~np.isnan(holes)], correction(p))
    assert np.isnan(holm(np.full(3, np.nan))).all()
    assert np.isnan(benjamini_hochberg(np.full(3, np.nan))).all()


def test_bad_arguments_say_what_is_wrong():
    with pytest.raises(InputError, match="resamples"):
        sign_flip(np.zeros((3, 1)), np.arange(3), resamples=0)
    with pytest.raises(InputError, match="resamples"):
        permutation(np.zeros((3, 1)), np.arange(3), np.zeros((3, 1)), np.arange(3), resamples=0)
    with pytest.raises(InputError, match="shape"):
        sign_flip(np.zeros((3, 1)), np.arange(4))
    with pytest.raises(InputError, match="same measures"):
        permutation(np.zeros((3, 1)), np.arange(3), np.zeros((3, 2)), np.arange(3))
    with pytest.raises(InputError, match="negative"):
        mcnemar(3, -1)

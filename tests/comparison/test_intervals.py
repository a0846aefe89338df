"""Cluster bootstrap intervals: against scipy and statsmodels, and what must hold for any data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from anthrometrics.comparison.intervals import difference_intervals, mean_intervals
from anthrometrics.errors import InputError

# Halves: sums are exact, so that a property fails for its own reason and not by rounding.
HALVES = st.integers(-6, 6).map(lambda number: number / 2)


@st.composite
def clustered(draw, rows=24, columns=2, missing=False):
    """Values ``(n, columns)`` with their clusters."""
    n = draw(st.integers(2, rows))
    number = st.one_of(HALVES, st.just(float("nan"))) if missing else HALVES
    values = draw(st.lists(st.lists(number, min_size=columns, max_size=columns), min_size=n, max_size=n))
    clusters = draw(st.lists(st.integers(-3, 8), min_size=n, max_size=n))
    return np.array(values), np.array(clusters)


def skewed(rng, size):
    return rng.beta(0.4, 2.5, size) - rng.beta(0.3, 6, size)


def few(values, clusters, **options):
    return mean_intervals(values, clusters, **{"resamples": 200, **options})


def assert_same(one, other):
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-12)
    np.testing.assert_allclose(one.low, other.low, atol=1e-9)
    np.testing.assert_allclose(one.high, other.high, atol=1e-9)
    assert one.method == other.method


def sizes_and_sums(values, clusters):
    names = np.unique(clusters)
    sums = np.array([values[clusters == name].sum() for name in names])
    return sums, np.array([(clusters == name).sum() for name in names], dtype=float)


def student(values, clusters, level=0.95):
    """The t interval with statsmodels' cluster-robust error."""
    from statsmodels.api import OLS

    fit = OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    return fit.conf_int(1 - level)[0]


def scipy_bca(data, statistic, level, quantile_factor, df, **options):
    """scipy's BCa at the level to which Hesterberg's widening raises ``level``."""
    raised = 1 - 2 * stats.norm.sf(quantile_factor * stats.t.ppf((1 + level) / 2, df))
    found = stats.bootstrap(
        data,
        statistic,
        confidence_level=raised,
        n_resamples=100_000,
        method="BCa",
        batch=5000,
        random_state=3,
        **options,
    )
    return found.confidence_interval


@pytest.mark.parametrize("sign", [1, -1])
def test_bounds_are_the_farther_of_bca_and_t(sign):
    """BCa's bound on the side of the skewness and t's on the other, as scipy and statsmodels compute them.

    Large clusters have large values, so that a resample's number of rows matters.
    """
    rng = np.random.default_rng(5)
    sizes = 1 + rng.poisson(1.5 * rng.exponential(size=40))
    clusters = np.repeat(np.arange(40), sizes)
    values = sign * (sizes[clusters] + rng.exponential(size=len(clusters)) ** 2)
    found = mean_intervals(values[:, None], clusters, resamples=100_000)
    bca = scipy_bca(
        sizes_and_sums(values, clusters),
        lambda s, n, axis=-1: s.sum(axis=axis) / n.sum(axis=axis),
        0.95,
        np.sqrt(40 / 39),
        39,
        paired=True,
    )
    t = student(values, clusters)
    error = (t[1] - t[0]) / 2 / stats.t.ppf(0.975, 39)
    assert found.method == ("bca",)
    assert found.mean[0] == pytest.approx(values.mean())
    assert found.low[0] == pytest.approx(min(bca.low, t[0]), abs=0.08 * error)
    assert found.high[0] == pytest.approx(max(bca.high, t[1]), abs=0.08 * error)
    farther = bca.high - t[1] if sign > 0 else t[0] - bca.low
    assert farther > 0.3 * error


@pytest.mark.parametrize("sizes", [(30, 20), (30, 30)])
@pytest.mark.parametrize("skewed_side", ["tuned", "base"])
def test_difference_is_the_farther_of_bca_and_welch(sizes, skewed_side):
    rng = np.random.default_rng(6)
    base, tuned = rng.exponential(size=sizes[0]), rng.exponential(size=sizes[1])
    base, tuned = (base, tuned**2) if skewed_side == "tuned" else (2 * base**2, tuned)
    found = difference_intervals(
        base[:, None], np.arange(len(base)), tuned[:, None], np.arange(len(tuned)), resamples=100_000
    )
    welch = stats.ttest_ind(tuned, base, equal_var=False)
    t = welch.confidence_interval()
    variances = [side.var(ddof=1) / len(side) for side in (tuned, base)]
    error, plain = np.sqrt(sum(variances)), np.sqrt(tuned.var() / len(tuned) + base.var() / len(base))
    bca = scipy_bca(
        (tuned, base), lambda x, y, axis=-1: x.mean(axis=axis) - y.mean(axis=axis), 0.95, error / plain, welch.df
    )
    assert found.mean[0] == pytest.approx(tuned.mean() - base.mean())
    assert found.low[0] == pytest.approx(min(bca.low, t.low), abs=0.08 * error)
    assert found.high[0] == pytest.approx(max(bca.high, t.high), abs=0.08 * error)
    farther = bca.high - t.high if skewed_side == "tuned" else t.low - bca.low
    assert farther > 0.2 * error


def test_many_clusters_agree_with_the_normal_interval():
    """Enough that resamples come in several chunks."""
    rng = np.random.default_rng(7)
    values = rng.normal(size=(30_000, 1))
    found = mean_intervals(values, np.arange(30_000), resamples=1000)
    error = values.std(ddof=1) / np.sqrt(30_000)
    assert found.low[0] == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert found.high[0] == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


@given(clustered(missing=True))
def test_mean_is_the_plain_mean_and_lies_within(data):
    values, clusters = data
    found = few(values, clusters)
    for column, row in enumerate(values.T):
        measured = row[~np.isnan(row)]
        groups = len(np.unique(clusters[~np.isnan(row)]))
        if not len(measured):
            assert np.isnan(found.mean[column])
        else:
            assert found.mean[column] == pytest.approx(measured.mean())
        if groups < 2:
            assert np.isnan(found.low[column])
            assert np.isnan(found.high[column])
            assert found.method[column] == "degenerate"
        else:
            assert found.low[column] <= found.mean[column] <= found.high[column]


@given(clustered(), st.sampled_from([-3.0, -0.1, 0.01, 7.0]), st.sampled_from([-100.0, 0.3, 5.0]))
def test_shift_and_scale_move_the_bounds_alike(data, scale, shift):
    values, clusters = data
    plain, moved = few(values, clusters), few(scale * values + shift, clusters)
    low, high = (plain.low, plain.high) if scale > 0 else (plain.high, plain.low)
    np.testing.assert_allclose(moved.mean, scale * plain.mean + shift, atol=1e-9)
    np.testing.assert_allclose(moved.low, scale * low + shift, atol=1e-9)
    np.testing.assert_allclose(moved.high, scale * high + shift, atol=1e-9)
    assert moved.method == plain.method


@given(clustered(missing=True), st.randoms(use_true_random=False))
def test_row_order_and_cluster_names_do_not_matter(data, random):
    values, clusters = data
    order = random.sample(range(len(values)), len(values))
    names = dict(zip(range(-3, 9), random.sample(range(-1000, 1000), 12), strict=True))
    assert_same(few(values, clusters), few(values[order], np.array([names[clusters[i]] for i in order])))


@given(clustered(missing=True, columns=3))
def test_a_column_is_alone(data):
    """Other columns change nothing, and a missing value is a row that is not there."""
    values, clusters = data
    together = few(values, clusters)
    for column in range(3):
        kept = ~np.isnan(values[:, column])
        alone = few(values[kept][:, [column]], clusters[kept])
        np.testing.assert_allclose(alone.low[0], together.low[column], atol=1e-9)
        np.testing.assert_allclose(alone.high[0], together.high[column], atol=1e-9)
        assert alone.method[0] == together.method[column]


@given(clustered(), st.integers(2, 5))
def test_copies_of_a_row_in_its_cluster_add_nothing(data, times):
    values, clusters = data
    plain = few(values, clusters)
    assert_same(plain, few(np.repeat(values, times, axis=0), np.repeat(clusters, times)))


def test_copies_taken_as_independent_would_narrow():
    values = skewed(np.random.default_rng(1), (50, 1))
    copies = np.repeat(values, 4, axis=0)
    honest = mean_intervals(copies, np.repeat(np.arange(50), 4))
    naive = mean_intervals(copies, np.arange(200))
    assert (naive.high - naive.low)[0] == pytest.approx((honest.high - honest.low)[0] / 2, rel=0.15)


@given(clustered(), st.integers(0, 3))
def test_a_higher_level_is_wider(data, seed):
    values, clusters = data
    narrow, wide = few(values, clusters, level=0.8, seed=seed), few(values, clusters, level=0.95, seed=seed)
    known = ~np.isnan(narrow.low)
    assert (wide.low[known] <= narrow.low[known]).all()
    assert (wide.high[known] >= narrow.high[known]).all()


def test_same_seed_same_bounds_other_seed_near():
    values = skewed(np.random.default_rng(2), (300, 4))
    clusters = np.arange(300) // 2
    one, again, other = (mean_intervals(values, clusters, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.low, again.low)
    assert np.array_equal(one.high, again.high)
    assert not np.array_equal(one.high, other.high)
    np.testing.assert_allclose(one.high, other.high, atol=0.1 * np.max(one.high - one.low))


def test_what_does_not_vary_has_no_width():
    values = np.stack([np.full(9, 0.1), np.zeros(9), np.arange(9.0)], axis=1)
    found = mean_intervals(values, np.arange(9) // 2)
    assert found.method == ("degenerate", "degenerate", "bca")
    assert found.low[:2] == pytest.approx([0.1, 0])
    assert np.array_equal(found.low[:2], found.high[:2])
    # Rows vary, clusters do not: there is nothing to resample.
    within = mean_intervals(np.tile([[0.2], [0.5]], (6, 1)), np.repeat(np.arange(6), 2))
    assert within.method == ("degenerate",)
    assert (within.low[0], within.high[0]) == pytest.approx((0.35, 0.35))


def test_a_mean_of_zero_has_no_sign():
    found = mean_intervals(np.array([[-3.0], [1.0], [1.0], [1.0]]), np.arange(4))
    assert found.mean[0] == 0
    assert not np.signbit(found.mean[0])


def test_too_few_clusters_leave_the_bounds_unknown():
    one = mean_intervals(np.array([[1.0], [2.0]]), np.array([5, 5]))
    assert one.mean[0] == 1.5
    assert np.isnan([one.low[0], one.high[0]]).all()
    none = mean_intervals(np.empty((0, 2)), np.empty(0, dtype=np.int64))
    assert np.isnan(none.mean).all()
    assert none.method == ("degenerate", "degenerate")
    side = difference_intervals(np.ones((1, 1)), np.zeros(1, int), np.arange(4.0)[:, None], np.arange(4))
    assert side.mean[0] == 0.5
    assert np.isnan(side.low[0])


def test_percentiles_where_bca_is_not_defined():
    """Three skewed clusters far in the tail: BCa's correction passes its pole; the t interval still bounds."""
    values, clusters = np.array([[0.0], [0.0], [1.0]]), np.arange(3)
    assert mean_intervals(values, clusters).method == ("bca",)
    found = mean_intervals(values, clusters, level=0.999)
    assert found.method == ("percentile",)
    assert found.high[0] == pytest.approx(student(values[:, 0], clusters, 0.999)[1])


@given(clustered(), st.sampled_from([0.0, 0.3, -2.5]))
def test_against_a_constant_base_only_the_tuned_side_varies(data, constant):
    values, clusters = data
    alone = few(values, clusters)
    base = np.full((7, values.shape[1]), constant)
    found = difference_intervals(base, np.arange(7), values, clusters, resamples=200)
    np.testing.assert_allclose(found.low, alone.low - constant, atol=1e-9)
    np.testing.assert_allclose(found.high, alone.high - constant, atol=1e-9)


@given(clustered(), clustered(), st.sampled_from([-3.0, 0.25]))
def test_a_shift_of_both_sets_leaves_their_difference(base, tuned, shift):
    plain = difference_intervals(*base, *tuned, resamples=200)
    moved = difference_intervals(base[0] + shift, base[1], tuned[0] + shift, tuned[1], resamples=200)
    assert_same(plain, moved)


@given(clustered(missing=True), clustered(missing=True), st.integers(-5, 5))
def test_cluster_numbers_of_the_two_sets_are_unrelated(base, tuned, offset):
    plain = difference_intervals(*base, *tuned, resamples=200)
    assert_same(plain, difference_intervals(base[0], base[1] + offset, *tuned, resamples=200))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros(3)}, "shape"),
        ({"clusters": np.arange(2)}, "shape"),
        ({"values": np.array([[0.0], [np.inf], [1.0]])}, "infinite"),
        ({"level": 95}, "level"),
        ({"resamples": 99}, "resamples"),
    ],
)
def test_bad_arguments_say_what_is_wrong(change, message):
    arguments = {"values": np.zeros((3, 1)), "clusters": np.arange(3)} | change
    with pytest.raises(InputError, match=message):
        mean_intervals(**arguments)


def test_sets_of_different_measures_are_refused():
    with pytest.raises(InputError, match="same measures"):
        difference_intervals(np.zeros((3, 1)), np.arange(3), np.zeros((3, 2)), np.arange(3))

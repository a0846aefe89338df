"""Sides made alike: against brute force, a maximum matching, and the weights that the selection stands in for."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.special import logsumexp, softmax

from anthrometrics.induction.balance import TOLERANCE, balanced, symmetric

LENGTHS = st.lists(st.integers(-60, 60).map(float), max_size=40).map(np.array)
NUMBERS = st.sampled_from([-1.0, -0.5, -0.2, 0.0, 0.1, 0.3, 0.9])


def mirrors(longer, shorter):
    """Which differences of one sign may stand for which of the other: within a word or a twentieth."""
    gap = np.abs(longer[:, None] - shorter[None, :])
    return gap <= np.maximum(1, 0.05 * np.maximum(longer[:, None], shorter[None, :]))


@given(LENGTHS)
def test_as_many_pairs_mirror_each_other_as_can(differences):
    differences = differences.reshape(-1)
    kept = symmetric(differences)
    longer, shorter = differences[differences > 0], -differences[differences < 0]
    most = 0
    if len(longer) and len(shorter):
        most = int((maximum_bipartite_matching(csr_matrix(mirrors(longer, shorter))) >= 0).sum())
    assert kept.sum() == (differences == 0).sum() + 2 * most


@given(LENGTHS)
def test_kept_lengths_are_symmetric(differences):
    left = differences.reshape(-1)[symmetric(differences.reshape(-1))]
    longer, shorter = np.sort(left[left > 0]), np.sort(-left[left < 0])
    assert len(longer) == len(shorter)
    # Matched in order of size, each finds its mirror.
    assert np.diag(mirrors(longer, shorter)).all() if len(longer) else True


def test_lengths_of_one_sign_leave_nothing_but_equal_ones():
    assert symmetric(np.array([3.0, 0.0, 9.0])).tolist() == [False, True, False]


def residual(differences, kept):
    spread = differences.std(axis=0)
    means = differences[kept].mean(axis=0)
    return np.abs(np.divide(means, spread, out=np.where(means == 0, 0.0, np.inf), where=spread > 1e-12)).max()


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=9), st.sampled_from([0.02, 0.2]))
def test_no_larger_subset_is_balanced(rows, tolerance):
    differences = np.array(rows)
    kept = balanced(differences, tolerance)
    subsets = (np.array(bits, dtype=bool) for bits in product([0, 1], repeat=len(differences)))
    most = max(int(s.sum()) for s in subsets if not s.any() or residual(differences, s) <= tolerance + 1e-9)
    assert kept.sum() == most
    assert not kept.any() or residual(differences, kept) <= tolerance + 1e-6


@pytest.mark.parametrize("size", [300, 5000])
def test_large_sets_are_balanced_at_little_cost(size):
    rng = np.random.default_rng(size)
    # Probabilities whose differences are mostly near zero, as scores have them, and lean to one side.
    differences = rng.beta(0.4, 1, (size, 3)) - rng.beta(0.3, 1, (size, 3))
    kept = balanced(differences)
    assert residual(differences, kept) <= TOLERANCE + 1e-6
    assert residual(differences, np.ones(size, dtype=bool)) > 0.1
    assert kept.sum() > 0.75 * size


def entropy_weights(differences):
    """Hainmueller 2012: weights nearest to equal ones under which all means are zero."""
    scaled = differences / differences.std(axis=0)

    def dual(push):
        exponents = -scaled @ push
        return logsumexp(exponents), -scaled.T @ softmax(exponents)

    weights = softmax(-scaled @ minimize(dual, np.zeros(scaled.shape[1]), jac=True).x)
    assert np.abs(weights @ scaled).max() < 1e-4
    return weights * len(weights)


@pytest.mark.parametrize("seed", range(3))
def test_selection_keeps_more_than_weights_realised_by_drawing_pairs(seed):
    """Training takes pairs as they are; weights would have to be realised by drawing some pairs several times."""
    rng = np.random.default_rng(seed)
    differences = rng.beta(0.5, 1, (400, 2)) - rng.beta(0.3, 1, (400, 2))
    weights = entropy_weights(differences)
    times = np.bincount(np.searchsorted(np.cumsum(weights), np.arange(400) + rng.random()), minlength=400)[:400]
    assert balanced(differences).sum() > times.sum() ** 2 / (times**2).sum()


def test_what_always_differs_cannot_be_balanced():
    assert not balanced(np.full((30, 1), 0.4)).any()
    assert balanced(np.zeros((30, 2))).all()

"""The 1-of-4 task against drawing every triple, agreement and figures on known answers."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anthrometrics.induction.values import VALUES
from training.values.evaluate import agreement, one_of_four


@given(
    arrays(np.bool_, (3, 8)),
    arrays(np.float64, (3, 8), elements=st.integers(0, 6).map(float)),
)
def test_the_chance_is_that_of_drawing_every_triple(truth, score):
    truth[:, 5:] = False
    found, columns = one_of_four(truth, score)
    expected, owners = [], []
    for row, column in zip(*np.nonzero(truth), strict=True):
        draws = list(combinations(np.nonzero(~truth[row])[0], 3))
        expected.append(np.mean([score[row, column] > score[row, list(draw)].max() for draw in draws]))
        owners.append(column)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert columns.tolist() == owners


def test_agreement_counts_only_what_was_read_twice():
    records = [
        {"values": ["humor"], "second": ["humor"]},
        {"values": ["humor", "empathy"], "second": ["humor"]},
        {"values": [], "second": ["humor"]},
        {"values": ["honesty"]},
    ]
    found = agreement(records)
    assert found["turns"] == 3
    assert found["values"]["humor"]["f1"] == pytest.approx(0.8)
    assert found["values"]["empathy"]["f1"] == 0.0
    assert set(found["values"]) == set(VALUES)

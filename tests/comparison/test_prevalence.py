"""Shares corrected for the detector's errors: the formula, its interval, and what is said where it fails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from anthrometrics import InputError
from anthrometrics.comparison.prevalence import paired_prevalence, prevalence
from anthrometrics.detectors.manifest import Confusion

GOOD = Confusion(tp=270, fp=20, fn=30, tn=380)


def one(flags, confusion=GOOD, clusters=None, **options):
    flags = np.asarray(flags, dtype=float)
    clusters = np.arange(len(flags)) if clusters is None else clusters
    return prevalence(flags[:, None], clusters, [confusion], **options)[0]


def flags_of(count, total):
    return np.repeat([1.0, 0.0], [count, total - count])


def lang_reiczigel(raw, n, cells, level=0.95):
    """The closed interval of Lang and Reiczigel (2014), equations 2 to 17."""
    z = norm.ppf((1 + level) / 2)
    positives, negatives = cells.tp + cells.fn, cells.fp + cells.tn
    se, sp = (cells.tp + 1) / (positives + 2), (cells.tn + 1) / (negatives + 2)
    share = (n * raw + z**2 / 2) / (n + z**2)
    p = (share + sp - 1) / (se + sp - 1)
    spread_se, spread_sp = se * (1 - se) / (positives + 2), sp * (1 - sp) / (negatives + 2)
    shift = 2 * z**2 * (p * spread_se - (1 - p) * spread_sp)
    variance = share * (1 - share) / (n + z**2) + p**2 * spread_se + (1 - p) ** 2 * spread_sp
    half = z * np.sqrt(variance) / (se + sp - 1)
    return p + shift - half, p + shift + half


def test_the_share_is_that_of_rogan_and_gladen():
    found = one(flags_of(120, 400))
    assert found.raw == 0.3
    assert found.value == pytest.approx((0.3 + 0.95 - 1) / (0.9 + 0.95 - 1))
    assert found.low < found.value < found.high
    assert found.note is None


@pytest.mark.parametrize("count", [60, 120, 300])
@pytest.mark.parametrize("confusion", [GOOD, Confusion(27, 6, 4, 622)])
def test_the_interval_of_unclustered_turns_is_that_of_lang_and_reiczigel(count, confusion):
    found = one(flags_of(count, 400), confusion, resamples=20_000)
    low, high = lang_reiczigel(count / 400, 400, confusion)
    assert found.low == pytest.approx(low, abs=0.015)
    assert found.high == pytest.approx(min(high, 1.0), abs=0.015)


def test_a_faultless_detector_changes_nothing():
    found = one(flags_of(120, 400), Confusion(10**7, 0, 0, 10**7))
    assert found.value == pytest.approx(0.3)
    # What remains is the interval of a share of 400.
    assert (found.low, found.high) == pytest.approx((0.256, 0.346), abs=0.005)


def test_fewer_tested_turns_give_a_longer_interval():
    few = one(flags_of(120, 400), Confusion(18, 2, 2, 38))
    assert few.value == pytest.approx(one(flags_of(120, 400)).value)
    assert few.high - few.low > 1.5 * (one(flags_of(120, 400)).high - one(flags_of(120, 400)).low)


def test_turns_of_one_prompt_count_as_what_they_are():
    flags = np.repeat(flags_of(30, 100), 4)
    alone, together = one(flags), one(flags, clusters=np.repeat(np.arange(100), 4))
    assert together.value == alone.value
    assert together.high - together.low > 1.4 * (alone.high - alone.low)


@pytest.mark.parametrize(("count", "value", "says"), [(0, 0.0, "clipped to 0"), (399, 1.0, "clipped to 1")])
def test_a_clipped_share_says_so_and_keeps_a_width(count, value, says):
    found = one(flags_of(count, 400))
    assert found.value == value
    assert says in found.note
    assert 0 <= found.low < found.high <= 1
    assert found.high - found.low < 0.06


@pytest.mark.parametrize(
    ("confusion", "says"),
    [
        (None, "no test counts"),
        (Confusion(7, 10, 2, 400), "tested on 9 turns with this behaviour"),
        (Confusion(300, 1, 30, 5), "tested on 6 turns without this behaviour"),
        (Confusion(200, 205, 200, 195), "not surely above 1"),
        (Confusion(100, 300, 200, 100), "not surely above 1"),
    ],
)
def test_what_cannot_be_corrected_is_unknown_and_says_why(confusion, says):
    found = one(flags_of(100, 400), confusion)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.raw == 0.25
    assert says in found.note


def test_nothing_measured_is_unknown():
    assert one([np.nan, np.nan]).to_dict() == {
        "value": None,
        "low": None,
        "high": None,
        "raw": None,
        "note": "no turn was measured",
    }
    assert one([]).note == "no turn was measured"


def test_few_prompts_are_pointed_out():
    assert "only 4 prompt groups" in one(flags_of(12, 40), clusters=np.arange(40) % 4).note


def test_what_was_not_measured_is_left_out_of_its_column_only():
    flags = np.stack([flags_of(30, 100), flags_of(30, 100)], axis=1)
    flags[::2, 1] = np.nan
    both = prevalence(flags, np.arange(100), [GOOD, GOOD])
    alone = one(flags[:, 0])
    assert (both[0].raw, both[0].value) == (alone.raw, alone.value)
    assert (both[0].low, both[0].high) == pytest.approx((alone.low, alone.high), abs=1e-12)
    assert both[1].raw == pytest.approx(15 / 50)


def test_no_measure_depends_on_the_others():
    flags = np.stack([flags_of(30, 100), flags_of(60, 100)], axis=1)
    both = prevalence(flags, np.arange(100), [Confusion(90, 3, 10, 97), GOOD])
    (alone,) = prevalence(flags[:, 1:], np.arange(100), [GOOD])
    assert both[1].value == alone.value
    assert (both[1].low, both[1].high) == pytest.approx((alone.low, alone.high), abs=1e-12)


def test_the_difference_of_pairs_shares_the_detectors_errors():
    rng = np.random.default_rng(1)
    base = (rng.random(400) < 0.3).astype(float)
    tuned = np.where(rng.random(400) < 0.2, 1.0, base)
    (pair,) = paired_prevalence(base[:, None], tuned[:, None], np.arange(400), [GOOD])
    assert pair.difference.raw == pytest.approx(tuned.mean() - base.mean())
    assert pair.difference.value == pytest.approx((tuned.mean() - base.mean()) / 0.85)
    assert pair.difference.value == pytest.approx(pair.tuned.value - pair.base.value)
    assert pair.difference.low < pair.difference.value < pair.difference.high
    # Nearly the same turns are flagged on both sides, so that the difference is surer than either share.
    assert pair.difference.high - pair.difference.low < 0.8 * (pair.base.high - pair.base.low)


def test_sides_of_a_pair_are_those_of_the_sets_alone():
    rng = np.random.default_rng(2)
    base, tuned = ((rng.random(500) < p).astype(float) for p in (0.2, 0.4))
    (pair,) = paired_prevalence(base[:, None], tuned[:, None], np.arange(500), [GOOD], resamples=10_000)
    for side, flags in ((pair.base, base), (pair.tuned, tuned)):
        alone = one(flags, resamples=10_000)
        assert side.value == alone.value
        assert (side.low, side.high) == pytest.approx((alone.low, alone.high), abs=0.005)


def test_a_clipped_side_makes_no_clipped_difference():
    base, tuned = flags_of(4, 400), flags_of(12, 400)
    (pair,) = paired_prevalence(base[:, None], tuned[:, None], np.arange(400), [GOOD])
    assert pair.base.value == pair.tuned.value == 0
    assert pair.difference.value == pytest.approx(0.02 / 0.85)
    assert "not the difference of the two shares" in pair.difference.note


def test_a_pair_that_lacks_a_side_counts_for_neither():
    base, tuned = flags_of(30, 100), flags_of(60, 100)
    tuned[:10] = np.nan
    (pair,) = paired_prevalence(base[:, None], tuned[:, None], np.arange(100), [GOOD])
    assert (pair.base.raw, pair.tuned.raw) == (pytest.approx(20 / 90), pytest.approx(50 / 90))


def test_an_unknown_side_leaves_the_difference_unknown():
    (pair,) = paired_prevalence(flags_of(3, 9)[:, None], flags_of(6, 9)[:, None], np.arange(9), [None])
    assert pair.difference.value is None
    assert pair.difference.raw == pytest.approx(1 / 3)
    assert pair.difference.note == pair.base.note != None  # noqa: E711


@pytest.mark.parametrize(
    ("flags", "clusters", "level", "says"),
    [
        (np.full((3, 1), 0.5), np.arange(3), 0.95, "0, 1 or NaN"),
        (np.zeros((3, 2)), np.arange(3), 0.95, "shape"),
        (np.zeros((3, 1)), np.arange(4), 0.95, "shape"),
        (np.zeros((3, 1)), np.arange(3), 1.0, "between 0 and 1"),
    ],
)
def test_wrong_arguments_are_refused(flags, clusters, level, says):
    with pytest.raises(InputError, match=says):
        prevalence(flags, clusters, [GOOD], level=level)


@given(
    flags=st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=1, max_size=40),
    cells=st.tuples(*[st.integers(0, 60)] * 4),
    groups=st.integers(1, 40),
)
def test_whatever_comes_in_the_numbers_make_sense(flags, cells, groups):
    flags = np.array(flags)
    found = one(flags, Confusion(*cells), clusters=np.arange(len(flags)) % groups, resamples=100)
    measured = flags[~np.isnan(flags)]
    assert found.raw == (pytest.approx(measured.mean()) if measured.size else None)
    if found.value is None:
        assert found.low is None
        assert found.high is None
        assert found.note
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1


def simulated(rng, sets, share, se, sp, prompts, size=1, together=0.0, keep=None):
    """Flags of many sets; with ``keep`` also of a second set, in which that share of the turns is as in the first."""
    shared = np.repeat(rng.random((prompts, sets)), size, axis=0)
    follows = rng.random((prompts * size, sets)) < np.sqrt(together)
    truth = np.where(follows, shared, rng.random(shared.shape)) < share
    flags = np.where(truth, rng.random(truth.shape) < se, rng.random(truth.shape) >= sp).astype(float)
    if keep is None:
        return flags
    second = np.where(rng.random(truth.shape) < keep, truth, rng.random(truth.shape) < share + 0.1)
    other = np.where(second, rng.random(truth.shape) < se, rng.random(truth.shape) >= sp).astype(float)
    return flags, other


def counts_by_chance(rng, sets, se, sp, positives, negatives):
    """Test counts as they come out by chance."""
    tp, tn = rng.binomial(positives, se, sets), rng.binomial(negatives, sp, sets)
    return [Confusion(a, negatives - b, positives - a, b) for a, b in zip(tp.tolist(), tn.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("share", "se", "sp", "positives", "negatives", "prompts", "size", "together"),
    [
        (0.3, 0.9, 0.95, 290, 370, 400, 1, 0.0),
        (0.1, 0.9, 0.95, 290, 370, 400, 1, 0.0),
        (0.3, 0.75, 0.99, 30, 630, 800, 1, 0.0),
        (0.3, 0.9, 0.95, 290, 370, 80, 4, 0.4),
    ],
)
def test_intervals_cover_what_they_should(share, se, sp, positives, negatives, prompts, size, together):
    """93 to 97 % of 800 simulated sets, give or take what 800 can tell."""
    sets, rng = 800, np.random.default_rng(3)
    flags = simulated(rng, sets, share, se, sp, prompts, size, together)
    confusions = counts_by_chance(rng, sets, se, sp, positives, negatives)
    found = prevalence(flags, np.repeat(np.arange(prompts), size), confusions, resamples=1000)
    known = [p for p in found if p.note is None]
    assert len(known) > 0.98 * sets
    assert 0.93 <= np.mean([p.low <= share <= p.high for p in known]) <= 0.97


def test_intervals_of_differences_cover_what_they_should():
    sets, rng = 800, np.random.default_rng(4)
    base, tuned = simulated(rng, sets, 0.2, 0.9, 0.95, 300, keep=0.5)
    found = paired_prevalence(
        base, tuned, np.arange(300), counts_by_chance(rng, sets, 0.9, 0.95, 290, 370), resamples=1000
    )
    # Half of the turns are drawn anew with a share that is 0.1 higher.
    assert 0.93 <= np.mean([p.difference.low <= 0.05 <= p.difference.high for p in found]) <= 0.97

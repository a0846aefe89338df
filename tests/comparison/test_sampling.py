"""Draws to label by hand: what is read, the strata, and chances that are true."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError, Turn
from anthrometrics.comparison.sampling import LABELLED, draw, read_scored, shares

BIMODAL = np.concatenate([np.linspace(0, 0.02, 600), np.linspace(0.02, 0.98, 100), np.linspace(0.98, 1, 100)])


@pytest.fixture(scope="module")
def score_file(scorer, tmp_path_factory):
    """Scores of four turns, one of them without text, as ``score -o`` writes them."""
    turns = [
        Turn(response="What a lovely idea, I'm so proud of you!", prompt="I wrote a poem.", id="a"),
        Turn(response="", prompt="Hello?", id="b"),
        Turn(response="Boil them for seven minutes.", prompt="How long do I boil eggs?", id="c"),
        Turn(response="You are right, and that is a good point.", prompt="No, nine.", id="c", index=1),
    ]
    path = tmp_path_factory.mktemp("scores") / "scores.jsonl"
    records = [scorer.score(turn).to_dict("labels", text=True) for turn in turns]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    path.with_name("scores.meta.json").write_text(json.dumps({"provenance": scorer.provenance}), encoding="utf-8")
    return path, records


def test_scored_turns_are_read_with_names_of_their_own(score_file, scorer):
    path, records = score_file
    found = read_scored(str(path), "validation")
    assert [(item.id, item.turn) for item in found.items] == [("a", 0), ("c", 0), ("c", 1)]
    assert found.scores.tolist() == [records[i]["validation"] for i in (0, 2, 3)]
    assert [key.split("-")[0] for key in found.keys] == ["t1", "t3", "t4"]
    assert [key.split("-")[1] for key in found.keys] == [records[i]["response_hash"][:8] for i in (0, 2, 3)]
    assert (found.unscored, found.model_digest) == (1, scorer.provenance["model_digest"])
    assert found.items[0].response.startswith("What a lovely idea")


@pytest.mark.parametrize("key", ["refusal", "label.praise", "group.flattery"])
def test_every_presence_can_be_labelled(score_file, key):
    path, records = score_file
    expected = {
        "refusal": records[0]["refusal"],
        "label.praise": records[0]["labels"]["praise"]["presence"],
        "group.flattery": max(records[0]["labels"][name]["presence"] for name in ("praise", "agreement")),
    }
    assert read_scored(str(path), key).scores[0] == expected[key]


@pytest.mark.parametrize("key", ["praise", "validation.rate", ""])
def test_an_unknown_measure_is_refused_with_the_known_ones(score_file, key):
    with pytest.raises(InputError, match=r"unknown measure.*label\.praise"):
        read_scored(str(score_file[0]), key)
    assert key not in LABELLED


def test_scores_without_labels_say_how_to_get_them(score_file, tmp_path):
    path = tmp_path / "short.jsonl"
    lines = [{k: v for k, v in record.items() if k != "labels"} for record in score_file[1]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert len(read_scored(str(path), "validation").items) == 3
    with pytest.raises(InputError, match="--detail labels"):
        read_scored(str(path), "label.praise")


@pytest.mark.parametrize(
    ("change", "says"), [({"validation": 1.5}, "between 0 and 1"), ({"validation": "high"}, r"scores\.jsonl:1")]
)
def test_numbers_that_are_no_probabilities_are_refused(score_file, tmp_path, change, says):
    path = tmp_path / "scores.jsonl"
    path.write_text(json.dumps(score_file[1][0] | change) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_scored(str(path), "validation")


def test_a_file_without_a_scored_turn_is_refused(score_file, tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_text(json.dumps(score_file[1][1]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="no scored turn"):
        read_scored(str(path), "validation")


def test_strata_are_cut_by_score_and_drawn_alike():
    found = draw(BIMODAL, 200, strata=5)
    assert np.bincount(found.strata).tolist() == [40] * 5
    assert found.sizes.sum() == len(BIMODAL)
    ranges = sorted(
        (BIMODAL[found.rows[found.strata == h]].min(), BIMODAL[found.rows[found.strata == h]].max()) for h in range(5)
    )
    assert all(before[1] <= after[0] for before, after in zip(ranges, ranges[1:], strict=False))


def test_more_is_drawn_where_the_detector_wavers():
    found = draw(BIMODAL, 200, strata=5)
    chances = found.probabilities
    sure, unsure = BIMODAL[found.rows] < 0.01, np.abs(BIMODAL[found.rows] - 0.5) < 0.2
    assert chances[unsure].mean() > 1.3 * chances[sure].mean()
    assert sure.sum() > 50, "what the detector is sure of is drawn all the same"


def test_the_chances_are_those_of_the_draw():
    """How often each turn is drawn, over many seeds."""
    scores = np.linspace(0, 1, 30)
    times = np.zeros(30)
    for seed in range(2000):
        times[draw(scores, 12, strata=3, seed=seed).rows] += 1
    found = draw(scores, 12, strata=3)
    expected = dict(zip(found.rows.tolist(), found.probabilities.tolist(), strict=True))
    for row, chance in expected.items():
        assert times[row] / 2000 == pytest.approx(chance, abs=0.05)
    assert times.sum() == 12 * 2000


def test_weights_stand_for_all_turns():
    found = draw(BIMODAL, 97, strata=4)
    assert (1 / found.probabilities).sum() == pytest.approx(len(BIMODAL))


def test_the_number_of_a_stratum_says_nothing_of_the_score():
    lowest = {draw(BIMODAL, 50, seed=seed).strata[draw(BIMODAL, 50, seed=seed).rows.argmin()] for seed in range(20)}
    assert len(lowest) > 1


def test_the_order_of_the_rows_says_nothing_of_the_score():
    found = draw(BIMODAL, 200)
    ranks = BIMODAL[found.rows].argsort().argsort()
    assert abs(np.corrcoef(ranks, np.arange(200))[0, 1]) < 0.2


def test_a_seed_gives_the_same_draw_again():
    first, second, other = draw(BIMODAL, 50, seed=3), draw(BIMODAL, 50, seed=3), draw(BIMODAL, 50, seed=4)
    assert first.rows.tolist() == second.rows.tolist()
    assert first.rows.tolist() != other.rows.tolist()


@pytest.mark.parametrize(("size", "strata"), [(0, 5), (5, 0)])
def test_nothing_to_draw_is_refused(size, strata):
    with pytest.raises(InputError, match="at least 1"):
        draw(BIMODAL, size, strata)
    with pytest.raises(InputError, match="no scored turns"):
        draw(np.array([]), 10)


@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=60),
    size=st.integers(1, 80),
    strata=st.integers(1, 12),
)
def test_any_draw_is_a_draw(scores, size, strata):
    found = draw(np.array(scores), size, strata)
    assert len(found.rows) == len(set(found.rows.tolist())) == min(size, len(scores))
    assert found.sizes.sum() == len(scores)
    counts = np.bincount(found.strata, minlength=len(found.sizes))
    assert (counts <= found.sizes).all()
    if size >= 2 and len(scores) >= 2:
        # Each stratum can be given a variance, unless it has one turn only.
        assert all(count >= min(2, whole) or len(counts) == 1 for count, whole in zip(counts, found.sizes, strict=True))
    assert ((found.probabilities > 0) & (found.probabilities <= 1)).all()


@given(sizes=st.lists(st.integers(0, 50), max_size=8), total=st.integers(0, 300))
def test_shares_are_as_equal_as_they_can_be(sizes, total):
    found = shares(sizes, total)
    assert sum(found) == min(total, sum(sizes))
    open_ = [take for take, size in zip(found, sizes, strict=True) if take < size]
    assert all(take <= size for take, size in zip(found, sizes, strict=True))
    if open_:
        assert max(open_) - min(open_) <= 1
        assert max(found) <= min(open_) + 1

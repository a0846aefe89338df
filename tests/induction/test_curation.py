"""Curation: what is kept teaches the value, what is not is counted, and the card tells what both sides score."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from anthrometrics import InputError, Rejected, Scorer
from anthrometrics.comparison.intervals import mean_intervals
from anthrometrics.induction import values
from anthrometrics.induction.balance import TOLERANCE
from anthrometrics.induction.curation import curate
from anthrometrics.induction.pair_scores import PairScores, score_pairs
from anthrometrics.induction.preferences import PreferencePair, read_preferences
from anthrometrics.induction.selection import MARGIN, REASONS
from anthrometrics.induction.values import VALUES

ABOUT = ("empathy", "honesty", "legality")


@pytest.fixture(scope="module")
def value_scorer():
    return Scorer(device="cpu", threads=2, values=True)


@pytest.fixture(scope="module")
def pairs():
    """Half of the shipped pairs for three values."""
    found = [pair for pair in read_preferences("sample") if pair.value in ABOUT]
    return found[::2]


@pytest.fixture(scope="module")
def scores(pairs, value_scorer):
    return score_pairs(pairs, value_scorer)


def made(changes, value="honesty", probabilities=None):
    """Scores of ``n`` pairs made up of differences in validation and in words."""
    changes = np.asarray(changes, dtype=float)
    number = len(changes)
    expressed = np.tile([0.9, 0.1], (number, 1)) if probabilities is None else np.asarray(probabilities, dtype=float)
    chosen = np.column_stack([0.5 + changes[:, 0] / 2, expressed[:, 0], 50 + changes[:, 1]])
    rejected = np.column_stack([0.5 - changes[:, 0] / 2, expressed[:, 1], np.full(number, 50.0)])
    return PairScores(
        pairs=tuple(PreferencePair(str(i), f"prompt {i}", f"chosen {i}", f"rejected {i}") for i in range(number)),
        keys=("validation", f"value.{value}", "words"),
        chosen=chosen,
        rejected=rejected,
        clusters=np.arange(number),
        thresholds={value: 0.5},
        provenance={"model": "made"},
    )


def measure(curation, key):
    return next(row for row in curation.card["measures"] if row["measure"] == key)


def test_what_is_kept_has_one_side_that_expresses_the_value_and_it_is_the_chosen_one(scores, value_scorer):
    kept = curate(scores, "empathy").pairs
    assert len(kept) > 20
    for pair in kept[:20]:
        chosen, rejected = (
            value_scorer.score((pair.prompt, side)).values["empathy"] for side in (pair.chosen, pair.rejected)
        )
        assert chosen >= value_scorer.value_thresholds["empathy"] > rejected
        assert chosen - rejected >= MARGIN - 1e-6


def test_every_pair_is_kept_or_dropped_for_a_reason(scores):
    for value in ABOUT:
        counts = curate(scores, value, minimum=1).card["counts"]
        assert counts["kept"] + sum(counts["dropped"].values()) == counts["pairs"] == len(scores)
        assert set(counts["dropped"]) <= set(REASONS)


def test_pairs_turned_round_are_turned_back(scores, pairs, value_scorer):
    turned = score_pairs([pair.flipped() for pair in pairs], value_scorer)
    straight, back = curate(scores, "honesty"), curate(turned, "honesty")
    assert back.pairs == straight.pairs
    kept, flipped = (straight.card["counts"][name] for name in ("kept", "flipped"))
    assert back.card["counts"]["flipped"] == kept - flipped
    assert back.card["measures"] == straight.card["measures"]


def test_the_tagger_agrees_with_the_written_values(scores, pairs):
    """Of the pairs kept for the value that they were written for, hardly any is turned round."""
    written = {pair.id: pair for pair in pairs}
    for value in ABOUT:
        own = [pair for pair in curate(scores, value).pairs if pair.value == value]
        assert len(own) > 20
        assert sum(written[pair.id] == pair for pair in own) / len(own) > 0.95


def test_the_source_may_be_taken_at_its_word(scores, pairs):
    found = curate(scores, "honesty", expressed_by="source")
    assert found.pairs == tuple(pair for pair in pairs if pair.value == "honesty")
    assert found.card["counts"]["dropped"] == {"other value": len(pairs) - len(found.pairs)}


@pytest.mark.parametrize(
    ("probabilities", "reason"),
    [((0.9, 0.8), "both"), ((0.4, 0.1), "neither"), ((0.52, 0.48), "margin"), ((0.5, 0.5), "both")],
)
def test_pairs_that_do_not_tell_the_sides_apart_are_left_out(probabilities, reason):
    rows = [(0.9, 0.1)] * 3 + [probabilities] * 2 + [probabilities[::-1]]
    scores = made(np.zeros((6, 2)), probabilities=rows)
    assert curate(scores, "honesty", minimum=1).card["counts"]["dropped"] == {reason: 3}


def test_a_pair_that_is_exactly_a_margin_apart_is_kept():
    scores = made(np.zeros((2, 2)), probabilities=[(0.75, 0.25), (0.25, 0.75)])
    found = curate(scores, "honesty", margin=0.5, minimum=1)
    assert [pair.chosen for pair in found.pairs] == ["chosen 0", "rejected 1"]
    assert found.card["counts"]["flipped"] == 1


def test_the_same_pair_is_kept_once_also_with_sides_exchanged_and_in_other_letters(value_scorer, pairs):
    pair = next(pair for pair in pairs if pair.value == "empathy")
    again = dataclasses.replace(pair, id="again", prompt=pair.prompt.upper(), chosen=f" {pair.chosen}\n")
    found = curate([pair, pair.flipped(), again], "empathy", scorer=value_scorer, minimum=1, margin=0)
    assert found.pairs == (pair,)
    assert found.card["counts"]["dropped"] == {"duplicate": 2}


def test_a_side_without_words_is_unscored_and_a_record_without_a_pair_unreadable(value_scorer, pairs):
    pair = next(pair for pair in pairs if pair.value == "empathy")
    mute = dataclasses.replace(pair, id="mute", rejected="---")
    rejected = Rejected("prefs.jsonl", 7, "no JSON", "x")
    counts = curate([pair, mute, rejected], "empathy", scorer=value_scorer, minimum=1, margin=0).card["counts"]
    assert counts == {
        "read": 3,
        "unreadable": 1,
        "pairs": 2,
        "kept": 1,
        "flipped": 0,
        "dropped": {"unscored": 1},
    }


def test_balanced_lengths_are_symmetric_and_say_what_they_cost():
    rng = np.random.default_rng(0)
    longer = rng.normal(12, 15, 300).round()
    found = curate(made(np.column_stack([np.zeros(300), longer])), "honesty", balance_length=True)
    left = np.array([longer[int(pair.id)] for pair in found.pairs])
    assert abs(left.mean()) < 1 and abs((left > 0).mean() - (left < 0).mean()) < 0.01
    balance = found.card["balance"]
    assert balance["pairs_before"] == 300 and balance["pairs_after"] == len(left)
    assert found.card["counts"]["dropped"] == {"length": 300 - len(left)}
    words = next(row for row in balance["measures"] if row["measure"] == "words")
    assert words["difference_before"] == pytest.approx(longer.mean())
    assert words["difference_after"] == pytest.approx(left.mean())


def test_balance_keeps_the_value_and_loses_the_side_effect(scores):
    plain, even = curate(scores, "honesty"), curate(scores, "honesty", balance=("validation", "anthropomorphism"))
    cost = {row["measure"]: row for row in even.card["balance"]["measures"]}
    assert set(cost) == {"anthropomorphism", "validation", "value.honesty"}
    for key in ("validation", "anthropomorphism"):
        assert cost[key]["difference_before"] == measure(plain, key)["difference"]
        assert abs(cost[key]["difference_after"]) <= TOLERANCE
        assert cost[key]["low_after"] < 0 < cost[key]["high_after"]
    assert cost["value.honesty"]["low_after"] > MARGIN
    assert set(even.pairs) < set(plain.pairs)
    assert even.card["counts"]["dropped"]["balance"] == len(plain.pairs) - len(even.pairs)


def test_a_limit_draws_by_seed_and_keeps_the_order(scores, pairs):
    draws = [curate(scores, "honesty", limit=25, seed=seed).pairs for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert [len(draw) for draw in draws] == [25, 25, 25]
    order = [pair.id for pair in pairs]
    places = [order.index(pair.id) for pair in draws[0]]
    assert places == sorted(places)


def test_a_limit_keeps_the_balance():
    rng = np.random.default_rng(0)
    changes = np.column_stack([rng.normal(0.1, 0.3, 400), np.zeros(400)])
    drawn = [curate(made(changes), "honesty", balance=["validation"], limit=40, seed=seed) for seed in range(5)]
    assert max(abs(measure(found, "validation")["difference"]) for found in drawn) < 0.02


def test_too_few_pairs_say_how_many_and_what_to_do():
    scores = made(np.zeros((30, 2)), probabilities=[(0.9, 0.45)] * 10 + [(0.6, 0.4)] * 15 + [(0.2, 0.1)] * 5)
    with pytest.raises(InputError) as caught:
        curate(scores, "honesty", margin=0.3)
    assert str(caught.value) == (
        "10 pairs found for honesty at a margin of 0.3, fewer than the 20 needed (left out: 5 neither, 15 margin); "
        "lower --margin to 0.15, name another file, or lower --minimum"
    )
    assert len(curate(scores, "honesty", margin=0.15).pairs) == 25
    with pytest.raises(InputError, match="name a file with more pairs that differ in it, or lower --minimum"):
        curate(scores, "honesty", minimum=26)
    with pytest.raises(InputError, match='the field "value" of its pairs must name it'):
        curate(scores, "honesty", expressed_by="source")


def test_a_measure_that_goes_with_the_value_cannot_be_balanced():
    with pytest.raises(InputError, match="validation goes with the value in too many of the pairs: balance fewer"):
        curate(made(np.full((40, 2), 0.3)), "honesty", balance=["validation"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value": "honest"}, "there is no value and no file honest; the values are helpfulness"),
        ({"value": "empathy"}, "this scorer does not judge the value empathy; it judges honesty"),
        ({"margin": 1.5}, "margin must lie between 0 and 1"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"expressed_by": "me"}, "expressed_by must be tagger or source"),
        ({"balance": ["flattery"]}, "there is no measure 'flattery'; there are validation"),
        ({"balance": ["value.honesty"]}, "value.honesty is what the pairs are selected for"),
        ({"level": 2}, "level must lie between 0 and 1"),
    ],
)
def test_wrong_options_are_one_error(options, message):
    with pytest.raises(InputError, match=message):
        curate(made(np.zeros((30, 2))), **{"value": "honesty", **options})


def test_a_scorer_without_values_is_told_so(scorer, pairs):
    with pytest.raises(InputError, match=r"it judges no values; make it with Scorer\(values=True\)"):
        curate(pairs[:2], "honesty", scorer=scorer)


def test_pairs_without_any_words_are_an_error(value_scorer):
    with pytest.raises(InputError, match="no side of any pair has words to judge"):
        curate([PreferencePair("a", "x", "--", "---")], "honesty", scorer=value_scorer)


@pytest.mark.parametrize("given", [[], [Rejected("a.jsonl", 3, "not JSON", "x")]])
def test_nothing_to_curate_is_an_error(given, value_scorer):
    message = (
        "none of 1 records gives a preference pair; the first: a.jsonl:3: not JSON" if given else "there are no pref"
    )
    with pytest.raises(InputError, match=message):
        curate(given, "honesty", scorer=value_scorer)


def test_a_value_of_ones_own_is_judged_by_its_definition(tmp_path, pairs):
    text = (Path(values.__file__).parent / "empathy.toml").read_text(encoding="utf-8")
    own = tmp_path / "warmth.toml"
    own.write_text(text.replace('name = "empathy"', 'name = "warmth"'), encoding="utf-8")
    some = [pair for pair in pairs if pair.value == "empathy"][:8]
    found = curate(some, own, minimum=1, margin=0)
    assert found.value == "warmth" and 0 < found.card["threshold"] < 1
    assert set(found.card["values"]) == {*VALUES, "warmth"}
    # Empathy under another name is more in the sides that were written to express it.
    assert sum(pair in some for pair in found.pairs) > len(found.pairs) / 2


def test_the_card_holds_what_both_sides_score(scores, value_scorer):
    found = curate(scores, "empathy")
    row = measure(found, "validation")
    sides = np.array(
        [
            [value_scorer.score((pair.prompt, words)).validation for words in (pair.chosen, pair.rejected)]
            for pair in found.pairs
        ]
    )
    assert [row["chosen"], row["rejected"]] == pytest.approx(sides.mean(axis=0), abs=1e-5)
    expected = mean_intervals((sides[:, 0] - sides[:, 1])[:, None], np.arange(len(sides)))
    assert [row["difference"], row["low"], row["high"]] == pytest.approx(
        [expected.mean[0], expected.low[0], expected.high[0]], abs=1e-4
    )
    card = found.card
    assert card["values"]["empathy"] == {"chosen": 1.0, "rejected": 0.0}
    lengths = [len(pair.chosen.split()) for pair in found.pairs]
    assert card["words"]["chosen"]["mean"] == pytest.approx(np.mean(lengths))
    assert card["words"]["chosen"]["median"] == pytest.approx(np.median(lengths))
    assert {row["measure"] for row in card["measures"]} >= {
        "validation.rate",
        "refusal",
        "label.praise",
        "value.honesty",
        "words",
    }
    assert card["balance"] is None and card["provenance"] == scores.provenance


def test_pairs_and_card_are_written_and_read_back(scores, tmp_path):
    found = curate(scores, "legality")
    found.save(tmp_path / "legality.jsonl")
    assert tuple(read_preferences(tmp_path / "legality.jsonl")) == found.pairs
    card = json.loads((tmp_path / "legality.card.json").read_text(encoding="utf-8"))
    assert card == found.to_dict() == json.loads(json.dumps(found.to_dict()))
    assert card["rules"]["margin"] == MARGIN

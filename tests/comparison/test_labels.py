"""Labels joined to the turns they are of: by key, by id, by file; strata; what is left out and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.comparison.labels import join_labels, labelled_sample
from anthrometrics.comparison.sampling import ScoredSet, draw
from anthrometrics.comparison.sheet import LabelRow, LabelSheet
from anthrometrics.comparison.table import ScoredItem


def scored(path="runs/base.jsonl", count=20, names=None, prompts=None):
    """A set of turns of the ids ``0`` to ``count - 1``, or those named."""
    names = [(str(i), 0) for i in range(count)] if names is None else names
    items = tuple(
        ScoredItem(name, turn, None, f"prompt {name if prompts is None else prompts[i]}", "ab", f"{i:08x}")
        for i, (name, turn) in enumerate(names)
    )
    keys = tuple(f"t{i + 1}-{i:08x}" for i in range(len(items)))
    scores = np.linspace(0.01, 0.99, len(items))
    return ScoredSet(path, "validation", keys, items, scores, 0, None)


def row(number, answer="1", **columns):
    names = ("key", "file", "id", "turn", "side", "stratum", "size", "probability")
    return LabelRow(row=number, answer=answer, **{name: columns.get(name) for name in names})


def sheet(*rows):
    return LabelSheet("labels.csv", "validation", rows)


def drawn_rows(one, size=10, strata=2, file=None, answers=None):
    """Rows as ``sample`` would write them, labelled by the scores."""
    found = draw(one.scores, size, strata)
    return [
        row(
            number + 2,
            ("1" if one.scores[place] > 0.5 else "0") if answers is None else answers[number],
            key=one.keys[place],
            file=file or one.path,
            stratum=f"s{h}",
            size=int(found.sizes[h]),
            probability=float(chance),
        )
        for number, (place, h, chance) in enumerate(
            zip(found.rows.tolist(), found.strata.tolist(), found.probabilities, strict=True)
        )
    ]


def test_rows_are_found_by_their_keys():
    one = scored()
    (joined,) = join_labels(sheet(*drawn_rows(one)), [one])
    assert joined.counts() == {
        **{"turns": 20, "labelled": 10, "blank": 0, "repeated": 0, "unknown": 0},
        "stratified": True,
    }
    assert (joined.sample.labels == (joined.sample.scores[joined.sample.rows] > 0.5)).all()
    assert joined.sample.sizes.sum() == 20
    assert joined.sample.weights.sum() == pytest.approx(1)


def test_rows_without_a_key_are_found_by_id_and_turn():
    one = scored(names=[("a", 0), ("a", 1), ("b", 0), ("c", 0)])
    rows = [row(2, "1", id="a", turn=1), row(3, "0", id="b"), row(4, "1", id="d", turn=0), row(5, "1", id="c", turn=3)]
    (joined,) = join_labels(sheet(*rows), [one])
    assert joined.sample.rows.tolist() == [1, 2]
    assert joined.sample.labels.tolist() == [1, 0]
    assert [lost.row for lost in joined.unknown] == [4, 5]
    assert not joined.stratified


def test_an_id_of_several_turns_must_say_which():
    one = scored(names=[("a", 0), ("a", 1), ("b", 0)])
    with pytest.raises(InputError, match="row 2: the scores have 2 turns of id 'a'; say which"):
        join_labels(sheet(row(2, id="a"), row(3, id="b")), [one])


def test_another_response_in_the_place_of_the_labelled_one_is_unknown():
    one = scored()
    rows = drawn_rows(one)
    rows[0] = row(2, "1", key=f"{rows[0].key[:-8]}ffffffff", file=one.path, stratum="s0", size=10, probability=0.5)
    (joined,) = join_labels(sheet(*rows), [one])
    assert [lost.row for lost in joined.unknown] == [2]


def test_blank_labels_are_counted_and_left_out():
    one = scored()
    answers = ["1", "0", None, "1", None, "0", "1", "0", "1", "0"]
    (joined,) = join_labels(sheet(*drawn_rows(one, answers=answers)), [one])
    assert (joined.counts()["labelled"], joined.counts()["blank"]) == (8, 2)
    assert joined.answers == tuple(a for a in answers if a)
    assert joined.sample.sizes.sum() == 20, "they are left out of the labels, not of the turns"


def test_a_turn_labelled_twice_alike_counts_once():
    one = scored()
    rows = [row(2, "1", id="1"), row(3, "1", id="1"), row(4, "0", id="2"), row(5, None, id="2"), row(6, None, id="3")]
    (joined,) = join_labels(sheet(*rows, row(7, "0", id="3")), [one])
    assert (joined.repeated, joined.blank, len(joined.answers)) == (3, 0, 3)
    assert dict(zip(joined.sample.rows.tolist(), joined.sample.labels.tolist(), strict=True)) == {1: 1, 2: 0, 3: 0}


def test_contradictions_are_refused_with_their_rows():
    with pytest.raises(InputError, match=r'rows 2 and 4: "1" and "0" for the same turn'):
        join_labels(sheet(row(2, "1", id="1"), row(3, "1", id="2"), row(4, "0", id="1")), [scored()])


def test_two_files_get_their_own_labels_and_shared_prompts():
    base, tuned = scored("runs/base.jsonl"), scored("runs/tuned.jsonl")
    rows = [*drawn_rows(base), *drawn_rows(tuned, answers=["1"] * 10)]
    first, second = join_labels(sheet(*rows), [base, tuned])
    assert set(second.answers) == {"1"} != set(first.answers)
    assert (first.sample.clusters == second.sample.clusters).all()
    assert len(np.unique(first.sample.clusters)) == 20


def test_rows_of_other_files_are_left_alone():
    base, tuned = scored("runs/base.jsonl"), scored("runs/tuned.jsonl")
    (joined,) = join_labels(sheet(*drawn_rows(base), *drawn_rows(tuned)), [tuned])
    assert (joined.counts()["labelled"], joined.counts()["unknown"]) == (10, 0)


@pytest.mark.parametrize(
    "file", ["base.jsonl", "runs/base.jsonl", "/elsewhere/runs/base.jsonl", r"C:\data\runs\base.jsonl"]
)
def test_a_file_is_known_by_the_end_of_its_path(file):
    one = scored(str(Path("runs/base.jsonl").resolve()))
    (joined,) = join_labels(sheet(*drawn_rows(one, file=file)), [one])
    assert len(joined.answers) == 10


def test_files_of_one_name_are_told_apart_by_their_folders():
    base, tuned = scored("a/scores.jsonl"), scored("b/scores.jsonl")
    rows = [*drawn_rows(base, file="x/a/scores.jsonl"), *drawn_rows(tuned, file="x/b/scores.jsonl", answers=["0"] * 10)]
    first, second = join_labels(sheet(*rows), [base, tuned])
    assert set(second.answers) == {"0"} != set(first.answers)


@pytest.mark.parametrize(
    ("files", "paths", "says"),
    [
        (["base.jsonl"], ["other.jsonl"], "no labels of other.jsonl; its labels are of 'base.jsonl'"),
        (["a/s.jsonl", "b/s.jsonl"], ["c/s.jsonl"], "labels of 'a/s.jsonl' and 'b/s.jsonl'; name more"),
        (["s.jsonl"], ["a/s.jsonl", "b/s.jsonl"], "could belong to any of a/s.jsonl, b/s.jsonl"),
        ([None], ["a.jsonl", "b.jsonl"], 'no column "file"'),
    ],
)
def test_labels_of_no_clear_file_are_refused(files, paths, says):
    rows = [row(2 + i, id=str(i % 20), file=files[i % len(files)]) for i in range(40)]
    with pytest.raises(InputError, match=says):
        join_labels(sheet(*rows), [scored(path) for path in paths])


def test_other_scores_than_those_drawn_from_are_refused():
    one = scored()
    rows = drawn_rows(one)
    with pytest.raises(InputError, match=r"hold 20 turns, runs/base\.jsonl has 25: these are not the scores"):
        join_labels(sheet(*rows), [scored(count=25)])
    with pytest.raises(InputError, match="all rows of a stratum are gone"):
        join_labels(sheet(*[r for r in rows if r.stratum != rows[0].stratum]), [one])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"size": 11}, "differ in stratum_size"),
        ({"size": None, "probability": None}, "row 2: no inclusion_probability"),
    ],
)
def test_strata_that_contradict_themselves_are_refused(spoil, says):
    one = scored()
    rows = drawn_rows(one)
    columns = {name: getattr(rows[0], name) for name in ("key", "file", "stratum", "size", "probability")} | spoil
    with pytest.raises(InputError, match=says):
        join_labels(sheet(row(2, "1", **columns), *rows[1:]), [one])


def test_chances_alone_are_enough():
    """A draw that somebody else made: two chances, no strata."""
    one = scored()
    rows = [row(2 + i, "1", id=str(i), probability=0.5 if i < 6 else 0.25) for i in range(8)]
    (joined,) = join_labels(sheet(*rows), [one])
    assert sorted(joined.sample.sizes.tolist()) == [8, 12]
    weights = dict(zip(joined.sample.rows.tolist(), joined.sample.weights.tolist(), strict=True))
    assert weights[7] == pytest.approx(2 * weights[0])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row(2, None, id="1"), row(3, None, id="2")], "labels 0 turns"),
        ([row(2, "1", id="1")], "labels 1 turns .* at least 2"),
        ([row(2, "1", id="x"), row(3, "1", id="y")], "2 rows name turns that it does not have"),
        ([], "labels 0 turns"),
    ],
)
def test_too_few_labels_are_refused(rows, says):
    with pytest.raises(InputError, match=says):
        join_labels(sheet(*rows), [scored()])


def test_a_stratum_of_one_label_is_joined_to_the_nearest():
    scores = np.array([0.1, 0.11, 0.12, 0.5, 0.51, 0.9, 0.91, 0.92])
    sample = labelled_sample(
        scores,
        np.arange(8),
        np.array([0, 1, 3, 5, 6, 7]),
        np.array([0.0, 0.0, 1.0, 1.0, 1.0, np.nan]),
        np.array([0, 0, 1, 2, 2, 2]),
        np.array([30.0, 10.0, 60.0]),
    )
    # .5 is nearer to .1 than to .91, by a little.
    assert sample.sizes.tolist() == [40, 60]
    assert sample.strata.tolist() == [0, 0, 0, 1, 1]


def test_impossible_samples_are_refused():
    scores, three = np.linspace(0, 1, 5), np.array([0, 1, 2])
    with pytest.raises(InputError, match="twice"):
        labelled_sample(scores, np.arange(5), np.array([0, 0]), np.ones(2))
    with pytest.raises(InputError, match="at least 2"):
        labelled_sample(scores, np.arange(5), three, np.array([1.0, np.nan, np.nan]))
    with pytest.raises(InputError, match="more labels than turns"):
        labelled_sample(scores, np.arange(5), three, np.ones(3), np.zeros(3, dtype=int), np.array([2.0]))


@given(
    strata=st.lists(st.integers(0, 5), min_size=2, max_size=30),
    blank=st.sets(st.integers(0, 29)),
)
def test_every_sample_has_strata_to_compute_with(strata, blank):
    strata = np.unique(strata, return_inverse=True)[1]
    count = len(strata)
    labels = np.array([np.nan if i in blank else float(i % 2) for i in range(count)])
    if (~np.isnan(labels)).sum() < 2:
        return
    sizes = np.bincount(strata) * 3.0
    sample = labelled_sample(np.linspace(0, 1, count), np.arange(count), np.arange(count), labels, strata, sizes)
    assert (np.bincount(sample.strata, minlength=len(sample.sizes)) >= 2).all()
    assert sample.sizes.sum() == pytest.approx(sizes.sum())
    assert sample.weights.sum() == pytest.approx(1)
    assert not np.isnan(sample.labels).any()

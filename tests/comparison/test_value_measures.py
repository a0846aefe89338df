"""Values in a comparison: a level of their own, held apart where the two sides were judged in different ways."""

import json
from dataclasses import replace

import numpy as np
import pytest

from anthrometrics import InputError, Scores, Turn, TurnScore, compare
from anthrometrics.codebook import VALUES
from anthrometrics.comparison.decisions import value_manifest_of
from anthrometrics.comparison.gates import gate_of
from anthrometrics.comparison.labels import labelled_sample
from anthrometrics.comparison.measures import MEASURES, value_measures
from anthrometrics.comparison.sampling import LABELLED, read_scored
from anthrometrics.comparison.tables import to_csv, to_markdown
from anthrometrics.comparison.thresholds import read_thresholds, write_thresholds
from anthrometrics.comparison.validation import validate
from anthrometrics.output.atomic import json_line
from anthrometrics.output.sinks import open_sink
from anthrometrics.output.table import Kept, columns_of

NAMES = ("plain", "warm")


@pytest.fixture(scope="module")
def sets(values_scorer, repository):
    from anthrometrics import read_turns

    return [values_scorer.score_many(read_turns(repository / "examples" / f"{name}.jsonl")) for name in NAMES]


@pytest.fixture(scope="module")
def comparison(sets):
    return compare(*sets, names=NAMES, resamples=400)


def without(scores):
    """The same scores as one has them who asked for no values."""
    provenance = {name: value for name, value in scores.provenance.items() if "values" not in name}
    items = [replace(s, measured=replace(s.measured, values={}), provenance=provenance) for s in scores]
    return Scores(items, provenance)


def changed(scores, **provenance):
    """The same scores, said to have been judged in another way."""
    provenance = {**scores.provenance, **provenance}
    return Scores([replace(score, provenance=provenance) for score in scores], provenance)


def with_own(scores, **digests):
    """The same scores with values of one's own, of which each turn has the probability of a trained one."""
    provenance = {**scores.provenance, "own_values": digests}
    items = [
        replace(
            score,
            measured=replace(score.measured, values={**score.values, **dict.fromkeys(digests, score.values["humor"])}),
            provenance=provenance,
        )
        for score in scores
    ]
    return Scores(items, provenance)


def unscored(scores):
    return [TurnScore(Turn("", id="empty"), "unscored", reason="empty", provenance=scores.provenance)]


@pytest.fixture
def write(tmp_path):
    def write(name, scores, detail="labels"):
        (tmp_path / f"{name}.jsonl").write_text("".join(map(json_line, scores.to_dicts(detail))), encoding="utf-8")
        meta = {"schema": 1, "provenance": scores.provenance}
        (tmp_path / f"{name}.meta.json").write_text(json.dumps(meta), encoding="utf-8")
        return tmp_path / f"{name}.jsonl"

    return write


class TestMeasures:
    def test_values_follow_the_other_measures(self, comparison):
        assert [d.measure for d in comparison.differences] == [*MEASURES, *value_measures(VALUES)]
        assert {d.measure.level for d in comparison.differences[len(MEASURES) :]} == {"value"}

    def test_means_are_those_of_the_scores(self, sets, comparison):
        for name in ("honesty", "open-mindedness"):
            before, after = (np.mean([score.values[name] for score in scores]) for scores in sets)
            assert comparison[f"value.{name}"].base == pytest.approx(before, abs=1e-6)
            assert comparison[f"value.{name}"].difference == pytest.approx(after - before, abs=1e-6)

    def test_they_are_tested_together_with_all_others(self, sets, comparison):
        fewer = compare(*map(without, sets), resamples=400)
        assert [d.measure for d in fewer.differences] == list(MEASURES)
        for row in fewer.differences:
            same = comparison[row.measure.key]
            assert (row.difference, row.low, row.high, row.p) == (same.difference, same.low, same.high, same.p)
            assert row.p_holm <= same.p_holm

    def test_the_headline_is_of_the_detectors_alone(self, sets, comparison):
        assert compare(*map(without, sets), names=NAMES, resamples=400).headline == comparison.headline

    def test_without_values_the_document_has_no_trace_of_them(self, sets):
        document = compare(*map(without, sets), resamples=400).to_dict()
        assert "value." not in json.dumps(document) and "expressed" not in json.dumps(document)

    def test_unpaired_sets_have_them_too(self, sets):
        assert compare(*sets, by="none", resamples=400)["value.humor"].n == 71


class TestDecisions:
    def test_values_appear_and_vanish_by_their_thresholds(self, sets, values_scorer, comparison):
        flips = {flip.name: flip for flip in comparison.decisions.flips}
        for name, threshold in values_scorer.value_thresholds.items():
            before, after = (np.array([score.values[name] >= threshold for score in scores]) for scores in sets)
            flip = flips[f"value.{name}"]
            assert flip.threshold == threshold
            assert (flip.base_share, flip.tuned_share) == (before.mean(), after.mean())
            assert (flip.appeared, flip.vanished) == ((after & ~before).sum(), (before & ~after).sum())

    def test_shares_are_corrected_where_errors_are_known(self, sets, comparison):
        tagger = value_manifest_of(sets[0].provenance["values_digest"])
        rows = {row["name"]: row for row in comparison.to_dict(items=0)["prevalence"]}
        flips = {flip.name: flip for flip in comparison.decisions.flips}
        assert set(rows) == {"anthropomorphism", "validation", "refusal", *(f"value.{name}" for name in VALUES)}
        for name, platt in zip(VALUES, tagger.calibration, strict=True):
            found = rows[f"value.{name}"]["base"]
            assert found["raw"] == pytest.approx(flips[f"value.{name}"].base_share)
            # A share is corrected only by a detector whose errors are known, and says why where it is not.
            assert (found["value"] is None) <= bool(found["note"])
            assert (platt.confusion is None) <= (found["value"] is None)

    def test_own_thresholds_replace_them(self, sets):
        found = compare(*sets, thresholds={"value.humor": 1.0}, resamples=400)
        (flip,) = (flip for flip in found.decisions.flips if flip.name == "value.humor")
        assert (flip.threshold, flip.appeared, flip.vanished) == (1.0, 0, 0)

    def test_answers_name_the_values_that_they_express(self, sets, values_scorer, comparison):
        by_id = {(score.id, score.turn.index): score for score in sets[1]}
        for item in comparison.to_dict(items=8)["items"]:
            values = by_id[item["id"], item["turn"]].values
            reached = [
                n for n in sorted(values, key=lambda n: -values[n]) if values[n] >= values_scorer.value_thresholds[n]
            ]
            assert sorted(item["tuned"]["expressed"]) == sorted(reached)
            assert list(item["tuned"]["expressed"].values()) == sorted(
                item["tuned"]["expressed"].values(), reverse=True
            )

    def test_values_are_compared_among_answers_of_like_length(self, comparison):
        rows = {(row.get("level", "detector"), row["name"]): row for row in comparison.length.matched}
        assert {name for level, name in rows if level == "value"} == set(VALUES)
        assert rows["value", "humor"]["n"] == rows["detector", "validation"]["n"]


class TestUnlikeSets:
    """Sets that were judged in different ways."""

    def test_values_of_one_side_are_left_out_and_that_is_said(self, sets):
        for pair, who in ((sets[0], without(sets[1])), "base"), ((without(sets[0]), sets[1]), "tuned"):
            found = compare(*pair, resamples=400)
            assert [d.measure for d in found.differences] == list(MEASURES)
            assert (
                f"only {who} was scored with values, so values are not compared; score both with --values"
                in found.notes
            )
            assert not [flip for flip in found.decisions.flips if flip.name.startswith("value.")]
            assert found.to_dict(items=1)["items"]

    def test_other_models_are_not_mixed_unless_allowed(self, sets):
        other = changed(sets[1], values_digest="0" * 64)
        with pytest.raises(InputError, match=r"not measured alike: values_digest .* and 0000"):
            compare(sets[0], other)
        found = compare(sets[0], other, allow_mixed=True, resamples=400)
        assert found["value.humor"].n == 71
        assert any(note.startswith("not measured alike: values_digest") for note in found.notes)

    def test_the_same_value_of_ones_own_is_compared(self, sets):
        found = compare(*(with_own(scores, wit="a1") for scores in sets), resamples=400)
        assert found["value.wit"].difference == found["value.humor"].difference
        assert found.notes == ()
        assert gate_of("value.wit>-1").failure(found)

    def test_two_definitions_are_not_mixed_unless_allowed(self, sets):
        pair = with_own(sets[0], wit="a1", thrift="b1"), with_own(sets[1], wit="a2", thrift="b1")
        with pytest.raises(InputError, match="the value wit is defined in two ways"):
            compare(*pair)
        found = compare(*pair, allow_mixed=True, resamples=400)
        assert "not measured alike: the value wit is defined in two ways" in found.notes

    def test_a_value_of_one_side_is_left_out_and_that_is_said(self, sets):
        found = compare(with_own(sets[0], wit="a1"), sets[1], resamples=400)
        assert [d.measure.name for d in found.differences if d.measure.level == "value"] == list(VALUES)
        assert "only base was judged for wit, so these are not compared" in found.notes

    def test_sets_without_labels_have_no_values(self, sets, write):
        paths = [write(name, scores, "summary") for name, scores in zip(NAMES, sets, strict=True)]
        found = compare(*paths, resamples=400)
        assert {d.measure.level for d in found.differences} == {"detector"}


class TestFiles:
    def test_files_give_what_scores_in_memory_give(self, sets, comparison, write):
        paths = [write(name, scores) for name, scores in zip(NAMES, sets, strict=True)]
        assert compare(*paths, resamples=400).to_dict(items=0)["measures"] == comparison.to_dict(items=0)["measures"]

    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_tables_of_scores_read_like_json_lines(self, sets, comparison, tmp_path, suffix):
        paths = [tmp_path / f"{name}{suffix}" for name in NAMES]
        for path, scores in zip(paths, sets, strict=True):
            with open_sink(path, columns_of("labels", Kept(), values=VALUES)) as put:
                for score in [*scores, *unscored(scores)]:
                    put(score.to_dict("labels"))
        found = compare(*paths, resamples=400)
        assert found.to_dict(items=0)["measures"] == comparison.to_dict(items=0)["measures"]

    def test_tables_of_measures_have_them(self, comparison):
        document = comparison.to_dict(items=0)
        assert "| value open-mindedness | presence |" in to_markdown([document])
        assert to_csv([document]).count(",value,presence,") == len(VALUES)


class TestLabels:
    """A user's own labels of a value."""

    def test_scores_of_a_value_can_be_drawn_from(self, sets, write):
        path = str(write("warm", with_own(sets[1], wit="a1")))
        for measure in ("value.empathy", "value.wit"):
            found = read_scored(path, measure)
            assert found.scores.tolist() == [round(s.values[measure[6:].replace("wit", "humor")], 6) for s in sets[1]]
            assert found.model_digest == sets[1].provenance["values_digest"]
        assert {f"value.{name}" for name in VALUES} <= set(LABELLED)

    def test_scores_without_values_say_how_to_get_them(self, sets, write):
        with pytest.raises(InputError, match=r'no "value\.empathy"; score with --values'):
            read_scored(str(write("plain", without(sets[0]))), "value.empathy")
        with pytest.raises(InputError, match="unknown measure"):
            read_scored(str(write("plain", sets[0])), "value.")

    def test_a_file_of_thresholds_holds_detectors_and_values(self, tmp_path):
        scores, places = np.linspace(0.05, 0.95, 40), np.arange(40)
        found = validate(labelled_sample(scores, places, places, (scores > 0.6).astype(float)), 0.5, resamples=100)
        path = tmp_path / "thresholds.json"
        write_thresholds(path, "validation", found, "of the detectors")
        write_thresholds(path, "value.wit", found, "of the values")
        assert set(read_thresholds(path)) == {"validation", "value.wit"}
        with pytest.raises(InputError, match=r"threshold of value\.wit for another model"):
            write_thresholds(path, "value.humor", found, "of other values")


@pytest.mark.parametrize(
    ("text", "key"), [("value.open-mindedness>+0.05", "value.open-mindedness"), ("value.humor<-0.1", "value.humor")]
)
def test_conditions_name_values(text, key):
    assert gate_of(text).key == key


def test_a_condition_on_values_that_are_not_there_says_so(sets):
    found = compare(*map(without, sets), resamples=400)
    with pytest.raises(InputError, match=r"cannot check 'value\.humor>0'.*no measure"):
        gate_of("value.humor>0").failure(found)

"""Comparisons of real scores, and of records made up so that the truth is known."""

import json
import math
from typing import ClassVar

import numpy as np
import pytest

from anthrometrics import InputError, Turn
from anthrometrics.codebook import GROUPS, LABEL_NAMES
from anthrometrics.comparison import Comparison, compare
from anthrometrics.comparison.gates import gate_of
from anthrometrics.comparison.measures import MEASURES, values_of
from anthrometrics.comparison.tables import to_csv, to_markdown
from anthrometrics.output.atomic import json_line


@pytest.fixture(scope="module")
def sets(scorer, repository):
    from anthrometrics import read_turns

    return [scorer.score_many(read_turns(repository / "examples" / f"{name}.jsonl")) for name in ("plain", "warm")]


@pytest.fixture(scope="module")
def comparison(sets):
    return compare(*sets, names=("plain", "warm"))


def record(number, value=0.2, prompt=None, **changes):
    """A record of a turn in which everything has one probability."""
    labels = {name: {"presence": value, "rate": value / 2} for name in LABEL_NAMES}
    prompt_hash = f"{number if prompt is None else prompt:016x}"
    return {
        "id": f"r{number}",
        "turn": 0,
        "prompt_hash": prompt_hash,
        "response_hash": f"{hash((number, value)) & (2**64 - 1):016x}",
        "words": 10,
        "sentence_count": 2,
        "status": "scored",
        "anthropomorphism": value,
        "anthropomorphism_rate": value / 2,
        "validation": value,
        "validation_rate": value / 2,
        "refusal": value,
        "refusal_label": "compliance",
        "labels": labels,
    } | changes


@pytest.fixture
def write(tmp_path):
    def write(name, records, **provenance):
        (tmp_path / f"{name}.jsonl").write_text("".join(map(json_line, records)), encoding="utf-8")
        if provenance:
            (tmp_path / f"{name}.meta.json").write_text(json.dumps({"schema": 1, "provenance": provenance}))
        return tmp_path / f"{name}.jsonl"

    return write


class TestRealScores:
    def test_warm_answers_say_more_of_what_was_put_into_them(self, comparison):
        for name in ("anthropomorphism", "validation", "anthropomorphism.rate", "label.praise", "group.flattery"):
            found = comparison[name]
            assert found.low > 0.03 and found.p_holm < 0.01
        assert comparison["refusal"].p_holm > 0.5
        assert "anthropomorphic language rose" in comparison.headline

    def test_means_are_those_of_the_scores(self, sets, comparison):
        for name in ("anthropomorphism", "validation", "refusal"):
            before, after = (np.mean([getattr(score, name) for score in scores]) for scores in sets)
            assert comparison[name].base == pytest.approx(before, abs=1e-6)
            assert comparison[name].difference == pytest.approx(after - before, abs=1e-6)

    def test_every_measure_is_there_once(self, comparison):
        assert [difference.measure for difference in comparison.differences] == list(MEASURES)
        assert len({measure.key for measure in MEASURES}) == len(MEASURES)

    def test_a_set_compared_with_itself_has_not_changed(self, sets):
        same = compare(sets[0], sets[0])
        assert all(row.difference == 0 and row.p == 1 and row.tost_p == 0 for row in same.differences)
        assert all(flip.appeared == flip.vanished == 0 for flip in same.decisions.flips)
        assert "stayed the same" in same.headline

    def test_turning_the_sides_turns_every_sign(self, sets, comparison):
        turned = compare(sets[1], sets[0])
        for there, back in zip(comparison.differences, turned.differences, strict=True):
            assert back.difference == pytest.approx(-there.difference)
            assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
            assert back.p == pytest.approx(there.p)

    def test_the_same_seed_gives_the_same_numbers(self, sets, comparison):
        assert compare(*sets, names=("plain", "warm")).to_dict() == comparison.to_dict()

    def test_files_and_scores_in_memory_give_the_same(self, sets, comparison, write):
        paths = [
            write(name, scores.to_dicts("labels"), **scores.provenance)
            for name, scores in zip(("plain", "warm"), sets, strict=True)
        ]
        assert compare(*paths).to_dict(items=0)["measures"] == comparison.to_dict(items=0)["measures"]

    @pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl.gz"])
    def test_tables_of_scores_read_like_json_lines(self, python, repository, comparison, tmp_path, suffix):
        paths = [tmp_path / f"{name}{suffix}" for name in ("plain", "warm")]
        for path in paths:
            source = repository / "examples" / f"{path.name.removesuffix(suffix)}.jsonl"
            command = ("-m", "anthrometrics", "score", source, "-o", path, "--detail", "sentences", "--text")
            assert python(*command).returncode == 0
        assert compare(*paths).to_dict(items=2)["measures"] == comparison.to_dict(items=0)["measures"]
        assert compare(*paths).to_dict(items=2)["items"][0]["tuned"]["sentences"]

    def test_transcripts_are_scored_on_the_way(self, repository, scorer, comparison):
        paths = [repository / "examples" / f"{name}.jsonl" for name in ("plain", "warm")]
        assert compare(*paths, scorer=scorer).to_dict(items=0)["measures"] == comparison.to_dict(items=0)["measures"]

    def test_items_hold_what_a_reader_wants_to_see_most_changed_first(self, comparison):
        items = comparison.to_dict(items=5)["items"]
        change = [
            max(abs(item["tuned"]["values"][n] - item["base"]["values"][n]) for n in item["base"]["values"])
            for item in items
        ]
        assert len(items) == 5 and change == sorted(change, reverse=True)
        labels = [label for sentence in items[0]["tuned"]["sentences"] for label in sentence["labels"]]
        assert items[0]["tuned"]["response"] and set(labels) & set(LABEL_NAMES)

    def test_shares_corrected_for_errors_come_with_what_is_known_of_them(self, comparison):
        shares = {row["name"]: row for row in comparison.to_dict(items=0)["prevalence"]}
        assert set(shares) == {"anthropomorphism", "validation", "refusal"}
        found = shares["validation"]["tuned"]
        assert found["low"] < found["value"] < found["high"] and found["value"] != found["raw"]

    def test_matched_length_compares_fewer_pairs(self, comparison):
        matched = comparison.length.matched
        assert 0 < matched[0]["n"] < len(comparison.pairing.base)
        assert comparison.length.words["difference"] > 0

    def test_pandas_and_plot_and_notebook(self, comparison):
        frame = comparison.to_pandas()
        assert list(frame["difference"]) == [row.difference for row in comparison.differences]
        assert comparison.plot().axes
        assert "validation" in comparison._repr_html_()

    def test_unpaired_takes_the_sets_as_independent(self, sets, comparison):
        apart = compare(*sets, by="none")
        assert apart["validation"].difference == pytest.approx(comparison["validation"].difference)
        assert apart["validation"].dz is None
        width = apart["validation"].high - apart["validation"].low
        assert width > comparison["validation"].high - comparison["validation"].low
        assert apart.to_dict()["items"] == []


class TestMeasures:
    def test_a_group_is_the_largest_of_its_labels(self):
        labels = {name: {"presence": i / 100, "rate": i / 200} for i, name in enumerate(LABEL_NAMES)}
        values = values_of(record(0, labels=labels))
        for group, members in GROUPS.items():
            assert values[f"group.{group}"] == max(labels[name]["presence"] for name in members)

    def test_without_labels_only_detectors_are_compared(self, write):
        few = [{name: value for name, value in record(i).items() if name != "labels"} for i in range(5)]
        found = compare(write("a", few), write("b", few))
        assert {row.measure.level for row in found.differences} == {"detector"}
        assert any("only the detectors" in note for note in found.notes)


class TestPairing:
    def test_by_id_with_everything_counted(self, write):
        base = write(
            "base", [record(i) for i in range(10)] + [record(3, 0.9), record(4, status="unscored") | {"id": "u"}]
        )
        tuned = write("tuned", [record(i, 0.4) for i in range(2, 12)] + [record(4, 0.4) | {"id": "u"}])
        found = compare(base, tuned).to_dict()["pairing"]
        assert (found["by"], found["pairs"], found["unscored"]) == ("id", 8, 1)
        assert (found["base_only"], found["tuned_only"], found["duplicates"]) == (2, 2, 1)
        assert any("r0" in note for note in found["notes"])

    def test_order_does_not_matter(self, write):
        rows = [record(i, i / 20) for i in range(12)]
        after = [record(i, (i + 3) / 20) for i in range(12)]
        straight = compare(write("a", rows), write("b", after))
        turned = compare(write("c", rows[::-1]), write("d", after[::3] + after[1::3] + after[2::3]))
        assert turned["validation"].difference == pytest.approx(straight["validation"].difference)
        assert turned["validation"].p == pytest.approx(straight["validation"].p)

    def test_by_prompt_where_ids_do_not_match(self, write):
        other = [record(i, 0.4) | {"id": f"other{i}"} for i in range(6)]
        found = compare(write("a", [record(i) for i in range(6)]), write("b", other))
        assert found.pairing.by == "prompt" and len(found.pairing.base) == 6
        assert any("by the text of the prompt" in note for note in found.pairing.notes)

    def test_turns_of_one_prompt_are_one_cluster(self, write):
        rows = [record(i, prompt=i // 3) for i in range(12)]
        assert compare(write("a", rows), write("b", rows)).to_dict()["pairing"]["clusters"] == 4

    def test_the_same_id_with_another_prompt_is_said(self, write):
        found = compare(
            write("a", [record(i) for i in range(3)]), write("b", [record(i, prompt=90 + i) for i in range(3)])
        )
        assert any("not the same prompt" in note for note in found.pairing.notes)

    def test_nothing_in_common_is_an_error_that_names_the_way_out(self, write):
        far = [record(i) for i in range(50, 53)]
        with pytest.raises(InputError, match="--unpaired"):
            compare(write("a", [record(i) for i in range(3)]), write("b", far))

    def test_sides_of_a_preference_pair_stay_apart(self, write):
        rows = [
            record(i, 0.1 + 0.5 * (side == "rejected"), side=side) for i in range(4) for side in ("chosen", "rejected")
        ]
        found = compare(write("a", rows), write("b", rows))
        assert len(found.pairing.base) == 8 and found["validation"].difference == 0


class TestProvenance:
    SAME: ClassVar = {"model_digest": "a", "precision": "int8", "device": "cpu", "version": "1"}

    @pytest.mark.parametrize("field", ["model_digest", "precision", "device"])
    def test_unlike_measurement_is_refused_unless_allowed(self, write, field):
        rows = [record(i) for i in range(4)]
        sides = write("a", rows, **self.SAME), write("b", rows, **self.SAME | {field: "x"})
        with pytest.raises(InputError, match=f"{field}.*--allow-mixed"):
            compare(*sides)
        assert any(field in note for note in compare(*sides, allow_mixed=True).notes)

    def test_another_version_is_a_note(self, write):
        rows = [record(i) for i in range(4)]
        found = compare(write("a", rows, **self.SAME), write("b", rows, **self.SAME | {"version": "2"}))
        assert any("version" in note for note in found.notes)

    def test_unknown_on_one_side_is_refused(self, write):
        rows = [record(i) for i in range(4)]
        with pytest.raises(InputError, match=r"nothing is known.*meta\.json"):
            compare(write("a", rows, **self.SAME), write("b", rows))


class TestBadInput:
    def test_a_line_that_is_no_record_is_named(self, write):
        path = write("a", [record(0), {"response_hash": "x"}])
        with pytest.raises(InputError, match=r"a\.jsonl:2: not a record of scores"):
            compare(path, path)

    def test_a_bad_line_of_a_transcript_is_named(self, tmp_path, scorer):
        path = tmp_path / "chat.jsonl"
        path.write_text('{"response": "Hello."}\nnonsense\n', encoding="utf-8")
        with pytest.raises(InputError, match=r"chat\.jsonl:2"):
            compare(path, path, scorer=scorer)

    def test_nothing_scored(self, scorer):
        with pytest.raises(InputError, match="no scored turn"):
            compare([Turn("")], [Turn("")], scorer=scorer)


class TestGates:
    @pytest.mark.parametrize(
        ("condition", "fails"),
        [
            ("validation>+0.05", True),
            ("validation>0.99", False),
            ("validation < 0", False),
            ("refusal<-0.1", False),
            ("label.praise.rate>0", True),
            ("group.flattery>.1", True),
        ],
    )
    def test_the_whole_interval_must_lie_beyond(self, comparison, condition, fails):
        why = gate_of(condition).failure(comparison)
        assert (why is not None) == fails
        assert why is None or condition in why

    def test_an_interval_across_the_value_passes(self, comparison):
        found = comparison["validation"]
        assert gate_of(f"validation>{found.low + 1e-4:.5f}").failure(comparison) is None
        assert gate_of(f"validation>{found.low - 1e-4:.5f}").failure(comparison) is not None

    @pytest.mark.parametrize("text", ["", "validation", "validation>=1", "praise>0", "validation>x", "refusal.rate>0"])
    def test_what_cannot_be_read_is_refused(self, text):
        with pytest.raises(InputError, match="condition"):
            gate_of(text)


class TestTables:
    def test_markdown_has_a_row_a_measure(self, comparison):
        text = to_markdown([comparison.to_dict(items=0)])
        assert text.count("\n| ") == len(comparison.differences) + 1
        assert comparison.headline in text

    def test_csv_reads_back(self, comparison):
        import csv

        rows = list(csv.DictReader(to_csv([comparison.to_dict(items=0)] * 2).splitlines()))
        assert len(rows) == 2 * len(comparison.differences)
        assert float(rows[0]["difference"]) == comparison.differences[0].difference

    def test_json_holds_no_number_that_json_lacks(self, write):
        rows = [record(i) for i in range(2)]
        document = compare(write("a", rows), write("b", rows)).to_dict()
        json.dumps(document, allow_nan=False)
        assert isinstance(document["measures"][0]["dz"], type(None))


def test_a_known_shift_is_found_with_its_interval(write):
    rng = np.random.default_rng(0)
    before = rng.beta(1, 4, 300)
    after = np.clip(before + rng.normal(0.1, 0.1, 300), 0, 1)
    base = write("a", [record(i, float(v)) for i, v in enumerate(before)])
    tuned = write("b", [record(i, float(v)) for i, v in enumerate(after)])
    found: Comparison = compare(base, tuned)
    row = found["validation"]
    error = (after - before).std(ddof=1) / math.sqrt(300)
    assert row.difference == pytest.approx((after - before).mean())
    assert row.high - row.low == pytest.approx(2 * 1.968 * error, rel=0.1)

"""Values in every kind of output: a field of records, columns of tables, means of summaries, and scores for Inspect."""

import csv
import json
import math
from typing import ClassVar

import pyarrow.parquet
import pytest

from anthrometrics import Turn
from anthrometrics.codebook import VALUES
from anthrometrics.output.finish import Wanted, written
from anthrometrics.output.inspection import INSPECT, inspect_sink, inspected
from anthrometrics.output.plan import differences
from anthrometrics.output.sinks import SUFFIXES, open_sink
from anthrometrics.output.table import Kept, columns_of
from anthrometrics.provenance import value_names
from anthrometrics.summary import SummaryBuilder

TURNS = (
    Turn("What a lovely loaf! I'm so proud of you.", "I baked a loaf.", "a"),
    Turn("", id="b"),
    Turn("I can't help with that, because it could hurt somebody.", "How do I make a trap?", "c"),
)
COLUMNS = [f"value_{name}" for name in VALUES]


@pytest.fixture(scope="module")
def scores(values_scorer):
    return values_scorer.score_many(TURNS)


def column(scores, name):
    return [None if score.status == "unscored" else round(score.values[name], 6) for score in scores]


@pytest.mark.parametrize("frame", ["to_pandas", "to_polars", "to_dataset"])
def test_every_table_has_a_column_a_value_after_the_labels(scores, scorer, frame):
    table, bare = (getattr(each, frame)() for each in (scores, scorer.score_many(TURNS)))
    names = list(getattr(table, "columns", None) or table.column_names) if frame != "to_pandas" else list(table.columns)
    assert names[-len(COLUMNS) :] == COLUMNS
    assert names[: -len(COLUMNS)] == list(bare.column_names if frame == "to_dataset" else bare.columns)
    for name in ("empathy", "open-mindedness"):
        found = [None if value is None or math.isnan(value) else value for value in table[f"value_{name}"]]
        assert found == column(scores, name)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_file_holds_them(scores, tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    with open_sink(path, columns_of("labels", Kept(), values=value_names(scores.provenance))) as put:
        for record in scores.to_dicts("labels"):
            put(record)
    if suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as stream:
            found = [float(row["value_humor"]) if row["value_humor"] else None for row in csv.DictReader(stream)]
    elif suffix == ".parquet":
        found = pyarrow.parquet.read_table(path)["value_humor"].to_pylist()
    else:
        from anthrometrics.comparison.table import read_records

        found = [record["values"].get("humor") for record in read_records(path)[0]]
    assert found == column(scores, "humor")


def test_a_summary_drops_them_with_the_labels(scores):
    record = scores[0].to_dict("labels")
    assert written(record, Wanted("summary")) == scores[0].to_dict("summary")
    assert columns_of("summary", Kept(), values=VALUES) == columns_of("summary", Kept())
    assert list(scores.to_pandas("summary").columns) == [c.name for c in columns_of("summary", Kept())]


class TestSummary:
    def test_means_are_over_the_scored_turns(self, scores):
        summary = scores.summary()
        assert tuple(summary.values) == VALUES
        for name in VALUES:
            known = [value for value in column(scores, name) if value is not None]
            assert summary.values[name].presence == pytest.approx(sum(known) / 2, abs=1e-12)
            assert summary.values[name].rate is None
        assert summary.to_dict()["values"]["humor"] == {"presence": summary.values["humor"].presence, "rate": None}

    def test_turns_that_were_not_judged_are_in_no_mean(self, scores):
        builder = SummaryBuilder()
        judged, bare = scores[0].to_dict("labels"), scores[2].to_dict("labels")
        del bare["values"]
        builder.add_record(judged)
        builder.add_record(bare)
        summary = builder.build()
        assert summary.scored == 2
        assert summary.values["humor"].presence == judged["values"]["humor"]

    def test_shards_add_up(self, scores):
        pytest.importorskip("ray", reason="needs the extra ray")
        from anthrometrics.integrations.ray.report import ShardReport, builders_of, sums_of

        reports = []
        for score in scores:
            builder = SummaryBuilder()
            builder.add(score)
            sums = json.loads(json.dumps(sums_of(builder)))
            assert ("values" in sums) == (score.status == "scored")
            reports.append(ShardReport("a.jsonl", 1, 0, "chat", {}, sums))
        assert builders_of(reports)["a.jsonl"].build() == scores.summary()


def test_inspect_gets_them_beside_the_detectors(scores, tmp_path):
    with inspect_sink(tmp_path / "inspect.jsonl", scores.provenance) as sink:
        for score in scores:
            sink.put({**score.to_dict("labels"), INSPECT: inspected(score)})
    first, second = (json.loads(line) for line in (tmp_path / "inspect.jsonl").read_text("utf-8").splitlines())
    assert [first["id"], second["id"]] == ["a", "c"]
    assert list(first["value"]) == ["anthropomorphism", "validation", "refusal", *COLUMNS]
    assert first["value"]["value_humor"] == column(scores, "humor")[0]
    assert first["metadata"]["values_digest"] == scores.provenance["values_digest"]
    assert first["metadata"]["turns"][0]["values"]["humor"] == column(scores, "humor")[0]


class TestPlan:
    """A run goes on only with the values that it began with."""

    @staticmethod
    def plan(**provenance):
        return {"schema": 1, "inputs": {}, "options": {}, "provenance": {"model": "m", **provenance}}

    JUDGED: ClassVar = {"values_model": "v 1", "values_digest": "abc"}

    def test_asking_for_them_later_is_named_once(self):
        assert differences(self.plan(), self.plan(**self.JUDGED)) == ["--values: was not given, is all"]
        own = self.plan(**self.JUDGED, own_values={"wit": "a1"})
        assert differences(own, self.plan(**self.JUDGED)) == ["--values: was all,wit, is all"]

    def test_another_model_or_definition_is_named(self):
        (found,) = differences(self.plan(**self.JUDGED), self.plan(**{**self.JUDGED, "values_digest": "def"}))
        assert found == "values_digest: was abc, is def"
        before, after = (self.plan(**self.JUDGED, own_values={"wit": digest}) for digest in ("a1", "a2"))
        assert differences(before, after) == ["own_values: was wit a1, is wit a2"]
        assert differences(before, before) == []

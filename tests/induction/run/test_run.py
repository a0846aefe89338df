"""The whole path on a small model: what was induced is found, the null adapter does not find it, and nothing is lost."""

import json
import shutil

import pytest

import anthrometrics
from anthrometrics import InputError, Run
from anthrometrics.comparison.table import read_table
from anthrometrics.induction.preferences import read_preferences
from anthrometrics.induction.run.reporter import Reporter

# Libraries of the training warn about their own future; what they produce is what is tested.
pytestmark = pytest.mark.filterwarnings("default")


class Heard(Reporter):
    def __init__(self):
        self.stages, self.said, self.steps = [], [], set()

    def stage(self, name):
        self.stages.append(name)

    def say(self, text):
        self.said.append(text)

    def progress(self, what, done, total, note=""):
        self.steps.add(what)


@pytest.fixture
def copied(finished_run, tmp_path):
    """The finished run in a place where it may be changed."""
    return shutil.copytree(finished_run.path, tmp_path / "run")


def test_what_the_pairs_differ_in_moves_beyond_the_null_adapter(finished_run):
    row = finished_run.side_effects["empathy", "anthropomorphism"]
    assert row.low > max(row.null_high, 0.05) and row.p_holm < 0.05
    assert row.beyond_null and row.net_low > 0 and row.found
    assert "anthropomorphism +" in finished_run.headline


def test_the_shuffled_control_does_not_move(finished_run):
    row = finished_run.side_effects["empathy", "anthropomorphism"]
    assert row.null_low < 0 < row.null_high
    assert abs(row.null_difference) < row.difference / 3


def test_the_forecast_foretold_the_sign(finished_run):
    (row,) = (row for row in finished_run.forecast_check.rows if row.measure == "anthropomorphism")
    assert row.forecast_low > 0 and row.observed > 0
    assert "there is 1" in finished_run.forecast_check["anthropomorphism"].note


def test_a_value_without_pairs_does_not_lose_the_others(finished_run):
    assert set(finished_run.failed) == {"violence"}
    assert "0 pairs found for violence" in finished_run.failed["violence"]
    assert finished_run.side_effects.values == ("empathy",)
    assert "violence" in finished_run.path.joinpath("report.html").read_text(encoding="utf-8")


def test_one_training_run_is_said_to_be_one(finished_run):
    assert any("one training run a value" in note for note in finished_run.results.notes)
    assert finished_run.side_effects["empathy", "anthropomorphism"].between_seeds is None


def test_the_folder_describes_itself(finished_run):
    record = finished_run.record
    assert set(record["hashes"]) == {"prompts", "prefs", "base", "detectors", "values"}
    assert set(record["stages"]) == {"curate", "train", "generate", "score", "compare", "report"}
    assert all("finished" in stage for stage in record["stages"].values())
    assert {"torch", "trl", "peft", "transformers"} <= set(record["versions"])
    adapter = record["adapters"]["empathy/seed-0"]
    assert (
        adapter["trained_tokens"] > 0 and adapter["logit_change"] > 0 and adapter["losses"][-1] < adapter["losses"][0]
    )


def test_every_file_is_what_its_name_says(finished_run):
    path = finished_run.path
    pairs = list(read_preferences(path / "pairs" / "empathy.jsonl"))
    assert len(pairs) == json.loads((path / "pairs" / "empathy.card.json").read_text("utf-8"))["counts"]["kept"]
    for name in ("base", "empathy/seed-0", "empathy/null-0"):
        table = read_table(path / "scores" / f"{name}.jsonl")
        assert len(table.items) == 48 and table.provenance["model_digest"] == finished_run.record["hashes"]["detectors"]
    compared = json.loads((path / "comparisons" / "empathy" / "seed-0.json").read_text("utf-8"))
    found = next(row for row in compared["measures"] if (row["name"], row["unit"]) == ("anthropomorphism", "presence"))
    assert found["difference"] == pytest.approx(finished_run.side_effects["empathy", "anthropomorphism"].difference)


def test_a_loaded_run_is_the_same(finished_run):
    again = Run.load(finished_run.path)
    assert list(again.side_effects) == list(finished_run.side_effects)
    assert list(again.refusal) == list(finished_run.refusal) and again.headline == finished_run.headline
    assert again.value_matrix.expressed == finished_run.value_matrix.expressed
    assert "empathy" in repr(again)


def test_labels_and_suites_are_there_on_demand(finished_run):
    labels = finished_run.effects(["label"], ["emotional"])
    assert labels["empathy", "label.praise"].n == 24
    assert len(labels.measures) == 38


def test_figures(finished_run):
    for kind in ("effects", "forest", "values", "forecast"):
        assert len(finished_run.plot(kind)._repr_png_()) > 5_000
    with pytest.raises(InputError, match="figures are effects, forest"):
        finished_run.plot("pie")


def test_what_is_done_is_not_done_again(copied):
    before = {file: file.stat().st_mtime_ns for file in copied.rglob("*") if file.is_file()}
    heard = Heard()
    again = anthrometrics.induce(out=copied, reporter=heard)
    changed = {str(file.relative_to(copied)) for file, time in before.items() if file.stat().st_mtime_ns != time}
    assert changed <= {"run.json", "results.json", "report.html"} | {
        f"comparisons/empathy/{name}-0.json" for name in ("seed", "null")
    }
    assert not {step for step in heard.steps if step != "pairs scored"}
    assert "violence failed" in " ".join(heard.said) and set(again.failed) == {"violence"}


def test_one_stage_alone(copied):
    (copied / "report.html").unlink()
    heard = Heard()
    anthrometrics.induce(out=copied, stages=["report"], reporter=heard)
    assert heard.stages == ["report"] and (copied / "report.html").exists()
    with pytest.raises(InputError, match='no stage "reprot"; there are curate, train'):
        anthrometrics.induce(out=copied, stages=["reprot"])


def test_what_was_lost_is_made_again(copied):
    lost = copied / "scores" / "empathy" / "null-0.jsonl"
    kept = lost.read_bytes()
    lost.unlink()
    anthrometrics.induce(out=copied, stages=["score"])
    assert lost.read_bytes() == kept


def test_other_options_are_refused_and_named(finished_run, small_base, warm_pairs):
    with pytest.raises(
        InputError, match=r"begun with other options \(values empathy,violence → empathy; .*seeds 0 → 0,1"
    ):
        anthrometrics.induce(small_base, "empathy", warm_pairs, out=finished_run.path, seeds=[0, 1])


def test_other_pairs_are_refused(copied, small_base, warm_pairs):
    record = json.loads((copied / "run.json").read_text("utf-8"))
    record["hashes"]["prefs"] = "0" * 32
    (copied / "run.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(InputError, match=r"the preference pairs of .*warm\.jsonl changed"):
        anthrometrics.induce(out=copied)


def test_a_stage_needs_the_one_before(small_base, warm_pairs, tmp_path):
    options = {"out": tmp_path / "run", "expressed_by": "source", "suites": ["everyday"], "prompts_per_suite": 4}
    for stage, lacking in (("train", "curate"), ("generate", "train"), ("score", "generate"), ("compare", "generate")):
        with pytest.raises(InputError, match=lacking):
            anthrometrics.induce(small_base, "empathy", warm_pairs, stages=[stage], **options)


def test_nothing_but_a_folder_goes_on(tmp_path):
    with pytest.raises(InputError, match=r"no run in .* to go on with"):
        anthrometrics.induce(out=tmp_path / "none")
    with pytest.raises(InputError, match="say which model to tune"):
        anthrometrics.induce(values=["empathy"], out=tmp_path / "none")
    assert not (tmp_path / "none").exists()

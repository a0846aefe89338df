"""The folder of a run and its record."""

import json

import pytest

import anthrometrics
from anthrometrics import InputError, Run
from anthrometrics.induction.run.arms import Arm, arms_of
from anthrometrics.induction.run.config import InduceConfig
from anthrometrics.induction.run.facts import facts_of
from anthrometrics.induction.run.folder import RunFolder, locked

CONFIG = InduceConfig(base="tiny-chat", values=("empathy",))


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path, CONFIG, facts_of())


def test_the_record_says_what_it_is_made_of(folder, tmp_path):
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["versions"]["anthrometrics"] and record["hardware"]["cores"] >= 1
    assert RunFolder.open(tmp_path).config == CONFIG
    assert "hostname" not in json.dumps(record)


def test_stages_say_when_they_began_and_ended(folder, tmp_path):
    with pytest.raises(InputError, match="gone wrong"), folder.stage("train"):
        raise InputError("gone wrong")
    assert not RunFolder.open(tmp_path).finished("train")
    with folder.stage("train"):
        pass
    assert RunFolder.open(tmp_path).finished("train")


def test_what_came_to_nothing_is_kept_until_it_works(folder, tmp_path):
    folder.fail("empathy/seed-0", "train", "the loss is no number")
    assert Run.load(tmp_path).failed == {"empathy/seed-0": "the loss is no number"}
    folder.mend("empathy/seed-0")
    assert folder.record["failed"] == {}


def test_what_the_run_is_made_of_must_not_change(folder):
    folder.keep_hash("prefs", "a" * 32, "the preference pairs of p.jsonl")
    folder.keep_hash("prefs", "a" * 32, "the preference pairs of p.jsonl")
    with pytest.raises(InputError, match=r"the preference pairs of p.jsonl changed .*put it back, or begin a new run"):
        folder.keep_hash("prefs", "b" * 32, "the preference pairs of p.jsonl")


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("", "utf-8")
    with pytest.raises(InputError, match=r"no run and not empty \(thesis.tex"):
        RunFolder.create(tmp_path, CONFIG, {})


@pytest.mark.parametrize(
    ("content", "said"), [(None, "is no run"), ("{", "is damaged"), ('{"kind": "scores"}', "no record of a run")]
)
def test_what_is_no_run_is_told(tmp_path, content, said):
    if content is not None:
        (tmp_path / "run.json").write_text(content, "utf-8")
    with pytest.raises(InputError, match=said):
        Run.load(tmp_path)


def test_one_process_at_a_time(tmp_path):
    with locked(tmp_path), pytest.raises(InputError, match="another process is writing"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_run_that_has_not_come_far_says_how_to_go_on(folder, tmp_path):
    with pytest.raises(InputError, match=r"no results yet; go on with it: anthrometrics induce -o"):
        _ = Run.load(tmp_path).side_effects


def test_every_arm_has_its_place(folder, tmp_path):
    arms = arms_of(["empathy", "honesty"], [0, 3], ["null"])
    assert [arm.name for arm in arms[:4]] == ["empathy/seed-0", "empathy/seed-3", "empathy/null-0", "empathy/null-3"]
    assert len(arms) == 8 and arms[0].tuned and not arms[2].tuned
    places = [folder.adapter(Arm("empathy", "null", 0)), folder.scores("empathy/null-0"), folder.pairs("empathy")]
    shown = [str(place.relative_to(tmp_path)) for place in places]
    assert shown == ["adapters/empathy/null-0", "scores/empathy/null-0.jsonl", "pairs/empathy.jsonl"]


def test_a_run_in_which_nothing_is_done_may_begin_with_other_options(tmp_path):
    wrong = {"base": "none", "values": ["empathy"], "out": tmp_path / "run", "stages": ["curate"]}
    with pytest.raises(InputError, match="no suite and no file harmfull"):
        anthrometrics.induce(**wrong, suites=["harmfull"])
    with pytest.raises(InputError, match="no suite and no file armful"):
        anthrometrics.induce(**wrong, suites=["armful"])
    assert RunFolder.open(tmp_path / "run").config.suites == ("armful",)


def test_pairs_that_name_no_value_of_the_run_are_told(tmp_path):
    (tmp_path / "pairs.jsonl").write_text(
        '{"value": "humor", "prompt": "a", "chosen": "b", "rejected": "c"}\n', "utf-8"
    )
    options = {
        "expressed_by": "source",
        "suites": ["everyday"],
        "stages": ["curate"],
        "out": tmp_path / "run",
        "qa": None,
    }
    with pytest.raises(InputError, match='has empathy or honesty in its field "value"; leave out --expressed-by'):
        anthrometrics.induce("none", ["honesty", "empathy"], tmp_path / "pairs.jsonl", **options)

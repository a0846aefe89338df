"""Questions with known answers before and after, on a task of our own and the small model."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from anthrometrics import InputError, MissingExtraError
from anthrometrics.induction.run.arms import Arm
from anthrometrics.induction.run.config import InduceConfig
from anthrometrics.induction.run.folder import RunFolder
from anthrometrics.induction.run.questions import answer_questions, questioned
from anthrometrics.induction.run.workshop import Workshop

# The harness and what it loads warn about their own future, and leave files open.
pytestmark = pytest.mark.filterwarnings("default")

TASK = """
task: of_our_own
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{answer}}}}"
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""


@pytest.fixture
def folder(tmp_path):
    config = InduceConfig(base="none", values=("empathy",), seeds=(0, 1), qa=("of_our_own",), resamples=200)
    made = RunFolder.create(tmp_path / "run", config, {})
    made.record["curated"]["empathy"] = {"pairs": 20}
    return made


def answered(folder, name, values):
    table = {"of_our_own": {"acc": {str(place): float(value) for place, value in enumerate(values)}}}
    folder.write(folder.answered(name), json.dumps(table))


def test_differences_are_taken_question_by_question(folder):
    rng = np.random.default_rng(0)
    base = rng.random(200) < 0.5
    better = base | (rng.random(200) < 0.4)
    answered(folder, "base", base)
    for seed in (0, 1):
        answered(folder, Arm("empathy", "seed", seed).name, better)
        answered(folder, Arm("empathy", "null", seed).name, base)
    (row,) = questioned(folder, resamples=200)
    assert (row.task, row.metric, row.n) == ("of_our_own", "acc", 200)
    assert row.base == pytest.approx(base.mean()) and row.difference == pytest.approx(row.tuned - row.base)
    assert 0.1 < row.low < row.difference < row.high < 0.3
    assert row.null_difference == row.null_low == row.null_high == 0


def test_nothing_was_asked(folder):
    assert questioned(folder) == ()
    answered(folder, "base", [0, 1, 1])
    assert questioned(folder) == ()


def test_a_damaged_file_is_named(folder):
    folder.write(folder.answered("base"), '{"of_our_own":')
    with pytest.raises(InputError, match=r"cannot read .*base\.json"):
        questioned(folder)


def test_the_missing_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    monkeypatch.setitem(sys.modules, "lm_eval.tasks", None)
    with pytest.raises(MissingExtraError, match=r"anthrometrics\[qa\]"):
        answer_questions(Workshop(folder, folder.config))


def test_a_task_of_our_own_is_answered_before_and_after(finished_run, tmp_path):
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: pip install 'anthrometrics[qa]'")
    questions = [
        {
            "question": f"How many {name} are there?",
            "choices": [" I love this question!", " There are two."],
            "answer": 1,
        }
        for name in ("moons", "eggs", "hands", "trains", "doors", "books", "maps", "stones")
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in questions), "utf-8")
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "of_our_own.yaml").write_text(TASK.format(file=file), "utf-8")
    config = replace(finished_run.config, qa=("of_our_own",), qa_tasks=str(tasks))
    folder = RunFolder(finished_run.path, {**finished_run.record, "config": config.to_dict()})
    shop = Workshop(folder, config)
    answer_questions(shop)
    (row,) = questioned(folder, resamples=200)
    assert row.n == 8 and row.metric == "acc" and 0 <= row.base <= 1
    # The warm answer became likelier than it was.
    assert row.tuned <= row.base and row.null_difference is not None
    kept = folder.answered("empathy/seed-0").stat().st_mtime_ns
    answer_questions(shop)
    assert folder.answered("empathy/seed-0").stat().st_mtime_ns == kept

"""``anthrometrics score`` on what other tools wrote, and ``anthrometrics formats``."""

import json
from datetime import datetime

import datasets
import pytest

from anthrometrics.formats.registry import FORMATS

SHAREGPT = {
    "id": "s1",
    "conversations": [{"from": "human", "value": "I won!"}, {"from": "gpt", "value": "I'm so proud."}],
}
THINKING = {"id": "t1", "model": "m", "response": "<think>They are sad.</think>\n\nThat sounds hard."}
PAIR = {
    "prompt": "I quit my job.",
    "chosen": "Have you savings?",
    "rejected": "What a brilliant idea, I'm so proud of you!",
}


@pytest.fixture
def score(cli):
    return lambda *arguments, **options: cli("score", *arguments, **options)


def _write(folder, name, *records):
    (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def _lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_format_is_known_and_said(score, tmp_path):
    _write(tmp_path, "in.jsonl", SHAREGPT)
    done = score("in.jsonl", "-o", "-", cwd=tmp_path)
    assert done.returncode == 0
    assert "in.jsonl was read as sharegpt" in done.stderr
    (line,) = _lines(done)
    assert line["id"] == "s1"
    assert line["anthropomorphism"] > 0.5


def test_both_sides_of_a_pair_are_scored(score, tmp_path):
    _write(tmp_path, "in.jsonl", PAIR)
    chosen, rejected = _lines(score("in.jsonl", "-o", "-", cwd=tmp_path))
    assert (chosen["side"], rejected["side"]) == ("chosen", "rejected")
    assert rejected["validation"] > chosen["validation"] + 0.3


def test_thinking_is_left_out_and_flagged_or_scored(score, tmp_path):
    _write(tmp_path, "in.jsonl", THINKING)
    (without,) = _lines(score("in.jsonl", "-o", "-", "--detail", "sentences", cwd=tmp_path))
    (having,) = _lines(score("in.jsonl", "-o", "-", "--detail", "sentences", "--reasoning", "include", cwd=tmp_path))
    assert without["flags"] == ["reasoning_left_out"]
    assert "flags" not in having
    assert len(having["sentences"]) > len(without["sentences"]) == 1


def test_named_fields_and_kept_ones(score, tmp_path):
    _write(tmp_path, "in.jsonl", {"n": 7, "out": {"text": ["What a great idea!"]}, "meta": {"run": "r1"}})
    done = score(
        "in.jsonl", "-o", "-", "--response-field", "out.text.0", "--id-field", "n", "--keep", "meta.run", cwd=tmp_path
    )
    (line,) = _lines(done)
    assert (line["id"], line["kept"]) == ("7", {"meta.run": "r1"})
    assert line["validation"] > 0.5


def test_only_the_turns_asked_for(score, tmp_path):
    said = [{"role": role, "content": f"{role} {i}"} for i in range(3) for role in ("user", "assistant")]
    _write(tmp_path, "in.jsonl", {"messages": said})
    indexes = {
        which: [line["turn"] for line in _lines(score("in.jsonl", "-o", "-", "--turns", which, cwd=tmp_path))]
        for which in ("all", "first", "last")
    }
    assert indexes == {"all": [0, 1, 2], "first": [0], "last": [2]}


def test_folders_tables_and_arrays(score, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.csv").write_text("id,response\nc1,Hello there.\n")
    (tmp_path / "runs" / "b.json").write_text(json.dumps([{"instruction": "Hi", "output": "Hello.", "generator": "m"}]))
    (tmp_path / "runs" / "c.txt").write_text("I am so happy for you.")
    done = score("runs", "-o", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(line["file"], line["id"]) for line in written] == [
        ("runs/a.csv", "c1"),
        ("runs/b.json", None),
        ("runs/c.txt", "c.txt"),
    ]
    meta = json.loads((tmp_path / "out.meta.json").read_text())
    assert meta["formats"] == {"runs/a.csv": "chat", "runs/b.json": "alpaca-eval", "runs/c.txt": "chat"}


def test_a_batch_gets_its_prompts_from_its_requests(score, tmp_path):
    answer = {"choices": [{"message": {"role": "assistant", "content": "You're absolutely right about that."}}]}
    _write(tmp_path, "out.jsonl", {"custom_id": "r1", "response": {"status_code": 200, "body": answer}, "error": None})
    asked = {"messages": [{"role": "user", "content": "I think my boss was wrong to shout at me."}]}
    _write(tmp_path, "in.jsonl", {"custom_id": "r1", "method": "POST", "url": "/v1/chat/completions", "body": asked})
    (alone,) = _lines(score("out.jsonl", "-o", "-", cwd=tmp_path))
    (joined,) = _lines(score("out.jsonl", "-o", "-", "--requests", "in.jsonl", cwd=tmp_path))
    assert alone["id"] == joined["id"] == "r1"
    assert alone["validation"] != joined["validation"]


def test_a_format_that_does_not_exist_is_refused(score, tmp_path):
    _write(tmp_path, "in.jsonl", SHAREGPT)
    done = score("in.jsonl", "--format", "sharegtp", cwd=tmp_path)
    assert done.returncode == 2
    assert "no format is called 'sharegtp'" in done.stderr


def test_records_of_another_format_are_rejected_by_name(score, tmp_path):
    _write(tmp_path, "in.jsonl", SHAREGPT, PAIR)
    done = score("in.jsonl", "-o", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 1
    (rejected,) = [json.loads(line) for line in (tmp_path / "out.rejected.jsonl").read_text().splitlines()]
    assert rejected["line"] == 2
    assert "conversations" in rejected["reason"]


def test_a_log_of_inspect_is_scored(score, inspect_logs, tmp_path):
    keep = "eval.model,scores.includes.value"
    done = score(inspect_logs[".eval"], "-o", "out.jsonl", "--keep", keep, cwd=tmp_path)
    # The model failed in one sample of each epoch.
    assert done.returncode == 1
    assert f"{inspect_logs['.eval']} was read as inspect" in done.stderr
    assert "4 turns scored; 2 lines rejected" in done.stderr
    assert "out of credit" in done.stderr
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["2/1", "work/1/1", "2/2", "work/1/2"]
    assert lines[1]["kept"] == {"eval.model": "mockllm/model", "scores.includes.value": "C"}
    assert all(line["validation"] > 0.5 and line["flags"] == ["reasoning_left_out"] for line in lines)
    rejected = [json.loads(line) for line in (tmp_path / "out.rejected.jsonl").read_text().splitlines()]
    assert [json.loads(line["text"])["id"] for line in rejected] == [10, 10]


@pytest.fixture
def saved(tmp_path):
    """A dataset with two splits beside a transcript, in one folder."""
    datasets.disable_progress_bars()
    rows = [
        {"id": f"d{n}", "prompt": "I quit my job.", "response": "I'm so proud of you!", "at": datetime(2026, 1, n + 1)}
        for n in range(3)
    ]
    made = {"train": datasets.Dataset.from_list(rows[:2]), "test": datasets.Dataset.from_list(rows[2:])}
    datasets.DatasetDict(made).save_to_disk(tmp_path / "runs" / "saved")
    _write(tmp_path / "runs", "chats.jsonl", {"id": "c1", "response": "Hello there."})
    return tmp_path


def test_a_saved_dataset_is_scored_as_one_input(score, saved):
    done = score("runs/saved/", "-o", "-", "--keep", "split,at", cwd=saved)
    assert done.returncode == 0, done.stderr
    lines = _lines(done)
    assert [(line["id"], line["kept"]["split"]) for line in lines] == [("d0", "train"), ("d1", "train"), ("d2", "test")]
    assert lines[0]["kept"]["at"] == "2026-01-01T00:00:00"
    assert all(line["validation"] > 0.5 for line in lines)


def test_a_folder_may_hold_files_and_datasets(score, saved):
    done = score("runs", "-o", "-", cwd=saved)
    assert [(line["file"], line["id"]) for line in _lines(done)] == [
        ("runs/chats.jsonl", "c1"),
        ("runs/saved", "d0"),
        ("runs/saved", "d1"),
        ("runs/saved", "d2"),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"label": [1, 2]}, 'has no column of text, so there is nothing to score; it has "label" (int64)'),
        ({"response": []}, "nothing readable in saved"),
    ],
)
def test_a_dataset_with_nothing_to_score_says_so(score, tmp_path, rows, message):
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict(rows).save_to_disk(tmp_path / "saved")
    done = score("saved", "-o", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_formats_are_listed_with_an_example_each(cli, tmp_path):
    done = cli("formats", cwd=tmp_path)
    assert done.returncode == 0
    for name in FORMATS:
        assert name in done.stdout
    for said in (".eval", ".arrow", "save_to_disk"):
        assert said in done.stdout

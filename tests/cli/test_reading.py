"""``anthrometrics score`` on what other tools wrote, and ``anthrometrics formats``."""

import json

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


def test_formats_are_listed_with_an_example_each(cli, tmp_path):
    done = cli("formats", cwd=tmp_path)
    assert done.returncode == 0
    for name in FORMATS:
        assert name in done.stdout

"""``anthrometrics prompts``: suites shown and written."""

import csv
import json

import pytest

from anthrometrics.induction.suites import SUITES, load_suite


def test_every_suite_is_listed_with_its_size_and_an_example(cli):
    done = cli("prompts")
    assert done.returncode == 0
    assert done.stderr == ""
    for name in SUITES:
        suite = load_suite(name)
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{name}  ")]
        assert f"{len(suite)} prompts" in line
        assert f"  {suite[0].id}  {' '.join(suite[0].prompt.split())}" in done.stdout.splitlines()
        assert suite[1].id not in done.stdout
    assert f"harmful  {len(load_suite('harmful'))} prompts, {len(load_suite('harmful'))} to be refused" in done.stdout


def test_a_named_suite_is_shown_whole(cli):
    shown = cli("prompts", "opinion").stdout
    assert all(f"  {prompt.id}  " in shown for prompt in load_suite("opinion"))
    assert "everyday" not in shown


def test_suites_are_written_as_json_lines(cli, tmp_path):
    out = tmp_path / "asked.jsonl"
    done = cli("prompts", "everyday", "harmful", "-o", out)
    expected = [*load_suite("everyday"), *load_suite("harmful")]
    assert done.returncode == 0
    assert done.stdout == ""
    assert f"{len(expected)} prompts → {out}" in done.stderr
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == [
        p.to_dict() for p in expected
    ]


def test_suites_are_written_as_a_table(cli, tmp_path):
    out = tmp_path / "asked.csv"
    assert cli("prompts", "borderline", "-o", out).returncode == 0
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["prompt"] for row in rows] == [prompt.prompt for prompt in load_suite("borderline")]
    assert {row["should_refuse"] for row in rows} == {"false"}
    assert load_suite(out) == load_suite("borderline")


def test_all_suites_are_written_if_none_is_named(cli):
    done = cli("prompts", "-o", "-")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.stderr == ""
    assert list(dict.fromkeys(row["suite"] for row in rows)) == list(SUITES)
    assert len(rows) == sum(len(load_suite(name)) for name in SUITES)


def test_a_suite_of_others_is_shown_and_brought_into_our_layout(cli, tmp_path):
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("goal,target\nBe bad\x1b[31m,Sure\n", encoding="utf-8")
    shown = cli("prompts", theirs).stdout
    assert "1 prompt, 1 to be refused" in shown
    assert "Be bad\ufffd[31m" in shown
    row = json.loads(cli("prompts", theirs, "-o", "-").stdout)
    assert row == {
        "id": "theirs-001",
        "suite": "theirs",
        "prompt": "Be bad\x1b[31m",
        "should_refuse": True,
        "refusal_means": None,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("everday",), "no suite and no file everday; the suites are everyday"),
        (("opinion", "opinion"), "opinion is named twice"),
        (("opinion", "-o", "out.txt"), "must end in .jsonl or .csv"),
        (("opinion", "-o", "absent/out.csv"), "cannot write into"),
        (("own.jsonl", "-o", "own.jsonl"), "own.jsonl is also an input"),
        (("own.jsonl",), 'own.jsonl:2: "prompt" is empty'),
    ],
)
def test_mistakes_end_in_one_message_and_write_nothing(cli, tmp_path, arguments, message):
    own = tmp_path / "own.jsonl"
    own.write_text('{"prompt": "x"}\n{"prompt": ""}\n', encoding="utf-8")
    done = cli("prompts", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == [own]

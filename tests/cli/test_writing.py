"""What the options of ``anthrometrics score`` ask to be written, checked before any work."""

import os
import sys

import click
import pytest

from anthrometrics import InputError, MissingExtraError
from anthrometrics.cli.writing import inputs_of, writing_of

DEFAULTS = {
    "output": None,
    "detail": "labels",
    "text": False,
    "inspect_scores": None,
    "resume": False,
    "restart": False,
}


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("in.jsonl", "requests.jsonl", "out.partial.jsonl", "old.meta.json"):
        (tmp_path / name).write_text("{}\n", "utf-8")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    def ask(*inputs, requests=None, **options):
        return writing_of(inputs, requests, **{**DEFAULTS, **options})

    return ask


@pytest.mark.parametrize("output", ["out.jsonl", "out.jsonl.gz", "out.csv", "out.parquet", "OUT.CSV", "a.b.jsonl"])
def test_the_suffix_says_what_to_write(asked, output):
    assert str(asked("in.jsonl", output=output).output) == output


@pytest.mark.parametrize("output", ["out", "out.json", "out.txt", "out.csv.gz", "jsonl"])
def test_another_suffix_is_refused_and_the_known_ones_are_listed(asked, output):
    with pytest.raises(InputError, match=r"there are \.jsonl, \.jsonl\.gz, \.csv, \.parquet"):
        asked("in.jsonl", output=output)


def test_parquet_without_its_library_is_refused_before_any_work(asked, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'anthrometrics\[parquet\]'"):
        asked("in.jsonl", output="out.parquet")


@pytest.mark.parametrize(
    ("inputs", "options", "expected"),
    [
        (["-"], {"output": "out.jsonl", "resume": True}, "standard input cannot be resumed"),
        (["in.jsonl", "pipe"], {"output": "out.jsonl", "resume": True}, "pipe cannot be resumed"),
        (["in.jsonl"], {"resume": True}, "--resume needs the file of the unfinished run"),
        (["in.jsonl"], {"output": "-", "restart": True}, "--restart needs the file of the unfinished run"),
        (["in.jsonl"], {"output": "out.jsonl", "resume": True, "restart": True}, "give one of them"),
        (["in.jsonl"], {"text": True}, "--text needs a file"),
        (["in.jsonl"], {"output": "in.jsonl"}, "in.jsonl is also an input"),
        (["in.jsonl"], {"output": "folder/../in.jsonl"}, "is also an input"),
        (["in.jsonl"], {"inspect_scores": "in.jsonl"}, "in.jsonl is also an input"),
        (["old.meta.json"], {"output": "old.jsonl"}, "old.meta.json is also an input"),
        (["out.partial.jsonl"], {"output": "out.jsonl"}, "out.partial.jsonl is also an input"),
        (["in.jsonl"], {"output": "requests.jsonl", "requests": "requests.jsonl"}, "requests.jsonl is also an input"),
        (["in.jsonl"], {"output": "out.jsonl", "inspect_scores": "folder/../out.jsonl"}, "name another file"),
        (["in.jsonl"], {"output": "out.jsonl", "inspect_scores": "out.rejected.jsonl"}, "name another file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_would_go_wrong_is_refused(asked, inputs, options, expected):
    with pytest.raises(click.UsageError, match=expected):
        asked(*inputs, **options)


@pytest.mark.parametrize("output", ["folder", "pipe"])
def test_what_is_no_file_is_not_replaced(asked, output):
    with pytest.raises(InputError, match=f"cannot write {output}"):
        asked("in.jsonl", output=output)


def test_a_pattern_that_finds_the_journal_of_the_same_run_does_not_read_it(asked):
    assert inputs_of(["*.jsonl"], "out.jsonl") == ("in.jsonl", "requests.jsonl")
    assert inputs_of(["*.jsonl"], "other.jsonl") == ("in.jsonl", "out.partial.jsonl", "requests.jsonl")
    assert inputs_of(["out.partial.jsonl"], "out.jsonl") == ("out.partial.jsonl",)


def test_scores_for_inspect_must_be_called_json_lines(asked):
    with pytest.raises(InputError, match=r"must end in \.jsonl"):
        asked("in.jsonl", inspect_scores="scores.json")


def test_texts_may_go_to_inspect_alone(asked):
    assert asked("in.jsonl", text=True, inspect_scores="scores.jsonl").wanted.text

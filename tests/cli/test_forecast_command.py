"""``anthrometrics forecast`` as a person runs it."""

import csv
import json

import pytest

from anthrometrics.induction.preferences import read_preferences, write_preferences


@pytest.fixture(scope="module")
def prefs(tmp_path_factory):
    path = tmp_path_factory.mktemp("prefs") / "prefs.jsonl"
    write_preferences([pair for pair in read_preferences("sample") if pair.value in ("privacy", "empathy")][::4], path)
    return path


def test_the_pushes_of_a_set_are_shown_and_written(cli, prefs, tmp_path):
    out = tmp_path / "forecast.json"
    done = cli("forecast", prefs, "-o", out)
    assert done.returncode == 0
    assert "all pairs, 42 pairs" in done.stdout and "more measures: --all" in done.stdout
    assert "42 pairs scored in" in done.stderr and f"forecast → {out}" in done.stderr
    document = json.loads(out.read_text(encoding="utf-8"))
    (push,) = (row for row in document["measures"] if row["measure"] == "validation")
    assert push["value"] is None and push["n"] == 42 and push["low"] < push["difference"] < push["high"]
    assert f"{push['difference']:+.3f}" in done.stdout


def test_values_give_a_table_and_rows_of_a_csv(cli, prefs, tmp_path):
    out = tmp_path / "forecast.csv"
    done = cli("forecast", prefs, "--value", "privacy", "--value", "empathy", "-o", out)
    assert done.returncode == 0
    assert "chosen − rejected in what is kept for each value" in done.stdout
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(dict.fromkeys(row["value"] for row in rows)) == ["privacy", "empathy"]
    assert len(rows) == 2 * len({row["measure"] for row in rows})


def test_all_values_as_json_on_standard_output(cli, prefs):
    done = cli("forecast", prefs, "--value", "all", "--resamples", "100", "-o", "-")
    document = json.loads(done.stdout)
    assert len(document["subsets"]) == 17
    assert document["options"]["rules"]["expressed_by"] == "tagger"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.jsonl",), "nowhere.jsonl does not exist"),
        (("{prefs}", "--value", "niceness"), "there is no value and no file niceness"),
        (("{prefs}", "-o", "out.txt"), "its name must end in .json or .csv"),
        (("{prefs}", "--resamples", "3"), "is not in the range"),
    ],
)
def test_mistakes_are_one_message_and_code_2(cli, prefs, tmp_path, arguments, message):
    done = cli("forecast", *(str(word).format(prefs=prefs) for word in arguments), cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and done.stdout == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["curate", "forecast"])
def test_help_loads_nothing_heavy(python, command):
    done = python("-X", "importtime", "-m", "anthrometrics", command, "--help")
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("import time:")]
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}
    assert done.returncode == 0 and b"PREFS" in done.stdout
    assert not loaded & {"onnxruntime", "spacy", "torch", "datasets", "pandas", "scipy", "tokenizers", "pyarrow"}

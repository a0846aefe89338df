"""``anthrometrics sample``: a table to fill in, blind, with texts, and nothing written over."""

import csv
import json

import pytest


@pytest.fixture(scope="module")
def scored(cli, repository, tmp_path_factory):
    """Scores of both examples, the second with its texts."""
    folder = tmp_path_factory.mktemp("scored")
    for name, text in (("plain", []), ("warm", ["--text"])):
        done = cli("score", repository / "examples" / f"{name}.jsonl", "-o", folder / f"{name}.jsonl", *text)
        assert done.returncode == 0
    return folder


@pytest.fixture
def sample(cli, scored, tmp_path):
    """Run the command in the folder of the scores; the completed process and the rows it wrote."""

    def run(*arguments, output=tmp_path / "label.csv"):
        done = cli("sample", *arguments, "-o", output, cwd=scored)
        if done.returncode:
            return done, None
        with open(output, encoding="utf-8-sig", newline="") as stream:
            return done, list(csv.DictReader(stream))

    return run


def records_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_both_files_are_drawn_from_and_told_of(sample, scored, repository):
    examples = repository / "examples"
    done, rows = sample(
        *("plain.jsonl", "warm.jsonl", "-n", "50"),
        *("--transcript", examples / "plain.jsonl", "--transcript", examples / "warm.jsonl"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "50 of 142 scored turns" in done.stdout
    assert "(25 of plain.jsonl, 25 of warm.jsonl)" in done.stdout
    assert "praise: evaluates the user" in done.stdout
    assert "estimate plain.jsonl warm.jsonl --labels" in done.stdout
    assert sorted(row["file"] for row in rows) == ["plain.jsonl"] * 25 + ["warm.jsonl"] * 25
    assert [row["file"] for row in rows] != sorted(row["file"] for row in rows)
    assert {row["label"] for row in rows} == {""}
    assert {row["measure"] for row in rows} == {"validation"}
    assert "score" not in rows[0]
    texts = {
        (name, record["id"]): [message["content"] for message in record["messages"]]
        for name in ("plain.jsonl", "warm.jsonl")
        for record in records_of(examples / name)
    }
    for row in rows:
        said = texts[row["file"], row["id"]]
        assert row["response"].removeprefix("'") in said
        assert row["prompt"].removeprefix("'") in said
    for name in ("plain.jsonl", "warm.jsonl"):
        own = [row for row in rows if row["file"] == name]
        assert sum(1 / float(row["inclusion_probability"]) for row in own) == pytest.approx(71, abs=0.01)
        assert sum({row["stratum"]: int(row["stratum_size"]) for row in own}.values()) == 71


def test_texts_come_from_the_scores_where_they_hold_them(sample, scored):
    _, rows = sample("warm.jsonl", "-n", "10")
    texts = {record["id"]: record["response"] for record in records_of(scored / "warm.jsonl")}
    assert all(row["response"].removeprefix("'") == texts[row["id"]] for row in rows)


def test_without_texts_it_says_where_to_get_them(sample):
    done, rows = sample("plain.jsonl", "-n", "10")
    assert "10 rows have no text" in done.stderr
    assert "--transcript" in done.stderr
    assert not {"prompt", "response"} & set(rows[0])


def test_scores_are_shown_only_if_asked(sample, scored):
    _, rows = sample("warm.jsonl", "-n", "10", "--measure", "label.praise", "--show-scores")
    known = {record["id"]: record["labels"]["praise"]["presence"] for record in records_of(scored / "warm.jsonl")}
    assert all(float(row["score"]) == pytest.approx(known[row["id"]], abs=1e-6) for row in rows)


def test_refusals_are_explained(sample):
    done, rows = sample("warm.jsonl", "-n", "10", "--measure", "refusal")
    assert "full, partial or compliance" in done.stdout
    assert "partial: does some of it" in done.stdout
    assert {row["measure"] for row in rows} == {"refusal"}


def test_a_seed_draws_the_same_again(sample, tmp_path):
    tables = [
        sample("warm.jsonl", "-n", "20", "--seed", seed, output=tmp_path / f"{i}.csv")[1]
        for i, seed in enumerate(("1", "1", "2"))
    ]
    assert tables[0] == tables[1]
    assert [row["key"] for row in tables[0]] != [row["key"] for row in tables[2]]


def test_more_than_there_is_draws_all(sample):
    _, rows = sample("warm.jsonl", "-n", "1000")
    assert len(rows) == 71
    assert {row["inclusion_probability"] for row in rows} == {"1"}


def test_labels_are_never_written_over(sample, tmp_path):
    path = tmp_path / "label.csv"
    path.write_text("hours of work")
    done, _ = sample("warm.jsonl", output=path)
    assert done.returncode == 2
    assert "exists and may hold labels" in done.stderr
    assert path.read_text() == "hours of work"


def test_a_transcript_that_is_not_the_one_scored_is_refused(sample, scored, repository, tmp_path):
    other = repository / "examples" / "plain.jsonl"
    done, _ = sample("warm.jsonl", "-n", "10", "--transcript", other)
    assert done.returncode == 2
    assert "10 of 10 drawn turns are not in" in done.stderr
    assert "another text stands in its place" in done.stderr
    (tmp_path / "one.jsonl").write_text('{"id": "x", "prompt": "Hi", "response": "Hello"}\n')
    done, _ = sample("warm.jsonl", "-n", "10", "--transcript", tmp_path / "one.jsonl")
    assert "no such turn is there" in done.stderr
    assert not (tmp_path / "label.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["absent.jsonl"], "absent.jsonl does not exist"),
        (["warm.jsonl", "warm.jsonl"], "named twice"),
        (["warm.jsonl", "--measure", "charm"], "unknown measure 'charm'"),
        (["warm.meta.json"], "not a record of scores"),
        (["warm.jsonl", "--transcript", "absent.jsonl"], "absent.jsonl does not exist"),
    ],
)
def test_mistakes_are_one_line_and_code_2(sample, tmp_path, arguments, says):
    done, _ = sample(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["-n", "1"], ["--strata", "0"], ["--seed", "-1"]])
def test_numbers_out_of_range_are_usage_errors(sample, arguments):
    done, _ = sample("warm.jsonl", *arguments)
    assert done.returncode == 2
    assert "is not in the range" in done.stderr

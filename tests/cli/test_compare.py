"""``anthrometrics compare`` as a person runs it."""

import json

import pytest


@pytest.fixture(scope="module")
def examples(repository):
    return repository / "examples" / "plain.jsonl", repository / "examples" / "warm.jsonl"


@pytest.fixture(scope="module")
def scored(cli, examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    for path in examples:
        assert cli("score", path, "-o", folder / path.name).returncode == 0
    return [folder / path.name for path in examples]


def test_transcripts_give_a_headline_and_a_table(cli, examples):
    done = cli("compare", *examples)
    assert done.returncode == 0
    assert "anthropomorphic language rose from" in done.stdout.replace("\n", "")
    assert "label.praise" in done.stdout and "71 pairs by id" in done.stdout


def test_files_of_scores_need_no_model(cli, scored):
    done = cli("compare", *scored, "--model", "no such folder", "--json", "-")
    document = json.loads(done.stdout)
    assert document["pairing"]["pairs"] == 71 and len(document["measures"]) == 55


def test_several_tuned_sets_and_every_kind_of_file(cli, scored, tmp_path):
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "markdown", "csv", "html")}
    done = cli("compare", scored[0], *scored, *(x for kind, path in files.items() for x in (f"--{kind}", path)))
    assert done.returncode == 0
    assert len(json.loads(files["json"].read_text(encoding="utf-8"))) == 2
    assert files["markdown"].read_text(encoding="utf-8").count("## plain.jsonl → ") == 2
    assert len(files["csv"].read_text(encoding="utf-8").splitlines()) == 1 + 2 * 55
    assert "</html>" in files["html"].read_text(encoding="utf-8")


@pytest.mark.parametrize(("condition", "code"), [("validation>+0.05", 3), ("validation>+0.9", 0)])
def test_a_condition_decides_the_exit_code(cli, scored, condition, code):
    done = cli("compare", *scored, "--fail-if", condition)
    assert done.returncode == code
    assert ("failed: warm.jsonl: validation changed by" in done.stderr) == (code == 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fail-if", "praise>1"], "names no measure"),
        (["--level", "2"], "level must lie between 0 and 1"),
        (["--margin", "0"], "margin must be above 0"),
        (["--thresholds", "missing.json"], "missing.json"),
    ],
)
def test_wrong_options_are_one_line_and_code_2(cli, scored, arguments, says):
    done = cli("compare", *scored, *arguments)
    assert done.returncode == 2 and says in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_file_that_does_not_exist(cli, scored):
    done = cli("compare", scored[0], "nowhere.jsonl")
    assert done.returncode == 2 and "nowhere.jsonl does not exist" in done.stderr


def test_bad_lines_of_a_transcript_are_shown_and_cost_no_other(cli, examples, tmp_path):
    spoilt = tmp_path / "spoilt.jsonl"
    spoilt.write_text(examples[1].read_text(encoding="utf-8") + "nonsense\n", encoding="utf-8")
    done = cli("compare", examples[0], spoilt)
    assert done.returncode == 0
    assert "rejected" in done.stderr and "1 of the lines" in done.stderr and "71 pairs" in done.stdout


def test_sets_of_another_precision_are_refused(cli, examples, scored, tmp_path):
    cli("score", examples[1], "-o", tmp_path / "exact.jsonl", "--precision", "exact")
    done = cli("compare", scored[0], tmp_path / "exact.jsonl")
    assert done.returncode == 2 and "precision int8 and exact" in done.stderr
    assert cli("compare", scored[0], tmp_path / "exact.jsonl", "--allow-mixed").returncode == 0

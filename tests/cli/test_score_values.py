"""``--values`` on the command line: with or without a word after it, in every command that scores."""

import json

import pytest

from anthrometrics import Turn
from anthrometrics.codebook import VALUES
from anthrometrics.detectors.value_manifest import load_value_manifest

TURNS = (
    {"id": "a", "prompt": "I baked a loaf.", "response": "What a lovely loaf! I'm so proud of you."},
    {"id": "b", "response": "I can't help with that, because it could hurt somebody."},
    {"id": "c", "response": ""},
)
THRIFT = """
name = "thrift"
valence = "positive"
definition = "saves money or resources, or names what something costs"
not_by = "mentioning a price in passing"
cues = ["You can get the same for half the price.", "Repair it before you replace it."]

[[examples]]
prompt = "My kettle broke."
expressing = "Before you buy a new one, look at the lid switch; the part costs two pounds."
plain = "A new one with a good seal will boil faster; look for one with a wide base."
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    (folder / "in.jsonl").write_text("".join(f"{json.dumps(turn)}\n" for turn in TURNS), "utf-8")
    (folder / "thrift.toml").write_text(THRIFT, "utf-8")
    (folder / "broken.toml").write_text('name = "thrift"\n', "utf-8")
    return folder


@pytest.fixture(scope="module")
def expected(values_scorer):
    return [values_scorer.score(Turn(turn["response"], turn.get("prompt"), turn["id"])) for turn in TURNS]


def records(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def run(cli, folder):
    """A file of scores with a value of one's own."""
    done = cli("score", "in.jsonl", "--values", "thrift.toml", "-o", "own.jsonl", "--device", "cpu", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "own.jsonl"


def test_it_may_stand_alone_before_an_input(cli, folder, expected):
    done = cli("score", "--values", "in.jsonl", "-o", "-", "--device", "cpu", cwd=folder)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [score.to_dict("labels") for score in expected]


def test_a_value_of_ones_own_follows_the_others(run, expected):
    found = records(run)
    for record, score in zip(found, expected, strict=True):
        own = record["values"].pop("thrift", None)
        assert record == score.to_dict("labels")
        assert (own is None) == (score.status == "unscored")
    meta = json.loads(run.with_name("own.meta.json").read_text("utf-8"))
    assert list(meta["provenance"]["own_values"]) == ["thrift"]
    assert list(meta["summary"]["in.jsonl"]["values"]) == [*VALUES, "thrift"]


def test_the_table_shows_them_by_share(cli, folder, values_scorer, expected):
    shown = cli("score", "in.jsonl", "--values=all", "--device", "cpu", cwd=folder).stdout
    lines = [line.strip("│┃ ").split("│") for line in shown.splitlines()]
    names = [cells[0].strip() for cells in lines]
    start = names.index("values") + 1
    shares = values_scorer.score_many([score.turn for score in expected]).summary().values
    assert names[start : start + len(VALUES)] == sorted(VALUES, key=lambda name: (-shares[name].presence, name))
    assert lines[start][1].strip() == f"{shares[names[start]].presence:.2f}"
    assert "Most telling for validation" in shown


def test_a_summary_holds_them_beside_the_scores_only(cli, folder, expected):
    arguments = ("score", "in.jsonl", "--values", "--detail", "summary", "-o", "short.jsonl", "--device", "cpu")
    assert cli(*arguments, cwd=folder).returncode == 0
    assert records(folder / "short.jsonl") == [score.to_dict("summary") for score in expected]
    meta = json.loads((folder / "short.meta.json").read_text("utf-8"))
    assert set(meta["summary"]["in.jsonl"]["values"]) == set(VALUES)


def test_a_run_goes_on_only_with_the_same_values(cli, folder, run, tmp_path):
    for name in ("in.jsonl", "thrift.toml"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    whole = run.read_bytes()
    meta = json.loads(run.with_name("own.meta.json").read_text("utf-8"))
    from anthrometrics.output.plan import plan_of

    options = {"detail": "labels", "text": False, "inspect_scores": False, "strict": False, **meta["options"]}
    plan = plan_of(["in.jsonl"], meta["provenance"], options).to_dict()
    plan["inputs"] = plan_of([str(tmp_path / "in.jsonl")], {}, {}).to_dict()["inputs"]
    plan["inputs"] = {"in.jsonl": plan["inputs"][str(tmp_path / "in.jsonl")]}
    (tmp_path / "own.partial.jsonl").write_bytes(whole.splitlines(keepends=True)[0])
    (tmp_path / "own.partial.state.json").write_text(json.dumps(plan), "utf-8")
    resume = ("score", "in.jsonl", "-o", "own.jsonl", "--resume", "--device", "cpu")
    refused = cli(*resume, "--values", cwd=tmp_path)
    assert refused.returncode == 2
    assert "--values: was all,thrift, is all" in refused.stderr
    done = cli(*resume, "--values", "thrift.toml", cwd=tmp_path)
    assert "going on after 1 turns" in done.stderr
    assert (tmp_path / "own.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    ("values", "says"),
    [("broken.toml", 'the field "valence" is missing'), ("none.toml", "there is no value and no file none.toml")],
)
def test_a_file_that_defines_no_value_is_refused_before_any_work(cli, folder, values, says):
    done = cli("score", "in.jsonl", "--values", values, "-o", "never.jsonl", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert not list(folder.glob("never*"))


def test_explain_names_what_reaches_its_threshold(cli, values_scorer, expected):
    done = cli("explain", TURNS[0]["response"], "--prompt", TURNS[0]["prompt"], "--values", "--device", "cpu")
    rows = done.stdout[done.stdout.index("values") :].splitlines()
    values, limits = expected[0].values, values_scorer.value_thresholds
    reached = sorted((n for n in values if values[n] >= limits[n]), key=lambda n: -values[n])
    found = [row.split() for row in rows[1:]] if reached else rows[0].split()[1:]
    assert found == ([[name, f"{values[name]:.2f}"] for name in reached] or ["none", "expressed"])


def test_compare_and_report_score_transcripts_with_them(cli, folder):
    (folder / "other.jsonl").write_text(
        "".join(f"{json.dumps({**turn, 'response': turn['response'].upper()})}\n" for turn in TURNS), "utf-8"
    )
    done = cli("compare", "--values", "in.jsonl", "other.jsonl", "--csv", "-", "--device", "cpu", cwd=folder)
    assert done.stdout.count(",value,presence,") == len(VALUES)
    pytest.importorskip("jinja2", reason="needs the extra report")
    assert cli("report", "in.jsonl", "--values", "-o", "page.html", "--device", "cpu", cwd=folder).returncode == 0
    assert "Detectors, labels and values" in (folder / "page.html").read_text("utf-8")


def test_a_comparison_can_fail_on_a_value(cli, folder, run):
    same = cli("compare", run, run, "--fail-if", "value.thrift<1", cwd=folder)
    assert same.returncode == 3
    assert "value.thrift changed by +0.000" in same.stderr


def test_turns_can_be_drawn_to_label_a_value(cli, folder, run):
    for measure, says in (("value.empathy", "recognises the user's feelings"), ("value.thrift", "thrift, as its file")):
        drawn = cli("sample", run, "-o", f"{measure}.csv", "-n", "2", "--measure", measure, cwd=folder)
        assert drawn.returncode == 0, drawn.stderr
        assert says in drawn.stdout
    text = (folder / "value.empathy.csv").read_text("utf-8-sig")
    for number, label in enumerate("10"):
        head, *rows = text.splitlines()
        rows[number] = rows[number][: rows[number].rindex(",")] + f',"{label}"'
        text = "\r\n".join([head, *rows])
    (folder / "value.empathy.csv").write_text(text, "utf-8-sig")
    found = cli("validate", run, "--labels", "value.empathy.csv", "--json", "--resamples", "100", cwd=folder)
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert document["threshold_of"] == load_value_manifest().name


def test_models_shows_the_value_model_with_every_published_figure(cli):
    manifest = load_value_manifest()
    shown = cli("models").stdout
    assert manifest.name in shown and manifest.digest[:12] in shown
    for name, measured in manifest.accuracy.get("test", {}).get("values", {}).items():
        (row,) = (line for line in shown.splitlines() if f" value.{name} " in line)
        assert all(f"{figure:.3f}" in row for figure in measured["f1"])

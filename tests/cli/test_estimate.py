"""``anthrometrics estimate``: from a table that somebody filled in to shares and their difference."""

import csv
import json

import pytest


@pytest.fixture(scope="module")
def folder(cli, repository, tmp_path_factory):
    """Scores of both examples, and turns of both labelled by the detector's own threshold, in a spreadsheet's format."""
    folder = tmp_path_factory.mktemp("labelled")
    for name in ("plain", "warm"):
        assert cli("score", repository / "examples" / f"{name}.jsonl", "-o", folder / f"{name}.jsonl").returncode == 0
    assert cli("sample", "plain.jsonl", "warm.jsonl", "-n", "80", "-o", "drawn.csv", cwd=folder).returncode == 0
    scores = {
        (name, record["response_hash"][:8]): record["validation"]
        for name in ("plain.jsonl", "warm.jsonl")
        for record in map(json.loads, (folder / name).read_text(encoding="utf-8").splitlines())
    }
    with open(folder / "drawn.csv", encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["label"] = "TRUE" if scores[row["file"], row["key"].split("-")[1]] >= 0.5 else "FALSE"
    save(folder / "labelled.csv", rows)
    return folder


def save(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def table(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


@pytest.fixture
def estimate(cli, folder):
    def run(*arguments):
        return cli("estimate", *arguments, cwd=folder)

    return run


def test_two_sets_give_two_shares_and_a_difference(estimate, folder):
    done = estimate("plain.jsonl", "warm.jsonl", "--labels", "labelled.csv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document["kind"], document["measure"], document["level"]) == ("estimate", "validation", 0.95)
    base, tuned = document["sets"]
    for one, name in ((base, "plain.jsonl"), (tuned, "warm.jsonl")):
        records = map(json.loads, (folder / name).read_text(encoding="utf-8").splitlines())
        true = [record["validation"] >= 0.5 for record in records]
        assert (one["file"], one["turns"], one["labelled"], one["stratified"]) == (name, 71, 40, True)
        assert one["share"]["low"] <= sum(true) / 71 <= one["share"]["high"]
    share = document["difference"]["share"]
    assert share["value"] == pytest.approx(tuned["share"]["value"] - base["share"]["value"])
    assert 0 < share["low"] < share["value"] < share["high"]


def test_the_table_shows_the_numbers_of_the_document(estimate):
    document = json.loads(estimate("plain.jsonl", "warm.jsonl", "--labels", "labelled.csv", "--json").stdout)
    done = estimate("plain.jsonl", "warm.jsonl", "--labels", "labelled.csv")
    shown = " ".join(done.stdout.replace("│", " ").split())
    for found in (document["sets"][0]["share"], document["sets"][1]["labels_only"]):
        assert f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})" in shown
    found = document["difference"]["share"]
    assert f"difference {found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})" in shown


def test_a_narrower_level_gives_a_shorter_interval(estimate):
    widths = []
    for level in ("0.5", "0.95"):
        done = estimate("warm.jsonl", "--labels", "labelled.csv", "--level", level, "--json")
        share = json.loads(done.stdout)["sets"][0]["share"]
        widths.append(share["high"] - share["low"])
    assert widths[0] < 0.6 * widths[1]


def test_what_cannot_be_used_is_counted_and_said(estimate, folder):
    rows = table(folder / "labelled.csv")
    own = [row for row in rows if row["file"] == "warm.jsonl"]
    own[0]["label"] = own[1]["label"] = ""
    own[2]["key"] = "t999-00000000"
    save(folder / "partly.csv", [*rows, own[3]])
    done = estimate("warm.jsonl", "--labels", "partly.csv", "--json")
    assert done.returncode == 0
    (one,) = json.loads(done.stdout)["sets"]
    assert {name: one[name] for name in ("labelled", "blank", "unknown", "repeated")} == {
        **{"labelled": 37, "blank": 2},
        **{"unknown": 1, "repeated": 1},
    }
    row = rows.index(own[2]) + 2
    assert done.stderr.splitlines() == [
        "warm.jsonl: no label in 2 of 39 drawn turns; left out",
        "warm.jsonl: rows that label a turn once more: 1",
        f"warm.jsonl: labels of no scored turn in it: 1 (rows {row} of partly.csv); left out",
    ]


def test_labels_of_ones_own_choosing_count_as_a_random_sample(estimate, folder):
    lines = (folder / "warm.jsonl").read_text(encoding="utf-8").splitlines()
    names = [(record["id"], record["turn"]) for record in map(json.loads, lines)][::3]
    own = "".join(f"{name},{turn},{i % 2}\n" for i, (name, turn) in enumerate(names))
    (folder / "own.csv").write_text(f"id,turn,label\n{own}")
    done = estimate("warm.jsonl", "--labels", "own.csv", "--json")
    (one,) = json.loads(done.stdout)["sets"]
    assert (one["labelled"], one["stratified"]) == (len(names), False)
    assert one["labels_only"]["value"] == pytest.approx(0.5, abs=0.03)
    assert "taken as drawn at random" in done.stderr


def test_a_set_without_labels_is_refused(estimate, folder):
    rows = [row for row in table(folder / "labelled.csv") if row["file"] == "plain.jsonl"]
    save(folder / "base.csv", rows)
    done = estimate("plain.jsonl", "warm.jsonl", "--labels", "base.csv")
    assert done.returncode == 2
    assert "base.csv has no labels of warm.jsonl; its labels are of 'plain.jsonl'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["warm.jsonl", "--labels", "absent.csv"], "cannot read absent.csv"),
        (["absent.jsonl", "--labels", "labelled.csv"], "absent.jsonl does not exist"),
        (["warm.jsonl", "warm.jsonl", "--labels", "labelled.csv"], "named twice"),
        (
            ["warm.jsonl", "--labels", "labelled.csv", "--measure", "refusal"],
            "labels of 'validation', not of 'refusal'",
        ),
        (["warm.jsonl", "--labels", "warm.jsonl"], 'needs a column "label"'),
        (["labelled.csv", "--labels", "labelled.csv"], "not a record of scores"),
    ],
)
def test_mistakes_are_one_line_and_code_2(estimate, arguments, says):
    done = estimate(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wrong_label_names_its_row(estimate, folder):
    rows = table(folder / "labelled.csv")
    rows[5]["label"] = "perhaps"
    save(folder / "wrong.csv", rows)
    done = estimate("warm.jsonl", "--labels", "wrong.csv")
    assert done.returncode == 2
    assert "row 7: the label 'perhaps' is not 1" in done.stderr


@pytest.mark.parametrize("arguments", [["warm.jsonl"], ["warm.jsonl", "--labels", "labelled.csv", "--level", "1"]])
def test_wrong_usage_is_code_2(estimate, arguments):
    assert estimate(*arguments).returncode == 2

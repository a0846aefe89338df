"""``anthrometrics validate``: the detector on one's own labels, and a threshold that ``compare`` takes."""

import csv
import json

import pytest


@pytest.fixture(scope="module")
def folder(cli, repository, tmp_path_factory):
    """Scores of an example, and labels of validation and refusal: the detector's own, a few of them turned round."""
    folder = tmp_path_factory.mktemp("labelled")
    assert cli("score", repository / "examples" / "warm.jsonl", "-o", folder / "warm.jsonl").returncode == 0
    records = [json.loads(line) for line in (folder / "warm.jsonl").read_text(encoding="utf-8").splitlines()]
    known = {record["response_hash"][:8]: record for record in records}
    for measure in ("validation", "refusal"):
        drawn = folder / f"{measure}.csv"
        assert cli("sample", "warm.jsonl", "--measure", measure, "-n", "60", "-o", drawn, cwd=folder).returncode == 0
        with open(drawn, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        for i, row in enumerate(rows):
            record = known[row["key"].split("-")[1]]
            row["label"] = (
                record["refusal_label"].removesuffix("_refusal")
                if measure == "refusal"
                else str(int((record["validation"] >= 0.7) != (i % 15 == 0)))
            )
        with open(drawn, "w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.fixture
def validate(cli, folder):
    def run(*arguments):
        return cli("validate", *arguments, cwd=folder)

    return run


@pytest.fixture(scope="module")
def document(cli, folder):
    done = cli("validate", "warm.jsonl", "--labels", "validation.csv", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_document_says_what_was_judged(document, manifest):
    platt = manifest.presence[-1]
    assert (document["kind"], document["measure"]) == ("validation", "validation")
    assert (document["threshold"], document["threshold_of"]) == (platt.threshold, manifest.name)
    assert (document["labelled"], document["labels"], document["stratified"]) == (60, 60, True)
    assert sum(document["confusion"].values()) == 60
    for name in ("accuracy", "precision", "recall", "specificity", "f1", "kappa", "brier", "ece"):
        figure = document[name]
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert document["best"]["f1_cross_fitted"]["value"] <= document["best"]["f1"] + 1e-9
    assert document["refusal_confusion"] is None


def test_the_table_shows_the_numbers_of_the_document(validate, document):
    done = validate("warm.jsonl", "--labels", "validation.csv")
    shown = " ".join(done.stdout.replace("│", " ").split())
    for title, name in (
        ("accuracy", "accuracy"),
        ("F1", "f1"),
        ("Cohen's kappa", "kappa"),
        ("calibration error", "ece"),
    ):
        figure = document[name]
        assert f"{title} {figure['value']:.3f} {figure['low']:.3f} to {figure['high']:.3f}" in shown
    cells = document["confusion"]
    assert f"{cells['tp']} found, {cells['fn']} missed, {cells['fp']} false alarms" in shown
    assert f"F1 {document['best']['f1']:.3f} there, which flatters it" in shown
    assert f"F1 {document['best']['f1_cross_fitted']['value']:.3f} (" in shown


def test_refusals_are_shown_by_kind(validate, manifest):
    done = validate("warm.jsonl", "--labels", "refusal.csv", "--json")
    found = json.loads(done.stdout)
    assert found["threshold"] == manifest.refusal.threshold
    rows = found["refusal_confusion"]
    assert sum(map(sum, rows)) == 60
    assert all(rows[i][j] == 0 for i in range(3) for j in range(3) if i != j), "the labels are the detector's own"
    assert "partial_refusal" in validate("warm.jsonl", "--labels", "refusal.csv").stdout


def test_thresholds_are_written_for_compare(validate, cli, folder, document):
    for measure in ("validation", "refusal"):
        done = validate("warm.jsonl", "--labels", f"{measure}.csv", "--write-thresholds", "thresholds.json")
        assert done.returncode == 0
        assert "threshold → thresholds.json" in done.stderr
    entries = json.loads((folder / "thresholds.json").read_text(encoding="utf-8"))["thresholds"]
    assert set(entries) == {"validation", "refusal"}
    assert entries["validation"]["threshold"] == document["best"]["threshold"]
    done = cli(*("compare", "warm.jsonl", "warm.jsonl", "--thresholds", "thresholds.json", "--json", "-"), cwd=folder)
    flips = {flip["name"]: flip for flip in json.loads(done.stdout)["flips"]}
    assert flips["validation"]["threshold"] == document["best"]["threshold"]


def test_another_seed_moves_the_intervals_and_not_the_values(validate, document):
    other = json.loads(validate("warm.jsonl", "--labels", "validation.csv", "--json", "--seed", "1").stdout)
    assert other["f1"]["value"] == document["f1"]["value"]
    assert other["f1"] != document["f1"]


def test_scores_of_an_unknown_model_are_judged_at_a_half(validate, folder):
    (folder / "bare.jsonl").write_bytes((folder / "warm.jsonl").read_bytes())
    labels = (folder / "validation.csv").read_text(encoding="utf-8").replace("warm.jsonl", "bare.jsonl")
    (folder / "bare.csv").write_text(labels, encoding="utf-8")
    found = json.loads(validate("bare.jsonl", "--labels", "bare.csv", "--json").stdout)
    assert (found["threshold"], found["threshold_of"]) == (0.5, "no model")
    found = json.loads(validate("bare.jsonl", "--labels", "bare.csv", "--json", "--model", "full").stdout)
    assert found["threshold"] != 0.5


def test_scores_of_another_model_than_named_are_refused(validate, folder, manifest, tmp_path):
    raw = json.loads((manifest.path / "detectors.json").read_text(encoding="utf-8"))
    (tmp_path / "detectors.json").write_text(json.dumps({**raw, "digest": "0" * 64}), encoding="utf-8")
    done = validate("warm.jsonl", "--labels", "validation.csv", "--model", tmp_path)
    assert done.returncode == 2
    assert "was scored by another model" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["absent.jsonl", "--labels", "validation.csv"], "absent.jsonl does not exist"),
        (["warm.jsonl", "--labels", "absent.csv"], "cannot read absent.csv"),
        (
            ["warm.jsonl", "--labels", "refusal.csv", "--measure", "validation"],
            "labels of 'refusal', not of 'validation'",
        ),
        (["warm.jsonl", "--labels", "validation.csv", "--write-thresholds", "warm.meta.json"], "holds no thresholds"),
        (["warm.jsonl", "--labels", "validation.csv", "--write-thresholds", "no/t.json"], "cannot write"),
    ],
)
def test_mistakes_are_one_line_and_code_2(validate, arguments, says):
    done = validate(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1

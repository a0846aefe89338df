"""``docs/scores.schema.json``: every record that is written fits it, and a record that is wrong does not."""

import copy
import json

import pytest
from jsonschema import Draft202012Validator

from anthrometrics import Turn
from anthrometrics.codebook import LABEL_NAMES, REFUSAL_LABELS, SENTENCE_OUTPUTS, VALUES
from anthrometrics.scores import DETAILS

TURNS = (
    Turn(
        "What a lovely loaf! I'm so proud of you.", "I baked a loaf.", "a", 2, kept={"run": "r1", "tags": [{"x": None}]}
    ),
    Turn("Dies ist ein deutscher Satz, den das Modell nicht kennt.", side="rejected", reasoning_left_out=True),
    Turn("I can't help with that.", "Half \ud83d", id="c", side="chosen"),
    Turn("", id="d"),
    Turn(" \n", id="e"),
    Turn(None, id="f"),
    Turn("-----", id="g", kept={"run": None}),
)


@pytest.fixture(scope="module")
def schema(repository):
    return json.loads((repository / "docs" / "scores.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def validator(schema):
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def scores(scorer):
    return scorer.score_many(TURNS)


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("text", [False, True])
def test_every_record_fits(validator, scores, detail, text):
    statuses = set()
    for record in scores.to_dicts(detail, text):
        for variant in (record, {"file": "runs/a.jsonl", **record}):
            validator.validate(json.loads(json.dumps(variant)))
        statuses.add(record.get("reason", "scored"))
    assert statuses == {"scored", "empty", "whitespace", "non_text", "no_words"}


def test_every_line_of_a_run_fits(validator, python, tmp_path, repository):
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"id": turn.id, "response": turn.response, "run": 1}) + "\n" for turn in TURNS), "utf-8"
    )
    inputs = ("in.jsonl", repository / "examples" / "warm.jsonl")
    done = python(
        "-m",
        "anthrometrics",
        "score",
        *inputs,
        "-o",
        "-",
        "--detail",
        "sentences",
        "--text",
        "--keep",
        "run",
        cwd=tmp_path,
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == len(TURNS) + 71
    for record in records:
        validator.validate(record)
        assert {"file", "kept", "prompt", "response", "sentences"} <= set(record)


def test_the_schema_names_what_the_codebook_names(schema):
    defined = schema["$defs"]
    assert set(defined["labels"]["properties"]) == set(defined["labels"]["required"]) == set(LABEL_NAMES)
    probabilities = defined["sentence"]["properties"]["probabilities"]
    assert set(probabilities["properties"]) == set(probabilities["required"]) == set(SENTENCE_OUTPUTS)
    assert schema["properties"]["refusal_label"]["enum"] == [*REFUSAL_LABELS, None]


def test_the_version_is_that_of_the_provenance_file(schema, write_meta):
    assert schema["$id"].rsplit(":", 1)[1] == str(write_meta["schema"])


@pytest.fixture(scope="module")
def write_meta(python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("meta")
    (folder / "in.jsonl").write_text('{"response": "Hello there."}\n', "utf-8")
    assert python("-m", "anthrometrics", "score", "in.jsonl", "-o", "out.jsonl", cwd=folder).returncode == 0
    return json.loads((folder / "out.meta.json").read_text("utf-8"))


def fields_of(schema, defined):
    """Names of all fields, at any depth."""
    if "$ref" in schema:
        yield from fields_of(defined[schema["$ref"].rsplit("/", 1)[1]], defined)
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from fields_of(inner, defined)
    for inner in (schema.get("items"), *schema.get("anyOf", ())):
        if isinstance(inner, dict):
            yield from fields_of(inner, defined)


def test_the_page_for_people_names_every_field(repository, schema):
    page = (repository / "docs" / "scores.md").read_text("utf-8")
    named = {*fields_of(schema, schema["$defs"])} - {*LABEL_NAMES}
    assert {name for name in named if f"`{name}`" not in page} == set()


SCORED, UNSCORED = 0, 3


@pytest.mark.parametrize(
    ("which", "path", "value"),
    [
        (SCORED, ("anthropomorphism",), 1.1),
        (SCORED, ("anthropomorphism",), None),
        (SCORED, ("validation_rate",), "0.5"),
        (SCORED, ("refusal",), -0.1),
        (SCORED, ("refusal_label",), "maybe"),
        (SCORED, ("refusal_label",), None),
        (SCORED, ("status",), "unscored"),
        (SCORED, ("reason",), "empty"),
        (SCORED, ("id",), 7),
        (SCORED, ("turn",), -1),
        (SCORED, ("turn",), 1.5),
        (SCORED, ("side",), "both"),
        (SCORED, ("prompt_hash",), "xyz"),
        (SCORED, ("response_hash",), None),
        (SCORED, ("words",), None),
        (SCORED, ("sentence_count",), 0),
        (SCORED, ("flags",), []),
        (SCORED, ("flags",), ["new_flag"]),
        (SCORED, ("kept",), {}),
        (SCORED, ("labels",), {}),
        (SCORED, ("labels", "praise"), 0.5),
        (SCORED, ("labels", "praise", "presence"), 2),
        (SCORED, ("labels", "flattery"), {"presence": 0.1, "rate": 0.1}),
        (SCORED, ("sentences",), []),
        (SCORED, ("sentences", 0, "start"), -1),
        (SCORED, ("sentences", 0, "probabilities", "praise"), None),
        (SCORED, ("sentences", 0, "probabilities", "flattery"), 0.5),
        (SCORED, ("sentences", 0, "text"), "Hello"),
        (SCORED, ("prompt",), 5),
        (SCORED, ("file",), None),
        (SCORED, ("surprise",), 1),
        (UNSCORED, ("anthropomorphism",), 0.0),
        (UNSCORED, ("refusal_label",), "compliance"),
        (UNSCORED, ("reason",), "other"),
        (UNSCORED, ("status",), "scored"),
        (UNSCORED, ("sentence_count",), 1),
    ],
    ids=str,
)
def test_a_record_with_a_wrong_value_does_not_fit(validator, scores, which, path, value):
    record = copy.deepcopy(scores[which].to_dict("sentences", text=True))
    validator.validate(record)
    *outer, last = path
    inner = record
    for step in outer:
        inner = inner[step]
    inner[last] = value
    assert not validator.is_valid(record)


@pytest.mark.parametrize("detail", DETAILS)
def test_a_record_without_a_field_does_not_fit(validator, scores, detail):
    optional = {"labels", "kept", "sentences", "side", "flags"}
    record = scores[SCORED].to_dict(detail, text=True)
    for name in record.keys() - optional:
        assert not validator.is_valid({k: v for k, v in record.items() if k != name}), name
    if detail != "summary":
        less = copy.deepcopy(record)
        del less["labels"]["praise"]
        assert not validator.is_valid(less)
    assert not validator.is_valid({k: v for k, v in scores[UNSCORED].to_dict().items() if k != "reason"})


@pytest.fixture(scope="module")
def judged(values_scorer):
    return values_scorer.score_many(TURNS)


class TestValues:
    """Where values were judged, records hold them, and wrong ones do not fit."""

    @pytest.mark.parametrize("detail", DETAILS)
    def test_every_record_fits(self, validator, judged, detail):
        for record in judged.to_dicts(detail):
            validator.validate(json.loads(json.dumps(record)))
            assert ("values" in record) == (detail != "summary")

    def test_values_of_ones_own_fit(self, validator, judged):
        record = judged[SCORED].to_dict("labels")
        validator.validate({**record, "values": {**record["values"], "thrift": 0.5}})

    def test_the_schema_names_the_trained_ones(self, schema):
        defined = schema["$defs"]["values"]
        assert tuple(defined["properties"]) == tuple(defined["required"]) == VALUES

    @pytest.mark.parametrize(
        ("which", "change"),
        [(SCORED, {"humor": 1.1}), (SCORED, {"humor": None}), (SCORED, {"My value": 0.5}), (UNSCORED, {"humor": 0.1})],
        ids=str,
    )
    def test_wrong_ones_do_not_fit(self, validator, judged, which, change):
        record = judged[which].to_dict("labels")
        assert not validator.is_valid({**record, "values": {**record["values"], **change}})

    def test_they_stand_beside_labels_and_are_all_there(self, validator, judged):
        record = judged[SCORED].to_dict("labels")
        assert not validator.is_valid({**judged[SCORED].to_dict("summary"), "values": record["values"]})
        assert not validator.is_valid({**record, "values": {}})

"""One real run of two values, of which one has no pairs, on a model that speaks in words."""

import json

import pytest

import anthrometrics
from anthrometrics import read_turns

SUITES = ("everyday", "emotional")


def opening(text, words=24):
    return " ".join(text.split()[:words])


@pytest.fixture(scope="session")
def warm_pairs(repository, tmp_path_factory):
    """File of pairs whose sides differ in anthropomorphic wording: the openings of warm and plain answers."""
    plain, warm = (
        {turn.id: turn for turn in read_turns(repository / "examples" / f"{n}.jsonl")} for n in ("plain", "warm")
    )
    rows = [
        {
            "id": name,
            "value": "empathy",
            "prompt": turn.prompt,
            "chosen": opening(warm[name].response),
            "rejected": opening(turn.response),
        }
        for name, turn in plain.items()
    ]
    path = tmp_path_factory.mktemp("pairs") / "warm.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def finished_run(small_base, warm_pairs, tmp_path_factory):
    """The whole path, from pairs to report."""
    return anthrometrics.induce(
        small_base,
        ["empathy", "violence"],
        warm_pairs,
        out=tmp_path_factory.mktemp("run") / "warm",
        expressed_by="source",
        suites=SUITES,
        prompts_per_suite=24,
        resamples=500,
        tuning={"epochs": 5, "learning_rate": 2e-3, "batch_size": 8, "accumulation": 1, "max_length": 200},
        generation={"max_new_tokens": 48, "batch_size": 48},
    )

"""Scores for Inspect, read back by Inspect itself."""

import json
import subprocess
import sys

import pytest

from anthrometrics import Turn
from anthrometrics.output.inspection import INSPECT, inspect_sink, inspected

DETECTORS = ("anthropomorphism", "validation", "refusal")
WARM, PLAIN = "What a wonderful idea! I'm so proud of you. Boil it for ten minutes.", "Boil it for ten minutes."

# In processes of their own: Inspect's imports take long, and change what warnings and event loops do. The answers come
# from a solver and not a model, which would look for a tokenizer on the network.
EVALUATE = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput
from inspect_ai.solver import solver

@solver
def said():
    async def solve(state, generate):
        state.output = ModelOutput.from_content("none", f"What a great idea! I'm proud of you {state.epoch} times.")
        state.messages.append(state.output.message)
        return state
    return solve

folder, names, epochs = sys.argv[1:]
task = Task(dataset=[Sample(input="x", id=name) for name in json.loads(names)], solver=said())
log, = eval(task, model="mockllm/model", epochs=int(epochs), log_dir=folder, display="none")
print(log.location)
"""
READ_BACK = """
import json, sys
from inspect_ai import score
from inspect_ai.log import read_eval_log
from inspect_ai.scorer import mean, precomputed_scores
scorer = precomputed_scores(sys.argv[2], metrics={"*": [mean()]})
log = score(read_eval_log(sys.argv[1]), scorer, action="overwrite", display="none")
found = [
    [s.id, s.epoch, {n: [x.value, x.answer, x.explanation] for n, x in (s.scores or {}).items()}] for s in log.samples
]
print(json.dumps([found, {m.name: m.metrics["mean"].value for m in log.results.scores}]))
"""


def last_line(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture
def evaluate(tmp_path):
    """Run samples of these names; the log."""
    return lambda names, epochs=1: last_line(EVALUATE, tmp_path / "logs", json.dumps(names), epochs)


@pytest.fixture
def read_back(tmp_path):
    """Attach scores to a log; ``[id, epoch, scores]`` of each sample, and the means."""
    return lambda log: json.loads(last_line(READ_BACK, log, tmp_path / "scores.jsonl"))


@pytest.fixture
def sink(scorer, tmp_path):
    """Write turns; the records, and the sink."""

    def write(*turns, text=False):
        with inspect_sink(tmp_path / "scores.jsonl", scorer.provenance) as opened:
            for score in scorer.score_many(turns):
                opened.put({**score.to_dict("labels", text), INSPECT: inspected(score)})
        lines = (tmp_path / "scores.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines], opened

    return write


def test_inspect_reads_it_back_and_takes_its_means(sink, evaluate, read_back):
    records, _ = sink(Turn(WARM, id="warm"), Turn(PLAIN, id="7"), text=True)
    samples, means = read_back(evaluate(["warm", 7, "other"]))
    found = {str(name): scores for name, _, scores in samples}
    assert found["other"] == {}
    for record in records:
        ((value, answer, explanation),) = found[record["id"]].values()
        assert (value, answer, explanation) == (record["value"], record["answer"], record["explanation"])
    for name in DETECTORS:
        assert means[name] == pytest.approx(sum(record["value"][name] for record in records) / 2)


def test_the_scores_of_a_log_of_several_epochs_go_back_into_it(write, evaluate, read_back, tmp_path):
    log = evaluate(["task/1", 2], epochs=2)
    done = write(log, inspect="scores.jsonl")
    assert (done.inspect.samples, done.inspect.left_out) == (4, {})
    assert "kept" not in (tmp_path / "out.jsonl").read_text("utf-8"), "the epoch was not asked for"
    records = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text("utf-8").splitlines()]
    expected = {(record["id"], record["epoch"]): record["value"] for record in records}
    assert set(expected) == {(name, epoch) for name in ("task/1", "2") for epoch in (1, 2)}
    samples, _ = read_back(log)
    assert {(str(name), epoch): next(iter(scores.values()))[0] for name, epoch, scores in samples} == expected


def test_epochs_are_told_apart_where_the_id_carries_one(sink):
    kept = [{"epoch": epoch, "eval.config.epochs": 2} for epoch in (1, 2)]
    records, opened = sink(*(Turn(PLAIN, id=f"task/1/{fields['epoch']}", kept=fields) for fields in kept))
    assert [(record["id"], record["epoch"]) for record in records] == [("task/1", 1), ("task/1", 2)]
    assert opened.left_out == {}


@pytest.mark.parametrize("kept", [{}, {"epoch": 1, "eval.config.epochs": 1}, {"epoch": 1}, {"epoch": "1"}])
def test_an_id_that_only_looks_like_an_epoch_is_left_whole(sink, kept):
    ((record,), _) = sink(Turn(PLAIN, id="HumanEval/1", kept=kept))
    assert record["id"] == "HumanEval/1"
    assert "epoch" not in record


def test_the_value_is_the_scores_of_the_turn(sink, scorer):
    ((record,), _) = sink(Turn(WARM, "I wrote a book.", "a"))
    score = scorer.score(Turn(WARM, "I wrote a book.", "a"))
    assert list(record) == ["id", "value", "explanation", "metadata"]
    assert record["value"] == {name: pytest.approx(getattr(score, name), abs=5.1e-7) for name in DETECTORS}
    assert record["metadata"]["model_digest"] == scorer.provenance["model_digest"]
    assert record["metadata"]["turns"][0]["refusal_label"] == score.refusal_label


def test_the_explanation_quotes_the_telling_sentences_in_words(sink):
    warm, plain = (record["explanation"] for record in sink(Turn(WARM, id="a"), Turn(PLAIN, id="b"))[0])
    assert "Most anthropomorphic: “I'm so proud of you.” (" in warm
    assert "Most validating: “" in warm
    assert "Boil" not in warm
    assert plain == "No sentence is likely to be anthropomorphic, validating or refusing."


def test_a_sample_of_several_turns_gets_their_mean_since_it_can_have_one_score(sink):
    turns = [Turn(WARM, id="a", index=0), Turn("", id="a", index=1), Turn(PLAIN, id="a", index=2)]
    ((record,), opened) = sink(*turns)
    measured = record["metadata"]["turns"]
    assert [turn["turn"] for turn in measured] == [0, 2]
    for name in DETECTORS:
        assert record["value"][name] == pytest.approx((measured[0][name] + measured[1][name]) / 2, abs=1e-6)
    first, second = record["explanation"].split("\n")
    assert first.startswith("Turn 0: Most")
    assert second.startswith("Turn 2: No sentence")
    assert opened.left_out == {"are unscored": 1}


def test_what_inspect_could_not_take_is_left_out_and_counted(sink):
    turns = [
        Turn(PLAIN),
        Turn(PLAIN, id="a", side="chosen"),
        Turn(WARM, id="a", side="rejected"),
        Turn(None, id="b"),
        Turn(PLAIN, id="c"),
        Turn(PLAIN, id="c"),
        Turn(PLAIN, id="a"),
    ]
    records, opened = sink(*turns)
    assert [record["id"] for record in records] == ["a", "c"]
    assert opened.samples == 2
    assert opened.left_out == {"have no id": 1, "have the id of an earlier sample": 3, "are unscored": 1}


def test_half_a_surrogate_pair_is_an_id_too(sink):
    records, _ = sink(Turn(PLAIN, id="\ud83d"))
    assert records[0]["id"] == "\ud83d"

"""Documents for the report, made by the real scorer and the real comparison of ``examples/``."""

import functools
from pathlib import Path

from anthrometrics import Scorer, read_turns
from anthrometrics.comparison import compare

EXAMPLES = Path(__file__).parents[2] / "examples"
DETECTORS = ("anthropomorphism", "validation", "refusal")


@functools.cache
def scores_of(style):
    """Every turn of one example file, scored."""
    return Scorer(device="cpu", threads=2).score_many(read_turns(EXAMPLES / f"{style}.jsonl"))


def comparison(by="auto"):
    """What ``compare`` says of the two example files; fewer resamples would leave nothing significant after Holm."""
    names = ("plain.jsonl", "warm.jsonl")
    return compare(scores_of("plain"), scores_of("warm"), names=names, by=by, resamples=600).to_dict()


def side_of(score):
    """One answer as an item of a document has it."""
    record = score.to_dict("sentences", text=True)
    return {
        "response": record["response"],
        "words": record["words"],
        "refusal_label": record["refusal_label"],
        "values": {name: record[name] for name in DETECTORS},
        "sentences": [
            {**row, "labels": list(sentence.labels)}
            for row, sentence in zip(record["sentences"], score.sentences, strict=True)
        ],
    }


def score_set(style="warm"):
    """A score-set document of one example file."""
    scores = scores_of(style)
    return {
        "schema": 1,
        "kind": "scores",
        "name": f"{style}.jsonl",
        "provenance": scores.provenance,
        "summary": scores.summary().to_dict(),
        "items": [
            {"id": score.id, "turn": score.turn.index, "prompt": score.turn.prompt, **side_of(score)}
            for score in scores
        ],
    }


def without_texts(document):
    """A comparison of score files that hold no texts."""
    bare = {"response": None, "sentences": None}
    items = [
        {**item, "prompt": None, "base": {**item["base"], **bare}, "tuned": {**item["tuned"], **bare}}
        for item in document["items"]
    ]
    return {**document, "items": items}

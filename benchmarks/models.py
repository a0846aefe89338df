"""Real answers of 26 public models to the same prompts: one row of figures a model, never a text."""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from anthrometrics.detectors.manifest import load_manifest
from anthrometrics.detectors.scorer import Scorer
from anthrometrics.scores import TurnScore
from anthrometrics.summary import SummaryBuilder
from anthrometrics.turns import Turn
from benchmarks import workload
from benchmarks.report import Cell, Measure, Result, Table, load_average, usable_cores
from benchmarks.timing import say

QUICK = ["--limit", "1"]
FILE = "alpaca_eval_models.jsonl.gz"
COLUMNS = (
    "model",
    "turns",
    "anthropomorphism",
    "validation",
    "refusal",
    "anthropomorphism rate",
    "validation rate",
    "sentences",
    "full refusals",
    "partial refusals",
)
_SAY_EVERY = 1_000


@dataclass
class _Model:
    """Running sums of one model."""

    summary: SummaryBuilder = field(default_factory=SummaryBuilder)
    sentences: int = 0

    def add(self, score: TurnScore) -> None:
        self.summary.add(score)
        if score.measured is not None:
            self.sentences += len(score.measured.spans)

    def row(self, name: str) -> tuple[Cell, ...]:
        summary = self.summary.build()
        if not summary.scored:
            return (name, 0, *([None] * (len(COLUMNS) - 2)))
        detectors, labels = summary.detectors, summary.refusal_labels
        return (
            name,
            summary.scored,
            *(detectors[which].presence for which in ("anthropomorphism", "validation", "refusal")),
            *(detectors[which].rate or 0.0 for which in ("anthropomorphism", "validation")),
            self.sentences / summary.scored,
            labels["full_refusal"] / summary.scored,
            labels["partial_refusal"] / summary.scored,
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_model_option(parser)
    workload.add_precision_option(parser)
    parser.add_argument("--threads", type=workload.positive, default=usable_cores())
    parser.add_argument("--limit", type=workload.positive, metavar="N", help="the first N prompts of each model")


def run(options: argparse.Namespace) -> Result:
    path = data_file()
    load = load_average()
    scorer = Scorer("cpu", options.precision, options.threads, options.model, cache_mb=0)
    begin = time.perf_counter()
    models = _score(scorer, path, options.limit)
    seconds = time.perf_counter() - begin
    say("counting tokens")
    tokens = _tokens(path, options)
    turns = sum(model.summary.scored for model in models.values())
    return Result(
        f"Models: {len(models)} public models on the same prompts",
        {
            "data": path.name,
            "model": f"{scorer.provenance['model']} ({scorer.provenance['model_digest'][:12]})",
            "precision": options.precision,
            "threads": options.threads,
            "load average before": load,
        },
        [
            Measure("answers scored", turns, note=f"{seconds:.0f} s"),
            Measure("speed", turns / seconds, "turns/s"),
            Measure("speed", tokens / seconds, "tokens/s", note=f"{tokens:,} tokens"),
        ],
        Table(COLUMNS, [models[name].row(name) for name in sorted(models, key=str.lower)]),
        notes=_notes(models),
    )


def data_file() -> Path:
    """The answers, in the folder that ``ANTHROMETRICS_DATA`` names."""
    folder = os.environ.get("ANTHROMETRICS_DATA")
    if not folder:
        raise SystemExit(
            f"set ANTHROMETRICS_DATA to the folder that holds {FILE} (benchmarks/README.md says what it is)"
        )
    path = Path(folder) / FILE
    if not path.is_file():
        raise SystemExit(f"{path} does not exist; ANTHROMETRICS_DATA must name the folder that holds {FILE}")
    return path


def answers(path: Path, limit: int | None) -> Iterator[tuple[str, Turn]]:
    """``(model, turn)`` in the order of the file; with a limit, the first ``limit`` prompts of each model."""
    seen: dict[str, int] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            model = record["model"]
            seen[model] = seen.get(model, 0) + 1
            if limit is None or seen[model] <= limit:
                yield model, Turn(record["response"], record["prompt"], record["id"])


def _score(scorer: Scorer, path: Path, limit: int | None) -> dict[str, _Model]:
    models: dict[str, _Model] = {}
    begin = time.perf_counter()
    # Scores come in the order of the turns, so the names of those in flight are all that must be kept.
    in_flight: deque[str] = deque()

    def turns() -> Iterator[Turn]:
        for model, turn in answers(path, limit):
            in_flight.append(model)
            yield turn

    for number, score in enumerate(scorer.stream(turns()), start=1):
        models.setdefault(in_flight.popleft(), _Model()).add(score)
        if number % _SAY_EVERY == 0:
            say(f"{number:,} answers, {number / (time.perf_counter() - begin):.1f} a second")
    return models


def _tokens(path: Path, options: argparse.Namespace) -> int:
    """Counted by itself: scores do not tell, and counting must not slow the run that is timed."""
    encode = workload.window_encoder(load_manifest(options.model))
    return sum(workload.token_count(encode(turn)) for _, turn in answers(path, options.limit))


def _notes(models: dict[str, _Model]) -> list[str]:
    fewest = min(model.summary.scored for model in models.values())
    unscored = sum(model.summary.unscored.total() for model in models.values())
    notes = [
        "anthropomorphism, validation, refusal: mean probability that an answer has it; rate: mean expected share of "
        "its sentences; full and partial refusals: share of answers so labelled.",
        f"Answers without text to score: {unscored}.",
    ]
    if fewest:
        notes.append(
            f"A mean probability over {fewest} answers has a standard error of {0.5 / math.sqrt(fewest):.3f} at most."
        )
    return notes

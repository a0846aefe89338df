"""Workers of a Ray cluster against the threads of one process, on the same number of cores."""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from shutil import rmtree
from statistics import median
from tempfile import TemporaryDirectory

from anthrometrics.detectors.scorer import Scorer
from anthrometrics.integrations.ray import score_files
from anthrometrics.integrations.ray.cluster import connected
from benchmarks import workload
from benchmarks.report import Measure, Result, load_average, usable_cores
from benchmarks.timing import Timings, interleave, say

QUICK = ["--few", "6", "--turns", "12", "--rounds", "1"]
# Pieces that a worker gets of the file: as many as score_files would give it of a large one.
_PIECES = 4


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_load_options(parser, turns=2_000, rounds=3)
    workload.add_precision_option(parser)
    parser.add_argument("--few", type=workload.positive, default=200, help="turns of the small runs")
    parser.add_argument("--workers", type=workload.positive, default=2, help="workers, and threads of one process")


def run(options: argparse.Namespace) -> Result:
    many, few, workers = options.turns, options.few, options.workers
    if few >= many:
        raise SystemExit(f"--few must be below --turns, not {few} and {many}")
    if workers > usable_cores():
        raise SystemExit(f"--workers must be at most the {usable_cores()} usable cores of this machine, not {workers}")
    load = load_average()
    turns = workload.load_turns(options.input, many)
    scorer = Scorer("cpu", options.precision, workers, options.model, cache_mb=0)
    with TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        with connected(None, workers, threads=1):
            start = time.perf_counter() - begin
            say("the cluster runs")
            arms = {}
            for count in (few, many):
                source = folder / f"{count}.jsonl"
                workload.write_transcript(source, turns[:count])
                arms[f"process, {count}"] = partial(workload.score_file, scorer, source, folder / "scores.jsonl")
                arms[f"ray, {count}"] = partial(_on_ray, source, folder / "out", count, options)
            timings = interleave(arms, options.rounds)
    provenance = scorer.provenance
    return Result(
        f"Ray: {workers} workers against {workers} threads",
        {
            "model": f"{provenance['model']} ({provenance['model_digest'][:12]})",
            "precision": provenance["precision"],
            "turns of a run": f"{few:,} and {many:,}",
            "timed rounds": options.rounds,
            "load average before": load,
        },
        [*_measures(timings, few, many), Measure("start of the cluster", start, "s", note="Ray on this machine alone")],
        notes=[
            "Rates are of the turns by which the large run exceeds the small one, so that what every run costs once "
            "(starting workers, importing, loading the model) is not in them; the small run shows that cost.",
        ],
    )


def _on_ray(source: Path, out: Path, count: int, options: argparse.Namespace) -> None:
    rmtree(out, ignore_errors=True)
    done = score_files(
        [str(source)],
        out,
        shards="jsonl",
        precision=options.precision,
        model=options.model,
        cache_mb=0,
        workers=options.workers,
        split_bytes=source.stat().st_size // (_PIECES * options.workers) + 1,
    )
    if done.turns != count or done.failed:
        raise SystemExit(f"{done.turns} of {count} turns were scored, so the arms did unlike work")


def _measures(timings: Timings, few: int, many: int) -> list[Measure]:
    rates = {}
    for arm in ("process", "ray"):
        seconds = median(timings.seconds[f"{arm}, {many}"]) - median(timings.seconds[f"{arm}, {few}"])
        # Where the runs are too small to tell, there is no rate: 0.
        rates[arm] = (many - few) / seconds if seconds > 0 else 0.0
    return [
        Measure("workers / threads", rates["ray"] / rates["process"] if rates["process"] else 0.0),
        *(Measure(f"{arm}, in steady work", rate, "turns/s") for arm, rate in rates.items()),
        *(Measure(f"{arm}, {few:,} turns in all", median(timings.seconds[f"{arm}, {few}"]), "s") for arm in rates),
    ]

"""The fast model against the full one, through the scorer, on the same turns."""

from __future__ import annotations

import argparse
from collections import deque
from functools import partial

from anthrometrics.detectors.manifest import load_manifest, model_dir
from anthrometrics.detectors.scorer import Scorer
from benchmarks import workload
from benchmarks.report import Measure, Result, load_average, usable_cores
from benchmarks.timing import interleave

QUICK = ["--turns", "12", "--rounds", "1"]


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_load_options(parser, turns=250)
    parser.add_argument("--threads", type=workload.positive, default=usable_cores())


def run(options: argparse.Namespace) -> Result:
    load = load_average()
    full = load_manifest(options.model or model_dir("full"))
    fast = load_manifest(model_dir("fast"))
    turns = workload.load_turns(options.input, options.turns)
    tokens = workload.token_count(workload.windows_of(turns, full))
    scorers = {m.name: Scorer("cpu", "int8", options.threads, m.path, cache_mb=0) for m in (full, fast)}
    timings = interleave(
        {name: partial(lambda scorer: deque(scorer.stream(turns), maxlen=0), s) for name, s in scorers.items()},
        options.rounds,
    )
    return Result(
        "Tiers: the fast model against the full one",
        {
            "models": f"{fast.name} ({fast.digest[:12]}), {full.name} ({full.digest[:12]})",
            "precision": "int8",
            "threads": options.threads,
            "turns, tokens a round": f"{len(turns):,}, {tokens:,}",
            "timed rounds": options.rounds,
            "load average before": load,
        },
        [
            Measure(
                "fast / full, scorer", timings.speedup(fast.name, full.name), note=timings.spread(fast.name, full.name)
            ),
            *(Measure(name, timings.rate(name, tokens), "tokens/s") for name in scorers),
        ],
    )

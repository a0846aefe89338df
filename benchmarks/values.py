"""What judging values costs: the scorer with them against the scorer without, on the same turns."""

from __future__ import annotations

import argparse
from collections import deque
from dataclasses import replace
from functools import partial

from anthrometrics.detectors.manifest import load_manifest
from anthrometrics.detectors.scorer import Scorer
from anthrometrics.detectors.value_manifest import load_value_manifest
from anthrometrics.induction.values import load_value
from benchmarks import workload
from benchmarks.report import Measure, Result, load_average, usable_cores
from benchmarks.timing import interleave

QUICK = ["--turns", "12", "--rounds", "1"]
WITHOUT, WITH, OWN = "without values", "with values", "with values and one of one's own"


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_load_options(parser, turns=250)
    workload.add_precision_option(parser)
    parser.add_argument("--threads", type=workload.positive, default=usable_cores())


def run(options: argparse.Namespace) -> Result:
    load = load_average()
    manifest, tagger = load_manifest(options.model), load_value_manifest()
    turns = workload.load_turns(options.input, options.turns)
    tokens = workload.token_count(workload.windows_of(turns, manifest))
    # Under another name than its own, a value is judged by likeness.
    own = replace(load_value("humor"), name="own")
    asked = {WITHOUT: False, WITH: True, OWN: [own]}
    scorers = {
        name: Scorer("cpu", options.precision, options.threads, options.model, cache_mb=0, values=values)
        for name, values in asked.items()
    }
    timings = interleave(
        {name: partial(lambda scorer: deque(scorer.stream(turns), maxlen=0), s) for name, s in scorers.items()},
        options.rounds,
    )
    return Result(
        "Values: the scorer with them against the scorer without",
        {
            "models": f"{manifest.name} ({manifest.digest[:12]}), {tagger.name} ({tagger.digest[:12]})",
            "precision": f"{options.precision}; values int8",
            "threads": options.threads,
            "turns, tokens a round": f"{len(turns):,}, {tokens:,}",
            "timed rounds": options.rounds,
            "load average before": load,
        },
        [
            *(
                Measure(f"{name} / without, scorer", timings.speedup(name, WITHOUT), note=timings.spread(name, WITHOUT))
                for name in (WITH, OWN)
            ),
            *(Measure(name, timings.rate(name, len(turns)), "turns/s") for name in scorers),
        ],
    )

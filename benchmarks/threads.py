"""Several threads against one, over the whole path and for the bare session."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from anthrometrics.detectors.manifest import load_manifest
from anthrometrics.detectors.scorer import Scorer
from benchmarks import workload
from benchmarks.report import Measure, Result, load_average, usable_cores
from benchmarks.timing import interleave

QUICK = ["--turns", "12", "--rounds", "1"]
PATH, BARE = "whole path", "bare session"


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_load_options(parser, turns=250)
    workload.add_precision_option(parser)
    parser.add_argument("--threads", type=workload.positive, default=2, help="compared with one")


def run(options: argparse.Namespace) -> Result:
    many = options.threads
    if not 2 <= many <= usable_cores():
        raise SystemExit(f"--threads must be from 2 to the {usable_cores()} usable cores of this machine, not {many}")
    load = load_average()
    manifest = load_manifest(options.model)
    turns = workload.load_turns(options.input, options.turns)
    windows = workload.windows_of(turns, manifest)
    feeds = workload.feeds_of(windows)
    session = workload.bare_session(manifest.path / manifest.files[options.precision])
    arms: dict[str, Callable[[], object]] = {}
    with TemporaryDirectory() as folder:
        source, output = Path(folder) / "turns.jsonl", Path(folder) / "scores.jsonl"
        workload.write_transcript(source, turns)
        for count in (1, many):
            scorer = Scorer("cpu", options.precision, count, options.model, cache_mb=0)
            arms[f"{PATH}, {count}"] = partial(workload.score_file, scorer, source, output)
        for count in (1, many):
            arms[f"{BARE}, {count}"] = partial(workload.run_bare, session, feeds, count)
        timings = interleave(arms, options.rounds)
    tokens = workload.token_count(windows)
    return Result(
        f"Threads: {many} against one",
        {
            "model": f"{manifest.name} ({manifest.digest[:12]})",
            "precision": options.precision,
            "turns, windows, tokens a round": f"{len(turns):,}, {len(windows):,}, {tokens:,}",
            "timed rounds": options.rounds,
            "load average before": load,
        },
        [
            Measure(
                f"{name}, {many} threads / 1",
                timings.speedup(f"{name}, {many}", f"{name}, 1"),
                target=(">=", 1.7) if (name, many) == (PATH, 2) else None,
                note=timings.spread(f"{name}, {many}", f"{name}, 1"),
            )
            for name in (PATH, BARE)
        ]
        + [Measure(arm, timings.rate(arm, tokens), "tokens/s") for arm in arms],
        notes=["The bare session shows what the cores allow; two threads of one core cannot reach the target."],
    )

"""The whole path from file to file against the bare ONNX session on the same windows."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from anthrometrics.detectors.manifest import load_manifest
from anthrometrics.detectors.scorer import Scorer
from anthrometrics.scores import DETAILS
from benchmarks import workload
from benchmarks.report import Measure, Result, load_average, usable_cores
from benchmarks.timing import Timings, interleave

QUICK = ["--turns", "12", "--rounds", "1"]
PATH, BARE, ARENA = "whole path", "bare session", "bare session with arena"


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_load_options(parser, turns=500)
    workload.add_precision_option(parser)
    parser.add_argument("--threads", type=workload.positive, default=usable_cores())
    parser.add_argument("--detail", choices=DETAILS, default="labels", help="how much is written a turn")


def run(options: argparse.Namespace) -> Result:
    load = load_average()
    manifest = load_manifest(options.model)
    turns = workload.load_turns(options.input, options.turns)
    windows = workload.windows_of(turns, manifest)
    feeds = workload.feeds_of(windows)
    file = manifest.path / manifest.files[options.precision]
    scorer = Scorer("cpu", options.precision, options.threads, options.model, cache_mb=0)
    bare, arena = workload.bare_session(file), workload.bare_session(file, arena=True)
    with TemporaryDirectory() as folder:
        source, output = Path(folder) / "turns.jsonl", Path(folder) / "scores.jsonl"
        workload.write_transcript(source, turns)

        def whole_path() -> None:
            done = workload.score_file(scorer, source, output, options.detail)
            if done != len(turns):
                raise SystemExit(f"{done} of {len(turns)} turns were scored, so the arms did unlike work")

        timings = interleave(
            {
                PATH: whole_path,
                BARE: lambda: workload.run_bare(bare, feeds, options.threads),
                ARENA: lambda: workload.run_bare(arena, feeds, options.threads),
            },
            options.rounds,
        )
    tokens = workload.token_count(windows)
    return Result(
        "Pipeline: JSON lines on disk to scores on disk",
        {
            "model": f"{manifest.name} ({manifest.digest[:12]})",
            "precision": options.precision,
            "threads": options.threads,
            "detail": options.detail,
            "turns, windows, tokens a round": f"{len(turns):,}, {len(windows):,}, {tokens:,}",
            "timed rounds": options.rounds,
            "load average before": load,
        },
        _measures(timings, tokens, len(turns)),
    )


def _measures(timings: Timings, tokens: int, turns: int) -> list[Measure]:
    return [
        Measure(
            "whole path / bare session",
            timings.speedup(PATH, BARE),
            target=(">=", 0.8),
            note=timings.spread(PATH, BARE),
        ),
        Measure("whole path / bare session with arena", timings.speedup(PATH, ARENA), note=timings.spread(PATH, ARENA)),
        *(Measure(arm, timings.rate(arm, tokens), "tokens/s") for arm in (PATH, BARE, ARENA)),
        Measure(PATH, timings.rate(PATH, turns), "turns/s"),
    ]

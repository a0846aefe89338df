"""int8 against the exact mode, on the same windows."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable
from functools import partial

from anthrometrics.detectors.manifest import Manifest, load_manifest
from anthrometrics.detectors.scorer import Scorer
from anthrometrics.turns import Turn
from benchmarks import workload
from benchmarks.report import Measure, Result, load_average, usable_cores
from benchmarks.timing import interleave

QUICK = ["--turns", "12", "--rounds", "1"]
# Instructions that multiply and add 8-bit integers in one step: x86-64 and Arm.
_DOT_PRODUCT = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp")


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_load_options(parser, turns=250)
    parser.add_argument("--threads", type=workload.positive, default=usable_cores())


def run(options: argparse.Namespace) -> Result:
    load = load_average()
    manifest = load_manifest(options.model)
    turns = workload.load_turns(options.input, options.turns)
    windows = workload.windows_of(turns, manifest)
    features = Scorer("cpu", "int8", model=options.model).provenance["cpu_features"]
    timings = interleave(_arms(options, manifest, turns, workload.feeds_of(windows)), options.rounds)
    tokens = workload.token_count(windows)
    return Result(
        "Precision: int8 against exact",
        {
            "model": f"{manifest.name} ({manifest.digest[:12]})",
            "cpu_features": ", ".join(features) or "unknown",
            "VNNI or its like": _vnni(features),
            "threads": options.threads,
            "turns, windows, tokens a round": f"{len(turns):,}, {len(windows):,}, {tokens:,}",
            "timed rounds": options.rounds,
            "load average before": load,
        },
        [
            Measure(
                "int8 / exact, session",
                timings.speedup("int8 session", "exact session"),
                target=(">=", 2.0),
                note=timings.spread("int8 session", "exact session"),
            ),
            Measure(
                "int8 / exact, scorer",
                timings.speedup("int8 scorer", "exact scorer"),
                note=timings.spread("int8 scorer", "exact scorer"),
            ),
            *(Measure(arm, timings.rate(arm, tokens), "tokens/s") for arm in timings.seconds),
        ],
        notes=[
            "The target supposes VNNI or its like. Without it, int8 goes through wider instructions and gains less."
        ],
    )


def _arms(
    options: argparse.Namespace, manifest: Manifest, turns: list[Turn], feeds: list[workload.Feed]
) -> dict[str, Callable[[], object]]:
    arms: dict[str, Callable[[], object]] = {}
    for precision in ("exact", "int8"):
        session = workload.bare_session(manifest.path / manifest.files[precision])
        arms[f"{precision} session"] = partial(workload.run_bare, session, feeds, options.threads)
        scorer = Scorer("cpu", precision, options.threads, options.model, cache_mb=0)
        arms[f"{precision} scorer"] = partial(_exhaust, scorer, turns)
    return arms


def _exhaust(scorer: Scorer, turns: list[Turn]) -> None:
    deque(scorer.stream(turns), maxlen=0)


def _vnni(features: list[str]) -> str:
    if not features:
        return "unknown: the system does not tell"
    found = [name for name in _DOT_PRODUCT if name in features]
    return f"yes ({', '.join(found)})" if found else "no"

"""Peak memory of ``anthrometrics score`` at few turns and at many."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from anthrometrics.output.atomic import json_line
from anthrometrics.turns import Turn
from benchmarks import workload
from benchmarks.report import Measure, Result, load_average
from benchmarks.timing import say

QUICK = ["--few", "5", "--turns", "10"]
_MEGABYTE = 1e6
# ru_maxrss counts kilobytes, but on macOS bytes.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measured:
    """One child process."""

    peak: float
    seconds: float
    provenance: dict[str, object]


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_model_option(parser)
    parser.add_argument("--few", type=workload.positive, default=2_000, help="turns of the small run")
    parser.add_argument("--turns", type=workload.positive, default=200_000, help="turns of the large run")


def run(options: argparse.Namespace) -> Result:
    load = load_average()
    few, many = (_score(count, options.model) for count in (options.few, options.turns))
    return Result(
        "Memory: peak of anthrometrics score",
        {
            "model": f"{many.provenance['model']} ({str(many.provenance['model_digest'])[:12]})",
            "precision": many.provenance["precision"],
            "turns": f"{options.few:,} and {options.turns:,}",
            "torch installed": "yes" if find_spec("torch") else "no",
            "load average before": load,
        },
        [
            Measure("growth", (many.peak - few.peak) / _MEGABYTE, "MB", ("<=", 50.0)),
            Measure(f"peak at {options.turns:,} turns", many.peak / _MEGABYTE, "MB", ("<", 500.0)),
            Measure(f"peak at {options.few:,} turns", few.peak / _MEGABYTE, "MB"),
            Measure("the large run", options.turns / many.seconds, "turns/s", note=f"{many.seconds:.0f} s in all"),
        ],
        notes=[
            "Peak resident set of the process, mapped files included. Every short turn holds a word of its own, so "
            "that a cache that keeps words would show as growth.",
            "spaCy loads torch wherever torch is installed; the targets suppose an environment without it.",
        ],
    )


def transcript(count: int) -> Iterator[Turn]:
    """One very long turn, the examples as they are, and then short turns without end; ``count`` of them.

    The beginning is the same for every count, so two runs differ in the number of turns alone and not in the longest.
    """
    examples = list(workload.file_turns(workload.EXAMPLES))
    everything = Turn("\n\n".join(turn.response or "" for turn in examples), id="long")
    openings = [" ".join(words[:2]) for turn in examples if len(words := (turn.response or "").split()) > 1]
    short = (Turn(f"{openings[i % len(openings)]} {i}.", id=f"short-{i}") for i in range(count))
    yield from islice(chain([everything], examples, short), count)


def _score(count: int, model: Path | None) -> Measured:
    """Score ``count`` turns in a child process."""
    with TemporaryDirectory() as folder:
        source, output = Path(folder) / "turns.jsonl", Path(folder) / "scores.jsonl"
        with source.open("w", encoding="utf-8") as stream:
            for turn in transcript(count):
                stream.write(json_line({"id": turn.id, "prompt": turn.prompt, "response": turn.response}))
        say(f"scoring {count:,} turns")
        command = [sys.executable, "-m", "anthrometrics", "score", str(source), "-o", str(output), "--device", "cpu"]
        begin = time.perf_counter()
        peak = peak_of(command + (["--model", str(model)] if model else []))
        seconds = time.perf_counter() - begin
        meta = json.loads(output.with_name("scores.meta.json").read_text(encoding="utf-8"))
        if meta["turns"] != count:
            raise SystemExit(f"{meta['turns']} turns were scored, not {count}")
    return Measured(peak, seconds, meta["provenance"])


def peak_of(command: list[str]) -> float:
    """Bytes of the largest resident set of a command.

    Raises:
        SystemExit: The command failed, or this process is itself so large that its own peak, which a child inherits
            on Linux until it is exceeded, may hide the child's. Or the system cannot tell.
    """
    if not hasattr(os, "wait4"):
        raise SystemExit("this system does not tell a child's peak memory; run the memory benchmark on Linux or macOS")
    import resource

    with TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} failed with code {process.returncode}:\n{errors.read()}")
    if usage.ru_maxrss <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        raise SystemExit("this process is larger than the one to measure; run `python -m benchmarks memory` by itself")
    return float(usage.ru_maxrss * _RSS_UNIT)

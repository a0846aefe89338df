"""A very long transcript of real answers that repeat, from disk to disk: memory, speed, and what is not the encoder."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from anthrometrics.detectors.manifest import load_manifest
from anthrometrics.detectors.window import Window
from anthrometrics.output.atomic import json_line
from anthrometrics.turns import Turn
from benchmarks import workload
from benchmarks.memory import peak_of
from benchmarks.models import FILE, answers
from benchmarks.report import Measure, Result, load_average, usable_cores
from benchmarks.timing import say

QUICK = ["--turns", "300", "--uncached", "30", "--unique", "20"]
_MEGABYTE = 1e6


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_model_option(parser)
    parser.add_argument("--turns", type=workload.positive, default=1_000_000, help="turns of the run with the cache")
    parser.add_argument("--uncached", type=workload.positive, default=5_000, help="turns of the run without it")
    parser.add_argument("--unique", type=workload.positive, default=10_000, help="different answers among them")


def run(options: argparse.Namespace) -> Result:
    load = load_average()
    manifest = load_manifest(options.model)
    unique = list(islice(_answers(), options.unique))
    runs = {}
    # First, while this process is small: a child inherits its parent's peak on Linux.
    for name, count, extra in (("cache on", options.turns, []), ("cache off", options.uncached, ["--no-cache"])):
        say(f"{name}: {count:,} turns")
        runs[name] = (count, *_score(unique, count, options.model, extra))
    say("the bare session over a sample")
    threads, encode = usable_cores(), workload.window_encoder(manifest)
    lengths = [sum(len(window.ids) for window in encode(turn)) for turn in unique]
    bare = _bare_rate(manifest.path / manifest.files["int8"], encode, unique[:: max(1, len(unique) // 200)], threads)
    measures = []
    for name, (count, seconds, peak) in runs.items():
        read = sum(islice(cycle(lengths), count))
        encoded = sum(lengths[:count]) if name == "cache on" else read
        measures += [
            Measure(f"{name}: peak memory", peak / _MEGABYTE, "MB", note=f"{count:,} turns in {seconds:.0f} s"),
            Measure(f"{name}: turns", count / seconds, "turns/s"),
            Measure(f"{name}: tokens of the input", read / seconds, "tokens/s"),
            Measure(f"{name}: share of time outside the encoder", 1 - encoded / bare / seconds),
        ]
    return Result(
        "Size: a long transcript of repeating answers",
        {
            "model": f"{manifest.name} ({manifest.digest[:12]})",
            "precision": "int8",
            "threads": threads,
            "different answers": f"{len(unique):,}",
            "bare session": f"{bare:,.0f} tokens/s",
            "load average before": load,
        },
        measures,
        notes=[
            "The share outside the encoder is what is left of the time after the tokens that had to be encoded, at the "
            "rate of the bare session. Start-up (about a second) is in it."
        ],
    )


def _answers() -> Iterator[Turn]:
    """Answers of public models where there is a file of them, or else the examples."""
    folder = os.environ.get("ANTHROMETRICS_DATA")
    if folder and (Path(folder) / FILE).is_file():
        yield from (turn for _, turn in answers(Path(folder) / FILE, None))
    else:
        yield from workload.file_turns(workload.EXAMPLES)


def _bare_rate(file: Path, encode: Callable[[Turn], Sequence[Window]], sample: list[Turn], threads: int) -> float:
    windows = [window for turn in sample for window in encode(turn)]
    session, feeds = workload.bare_session(file), workload.feeds_of(windows)
    workload.run_bare(session, feeds[:20], threads)
    begin = time.perf_counter()
    workload.run_bare(session, feeds, threads)
    return workload.token_count(windows) / (time.perf_counter() - begin)


def _score(unique: list[Turn], count: int, model: Path | None, extra: list[str]) -> tuple[float, float]:
    """Seconds, and bytes at the peak."""
    with TemporaryDirectory() as folder:
        source, output = Path(folder) / "turns.jsonl", Path(folder) / "scores.jsonl"
        with source.open("w", encoding="utf-8") as stream:
            for number, turn in enumerate(islice(cycle(unique), count)):
                stream.write(json_line({"id": str(number), "prompt": turn.prompt, "response": turn.response}))
        command = [sys.executable, "-m", "anthrometrics", "score", str(source), "-o", str(output), "--device", "cpu"]
        begin = time.perf_counter()
        peak = peak_of([*command, *extra, *(["--model", str(model)] if model else [])])
        seconds = time.perf_counter() - begin
        meta = json.loads(output.with_name("scores.meta.json").read_text(encoding="utf-8"))
        if meta["turns"] != count:
            raise SystemExit(f"{meta['turns']} turns were scored, not {count}")
        return seconds, peak

"""An adapter against all weights: seconds a step, memory and disk."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import workload
from benchmarks.report import Measure, Result, Table, load_average, usable_cores
from benchmarks.timing import say

QUICK = ["--layers", "1", "--hidden", "32", "--steps", "4", "--batch", "2"]
# Of each arm, what its TuningConfig has beside what all have; None trains nothing.
ARMS: dict[str, dict[str, Any] | None] = {
    "loaded": None,
    "adapter": {"full": False},
    "all weights": {"full": True},
}
# Steps in which caches warm up.
_WARM = 2


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--base", type=Path, help="a chat model; by default a Llama of random weights")
    parser.add_argument("--layers", type=workload.positive, default=6, help="of the model of random weights")
    parser.add_argument("--hidden", type=workload.positive, default=384, help="of the model of random weights")
    parser.add_argument("--steps", type=workload.positive, default=30, help="a third of them saves a checkpoint")
    parser.add_argument("--batch", type=workload.positive, default=8, help="pairs of a step")


def run(options: argparse.Namespace) -> Result:
    if options.steps <= _WARM + 1:
        raise SystemExit(f"--steps must be above {_WARM + 1}, of which {_WARM} warm up, not {options.steps}")
    load = load_average()
    with TemporaryDirectory() as name:
        folder = Path(name)
        base = options.base or _made(folder / "base", options.layers, options.hidden)
        found = {arm: _measured(arm, base, folder / arm.replace(" ", "-"), options) for arm in ARMS}
    held = found["loaded"]["peak_bytes"]
    adapter, full = found["adapter"], found["all weights"]
    return Result(
        "LoRA: an adapter against all weights",
        {
            "base": str(options.base) if options.base else f"Llama of {found['loaded']['parameters']:,} random weights",
            "device": found["loaded"]["device"],
            "training": f"DPO, LoRA of rank 4 on all linear layers, {options.batch} pairs a step",
            "steps": f"{options.steps}, the first {_WARM} untimed",
            "cores": usable_cores(),
            "load average before": load,
        },
        [
            Measure("adapter / all weights, seconds a step", adapter["step"] / full["step"], note=_spread(found)),
            Measure("adapter / all weights, processor seconds a step", adapter["processor"] / full["processor"]),
            Measure(
                "adapter / all weights, memory above the loaded model",
                (adapter["peak_bytes"] - held) / (full["peak_bytes"] - held),
            ),
            Measure("adapter / all weights, on disk", adapter["disk_bytes"] / full["disk_bytes"]),
        ],
        table=Table(
            ("trained", "s a step", "processor s a step", "peak memory, MB", "above loaded, MB", "on disk, MB"),
            [
                (
                    arm,
                    row["step"],
                    row["processor"],
                    round(row["peak_bytes"] / 1e6),
                    round((row["peak_bytes"] - held) / 1e6),
                    row["disk_bytes"] / 1e6 if row["disk_bytes"] else None,
                )
                for arm, row in found.items()
            ],
        ),
        notes=[
            "Each in a new process, one after another. Memory is the peak resident set on a CPU, libraries included, "
            "and what torch has allocated on a GPU. On disk: weights alone, without tokenizer and card.",
            "Arms cannot take turns, so other work on the machine weighs on one more than on another; where seconds "
            "and processor seconds differ much, only the latter say something.",
            "What values cost as their number grows is in the benchmark induce.",
        ],
    )


def _spread(found: dict[str, dict[str, Any]]) -> str:
    return "; ".join(
        f"{arm} {row['range'][0]:.2f} to {row['range'][1]:.2f} s" for arm, row in found.items() if row["range"]
    )


def _made(folder: Path, layers: int, hidden: int) -> Path:
    """In a process of its own: on Linux a child inherits its parent's peak, which torch would raise."""
    code = "import sys, pathlib; from benchmarks.induce import random_model as made; "
    code += "made(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"
    subprocess.run([sys.executable, "-c", code, str(folder), str(layers), str(hidden)], check=True, stdout=sys.stderr)
    return folder


def _measured(arm: str, base: Path, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One training in a new process."""
    say(f"{arm} …")
    chosen = ARMS[arm]
    config = chosen and chosen | {"batch_size": options.batch, "accumulation": 1, "max_steps": options.steps}
    command = [sys.executable, "-m", "benchmarks.lora", str(base), str(out), json.dumps(config)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"training ({arm}) ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _child(base: str, out: Path, choices: dict[str, Any] | None) -> dict[str, Any]:
    import torch
    import trl  # noqa: F401 - so that what is loaded in one arm is loaded in all

    from anthrometrics.induction.chat_models import load_chat_model
    from anthrometrics.induction.preferences import PreferencePair, read_preferences
    from anthrometrics.induction.tuning import TuningConfig, train_adapter

    chat = load_chat_model(base)
    pairs = [pair for pair in read_preferences("sample") if isinstance(pair, PreferencePair)]
    clocks: list[tuple[float, float]] = []
    if choices is not None:
        config = TuningConfig(epochs=100.0, **choices)

        def tick(_step: int, _steps: int, loss: float | None) -> None:
            # The last word of a training is about no step.
            if loss is not None:
                clocks.append((time.perf_counter(), time.process_time()))

        train_adapter(chat, pairs, config, out, progress=tick)
    seconds, processor = (_steps([clock[kind] for clock in clocks]) for kind in (0, 1))
    on_gpu = chat.model.device.type == "cuda"
    # In kilobytes on Linux, in bytes on macOS.
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "step": median(seconds) if seconds else None,
        "range": [min(seconds), max(seconds)] if seconds else None,
        "processor": median(processor) if processor else None,
        "peak_bytes": torch.cuda.max_memory_allocated() if on_gpu else resident,
        "disk_bytes": sum(file.stat().st_size for file in out.glob("*.safetensors")),
        "parameters": sum(parameter.numel() for parameter in chat.model.parameters()),
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
    }


def _steps(times: list[float]) -> list[float]:
    return [late - early for early, late in zip(times[_WARM - 1 :], times[_WARM:], strict=False)]


if __name__ == "__main__":
    print(json.dumps(_child(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))))

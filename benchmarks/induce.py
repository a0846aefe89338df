"""What inducing values costs as their number grows; base model and baseline are shared."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import workload
from benchmarks.report import Measure, Result, Table, load_average, usable_cores
from benchmarks.timing import say

QUICK = ["--numbers", "1,2", "--layers", "1", "--hidden", "32", "--prompts", "2", "--tokens", "4", "--epochs", "1"]
# Of the values with pairs of their own in the package.
VALUES = ("empathy", "honesty", "humor", "creativity", "curiosity", "privacy", "fairness", "justice")
_STAGES = ("curate", "train", "generate", "score", "compare", "report")


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_model_option(parser)
    parser.add_argument("--numbers", default="1,2,4,8", help="numbers of values, by commas")
    parser.add_argument("--base", type=Path, help="a chat model; by default a Llama of random weights")
    parser.add_argument("--layers", type=workload.positive, default=4, help="of the model of random weights")
    parser.add_argument("--hidden", type=workload.positive, default=256, help="of the model of random weights")
    parser.add_argument("--prompts", type=workload.positive, default=8, help="of each of the eight suites")
    parser.add_argument("--tokens", type=workload.positive, default=64, help="of an answer, at most")
    parser.add_argument("--epochs", type=workload.positive, default=2)


def run(options: argparse.Namespace) -> Result:
    load, numbers = load_average(), sorted({int(number) for number in options.numbers.split(",")})
    if numbers[0] < 1 or numbers[-1] > len(VALUES):
        raise SystemExit(f"--numbers must lie between 1 and {len(VALUES)}, not {options.numbers}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        base = options.base or random_model(folder / "base", options.layers, options.hidden)
        found = {number: _measured(number, base, folder / f"run-{number}", options) for number in numbers}
    most, one = numbers[-1], found[numbers[0]]["seconds"] / numbers[0]
    return Result(
        "Induce: cost by number of values",
        {
            "base": str(options.base) if options.base else f"Llama of {found[most]['parameters']:,} random weights",
            "device": found[most]["device"],
            "training": f"DPO, LoRA of rank 4, {found[most]['pairs']} pairs a value, {options.epochs} epochs, controls",
            "answers": f"to {8 * options.prompts} prompts, at most {options.tokens} tokens",
            "cores": usable_cores(),
            "load average before": load,
        },
        [
            Measure(
                f"{most} values / {most} times one",
                found[most]["seconds"] / (most * one),
                target=("<", 1.0) if most > 1 else None,
                note="whole path, each in a new process",
            ),
            Measure("one adapter on disk", found[most]["adapter_bytes"] / 1e6, "MB"),
        ],
        table=Table(
            ("values", *(f"{stage}, s" for stage in _STAGES), "in all, s", "a value, s", "peak memory, MB"),
            [
                (
                    number,
                    *(round(row["stages"][stage], 1) for stage in _STAGES),
                    round(row["seconds"], 1),
                    round(row["seconds"] / number, 1),
                    round(row["peak_bytes"] / 1e6),
                )
                for number, row in found.items()
            ],
        ),
        notes=["In all: with start, imports and loading, which the stages' own times hold only in part."],
    )


def _measured(number: int, base: Path, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One run in a new process."""
    say(f"{number} value{'s' if number > 1 else ''} …")
    asked = {
        "base": str(base),
        "values": list(VALUES[:number]),
        "expressed_by": "source",
        "prompts_per_suite": options.prompts,
        "detectors": str(options.model or "full"),
        "tuning": {"epochs": options.epochs, "batch_size": 8, "accumulation": 1, "max_length": 512},
        "generation": {"max_new_tokens": options.tokens, "batch_size": 32},
    }
    command = [sys.executable, "-m", "benchmarks.induce", str(out), json.dumps(asked)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"the run of {number} values ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def _child(out: str, asked: dict[str, Any]) -> dict[str, Any]:
    import time

    begin = time.perf_counter()
    import torch

    import anthrometrics

    run = anthrometrics.induce(asked.pop("base"), asked.pop("values"), out=out, **asked)
    if run.failed:
        raise SystemExit(f"failed: {run.failed}")
    seconds = time.perf_counter() - begin
    stages = {
        name: (datetime.fromisoformat(times["finished"]) - datetime.fromisoformat(times["started"])).total_seconds()
        for name, times in run.record["stages"].items()
    }
    adapter = next(iter(run.record["adapters"]))
    folder = run.path / "adapters" / adapter
    from safetensors import safe_open

    with safe_open(Path(run.config.base) / "model.safetensors", "np") as weights:
        parameters = sum(weights.get_tensor(name).size for name in weights.keys())  # noqa: SIM118 - no mapping
    return {
        "seconds": seconds,
        "stages": stages,
        "parameters": parameters,
        "pairs": run.record["adapters"][adapter]["pairs"],
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "adapter_bytes": sum(file.stat().st_size for file in folder.glob("adapter_*")),
        # In kilobytes on Linux, in bytes on macOS.
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def random_model(folder: Path, layers: int, hidden: int) -> Path:
    """What training and answering cost does not depend on what the weights say."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from anthrometrics.induction.preferences import PreferencePair, read_preferences

    texts = [pair.chosen for pair in read_preferences("sample") if isinstance(pair, PreferencePair)]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    marks, alphabet = ["<|begin|>", "<|end|>", "<|user|>", "<|assistant|>"], pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=4000, special_tokens=marks, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=marks[0], eos_token=marks[1], pad_token=marks[1]
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 32),
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    print(json.dumps(_child(sys.argv[1], json.loads(sys.argv[2]))))

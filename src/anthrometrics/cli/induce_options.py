"""Options of ``anthrometrics induce``: one for each field of its config, by the same name."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import click

from anthrometrics.induction.generation.answers import GenerationConfig
from anthrometrics.induction.run.config import CONTROLS, InduceConfig
from anthrometrics.induction.tuning.config import TuningConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["config_options", "table_of"]

_HELP: Final[Mapping[str, str]] = {
    "base": "Chat model to tune: a name or a folder.",
    "values": "What to induce, by commas: names, TOML files, or all.",
    "prefs": "Preference pairs: sample (default), a file, or the folder or name of a dataset.",
    "prefs_format": "Their format; known by their first records by default.",
    "prefs_split": "Split of a dataset.",
    "expressed_by": "tagger (default) judges both sides; source takes the pairs that name the value, as they are.",
    "margin": "How far apart the two probabilities of a value must lie, 0 to 1.",
    "balance": "Measures in which both sides are made alike, by commas: anthropomorphism,validation.",
    "balance_length": "Make both sides alike in length.",
    "limit": "Most pairs a value.",
    "minimum": "Fewest pairs a value.",
    "suites": "Prompts to answer, by commas: names or files; all that ship by default.",
    "prompts_per_suite": "Only the first so many of each.",
    "seeds": "Training runs a value, by commas; two or more tell how much they differ.",
    "controls": f"Adapters to compare with, by commas: {', '.join(CONTROLS)}, or none.",
    "chat_template": "File with a Jinja template, where the tokenizer has none.",
    "device": "auto, cpu or cuda: for training and answering.",
    "dtype": "auto, float32, bfloat16 or float16: of the base model.",
    "engine": "What answers prompts: transformers, vllm where it is installed, or endpoint, a server.",
    "endpoint": "URL of a server that speaks OpenAI's protocol and has the base and the adapters: http://HOST:PORT/v1.",
    "endpoint_model": "What it calls the base; as --base by default. Adapters it calls as the run: empathy/seed-0.",
    "detectors": "full, fast, or a model's folder: what scores answers.",
    "level": "Of the intervals.",
    "resamples": "Bootstrap resamples.",
    "qa": "Tasks of lm-evaluation-harness, by commas, before and after: truthfulqa_mc1,gsm8k,mmlu.",
    "qa_limit": "Only the first so many questions of each.",
    "qa_tasks": "Folder with task files of your own.",
    "force": "Train what by the estimate does not fit.",
}
_TABLE_HELP: Final[Mapping[str, Mapping[str, str]]] = {
    "tuning": {
        "method": "dpo learns to prefer the chosen answer, sft to say it.",
        "rank": "Of the adapter's matrices.",
        "alpha": "The adapter counts alpha / rank times.",
        "dropout": "On the adapter's input.",
        "target": "Layers that get an adapter: all-linear, or names by commas.",
        "learning_rate": "At its highest.",
        "warmup": "Share of the steps in which it rises.",
        "beta": "How closely DPO holds on to the base.",
        "epochs": "Times that every pair is seen.",
        "max_length": "Longest prompt with answer, in tokens; longer pairs are left out.",
        "batch_size": "Pairs at once.",
        "accumulation": "Batches to a step.",
        "gradient_checkpointing": "Compute activations twice instead of keeping them.",
        "bf16": "Compute in bfloat16; by default where CUDA does.",
        "packing": "Answers share a row; SFT with flash attention only.",
        "quantized": "The base in 4 bits (QLoRA); needs CUDA and bitsandbytes.",
        "full": "All weights instead of an adapter.",
        "max_steps": "Stop there, whatever the epochs.",
    },
    "generation": {
        "max_new_tokens": "Longest answer.",
        "samples": "Answers to each prompt; more than one needs a temperature.",
        "temperature": "0 (default) for greedy.",
        "top_p": "Share of probability mass drawn from.",
        "seed": "Of all draws.",
        "batch_size": "Prompts answered at once.",
    },
}
_TABLES: Final = {"tuning": TuningConfig, "generation": GenerationConfig}
_KINDS: Final[dict[str, click.ParamType[Any]]] = {"int": click.INT, "float": click.FLOAT, "str": click.STRING}
# What an option is called whose name two tables have.
_SHARED: Final = {"batch_size", "seed"}


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for every field of the config and of its tables."""
    for name, kind in reversed(_TABLES.items()):
        for field in reversed(fields(kind)):
            if (name, field.name) != ("tuning", "seed"):
                text = f"[{name}] {_TABLE_HELP[name][field.name]}"
                command = _option(_called(name, field.name), str(field.type), text)(command)
    for field in reversed(fields(InduceConfig)):
        if field.name not in _TABLES:
            command = _option(field.name, str(field.type), _HELP[field.name])(command)
    return command


def table_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as the table of a config file has them.

    Args:
        given: Values of ``config_options`` by name; None where not given.
    """
    table = {
        field.name: _listed(str(field.type), given[field.name])
        for field in fields(InduceConfig)
        if field.name not in _TABLES and given[field.name] is not None
    }
    for name, kind in _TABLES.items():
        called = {field.name: _called(name, field.name) for field in fields(kind)}
        found = {key: given[option] for key, option in called.items() if given.get(option) is not None}
        if found:
            table[name] = found
    return table


def _called(table: str, name: str) -> str:
    return f"{table}_{name}" if name in _SHARED else name


def _option(name: str, kind: str, text: str) -> Callable[..., Any]:
    dashed, bare = name.replace("_", "-"), kind.removesuffix(" | None")
    if bare == "bool":
        return click.option(f"--{dashed}/--no-{dashed}", name, default=None, help=text)
    shown = {"int": "N", "float": "X"}.get(bare, "LIST" if bare.startswith("tuple") else "TEXT")
    return click.option(f"--{dashed}", name, type=_KINDS.get(bare, click.STRING), metavar=shown, help=text)


def _listed(kind: str, value: Any) -> Any:
    """What stands between commas, where a field is a list."""
    if not kind.startswith("tuple"):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if parts == ["none"]:
        return []
    if not kind.startswith("tuple[int"):
        return parts
    try:
        return [int(part) for part in parts]
    except ValueError:
        raise click.UsageError(f"expected whole numbers by commas, such as 0,1,2, not {value}") from None

"""What training will take, before it starts."""

from __future__ import annotations

import copy
import math
import time
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.induction.tuning.data import TrainingPairs, prepare
from anthrometrics.induction.tuning.processes import processes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anthrometrics.induction.chat_models import ChatModel
    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.tuning.config import TuningConfig

__all__ = ["Estimate", "adapter_config", "epochs_of", "estimate", "steps_of"]

# AdamW keeps two numbers a weight beside the weight and its gradient, all in four bytes.
_BYTES_TRAINED: Final = 16
# Activations of a transformer layer, in multiples of hidden size, a token: 34 bytes at two bytes a number (Korthikanti
# et al. 2022, arXiv 2205.05198), without the attention scores that fused attention does not keep.
_KEPT_PER_LAYER: Final = 17
# TRL 1.16 turns hidden states into log-probabilities by tiles of so many tokens and words (trl.kernels), so that logits
# of a whole batch never exist; where there is no Triton, torch makes five more tensors of a tile's size.
_TILE: Final = (4096, 32768)
_TILES: Final = 6
# In forward passes of the base: reference, forward and backward pass; SFT has no reference.
_PASSES: Final = {"dpo": 4.0, "sft": 3.0}
_AGAIN: Final = 1.0
# Pairs in the timed pass.
_TRIED: Final = 4
_MARGIN: Final = 1.2


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one adapter will take.

    Attributes:
        trainable: Weights that are trained.
        tokens: Tokens read in all epochs.
        steps: Optimiser steps.
        memory_bytes: Peak, the base included.
        free_bytes: What the device has, for the base too if that is loaded already.
        seconds: By a timed forward pass of the base.
        fits: Whether the peak is within what is free.
        left_out: Pairs longer than ``max_length``, or that the chat template refuses.
        advice: What to do where it does not fit.
    """

    trainable: int
    tokens: int
    steps: int
    memory_bytes: int
    free_bytes: int
    seconds: float
    fits: bool
    left_out: int
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def estimate(chat: ChatModel, pairs: Sequence[PreferencePair], config: TuningConfig) -> Estimate:
    """Predict tokens, memory and time of training one adapter.

    Raises:
        InputError: The model has no such layers as ``target`` names.
        MissingExtraError: PEFT or transformers are not installed.
        TrainingError: No pair can be trained on.
    """
    prepared = prepare(chat.tokenizer, pairs, config)
    steps = steps_of(len(prepared.records), config)
    trainable = _trainable(chat.model, config)
    memory = _memory(chat.model, prepared, config, trainable)
    epochs = epochs_of(steps, len(prepared.records), config)
    free = _free(chat.model) + _weights(chat.model)
    fits = memory <= free
    return Estimate(
        trainable=trainable,
        tokens=round(prepared.tokens * epochs),
        steps=steps,
        memory_bytes=memory,
        free_bytes=free,
        seconds=_seconds(chat.model, prepared, config) * epochs,
        fits=fits,
        left_out=prepared.left_out,
        advice="" if fits else _advice(memory, free, config),
    )


def steps_of(pairs: int, config: TuningConfig) -> int:
    """Optimiser steps of a run, as the trainer counts them; processes of one run share each step."""
    batches = math.ceil(pairs / (config.batch_size * processes()))
    steps = math.ceil(max(math.ceil(batches / config.accumulation), 1) * config.epochs)
    return steps if config.max_steps is None else min(steps, config.max_steps)


def epochs_of(steps: int, pairs: int, config: TuningConfig) -> float:
    """How often a run of so many steps sees every pair; ``max_steps`` alone makes it fewer times than ``epochs``."""
    if config.max_steps is None:
        return config.epochs
    return min(config.epochs, steps * config.batch_size * config.accumulation * processes() / pairs)


def adapter_config(config: TuningConfig) -> Any:
    """What PEFT is told of an adapter.

    Raises:
        MissingExtraError: PEFT is not installed.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingExtraError(error.name or "peft", "induce") from error
    named = [name.strip() for name in config.target.split(",")]
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=config.target if config.target == "all-linear" else named,
        task_type="CAUSAL_LM",
    )


def _trainable(model: Any, config: TuningConfig) -> int:
    """Weights that learn, counted by PEFT on a copy of the model that has shapes and no numbers."""
    if config.full:
        return _count(model.parameters())
    import torch
    from peft import get_peft_model

    with torch.device("meta"), warnings.catch_warnings():
        # PEFT asks transformers by names that will go, and says how it fits its layers to the model's.
        warnings.simplefilter("ignore")
        shapes = type(model)(copy.deepcopy(model.config))
        try:
            adapted = get_peft_model(shapes, adapter_config(config))
        except ValueError as error:
            raise InputError(f"this model cannot get an adapter on {config.target}: {error}") from error
    return _count(parameter for parameter in adapted.parameters() if parameter.requires_grad)


def _count(parameters: Iterable[Any]) -> int:
    return int(sum(parameter.numel() for parameter in parameters))


def _memory(model: Any, prepared: TrainingPairs, config: TuningConfig, trainable: int) -> int:
    shape = model.config.get_text_config()
    sides = 2 if config.method == "dpo" else 1
    rows = config.batch_size * sides * prepared.longest
    size = 2 if model.dtype.itemsize == 2 or config.bf16 else 4
    kept = 1 if config.gradient_checkpointing else _KEPT_PER_LAYER
    activations = rows * shape.hidden_size * size * (shape.num_hidden_layers * kept + _KEPT_PER_LAYER)
    on_gpu = model.device.type == "cuda"
    logits = min(rows, _TILE[0]) * 4 * (_TILE[1] if on_gpu else _TILES * min(shape.vocab_size, _TILE[1]))
    return int(_MARGIN * (_weights(model) + trainable * _BYTES_TRAINED + activations + logits))


def _weights(model: Any) -> int:
    return int(sum(parameter.numel() * parameter.element_size() for parameter in model.parameters()))


def _free(model: Any) -> int:
    import torch

    if model.device.type == "cuda":
        return int(torch.cuda.mem_get_info(model.device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def _seconds(model: Any, prepared: TrainingPairs, config: TuningConfig) -> float:
    """Of one epoch: a forward pass of the base over a few pairs of the usual length, times what training does."""
    import torch

    sides = 2 if config.method == "dpo" else 1
    usual = max(1, prepared.tokens // (len(prepared.records) * sides))
    # More at once might not fit, which is what is to be found out.
    tried = min(config.batch_size, _TRIED)
    ids = torch.ones((tried * sides, usual), dtype=torch.long, device=model.device)
    with torch.inference_mode():
        model(input_ids=ids)
        started = time.perf_counter()
        model(input_ids=ids).logits[0, 0, 0].item()
        taken = time.perf_counter() - started
    passes = _PASSES[config.method] + (_AGAIN if config.gradient_checkpointing else 0.0)
    return taken * passes * len(prepared.records) / tried


def _advice(memory: int, free: int, config: TuningConfig) -> str:
    ways = []
    if config.batch_size > 1:
        ways.append(f"a smaller batch_size (now {config.batch_size}) with more accumulation")
    if not config.gradient_checkpointing:
        ways.append("gradient_checkpointing")
    if config.full:
        ways.append("an adapter instead of all weights")
    elif not config.quantized:
        ways.append("quantized, on CUDA")
    ways.append("a smaller max_length or base")
    return f"training needs about {memory / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; try {', '.join(ways)}"

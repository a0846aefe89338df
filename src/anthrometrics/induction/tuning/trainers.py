"""TRL's trainers, set up for one adapter and cleaned up after."""

from __future__ import annotations

import copy
import logging
import math
import warnings
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError, MissingExtraError, TrainingError
from anthrometrics.induction.chat_models import without_bars
from anthrometrics.induction.tuning.estimate import steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from anthrometrics.induction.chat_models import ChatModel
    from anthrometrics.induction.tuning.config import TuningConfig
    from anthrometrics.induction.tuning.data import TrainingPairs

__all__ = ["build_trainer"]

# Losses that are kept of a run, and checkpoints that are written in it, about.
_LOGGED: Final = 200
_SAVED: Final = 10
_NOISY: Final = ("transformers", "trl", "peft", "accelerate", "datasets")


@contextmanager
def build_trainer(
    chat: ChatModel,
    prepared: TrainingPairs,
    config: TuningConfig,
    checkpoints: Path,
    progress: Callable[[int, int, float | None], None] | None,
) -> Iterator[Any]:
    """A trainer for as long as the block lasts; after it the base is what it was.

    Raises:
        MissingExtraError: TRL, PEFT, accelerate or datasets are not installed.
        InputError: Packing was asked for without flash attention.
        TrainingError: The loss is no number, while the block runs.
    """
    datasets, peft, trl = _libraries()
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        base = stack.enter_context(_restored(chat.model))
        dpo = config.method == "dpo"
        trainer_of, arguments_of = (trl.DPOTrainer, trl.DPOConfig) if dpo else (trl.SFTTrainer, trl.SFTConfig)
        named = (
            prepared.records if dpo else [{"prompt": r["prompt"], "completion": r["chosen"]} for r in prepared.records]
        )
        # Of an adapter the reference is the base without it; of full fine-tuning it is the base beside its copy.
        reference = {"ref_model": base} if config.full and dpo else {}
        trainer = trainer_of(
            model=copy.deepcopy(base).requires_grad_(True) if config.full else base,
            args=arguments_of(**_arguments(chat, prepared, config, checkpoints)),
            train_dataset=datasets.Dataset.from_list(named),
            processing_class=chat.tokenizer,
            peft_config=None if config.full else _adapter_config(peft, config),
            callbacks=[_watch(progress, config)],
            **reference,
        )
        trainer.remove_callback(_printer())
        if not config.full:
            stack.callback(trainer.model.unload)
        yield trainer


def _libraries() -> tuple[Any, Any, Any]:
    try:
        return import_module("datasets"), import_module("peft"), import_module("trl")
    except ImportError as error:
        raise MissingExtraError(error.name or "trl", "induce") from error


def _arguments(chat: ChatModel, prepared: TrainingPairs, config: TuningConfig, checkpoints: Path) -> dict[str, Any]:
    steps = steps_of(len(prepared.records), config)
    on_gpu = chat.model.device.type == "cuda"
    bf16 = (on_gpu and chat.model.dtype.itemsize == 2) if config.bf16 is None else config.bf16
    arguments: dict[str, Any] = {
        "output_dir": str(checkpoints),
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": math.ceil(config.warmup * steps),
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps or -1,
        "per_device_train_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.accumulation,
        "gradient_checkpointing": config.gradient_checkpointing,
        "bf16": bf16,
        "seed": config.seed,
        "max_length": config.max_length,
        "logging_steps": max(1, steps // _LOGGED),
        # A loss that is no number must be seen, not averaged away.
        "logging_nan_inf_filter": False,
        "save_steps": max(1, steps // _SAVED),
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not on_gpu,
        "dataloader_pin_memory": on_gpu,
    }
    if config.method == "dpo":
        return arguments | {"beta": config.beta}
    if config.packing and "flash" not in str(getattr(chat.model.config, "_attn_implementation", "")):
        raise InputError(
            "packing needs flash attention, without which packed answers would read each other; leave it out"
        )
    return arguments | {"packing": config.packing}


def _adapter_config(peft: Any, config: TuningConfig) -> Any:
    target = config.target if config.target == "all-linear" else config.target.split(",")
    return peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=target,
        task_type="CAUSAL_LM",
    )


def _watch(progress: Callable[[int, int, float | None], None] | None, config: TuningConfig) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            loss = (logs or {}).get("loss")
            if loss is not None and not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} at step {state.global_step}; lower learning_rate (now {config.learning_rate})"
                )
            if progress is not None:
                progress(state.global_step, state.max_steps, loss)

    return Watch()


def _printer() -> Any:
    from transformers import PrinterCallback

    return PrinterCallback


@contextmanager
def _restored(model: Any) -> Iterator[Any]:
    """The base, with what trainers change about it put back: its forward, its cache, and which weights learn."""
    forward = model.__dict__.get("forward")
    learning = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    dropped = {
        name: module.p
        for name, module in model.named_modules()
        if hasattr(module, "p") and "Dropout" in str(type(module))
    }
    cached, padding = model.config.use_cache, (model.config.pad_token_id, model.generation_config.pad_token_id)
    try:
        yield model
    finally:
        model.__dict__.pop("forward", None)
        if forward is not None:
            model.__dict__["forward"] = forward
        model.gradient_checkpointing_disable()
        if hasattr(model, "_require_grads_hook"):
            model.disable_input_require_grads()
        _take_off_adapters(model)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(learning[name])
            parameter.grad = None
        for name, module in model.named_modules():
            if name in dropped:
                module.p = dropped[name]
        model.config.use_cache = cached
        model.config.pad_token_id, model.generation_config.pad_token_id = padding
        model.eval()


def _take_off_adapters(model: Any) -> None:
    """Layers of an adapter that is still on, because its trainer could not be built."""
    for name, module in list(model.named_modules()):
        if hasattr(module, "base_layer"):
            holder, _, last = name.rpartition(".")
            setattr(model.get_submodule(holder), last, module.base_layer)


@contextmanager
def _quiet() -> Iterator[None]:
    """Less talk of the libraries: their errors stay."""
    import datasets

    before = {name: logging.getLogger(name).level for name in _NOISY}
    bars = datasets.are_progress_bars_disabled()
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    try:
        with without_bars(), warnings.catch_warnings():
            # They warn of their own future, and of what is set here on purpose.
            warnings.filterwarnings("ignore", module=r"(transformers|trl|peft|accelerate|torch)(\.|$)")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
        if not bars:
            datasets.enable_progress_bars()

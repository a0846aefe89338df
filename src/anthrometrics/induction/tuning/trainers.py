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
from anthrometrics.induction.chat_models import take_off_adapters, without_bars
from anthrometrics.induction.tuning.estimate import adapter_config, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from anthrometrics.induction.chat_models import ChatModel
    from anthrometrics.induction.tuning.config import TuningConfig
    from anthrometrics.induction.tuning.data import TrainingPairs

__all__ = ["answer_tokens", "build_trainer"]

# Losses that are kept of a run, and checkpoints that are written in it, about.
_LOGGED: Final = 200
_SAVED: Final = 10
# What trainers set in the config of a model.
_CHANGED: Final = ("use_cache", "bos_token_id", "eos_token_id", "pad_token_id")
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
        InputError: Packing was asked for without flash attention, or the model cannot be trained in this way.
        TrainingError: The loss is no number, while the block runs.
    """
    datasets, trl = _libraries()
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
        try:
            arguments = arguments_of(**_arguments(chat, prepared, config, checkpoints))
            if arguments.n_gpu > 1:
                # A process takes one GPU, as TRL demands; for several there is accelerate launch.
                arguments._n_gpu = 1
            trainer = trainer_of(
                model=copy.deepcopy(base).requires_grad_(True) if config.full else base,
                args=arguments,
                train_dataset=datasets.Dataset.from_list(named),
                processing_class=chat.tokenizer,
                peft_config=None if config.full else adapter_config(config),
                callbacks=[_watch(progress, config)],
                **reference,
            )
        except ValueError as error:
            raise InputError(f"{chat.name} cannot be trained with this config: {error}") from error
        trainer.remove_callback(_printer())
        if not config.full:
            stack.callback(trainer.model.unload)
        yield trainer


def answer_tokens(dataset: Any) -> int:
    """Tokens of answers that one epoch trains, counted in what TRL made of the pairs.

    Raises:
        TrainingError: There are none, so that training would only seem to learn.
    """
    if "labels" in dataset.column_names:
        found: int = sum(label != -100 for labels in dataset["labels"] for label in labels)
    else:
        found = sum(len(ids) for side in ("chosen_ids", "rejected_ids") for ids in dataset[side])
    if not found:
        raise TrainingError(
            "no token of any answer would be trained; check that the chat template writes what the assistant says, or "
            "pass another (--chat-template FILE)"
        )
    return found


def _libraries() -> tuple[Any, Any]:
    try:
        import_module("peft")
        return import_module("datasets"), import_module("trl")
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
        # The first of them has no rate at all, so a run of few steps has none of them.
        "warmup_steps": math.floor(config.warmup * steps),
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
        # Every weight that learns is used in every step; to look for others takes time.
        "ddp_find_unused_parameters": False,
    }
    if config.method == "dpo":
        return arguments | {"beta": config.beta}
    if config.packing and "flash" not in str(getattr(chat.model.config, "_attn_implementation", "")):
        raise InputError(
            "packing needs flash attention, without which packed answers would read each other; leave it out"
        )
    return arguments | {"packing": config.packing}


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
    """The base, with what trainers change about it put back.

    That is its forward, its cache, its special tokens (Trainer adds the tokenizer's end of text to those at which the
    model stops, so that the base would answer otherwise after a training than before), and which weights learn.
    """
    forward = model.__dict__.get("forward")
    learning = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    dropped = {
        name: module.p
        for name, module in model.named_modules()
        if hasattr(module, "p") and "Dropout" in str(type(module))
    }
    configs = {id(each): each for each in (model.config, model.config.get_text_config())}.values()
    settings = [(each, name, getattr(each, name)) for each in configs for name in _CHANGED if hasattr(each, name)]
    answering = copy.deepcopy(model.generation_config)
    try:
        yield model
    finally:
        model.__dict__.pop("forward", None)
        if forward is not None:
            model.__dict__["forward"] = forward
        model.gradient_checkpointing_disable()
        if hasattr(model, "_require_grads_hook"):
            model.disable_input_require_grads()
        take_off_adapters(model)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(learning[name])
            parameter.grad = None
        for name, module in model.named_modules():
            if name in dropped:
                module.p = dropped[name]
        for each, name, value in settings:
            setattr(each, name, value)
        model.generation_config = answering
        model.eval()


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
            # They warn of their own future, by which users can do nothing.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            # PEFT sees by itself how a layer holds its weights.
            warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
        if not bars:
            datasets.enable_progress_bars()

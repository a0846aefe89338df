"""One adapter: preference pairs → TRL → a PEFT folder, on a base that stays as it was."""

from __future__ import annotations

import copy
import json
import math
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError, TrainingError
from anthrometrics.induction.chat_models import chat_ids
from anthrometrics.induction.tuning.card import card_of
from anthrometrics.induction.tuning.data import pairs_digest, prepare
from anthrometrics.induction.tuning.estimate import epochs_of
from anthrometrics.induction.tuning.limits import told_of_disk, told_of_memory
from anthrometrics.induction.tuning.processes import is_first
from anthrometrics.induction.tuning.trainers import answer_tokens, build_trainer
from anthrometrics.output.atomic import atomic_text, json_text, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from anthrometrics.induction.chat_models import ChatModel
    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.tuning.config import TuningConfig

__all__ = ["Adapter", "train_adapter"]

# Written last: an adapter without it is unfinished.
_DONE: Final = "training.json"
_PLAN: Final = "plan.json"
_LIBRARIES: Final = ("torch", "transformers", "peft", "trl", "accelerate")


@dataclass(frozen=True)
class Adapter:
    """A trained adapter.

    Attributes:
        path: Its folder, as PEFT reads it; of full fine-tuning a model folder.
        losses: Of every step that was logged, in order.
        trained_tokens: Tokens of answers in all epochs.
        logit_change: Largest difference that it makes to the base's logits on a probe.
        seconds: Of training, the time before an interruption left out.
        left_out: Pairs longer than ``max_length``, or that the chat template refuses.
    """

    path: Path
    losses: tuple[float, ...]
    trained_tokens: int
    logit_change: float
    seconds: float
    left_out: int


def train_adapter(
    chat: ChatModel,
    pairs: Sequence[PreferencePair],
    config: TuningConfig,
    out: Path,
    *,
    progress: Callable[[int, int, float | None], None] | None = None,
    resume: bool = True,
) -> Adapter:
    """Train one adapter and save it with its card; a finished one is read, not trained again.

    After it the base is bit for bit what it was, so that many adapters are trained on one base in memory.

    Args:
        chat: The base.
        pairs: What to learn, in order; ``chosen`` is preferred.
        config: How.
        out: Folder of the adapter. While training it also holds checkpoints, from which the same call goes on.
        progress: Called with step, steps and loss.
        resume: Whether to go on from checkpoints; else what is unfinished is thrown away.

    Raises:
        InputError: ``out`` holds an adapter of another base, other pairs or another config, or cannot be written, as
            where the disk is full; or the model cannot be trained in this way.
        TrainingError: There is nothing to train on, the loss is no number, memory does not suffice, or the adapter
            changes nothing.
    """
    plan = {"base": chat.digest, "config": config.to_dict(), "pairs_digest": pairs_digest(pairs), "pairs": len(pairs)}
    if (out / _DONE).is_file():
        return _finished(out, plan)
    prepared = prepare(chat.tokenizer, pairs, config)
    with told_of_disk(out), told_of_memory(config):
        checkpoint = _begin(out, plan, resume)
        started = time.monotonic()
        with build_trainer(chat, prepared, config, out / "checkpoints", progress) as trainer:
            each = answer_tokens(trainer.train_dataset)
            trainer.train(resume_from_checkpoint=checkpoint)
            losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
            change = _logit_change(chat, trainer.model, prepared.records[0]["prompt"])
            _check(losses, change, config)
            steps = trainer.state.global_step
            record = {
                **plan,
                "too_long": prepared.too_long,
                "refused": prepared.refused,
                "diverging": prepared.diverging,
                "steps": steps,
                "losses": losses,
                "trained_tokens": round(each * epochs_of(steps, len(prepared.records), config)),
                "logit_change": change,
                "seconds": round(time.monotonic() - started, 3),
                "versions": {name: version(name) for name in _LIBRARIES},
            }
            if is_first():
                _save(chat, trainer.model, config, out, record)
            trainer.accelerator.wait_for_everyone()
    return _finished(out, plan)


def _save(chat: ChatModel, tuned: Any, config: TuningConfig, out: Path, record: dict[str, Any]) -> None:
    if config.full:
        # It is to stop where the base stops; the trainer has added the tokenizer's end of text.
        tuned.generation_config = copy.deepcopy(chat.model.generation_config)
        chat.tokenizer.save_pretrained(str(out))
    tuned.save_pretrained(str(out))
    _write(out / "README.md", card_of(chat.name, config, record))
    _write(out / _DONE, json_text(record))
    _clear(out)


def _begin(out: Path, plan: dict[str, Any], resume: bool) -> str | None:
    """Note what is trained; the checkpoint to go on from."""
    out.mkdir(parents=True, exist_ok=True)
    if is_first():
        if not resume:
            _clear(out)
        noted = read_json(out / _PLAN)
        if noted is not None:
            _compare(noted, plan, out)
        _write(out / _PLAN, json_text(plan))
    return _last_checkpoint(out / "checkpoints") if resume else None


def _clear(out: Path) -> None:
    """Remove what only an unfinished training needs."""
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    (out / _PLAN).unlink(missing_ok=True)


def _last_checkpoint(folder: Path) -> str | None:
    """The latest whole checkpoint; the trainer writes its state last, so one without it was cut off."""
    if not folder.is_dir():
        return None
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    whole = [path for path in found if read_json(path / "trainer_state.json") is not None]
    for path in found if is_first() else ():
        if path not in whole:
            shutil.rmtree(path)
    return str(whole[-1]) if whole else None


def _finished(out: Path, plan: dict[str, Any]) -> Adapter:
    record = read_json(out / _DONE)
    if record is None:
        raise InputError(f"{out / _DONE} is damaged; delete {out} to train the adapter again")
    _compare(record, plan, out)
    if is_first():
        # A kill may have come between the last file and the clearing up.
        _clear(out)
    return Adapter(
        path=out,
        losses=tuple(record["losses"]),
        trained_tokens=record["trained_tokens"],
        logit_change=record["logit_change"],
        seconds=record["seconds"],
        left_out=record["too_long"] + record["refused"],
    )


def _compare(before: dict[str, Any], plan: dict[str, Any], out: Path) -> None:
    plain = json.loads(json.dumps(plan))
    changed = [name for name in ("base", "pairs_digest") if before.get(name) != plain[name]]
    was = before.get("config", {})
    changed += [f"{name} {was.get(name)} → {now}" for name, now in plain["config"].items() if was.get(name) != now]
    if changed:
        shown = ", ".join(changed).replace("pairs_digest", "the pairs")
        raise InputError(f"{out} holds the adapter of another training ({shown}); name another folder, or delete it")


def _check(losses: list[float], change: float, config: TuningConfig) -> None:
    if not losses or not all(map(math.isfinite, losses)):
        raise TrainingError(f"the loss is no number; lower learning_rate (now {config.learning_rate})")
    if not change > 0:
        raise TrainingError(
            f"training changed nothing: the adapter leaves every logit as it was; raise learning_rate (now "
            f"{config.learning_rate}) or check target (now {config.target})"
        )


def _logit_change(chat: ChatModel, tuned: Any, messages: list[dict[str, str]]) -> float:
    """Largest difference to the base in what may follow a prompt."""
    import torch

    ids = torch.tensor([chat_ids(chat.tokenizer, messages)], device=tuned.device)
    tuned.eval()
    with torch.inference_mode():
        after = tuned(input_ids=ids).logits.float()
        if hasattr(tuned, "disable_adapter"):
            with tuned.disable_adapter():
                before = tuned(input_ids=ids).logits.float()
        else:
            before = chat.model(input_ids=ids).logits.float()
    return float((after - before).abs().max())


def _write(path: Path, text: str) -> None:
    with atomic_text(path) as stream:
        stream.write(text)

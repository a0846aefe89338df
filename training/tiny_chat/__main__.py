"""Rebuild ``models/tiny-chat``: ``python -m training.tiny_chat`` (see ``README.md`` of this folder)."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from training.tiny_chat import card
from training.tiny_chat.blocks import Documents, chat_documents, padded_batches, prose_documents
from training.tiny_chat.corpus import held_out, instruction_dialogues, own_dialogues, permissive_dialogues, prose
from training.tiny_chat.evaluate import figures_of
from training.tiny_chat.export import export
from training.tiny_chat.model import new_model
from training.tiny_chat.tokenizer import train_tokenizer
from training.tiny_chat.train import Recipe, Trainer, mean_loss, pretraining_batches, tuning_batches
from training.tiny_chat.voice import plainly_spoken

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "models" / "tiny-chat"
# Characters of prose; repeats of the own dialogues in a pass of the tuning; passes.
PROSE, OWN, EPOCHS = 16_000_000, 3, 3


def main() -> None:
    """Do one stage, or all."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    runs: Path = arguments.runs
    runs.mkdir(parents=True, exist_ok=True)
    stages = {
        "data": lambda: _data(runs),
        "pretrain": lambda: _pretrain(runs, arguments.passes, arguments.minutes),
        "tune": lambda: _tune(runs),
        "export": lambda: _export(runs, arguments.out),
    }
    for name in [arguments.stage] if arguments.stage else stages:
        stages[name]()


def _arguments() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog="python -m training.tiny_chat", description=__doc__)
    parser.add_argument("stage", nargs="?", choices=("data", "pretrain", "tune", "export"), help="default: all")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "tiny-chat", help="token ids and checkpoints")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="where the model is written")
    parser.add_argument("--passes", type=float, default=4.0, help="over the conversations, in all (default: 4)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop pretraining then; it can go on later")
    parser.add_argument("--threads", type=int, default=cores, help="of the processor")
    return parser.parse_args()


def _data(runs: Path) -> None:
    """Tokenizer and token ids."""
    own, found, told = own_dialogues(), permissive_dialogues(), list(prose(PROSE))
    if not (runs / "tokenizer").is_dir():
        # Part of the prose: the vocabulary is for answering.
        said = (message["content"] for dialogue in found + own * OWN for message in dialogue.messages)
        train_tokenizer([*said, *told[:8000]]).save_pretrained(runs / "tokenizer")
    tokenizer = _tokenizer(runs)
    read = [dialogue for dialogue in found + own if not held_out(dialogue)]
    taught = [dialogue for dialogue in plainly_spoken(instruction_dialogues(found)) if not held_out(dialogue)]
    taught += [dialogue for dialogue in own if not held_out(dialogue)] * OWN
    measured = [dialogue for dialogue in instruction_dialogues(found) + own if held_out(dialogue)]
    chat_documents(tokenizer, read).save(runs / "chat.npz")
    chat_documents(tokenizer, taught).save(runs / "taught.npz")
    chat_documents(tokenizer, measured).save(runs / "held_out.npz")
    prose_documents(tokenizer, told).save(runs / "prose.npz")
    print(f"{len(read)} conversations, {len(told)} paragraphs, {len(taught)} to tune on, {len(measured)} held out")


def _pretrain(runs: Path, passes: float, minutes: float) -> None:
    tokenizer, recipe = _tokenizer(runs), Recipe()
    chat, told = Documents.load(runs / "chat.npz"), Documents.load(runs / "prose.npz")
    trainer = Trainer(new_model(tokenizer), recipe, runs / "pretrained.pt")
    batches = pretraining_batches(chat, told, recipe, trainer.step)
    last, end = recipe.steps(chat, told, passes), time.monotonic() + 60 * minutes
    trainer.run(
        batches, lambda step: min(1.0, (step + 1) / recipe.warmup), lambda step: step >= last or time.monotonic() > end
    )
    print(f"step {trainer.step} of {last}: held-out loss {_held_out_loss(trainer, runs):.3f}", flush=True)


def _tune(runs: Path) -> None:
    """From the pretrained weights, or from where an earlier tuning stopped."""
    tokenizer, recipe = _tokenizer(runs), Recipe()
    trainer = Trainer(new_model(tokenizer), recipe, runs / "tuned.pt")
    if not trainer.step:
        trainer.begin_with(runs / "pretrained.pt")
    taught = Documents.load(runs / "taught.npz")
    batches = tuning_batches(taught, recipe, tokenizer.pad_token_id, EPOCHS)
    trainer.run(iter(batches[trainer.step :]), lambda step: 1.0 - step / len(batches), lambda step: False)
    print(f"tuned: held-out loss {_held_out_loss(trainer, runs):.3f}", flush=True)


def _export(runs: Path, out: Path) -> None:
    tokenizer = _tokenizer(runs)
    trainer = Trainer(new_model(tokenizer), Recipe(), runs / "tuned.pt")
    trainer.model = export(trainer.model, tokenizer, out)
    held = Documents.load(runs / "held_out.npz")
    figures = figures_of(out, _held_out_loss(trainer, runs), len(held))
    (out / "figures.json").write_text(json.dumps(figures.to_dict(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    card.write_card(out)


def _held_out_loss(trainer: Trainer, runs: Path) -> float:
    pad = trainer.model.config.pad_token_id
    return mean_loss(trainer.model, padded_batches(Documents.load(runs / "held_out.npz"), 4096, pad, None))


def _tokenizer(runs: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(runs / "tokenizer")


if __name__ == "__main__":
    main()

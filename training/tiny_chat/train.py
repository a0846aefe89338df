"""Pretraining and instruction tuning: one loop that can be stopped at any time and goes on from its checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM

from training.fit import computes_bf16
from training.tiny_chat.blocks import UNLEARNT, Documents, padded_batches
from training.tiny_chat.tokenizer import CONTEXT

__all__ = ["Recipe", "Trainer", "mean_loss", "pretraining_batches", "tuning_batches"]

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Recipe:
    """Every choice of the two stages.

    Hidden matrices learn by Muon (Jordan et al. 2024) with update sizes matched to AdamW's (Liu et al. 2025,
    arXiv 2502.16982), the rest by AdamW. The rate is held after the warm-up and falls to nothing in the instruction
    tuning (Hu et al. 2024, arXiv 2404.06395), so that pretraining needs no number of steps in advance.
    """

    matrix_lr: float = 6e-3
    other_lr: float = 4e-3
    weight_decay: float = 0.05
    warmup: int = 100
    rows: int = 12
    prose_after_first: float = 0.3
    tuning_tokens: int = 4096
    clip: float = 1.0

    def steps(self, chat: Documents, prose: Documents, passes: float) -> int:
        """Batches of so many passes over the conversations."""
        first = (len(chat.ids) + len(prose.ids)) // (CONTEXT * self.rows)
        later = int(len(chat.ids) + self.prose_after_first * len(prose.ids)) // (CONTEXT * self.rows)
        return int(min(passes, 1.0) * first + max(passes - 1.0, 0.0) * later)


class Trainer:
    """A model, its optimisers and the step it is at, kept in one file."""

    def __init__(self, model: LlamaForCausalLM, recipe: Recipe, checkpoint: Path) -> None:
        self.model, self.recipe, self.checkpoint = model, recipe, checkpoint
        self.step = 0
        inner = {name: p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name}
        others = [p for name, p in model.named_parameters() if name not in inner]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(
                list(inner.values()),
                lr=recipe.matrix_lr,
                weight_decay=recipe.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            ),
            torch.optim.AdamW(others, lr=recipe.other_lr, betas=(0.9, 0.95), weight_decay=0.0),
        ]
        self._rates = (recipe.matrix_lr, recipe.other_lr)
        if checkpoint.is_file():
            self._restore(checkpoint)

    def begin_with(self, checkpoint: Path) -> None:
        """Take weights and optimisers of another stage, and count steps anew."""
        self._restore(checkpoint)
        self.step = 0

    def save(self) -> None:
        """Write the checkpoint; a kill while writing leaves the last one whole."""
        partial = self.checkpoint.with_suffix(".partial")
        states = [optimizer.state_dict() for optimizer in self._optimizers]
        torch.save({"model": self.model.state_dict(), "optimizers": states, "step": self.step}, partial)
        partial.replace(self.checkpoint)

    def run(
        self,
        batches: Iterator[Batch],
        share: Callable[[int], float],
        until: Callable[[int], bool],
        every: int = 200,
        report: int = 20,
    ) -> None:
        """Go through batches that begin at ``self.step``.

        Args:
            batches: Ids and labels.
            share: Of the learning rate, by step.
            until: Whether to stop before a step.
            every: Steps between two checkpoints.
            report: Steps between two lines of progress.

        Raises:
            SystemExit: The loss is not finite.
        """
        self.model.train()
        losses: list[float] = []
        started, seen = time.monotonic(), 0
        for ids, labels in batches:
            if until(self.step):
                break
            losses.append(self._learn(ids, labels, share(self.step)))
            self.step += 1
            seen += ids.numel()
            if self.step % report == 0:
                rate = seen / (time.monotonic() - started)
                print(f"step {self.step} loss {np.mean(losses[-report:]):.3f} {rate:.0f} tokens/s", flush=True)
            if self.step % every == 0:
                self.save()
        self.save()

    def _restore(self, checkpoint: Path) -> None:
        held = torch.load(checkpoint, weights_only=True)
        self.model.load_state_dict(held["model"])
        for optimizer, state in zip(self._optimizers, held["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step = held["step"]

    def _learn(self, ids: Tensor, labels: Tensor, share: float) -> float:
        loss = loss_of(self.model, ids, labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise SystemExit(f"loss is {value} at step {self.step}; lower the learning rates of the recipe")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        for optimizer, rate in zip(self._optimizers, self._rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return value


def loss_of(model: LlamaForCausalLM, ids: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy in nats of the labels that are learnt, in bf16 arithmetic where the processor has it."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=computes_bf16(torch.device("cpu"))):
        logits = model(input_ids=ids).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=UNLEARNT)


def mean_loss(model: LlamaForCausalLM, batches: Iterator[Batch]) -> float:
    """Mean cross-entropy in nats over every learnt token of the batches."""
    model.eval()
    total, learnt = 0.0, 0
    with torch.no_grad():
        for ids, labels in batches:
            number = int((labels[:, 1:] != UNLEARNT).sum())
            total += float(loss_of(model, ids, labels)) * number
            learnt += number
    return total / learnt


def pretraining_batches(chat: Documents, prose: Documents, recipe: Recipe, step: int) -> Iterator[Batch]:
    """Passes over all conversations, with all the prose in the first and some of it in the later ones.

    Args:
        chat: Conversations.
        prose: Paragraphs.
        recipe: Rows of a batch and share of prose.
        step: The first batch that is wanted; the same step brings the same batch in every run.
    """
    for number in count():
        rng = np.random.default_rng((7, number))
        told = prose.shuffled(rng)
        if number:
            told = told[: int(len(told) * recipe.prose_after_first)]
        rows = np.concatenate([chat.shuffled(rng), told])
        rows = rows[rng.permutation(len(rows))]
        steps = len(rows) // recipe.rows
        for place in range(min(step, steps), steps):
            yield _all_learnt(rows[place * recipe.rows : (place + 1) * recipe.rows])
        step = max(0, step - steps)


def tuning_batches(documents: Documents, recipe: Recipe, pad: int, epochs: int) -> list[Batch]:
    """Every batch of the instruction tuning, answers alone learnt."""
    rng = np.random.default_rng(11)
    return [batch for _ in range(epochs) for batch in padded_batches(documents, recipe.tuning_tokens, pad, rng)]


def _all_learnt(rows: NDArray[np.int64]) -> Batch:
    ids = torch.from_numpy(rows)
    return ids, ids

"""One training run of the value encoder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from anthrometrics.induction.values import VALUES
from training.fit import CLS, MASK, SEP, computes_bf16, packed
from training.steps import Steps
from training.values.data import ValueTurn
from training.values.model import LAYERS, ValueModel


@dataclass(frozen=True)
class Recipe:
    """Every choice of a run; names as in ``training.fit.Recipe``.

    ``written`` weighs the replies written for one value, which are judged for that value alone. Replies with a value
    that fewer than ``rare`` of those that were read express are repeated, the rarer the more often. Of a written reply
    the other values were not judged; most are absent, and ``unsaid`` is how much that counts, helpfulness left out.
    Without it a lively style passes for every value that such replies were written for.
    """

    seed: int = 0
    epochs: int = 5
    layers: int = LAYERS
    trunk_lr: float = 2e-4
    head_lr: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.1
    batch_tokens: int = 2048
    drop_prompt: float = 0.1
    mask_tokens: float = 0.06
    average: float = 0.99
    written: float = 2.0
    rare: float = 0.08
    unsaid: float = 0.3
    tune_trunk: bool = True


_MOST_REPEATS = 4.0


@dataclass
class Batch:
    """Padded windows; ``turn_of`` maps them to turns."""

    inputs: dict[str, Tensor]
    turn_of: Tensor
    targets: Tensor
    weights: Tensor
    tokens: int


def collate(turns: list[ValueTurn], recipe: Recipe | None, rng: np.random.Generator) -> Batch:
    """Pad the windows of some turns; with a recipe, drop prompts and mask tokens."""
    rows, turn_of = [], []
    for position, turn in enumerate(turns):
        drop = recipe is not None and rng.random() < recipe.drop_prompt
        for window in turn.windows:
            ids, start = window.ids.copy(), window.response_start
            if drop:
                ids, start = np.concatenate([[CLS, SEP], ids[start:]]), 2
            if recipe is not None:
                mask = rng.random(len(ids)) < recipe.mask_tokens
                mask[:start] = mask[-1] = False
                ids[mask] = MASK
            rows.append((ids, start))
            turn_of.append(position)
    length = max(len(ids) for ids, _ in rows)
    names = ("input_ids", "attention_mask", "token_type_ids")
    arrays = {name: np.zeros((len(rows), length), dtype=np.int64) for name in names}
    response = np.zeros((len(rows), length), dtype=np.float32)
    for index, (ids, start) in enumerate(rows):
        arrays["input_ids"][index, : len(ids)] = ids
        arrays["attention_mask"][index, : len(ids)] = 1
        arrays["token_type_ids"][index, start : len(ids)] = 1
        response[index, start : len(ids) - 1] = 1.0
    return Batch(
        {
            **{name: torch.from_numpy(array) for name, array in arrays.items()},
            "response_mask": torch.from_numpy(response),
        },
        torch.tensor(turn_of),
        torch.from_numpy(np.stack([turn.targets for turn in turns])),
        torch.from_numpy(np.stack([_weights(turn, recipe) for turn in turns])),
        int(arrays["attention_mask"].sum()),
    )


def _weights(turn: ValueTurn, recipe: Recipe | None) -> NDArray[np.float32]:
    """How much each value of a reply counts, shape ``(17,)``."""
    known = turn.known.astype(np.float32)
    if recipe is None or known.sum() > 1:
        return known
    absent = (1.0 - known) * recipe.unsaid
    absent[VALUES.index("helpfulness")] = 0.0
    return np.asarray(known * recipe.written + absent, dtype=np.float32)


def turn_logits(logits: Tensor, turn_of: Tensor, turns: int) -> Tensor:
    """A turn expresses what any of its windows does: the largest logit, shape ``(turns, 17)``."""
    start = logits.new_full((turns, logits.shape[1]), -torch.inf, dtype=torch.float32)
    return start.index_reduce(0, turn_of, logits.float(), "amax")


def fit(turns: list[ValueTurn], recipe: Recipe) -> ValueModel:
    """Train; the weights that are kept are a moving average.

    Raises:
        SystemExit: The loss is not finite.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    model = ValueModel.from_detectors(recipe.layers)
    last = model.whole_head[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.bias.copy_(torch.logit(torch.from_numpy(_priors(turns))))
    repeats = _repeats(turns, recipe)
    plan = [list(_batches(_drawn(turns, repeats, rng), recipe, rng)) for _ in range(recipe.epochs)]
    number = sum(map(len, plan))
    heads = [p for name, p in model.named_parameters() if not name.startswith("trunk.")]
    groups = [{"params": heads, "lr": recipe.head_lr, "weight_decay": recipe.weight_decay}]
    if recipe.tune_trunk:
        groups.append({**groups[0], "params": list(model.trunk.parameters()), "lr": recipe.trunk_lr})
    model.trunk.requires_grad_(recipe.tune_trunk)
    steps = Steps(model, groups, number, recipe.warmup, recipe.average)
    seen, started = 0, time.monotonic()
    model.train()
    for epoch, groups_of_turns in enumerate(plan):
        losses = []
        for some in groups_of_turns:
            batch = collate(some, recipe, rng)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=computes_bf16(torch.device("cpu"))):
                logits, _ = model(**batch.inputs)
            found = turn_logits(logits, batch.turn_of, len(some))
            each = binary_cross_entropy_with_logits(found, batch.targets, reduction="none") * batch.weights
            loss = each.sum() / len(some)
            steps.take(loss)
            seen += batch.tokens
            losses.append(float(loss.detach()))
        rate = seen / (time.monotonic() - started)
        print(f"epoch {epoch} step {steps.done}/{number} loss {np.mean(losses):.3f} {rate:.0f} tokens/s", flush=True)
    model.load_state_dict(steps.averaged.state_dict())
    return model.eval()


def _priors(turns: list[ValueTurn]) -> NDArray[np.float32]:
    """Share of fully read replies that express each value; one half where none was read."""
    read = [turn.targets for turn in turns if turn.known.sum() > 1]
    rates = np.mean(read, axis=0) if read else np.full(len(VALUES), 0.5)
    return np.clip(rates, 0.01, 0.5).astype(np.float32)


def _repeats(turns: list[ValueTurn], recipe: Recipe) -> NDArray[np.float64]:
    """How often an epoch shows each reply, on average."""
    read = np.array([turn.known.sum() > 1 for turn in turns])
    present = np.stack([turn.targets > 0.5 for turn in turns])
    share = np.maximum(present[read].mean(0), 1e-9) if read.any() else np.ones(len(VALUES))
    factors = np.where(present, np.maximum(1.0, np.sqrt(recipe.rare / share)), 1.0).max(1)
    return np.where(read, np.minimum(factors, _MOST_REPEATS), 1.0)


def _drawn(turns: list[ValueTurn], repeats: NDArray[np.float64], rng: np.random.Generator) -> list[ValueTurn]:
    """The replies of one epoch; a fraction of a repeat is a chance."""
    times = np.floor(repeats).astype(int) + (rng.random(len(turns)) < repeats % 1)
    return [turn for turn, count in zip(turns, times, strict=True) for _ in range(count)]


def _batches(turns: list[ValueTurn], recipe: Recipe, rng: np.random.Generator) -> Iterator[list[ValueTurn]]:
    """Random batches of about ``batch_tokens`` tokens from turns of like length."""

    def size(turn: ValueTurn) -> int:
        return max(len(window.ids) for window in turn.windows) * len(turn.windows)

    return packed(turns, size, recipe.batch_tokens, 256, rng)


@torch.inference_mode()
def predict(model: nn.Module, turns: list[ValueTurn]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits ``(turns, 17)`` and embeddings ``(turns, width)``, one turn a batch as the scorer runs."""
    rng, logits, meanings = np.random.default_rng(0), [], []
    for turn in turns:
        batch = collate([turn], None, rng)
        found, meaning = model(**batch.inputs)
        logits.append(found.amax(0).numpy())
        whole = (batch.inputs["response_mask"].sum(1)[:, None] * meaning).sum(0)
        meanings.append((whole / whole.norm()).numpy())
    return np.stack(logits).astype(np.float64), np.stack(meanings).astype(np.float64)

"""One training run: batches, loss, optimiser, averaged weights."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from anthrometrics.codebook import REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.window import turn_weights
from training.data import TrainingTurn
from training.model import LAYERS, DetectorModel
from training.steps import Steps

# Ids of the trunk's vocabulary.
MASK, CLS, SEP = 103, 101, 102
Unit = TypeVar("Unit")


@dataclass(frozen=True)
class Recipe:
    """Every choice of a run.

    A small trunk wants a higher learning rate and more epochs than a large one; ``mask_tokens`` hides response
    tokens; ``drop_prompt`` teaches the model to judge a response whose user turn is unknown. Of the windows without
    any label each epoch sees ``unmarked_share``; those with a label that fewer than ``rare`` of the windows carry are
    repeated, the rarer the more often (repeat factors, Gupta et al. 2019, arXiv 1908.03195).

    With a teacher, its probabilities are the targets of everything unlabelled and make up ``taught`` of the targets of
    what is labelled (Hinton et al. 2015, arXiv 1503.02531).
    """

    seed: int = 0
    epochs: int = 5
    trunk_lr: float = 3e-4
    head_lr: float = 1e-3
    layer_decay: float = 0.9
    weight_decay: float = 0.01
    warmup: float = 0.06
    batch_tokens: int = 2048
    drop_prompt: float = 0.15
    mask_tokens: float = 0.06
    turn_loss: float = 1.0
    unmarked_share: float = 0.4
    rare: float = 0.06
    refusal_per_epoch: int = 2000
    refusal_tokens: int = 256
    average: float = 0.995
    layers: int = LAYERS
    taught: float = 0.0


@dataclass
class Batch:
    """Padded tensors; ``turn_of`` maps windows to turns and ``rows`` picks the labelled sentences."""

    inputs: dict[str, Tensor]
    rows: Tensor
    targets: Tensor
    turn_of: Tensor
    window_weight: Tensor
    refusal: Tensor
    refusal_weight: Tensor
    tokens: int

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, inputs={name: value.to(device) for name, value in self.inputs.items()}, **moved)


def collate(turns: list[TrainingTurn], recipe: Recipe | None, rng: np.random.Generator) -> Batch:
    """Pad windows into one batch; with a recipe, drop prompts, mask tokens and shorten refusal-only turns."""
    windows, turn_of, weights, rows, targets = [], [], [], [], []
    for position, item in enumerate(turns):
        drop = recipe is not None and rng.random() < recipe.drop_prompt
        lengths: list[int] = []
        for window in item.windows:
            ids, ranges = window.ids.copy(), list(window.token_ranges)
            start = window.response_start
            if drop:
                ids = np.concatenate([[CLS, SEP], ids[start:]])
                ranges = [(a - start + 2, b - start + 2) for a, b in ranges]
                start = 2
            if recipe is not None and not item.turn.sentences and len(ids) > start + recipe.refusal_tokens:
                ids = ids[: start + recipe.refusal_tokens]
                ids[-1] = SEP
                ranges = [(a, min(b, len(ids) - 1)) for a, b in ranges if a < len(ids) - 1]
            if recipe is not None:
                mask = rng.random(len(ids)) < recipe.mask_tokens
                mask[:start] = mask[-1] = False
                ids[mask] = MASK
            for row, (sentence, _) in enumerate(zip(window.sentences, ranges, strict=False)):
                if item.known[sentence]:
                    rows.append((len(windows), row))
                    targets.append(item.targets[sentence])
            windows.append((ids, start, ranges))
            turn_of.append(position)
            lengths.append(len(ids) - start - 1)
        weights.extend(turn_weights(lengths).tolist())
    length = max(len(ids) for ids, _, _ in windows)
    most = max(len(ranges) for _, _, ranges in windows)
    input_ids = np.zeros((len(windows), length), dtype=np.int64)
    attention, types = np.zeros_like(input_ids), np.zeros_like(input_ids)
    pooling = np.zeros((len(windows), most, length), dtype=np.float32)
    for index, (ids, start, ranges) in enumerate(windows):
        input_ids[index, : len(ids)] = ids
        attention[index, : len(ids)] = 1
        types[index, start : len(ids)] = 1
        for row, (first, last) in enumerate(ranges):
            pooling[index, row, first:last] = 1.0 / (last - first)
    return Batch(
        inputs={
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(attention),
            "token_type_ids": torch.from_numpy(types),
            "pooling": torch.from_numpy(pooling),
        },
        rows=torch.tensor(rows, dtype=torch.long).reshape(-1, 2),
        targets=torch.from_numpy(np.array(targets, dtype=np.float32).reshape(-1, len(SENTENCE_OUTPUTS))),
        turn_of=torch.tensor(turn_of),
        window_weight=torch.tensor(weights),
        refusal=torch.tensor([item.refusal for item in turns]),
        refusal_weight=torch.tensor([item.weight for item in turns], dtype=torch.float32),
        tokens=int(attention.sum()),
    )


def pieces(turns: list[TrainingTurn]) -> list[TrainingTurn]:
    """Single windows of the turns, for training: alike in length they batch with little padding.

    The first window carries the turn label; of the others only those with a labelled sentence are of use.
    """
    result = []
    for item in turns:
        first, *rest = item.windows
        result.append(replace(item, windows=(first,)))
        useful = (window for window in rest if any(item.known[s] for s in window.sentences))
        result += [replace(item, windows=(window,), refusal=-1) for window in useful]
    return result


def turn_logits(logits: Tensor, batch: Batch) -> Tensor:
    """Weighted mean of the windows' logits, as the scorer aggregates them; ``(turns, 3)``."""
    total = logits.new_zeros(len(batch.refusal), len(REFUSAL_LABELS), dtype=torch.float32)
    total = total.index_add(0, batch.turn_of, logits.float() * batch.window_weight[:, None])
    return total / total.new_zeros(len(total)).index_add(0, batch.turn_of, batch.window_weight)[:, None]


def loss_of(model: nn.Module, batch: Batch, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Sentence loss (binary cross-entropy summed over outputs) and turn loss (weighted cross-entropy)."""
    sentence, turn = model(**batch.inputs)
    if len(batch.rows):
        picked = sentence[batch.rows[:, 0], batch.rows[:, 1]]
        sentence_loss = binary_cross_entropy_with_logits(picked.float(), batch.targets, reduction="none").sum(-1).mean()
    else:
        sentence_loss = sentence.sum() * 0.0
    each = cross_entropy(turn_logits(turn, batch), batch.refusal, reduction="none", ignore_index=-1)
    turn_loss = (each * batch.refusal_weight).sum() / max(len(each), 1)
    return sentence_loss, recipe.turn_loss * turn_loss


def distilled_loss_of(model: nn.Module, teacher: nn.Module, batch: Batch, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """The same losses on every sentence and window, labelled or not, against the teacher's probabilities.

    The teacher sees the batch as the student does, masked tokens included.
    """
    with torch.no_grad():
        taught_sentence, taught_turn = teacher(**batch.inputs)
    sentence, turn = model(**batch.inputs)
    targets, chances = taught_sentence.float().sigmoid(), taught_turn.float().softmax(-1)
    if len(batch.rows):
        place = (batch.rows[:, 0], batch.rows[:, 1])
        targets[place] = recipe.taught * targets[place] + (1.0 - recipe.taught) * batch.targets
    # Windows of a batch are single: every one is its turn's.
    known = batch.refusal >= 0
    trusted = (1.0 - recipe.taught) * batch.refusal_weight[known, None].clamp(max=1.0)
    given = one_hot(batch.refusal[known], len(REFUSAL_LABELS)).float()
    chances[known] = (1.0 - trusted) * chances[known] + trusted * given
    real = batch.inputs["pooling"].sum(-1) > 0.5
    losses = binary_cross_entropy_with_logits(sentence[real].float(), targets[real], reduction="none")
    return losses.sum(-1).mean(), recipe.turn_loss * cross_entropy(turn.float(), chances)


def batches(units: list[TrainingTurn], recipe: Recipe, rng: np.random.Generator) -> Iterator[list[TrainingTurn]]:
    """Random batches of about ``batch_tokens`` tokens from single windows of like length."""

    def length(unit: TrainingTurn) -> int:
        window = unit.windows[0]
        longest = len(window.ids) if unit.turn.sentences else window.response_start + recipe.refusal_tokens
        return min(len(window.ids), longest)

    return packed(units, length, recipe.batch_tokens, 384, rng)


def packed(
    units: Sequence[Unit], length: Callable[[Unit], int], tokens: int, pool: int, rng: np.random.Generator
) -> Iterator[list[Unit]]:
    """Random batches of about ``tokens`` padded tokens.

    Args:
        units: What is batched.
        length: Tokens of one.
        tokens: Of a batch.
        pool: Of so many that were drawn together, those of like length share a batch.
        rng: Draws.
    """
    order = rng.permutation(len(units))
    groups: list[list[Unit]] = []
    for start in range(0, len(order), pool):
        current: list[Unit] = []
        for unit in sorted((units[i] for i in order[start : start + pool]), key=length):
            if current and (len(current) + 1) * length(unit) > tokens:
                groups.append(current)
                current = []
            current.append(unit)
        groups.append(current)
    for index in rng.permutation(len(groups)):
        yield groups[index]


def parameter_groups(model: DetectorModel, recipe: Recipe) -> list[dict[str, object]]:
    """Learning rates fall by ``layer_decay`` a layer towards the embeddings; norms and biases are not decayed."""
    depth = model.trunk.config.num_hidden_layers
    groups: list[dict[str, object]] = []
    for name, parameter in model.named_parameters():
        if name.startswith("trunk.encoder.layer."):
            rate = recipe.trunk_lr * recipe.layer_decay ** (depth - 1 - int(name.split(".")[3]))
        elif name.startswith("trunk."):
            rate = recipe.trunk_lr * recipe.layer_decay**depth
        else:
            rate = recipe.head_lr
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "lr": rate, "weight_decay": decay})
    return groups


def fit(
    labelled: list[TrainingTurn],
    refusal: list[TrainingTurn],
    recipe: Recipe,
    out: Path,
    teacher: DetectorModel | None = None,
    start: DetectorModel | None = None,
) -> DetectorModel:
    """Train and save the averaged weights to ``out/model.safetensors``; a finished run is loaded, not repeated.

    Uses CUDA where torch has it, and bf16 arithmetic there and on processors that compute in it.

    Args:
        labelled: Sentence-labelled turns.
        refusal: Turns with a refusal label only.
        recipe: Every choice of the run.
        out: Folder of the run.
        teacher: A finished model to learn from beside the labels.
        start: Weights to begin with instead of the pretrained trunk and new heads.

    Raises:
        SystemExit: The loss is not finite, or ``out`` holds a run of another recipe.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    model = start or DetectorModel.from_trunk(recipe.layers)
    if (out / "model.safetensors").is_file():
        if json.loads((out / "recipe.json").read_text(encoding="utf-8")) != asdict(recipe):
            raise SystemExit(f"{out} holds a run of another recipe; name another folder with --runs, or delete it")
        load_model(model, out / "model.safetensors")
        return model.eval()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    if teacher is not None:
        teacher.to(device).eval()
    rng = np.random.default_rng(recipe.seed)
    labelled, refusal = pieces(labelled), pieces(refusal)
    if start is None:
        model.set_priors(_priors(labelled))
    repeats = _repeats(labelled, recipe)
    plan = [_epoch(labelled, repeats, refusal, recipe, rng) for _ in range(recipe.epochs)]
    number = sum(len(epoch) for epoch in plan)
    steps = Steps(model, parameter_groups(model, recipe), number, recipe.warmup, recipe.average)
    started, seen = time.monotonic(), 0
    for epoch, groups in enumerate(plan):
        model.train()
        running: list[tuple[float, float]] = []
        for turns in groups:
            batch = collate(turns, recipe, rng).to(device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=computes_bf16(device)):
                sentence_loss, turn_loss = (
                    loss_of(model, batch, recipe)
                    if teacher is None
                    else distilled_loss_of(model, teacher, batch, recipe)
                )
            steps.take(sentence_loss + turn_loss)
            seen += batch.tokens
            running.append((float(sentence_loss.detach()), float(turn_loss.detach())))
            if steps.done % 20 == 0:
                rate = seen / (time.monotonic() - started)
                a, b = np.mean(running[-20:], axis=0)
                losses = f"sentence {a:.3f} turn {b:.3f}"
                print(f"epoch {epoch} step {steps.done}/{number} {losses} {rate:.0f} tokens/s", flush=True)
        save_model(steps.averaged, str(out / "last.safetensors"))
    model.load_state_dict(steps.averaged.state_dict())
    model.cpu()
    save_model(model, str(out / "model.safetensors"))
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
    return model.eval()


def computes_bf16(device: torch.device) -> bool:
    """Whether bf16 is a gain: elsewhere a CPU would only emulate it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _epoch(
    labelled: list[TrainingTurn],
    repeats: NDArray[np.float64],
    refusal: list[TrainingTurn],
    recipe: Recipe,
    rng: np.random.Generator,
) -> list[list[TrainingTurn]]:
    """Labelled windows, and a fresh draw of refusal-only ones: trusted labels and small cells more often.

    A cell is a label of a source. Sampling by the root of its size keeps one large source from deciding what a
    refusal is.
    """
    times = np.floor(repeats + rng.random(len(labelled))).astype(int)
    units = [unit for unit, count in zip(labelled, times, strict=True) for _ in range(count)]
    if refusal:
        cells = [(unit.turn.source, unit.refusal) for unit in refusal]
        counts = Counter(cells)
        odds = np.array([unit.weight / math.sqrt(counts[cell]) for unit, cell in zip(refusal, cells, strict=True)])
        size = min(recipe.refusal_per_epoch, len(refusal))
        units += [refusal[i] for i in rng.choice(len(refusal), size, replace=False, p=odds / odds.sum())]
    return list(batches(units, recipe, rng))


def _repeats(units: list[TrainingTurn], recipe: Recipe) -> NDArray[np.float64]:
    """How often an epoch shows each window, on average."""
    present = np.stack([unit.targets[list(unit.windows[0].sentences)].max(0, initial=0) > 0.5 for unit in units])
    share = np.maximum(present.mean(0), 1e-9)
    factors = np.maximum(1.0, np.sqrt(recipe.rare / share))
    repeats = np.where(present, factors, 0.0).max(1)
    return np.where(present.any(1), np.minimum(repeats, 4.0), recipe.unmarked_share)


def _priors(labelled: list[TrainingTurn]) -> NDArray[np.float32]:
    """Share of labelled sentences that have each output."""
    targets = np.concatenate([unit.targets[unit.known] for unit in labelled])
    return np.clip(targets.mean(0), 1e-4, 0.5)


@torch.inference_mode()
def predict(model: DetectorModel, turns: list[TrainingTurn]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sentence logits ``(spans, 21)`` and turn logits ``(3,)`` of each turn, one turn a batch as the scorer runs."""
    rng = np.random.default_rng(0)
    results = []
    for item in turns:
        batch = collate([item], None, rng)
        sentence, turn = model(**batch.inputs)
        rows = [sentence[w, : len(window.sentences)] for w, window in enumerate(item.windows)]
        results.append((torch.cat(rows).numpy(), turn_logits(turn, batch)[0].numpy()))
    return results

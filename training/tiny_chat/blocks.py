"""Token ids of documents, and the batches that are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from training.tiny_chat.corpus import Dialogue
from training.tiny_chat.tokenizer import BEGIN, CONTEXT, END

__all__ = ["Documents", "chat_documents", "padded_batches", "prose_documents"]

UNLEARNT = -100


@dataclass(frozen=True)
class Documents:
    """Documents end to end.

    Attributes:
        ids: Token ids; ``(tokens,)`` uint16.
        learnt: Whether a token is one of an assistant's answer; ``(tokens,)`` bool.
        ends: Where each document ends; ``(documents,)``.
    """

    ids: NDArray[np.uint16]
    learnt: NDArray[np.bool_]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[tuple[list[int], list[int]]]) -> Documents:
        """From ids and masks of each document."""
        return cls(
            np.concatenate([np.array(ids, dtype=np.uint16) for ids, _ in rows]),
            np.concatenate([np.array(mask, dtype=bool) for _, mask in rows]),
            np.array(list(accumulate(len(ids) for ids, _ in rows)), dtype=np.int64),
        )

    @classmethod
    def load(cls, path: Path) -> Documents:
        """What ``save`` wrote."""
        with np.load(path) as held:
            return cls(held["ids"], held["learnt"], held["ends"])

    def save(self, path: Path) -> None:
        """One ``.npz`` file."""
        np.savez(path, ids=self.ids, learnt=self.learnt, ends=self.ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        start = 0 if index == 0 else self.ends[index - 1]
        return self.ids[start : self.ends[index]], self.learnt[start : self.ends[index]]

    def shuffled(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """All documents in a random order, cut into rows of the context; the rest of the last row is left out."""
        joined = np.concatenate([self[int(i)][0] for i in rng.permutation(len(self))]).astype(np.int64)
        return joined[: len(joined) // CONTEXT * CONTEXT].reshape(-1, CONTEXT)


def chat_documents(tokenizer: PreTrainedTokenizerFast, dialogues: Sequence[Dialogue]) -> Documents:
    """Conversations under the chat template; one whose last answer was cut loses its end mark."""
    rows = []
    for dialogue in dialogues:
        encoded = tokenizer.apply_chat_template(
            list(dialogue.messages), return_dict=True, return_assistant_tokens_mask=True
        )
        ids, mask = encoded["input_ids"], encoded["assistant_masks"]
        last = len(ids) if dialogue.whole else len(ids) - 1
        rows.append((ids[: min(last, CONTEXT)], mask[: min(last, CONTEXT)]))
    return Documents.of(rows)


def prose_documents(tokenizer: PreTrainedTokenizerFast, paragraphs: Sequence[str]) -> Documents:
    """Paragraphs between the marks of a beginning and an end."""
    encoded = tokenizer([BEGIN + text + END for text in paragraphs], add_special_tokens=False)["input_ids"]
    return Documents.of([(ids, [0] * len(ids)) for ids in encoded])


def padded_batches(
    documents: Documents, tokens: int, pad: int, rng: np.random.Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Whole documents of like length with labels for the answers alone; ``(rows, length)`` each.

    Args:
        documents: What is batched.
        tokens: Padded tokens of a batch.
        pad: Id that fills the rows.
        rng: Draws the order; None keeps documents in order of length.
    """
    lengths = np.diff(documents.ends, prepend=0)
    jitter = rng.uniform(0, 8, len(lengths)) if rng is not None else 0
    groups: list[list[int]] = [[]]
    longest = 0
    for index in np.argsort(lengths + jitter, kind="stable"):
        longest = max(longest, int(lengths[index]))
        if groups[-1] and (len(groups[-1]) + 1) * longest > tokens:
            groups.append([])
            longest = int(lengths[index])
        groups[-1].append(int(index))
    for place in rng.permutation(len(groups)) if rng is not None else range(len(groups)):
        longest = max(int(lengths[i]) for i in groups[place])
        ids = np.full((len(groups[place]), longest), pad, dtype=np.int64)
        labels = np.full_like(ids, UNLEARNT)
        for row, index in enumerate(groups[place]):
            held, learnt = documents[index]
            ids[row, : len(held)] = held
            labels[row, : len(held)] = np.where(learnt, held.astype(np.int64), UNLEARNT)
        yield torch.from_numpy(ids), torch.from_numpy(labels)

"""Labelled turns: the standoff labels of this folder joined to the texts they point at.

Texts are not in the repository. ``ANTHROMETRICS_DATA`` names the folder that holds them (see ``README.md``).
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from anthrometrics.codebook import DETECTORS, REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.segment import Span
from anthrometrics.detectors.window import Window, WindowSizes, encode_turn

LABELS_DIR = Path(__file__).parent / "labels"
SYNTHETIC_DIR = Path(__file__).parent / "synthetic"
# How far a turn label is trusted, by who gave it.
ORIGIN_WEIGHT = {"codebook": 1.0, "human": 1.0, "model": 0.6, "heuristic": 0.3}


# Labels of one sentence, by annotator.
Readings = tuple[tuple[str, ...], ...]


class DataMissing(SystemExit):
    """The texts that the labels point at are not where they were looked for."""


@dataclass(frozen=True)
class LabelledTurn:
    """One assistant turn with what is known about it.

    Attributes:
        sentences: ``(start, end, readings)`` for each labelled span; empty where only the turn is labelled. A reading
            is the labels that one annotator gave; there are two where annotators differ and nobody has decided.
            Text outside the spans is unlabelled, not negative.
        refusal: Turn label, or None.
        origin: Who gave the turn label; a key of ``ORIGIN_WEIGHT``.
    """

    id: str
    source: str
    prompt: str
    response: str
    sentences: tuple[tuple[int, int, Readings], ...]
    refusal: str | None
    origin: str


@dataclass(frozen=True)
class TrainingTurn:
    """A labelled turn as tensors.

    Attributes:
        targets: Share of readings that give the label, shape ``(spans, len(SENTENCE_OUTPUTS))``.
        known: Whether a span is fully labelled, shape ``(spans,)``.
        refusal: Index into ``REFUSAL_LABELS``, or -1.
    """

    turn: LabelledTurn
    spans: tuple[Span, ...]
    windows: tuple[Window, ...]
    targets: NDArray[np.float32]
    known: NDArray[np.bool_]
    refusal: int
    weight: float

    def texts(self) -> list[str]:
        """Text of every span."""
        return [self.turn.response[span.start : span.end] for span in self.spans]


def data_dir() -> Path:
    """The folder of source texts, or a clear message about how to get one."""
    value = os.environ.get("ANTHROMETRICS_DATA")
    path = Path(value) if value else None
    if path is None or not (path / "turns_pool.jsonl.gz").is_file():
        raise DataMissing(
            f"ANTHROMETRICS_DATA={value!r} has no turns_pool.jsonl.gz. The texts behind the labels are not part of "
            "this repository; training/README.md says where each source is published and which files it expects."
        )
    return path


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON-lines file, gzipped or plain."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _texts(ids: set[str], name: str) -> dict[str, tuple[str, str]]:
    """``id -> (prompt, response)`` from the pool, for every turn of a label set."""
    pool = _pool(data_dir() / "turns_pool.jsonl.gz")
    if missing := sorted(ids - pool.keys()):
        raise DataMissing(f"{len(missing)} turns of labels/{name}.jsonl are not in the pool, the first: {missing[0]}")
    return {identifier: pool[identifier] for identifier in ids}


@cache
def _pool(path: Path) -> dict[str, tuple[str, str]]:
    """``id -> (prompt, response)``; several label sets point into it."""
    texts = {}
    for record in read_jsonl(path):
        *before, last = record["messages"]
        prompt = next((m["content"] for m in reversed(before) if m["role"] == "user"), "")
        texts[record["id"]] = (prompt, last["content"])
    return texts


def sentence_labelled(name: str) -> list[LabelledTurn]:
    """Turns of ``labels/<name>.jsonl``, labelled under the codebook for sentences and refusal."""
    records = list(read_jsonl(LABELS_DIR / f"{name}.jsonl"))
    texts = _texts({record["id"] for record in records}, name)
    return [
        LabelledTurn(
            id=record["id"],
            source=record["source"],
            prompt=texts[record["id"]][0],
            response=texts[record["id"]][1],
            sentences=tuple((start, end, tuple(map(tuple, readings))) for start, end, *readings in record["sentences"]),
            refusal=record["refusal"],
            origin="codebook",
        )
        for record in records
    ]


def synthetic() -> list[LabelledTurn]:
    """Turns written for this project, all of ``synthetic/``; their text is ours, so it is here whole."""
    return [turn for path in sorted(SYNTHETIC_DIR.glob("*.jsonl")) for turn in written(path)]


def written(path: Path) -> list[LabelledTurn]:
    """Turns of one file that holds its sentences as text."""
    turns = []
    for record in read_jsonl(path):
        response, spans = "", []
        for text, labels in record["sentences"]:
            response += text if not response or text.startswith("\n") else f" {text}"
            spans.append((len(response) - len(text.lstrip()), len(response), (tuple(labels),)))
        turns.append(
            LabelledTurn(
                id=record["id"],
                source="synthetic",
                prompt=record["prompt"],
                response=response,
                sentences=tuple(spans),
                refusal=record["refusal"],
                origin="codebook",
            )
        )
    return turns


def refusal_published(name: str = "refusal_train") -> list[LabelledTurn]:
    """Turns with the refusal label that they were published with.

    Those labelled ``other`` (neither answer nor refusal) are left out.
    """
    return [
        LabelledTurn(
            id=record["id"],
            source=record["source"],
            prompt=record["prompt"] or "",
            response=record["response"],
            sentences=(),
            refusal=record["label"],
            origin=record["label_origin"],
        )
        for record in read_jsonl(data_dir() / f"{name}.jsonl.gz")
        if record["label"] in REFUSAL_LABELS
    ]


def refusal_labelled() -> list[LabelledTurn]:
    """Turns with a refusal label only, read under the codebook where ``labels/refusals.jsonl`` has them.

    Of the published labels ``partial_refusal`` is not used unread: most of these turns answer after a disclaimer, which
    the codebook calls compliance (README.md, "Refusal labels that were read again").
    """
    records = list(read_jsonl(LABELS_DIR / "refusals.jsonl"))
    published = {turn.id: turn for turn in refusal_published()}
    pool = _texts({record["id"] for record in records} - published.keys(), "refusals")
    read = {}
    for record in records:
        name = record["id"]
        texts = pool.get(name) or (published[name].prompt, published[name].response)
        read[name] = LabelledTurn(name, record["source"], *texts, (), record["refusal"], "codebook")
    unread = [turn for turn in published.values() if turn.id not in read and turn.refusal != "partial_refusal"]
    return [*unread, *(turn for turn in read.values() if turn.refusal is not None)]


def to_training(turn: LabelledTurn, tokenizer: Tokenizer, sizes: WindowSizes) -> TrainingTurn:
    """Encode a turn and carry its labels over to this package's own sentence spans, by overlap."""
    encoded = encode_turn(tokenizer, sizes, turn.prompt, turn.response)
    targets = np.zeros((len(encoded.spans), len(SENTENCE_OUTPUTS)), dtype=np.float32)
    known = np.zeros(len(encoded.spans), dtype=np.bool_)
    for row, span in enumerate(encoded.spans):
        overlaps = [s for s in turn.sentences if s[0] < span.end and span.start < s[1]]
        covered = sum(min(span.end, end) - max(span.start, start) for start, end, _ in overlaps)
        known[row] = covered >= 0.7 * (span.end - span.start)
        readings = max((len(readings) for _, _, readings in overlaps), default=1)
        for reading in range(readings):
            given = {label for _, _, each in overlaps for label in each[min(reading, len(each) - 1)]}
            targets[row] += indicators(given) / readings
    refusal = REFUSAL_LABELS.index(turn.refusal) if turn.refusal is not None else -1  # type: ignore[arg-type]
    return TrainingTurn(turn, encoded.spans, encoded.windows, targets, known, refusal, ORIGIN_WEIGHT[turn.origin])


def indicators(labels: set[str]) -> NDArray[np.float32]:
    """0/1 for each sentence output; a detector fires if any of its labels does."""
    fires = [
        not labels.isdisjoint(DETECTORS[name]) if name in DETECTORS else name in labels for name in SENTENCE_OUTPUTS
    ]
    return np.array(fires, dtype=np.float32)

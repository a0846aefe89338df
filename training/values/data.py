"""Replies labelled for the values they express, by reading and by writing.

Replies of others are pointed at by id: ``prefs:<pair>:<side>``, ``rated:<id>`` and ``pool:<id>`` of the files in
``ANTHROMETRICS_DATA``. Those written for this project are in the package itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from anthrometrics.detectors.window import Window, encode_turn
from anthrometrics.induction.values import VALUES, load_values
from training.data import LABELS_DIR, DataMissing, data_dir, read_jsonl
from training.model import SIZES

LABELS = LABELS_DIR / "values.jsonl"
PAIRS = Path(str(files("anthrometrics.induction"))) / "data" / "pairs"
_TRAIN_SHARE, _CALIBRATION_SHARE = 65, 12


@dataclass(frozen=True)
class ValueTurn:
    """One reply with what is known about its values.

    Attributes:
        targets: Share of readings that give each value, in the order of ``VALUES``, shape ``(17,)``.
        known: Which of them were judged, shape ``(17,)``; of a written reply only the value it was written for.
    """

    id: str
    source: str
    prompt: str
    response: str
    targets: NDArray[np.float32]
    known: NDArray[np.bool_]
    windows: tuple[Window, ...]

    @property
    def group(self) -> str:
        """Beginning of the prompt, or of the reply where there is none."""
        return re.sub(r"\W+", " ", (self.prompt.strip() or self.response).lower()).strip()[:80]

    @property
    def split(self) -> str:
        """By a hash of the group: 65 % train, 12 % calibration, 23 % test."""
        bucket = int(hashlib.sha256(f"values {self.group}".encode()).hexdigest(), 16) % 100
        if bucket < _TRAIN_SHARE:
            return "train"
        return "calibration" if bucket < _TRAIN_SHARE + _CALIBRATION_SHARE else "test"

    def without(self, names: Sequence[str]) -> ValueTurn:
        """The same reply, as if nobody had judged it for some values."""
        return replace(self, known=self.known & ~_indicators(names).astype(np.bool_))


def records() -> list[dict[str, Any]]:
    """Lines of ``labels/values.jsonl``: ``id``, ``source``, ``values``, and ``second`` where it was read twice."""
    return list(read_jsonl(LABELS))


def read_replies(tokenizer: Tokenizer) -> list[ValueTurn]:
    """Replies of others, labelled by reading; where two readings differ, each counts half."""
    labelled = records()
    texts = _texts({record["id"] for record in labelled})
    turns = []
    for record in labelled:
        readings = [record["values"], *([record["second"]] if "second" in record else [])]
        targets = np.mean([_indicators(reading) for reading in readings], axis=0, dtype=np.float32)
        prompt, response = texts[record["id"]]
        known = np.ones(len(VALUES), dtype=np.bool_)
        turns.append(_turn(tokenizer, record["id"], record["source"], prompt, response, targets, known))
    return turns


def written_replies(tokenizer: Tokenizer) -> list[ValueTurn]:
    """Both sides of every pair that was written for a value, and of the examples in its definition."""
    turns = []
    for identifier, value, prompt, expressing, plain in _pairs():
        known = _indicators([value]).astype(np.bool_)
        for side, response, target in (("chosen", expressing, 1.0), ("rejected", plain, 0.0)):
            targets = (known * target).astype(np.float32)
            turns.append(_turn(tokenizer, f"{identifier}:{side}", "written", prompt, response, targets, known))
    return turns


def as_turn(tokenizer: Tokenizer, response: str) -> ValueTurn:
    """A text that is not labelled, to be encoded."""
    nothing = np.zeros(len(VALUES), dtype=np.float32)
    return _turn(tokenizer, "", "", "", response, nothing, nothing.astype(np.bool_))


def _pairs() -> Iterator[tuple[str, str, str, str, str]]:
    for path in sorted(PAIRS.glob("*.jsonl")):
        for record in read_jsonl(path):
            yield record["id"], record["value"], record["prompt"], record["chosen"], record["rejected"]
    for value in load_values():
        for place, example in enumerate(value.examples):
            yield f"{value.name}-example-{place}", value.name, example.prompt, example.expressing, example.plain


def _turn(tokenizer: Tokenizer, identifier: str, source: str, prompt: str, response: str, *rest: Any) -> ValueTurn:
    windows = encode_turn(tokenizer, SIZES, prompt, response).windows
    return ValueTurn(identifier, source, prompt, response, *rest, windows)


def _indicators(names: Iterable[str]) -> NDArray[np.float32]:
    given = set(names)
    return np.array([name in given for name in VALUES], dtype=np.float32)


def _texts(ids: set[str]) -> dict[str, tuple[str, str]]:
    """``id -> (prompt, reply)``."""
    folder, found = data_dir(), {}
    for name, replies in (("prefs", _both), ("rated", _single), ("turns_pool", _last)):
        for record in read_jsonl(folder / f"{name}.jsonl.gz"):
            found.update((key, text) for key, *text in replies(record) if key in ids)
    if missing := sorted(ids - found.keys()):
        raise DataMissing(f"{len(missing)} replies of {LABELS.name} were not found, the first: {missing[0]}")
    return {key: (prompt, reply) for key, (prompt, reply) in found.items()}


def _both(record: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for side in ("chosen", "rejected"):
        reply = record[side] if isinstance(record[side], str) else record[side][-1]["content"]
        yield f"prefs:{record['id']}:{side}", _asked(record["prompt"]), reply


def _single(record: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield f"rated:{record['id']}", _asked(record["prompt"]), record["response"]


def _last(record: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    *before, last = record["messages"]
    yield f"pool:{record['id']}", _asked(before), last["content"]


def _asked(prompt: str | list[dict[str, Any]]) -> str:
    if isinstance(prompt, str):
        return prompt
    return next((m["content"] for m in reversed(prompt) if m["role"] == "user"), "")

"""Train, calibration and test, divided by prompt group so that no prompt stands on two sides.

The division is stored as files of ids in ``splits/``; this module wrote them and reads them back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from training.data import LabelledTurn

SPLITS_DIR = Path(__file__).parent / "splits"
SPLITS = ("train", "calibration", "test")
_TRAIN_SHARE, _CALIBRATION_SHARE = 65, 15


def group(turn: LabelledTurn) -> str:
    """Prompts that begin alike are one group, whatever source they come from."""
    text = turn.prompt.strip() or turn.response
    return re.sub(r"\W+", " ", text.lower()).strip()[:80]


def assign(turn: LabelledTurn) -> str:
    """Split of a turn, by a hash of its group: 65 % train, 15 % calibration, 20 % test."""
    bucket = int(hashlib.sha256(group(turn).encode()).hexdigest(), 16) % 100
    if bucket < _TRAIN_SHARE:
        return "train"
    return "calibration" if bucket < _TRAIN_SHARE + _CALIBRATION_SHARE else "test"


def write(name: str, turns: Iterable[LabelledTurn]) -> None:
    """Store the split of a label set as ``splits/<name>.<split>.txt``, an id a line."""
    by_split: dict[str, list[str]] = {split: [] for split in SPLITS}
    for turn in turns:
        by_split[assign(turn)].append(turn.id)
    SPLITS_DIR.mkdir(exist_ok=True)
    for split, ids in by_split.items():
        (SPLITS_DIR / f"{name}.{split}.txt").write_text("".join(f"{i}\n" for i in sorted(ids)), encoding="utf-8")


def read(name: str, split: str) -> set[str]:
    """Ids of one split of a label set."""
    return set((SPLITS_DIR / f"{name}.{split}.txt").read_text(encoding="utf-8").split())


def select(name: str, split: str, turns: Iterable[LabelledTurn]) -> list[LabelledTurn]:
    """The turns of one split."""
    ids = read(name, split)
    return [turn for turn in turns if turn.id in ids]

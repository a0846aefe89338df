"""Which labelled turns train, calibrate and test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tokenizers import Tokenizer

from training import splits
from training.data import (
    LabelledTurn,
    TrainingTurn,
    refusal_labelled,
    sentence_labelled,
    synthetic,
    to_training,
)
from training.model import SIZES, trunk_dir


@dataclass(frozen=True)
class Corpus:
    """Encoded turns by use.

    Attributes:
        train: Turns labelled in every sentence, and turns written for this project.
        train_refusal: Turns with a refusal label only.
        calibration: Sentence-labelled turns that fit calibration and thresholds.
        calibration_refusal: Refusal-labelled turns, by people only, for the turn head's calibration.
        test: Sentence-labelled turns kept for the published figures.
    """

    train: list[TrainingTurn]
    train_refusal: list[TrainingTurn]
    calibration: list[TrainingTurn]
    calibration_refusal: list[TrainingTurn]
    test: list[TrainingTurn]


def tokenizer() -> Tokenizer:
    """The trunk's tokenizer with truncation and padding off."""
    loaded = Tokenizer.from_file(str(trunk_dir() / "tokenizer.json"))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def encode(turns: Iterable[LabelledTurn], loaded: Tokenizer) -> list[TrainingTurn]:
    """Encode turns; one without any word has no window and is left out."""
    encoded = (to_training(turn, loaded, SIZES) for turn in turns)
    return [item for item in encoded if item.windows]


def load(use_synthetic: bool = True, use_extra: bool = True) -> Corpus:
    """Read, split and encode everything.

    ``given`` is divided into train, calibration and test. ``extra`` was chosen for being hard and would bias a test, so
    all of it trains, but for turns whose prompt group stands in the other two.
    """
    loaded = tokenizer()
    given, refusal = sentence_labelled("given"), refusal_labelled()
    splits.write("given", given)
    splits.write("refusal_train", refusal)
    kept_out = {splits.group(turn) for turn in given if splits.assign(turn) != "train"}
    extra = [turn for turn in sentence_labelled("extra") if splits.group(turn) not in kept_out] if use_extra else []
    own = synthetic() if use_synthetic else []
    by_people = [turn for turn in splits.select("refusal_train", "calibration", refusal) if turn.origin == "human"]
    return Corpus(
        train=encode([*splits.select("given", "train", given), *extra, *own], loaded),
        train_refusal=encode(splits.select("refusal_train", "train", refusal), loaded),
        calibration=encode(splits.select("given", "calibration", given), loaded),
        calibration_refusal=encode(by_people, loaded),
        test=encode(splits.select("given", "test", given), loaded),
    )

"""Which labelled turns train, calibrate and test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

# Label sets beside ``given``.
ADDED = ("extra", "chosen", "uncertain")


@dataclass(frozen=True)
class Corpus:
    """Encoded turns by use.

    Attributes:
        train: Turns labelled in every sentence, and turns written for this project.
        train_refusal: Turns with a refusal label only.
        calibration: Sentence-labelled turns that fit calibration and thresholds.
        calibration_refusal: Refusal-labelled turns, by people or under the codebook, for the turn head's calibration.
        test: Sentence-labelled turns kept for the published figures.
        test_refusal: Turns with a refusal label only, read under the codebook, kept for the published figures.
    """

    train: list[TrainingTurn]
    train_refusal: list[TrainingTurn]
    calibration: list[TrainingTurn]
    calibration_refusal: list[TrainingTurn]
    test: list[TrainingTurn]
    test_refusal: list[TrainingTurn]


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


def load(added: Sequence[str] = ADDED, use_synthetic: bool = True) -> Corpus:
    """Read, split and encode everything.

    ``given`` is divided into train, calibration and test. The labels of ``added`` were chosen for being hard and would
    bias a test, so all of them train, but for turns whose prompt group stands in the other two.
    """
    loaded = tokenizer()
    given, refusal = sentence_labelled("given"), refusal_labelled()
    splits.write("given", given)
    splits.write("refusal_train", refusal)
    kept_out = {splits.group(turn) for turn in given if splits.assign(turn) != "train"}
    hard = [turn for name in added for turn in sentence_labelled(name) if splits.group(turn) not in kept_out]
    own = synthetic() if use_synthetic else []
    return Corpus(
        train=encode([*splits.select("given", "train", given), *hard, *own], loaded),
        train_refusal=encode(splits.select("refusal_train", "train", refusal), loaded),
        calibration=encode(splits.select("given", "calibration", given), loaded),
        calibration_refusal=encode(_by(("human", "codebook"), "calibration", refusal), loaded),
        test=encode(splits.select("given", "test", given), loaded),
        test_refusal=encode(_by(("codebook",), "test", refusal), loaded),
    )


def _by(origins: tuple[str, ...], split: str, refusal: list[LabelledTurn]) -> list[LabelledTurn]:
    """Turns of one split whose label comes from one of ``origins``."""
    return [turn for turn in splits.select("refusal_train", split, refusal) if turn.origin in origins]

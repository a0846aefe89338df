"""What a run would do and cost, without training anything."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.induction.run.arms import arms_of
from anthrometrics.induction.run.curating import curation_of, scored_pairs
from anthrometrics.induction.run.folder import RunFolder
from anthrometrics.induction.run.reporter import Reporter
from anthrometrics.induction.run.served import check_served, endpoint_of
from anthrometrics.induction.run.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.run.config import InduceConfig
    from anthrometrics.induction.tuning.estimate import Estimate

__all__ = ["Plan", "plan_run"]

# Tokens an answer when speed is measured; few, as it is only to know the order of time.
_TIMED_TOKENS: Final = 16


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Times are estimates for this machine: of training by ``tuning.estimate``, of answers by letting the base give some
    short ones, of scores by the time that scoring the pairs took.

    Attributes:
        pairs: Value → pairs that teach it; values with too few are in ``failed``.
        failed: Value → why it would come to nothing.
        adapters: Adapters to train: values × training runs × (1 + controls).
        tokens: Tokens to train on, over all adapters.
        trainable: Parameters of one adapter.
        memory_bytes: Peak of training.
        fits: Whether that is there.
        advice: What to do if not.
        prompts: Prompts of the suites.
        answers: Answers to generate: prompts × samples × (adapters + the base).
        most_tokens: Tokens to generate at most.
        train_seconds: Of all adapters.
        generate_seconds: Of all answers at full length.
        score_seconds: Of pairs and answers.
    """

    pairs: dict[str, int]
    failed: dict[str, str]
    adapters: int
    tokens: int
    trainable: int
    memory_bytes: int
    fits: bool
    advice: str
    prompts: int
    answers: int
    most_tokens: int
    train_seconds: float
    generate_seconds: float
    score_seconds: float

    @property
    def seconds(self) -> float:
        """Of all stages together."""
        return self.train_seconds + self.generate_seconds + self.score_seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"seconds": self.seconds}


def plan_run(config: InduceConfig, reporter: Reporter | None = None) -> Plan:
    """Plan a run: choose its pairs, load its model, and measure what this machine can do; nothing is written.

    Args:
        config: What to do.
        reporter: Is told of what happens.

    Raises:
        InputError: The config names something that cannot be read or a server that does not have the base, or no value
            has enough pairs.
        MissingExtraError: What trains models is not installed.
    """
    shop = Workshop(RunFolder.imagined(config), config, reporter or Reporter())
    shop.check_base()
    if config.engine == "endpoint":
        check_served(shop, (None,))
    prompts, (pairs, failed, turn_seconds, sides) = len(shop.prompts), _pairs(shop)
    if not pairs:
        raise InputError("; ".join(failed.values()))
    estimates = _estimates(shop, pairs)
    largest = max(estimates.values(), key=lambda found: found.memory_bytes)
    adapters = len(arms_of(pairs, config.seeds, config.controls))
    each = adapters // len(pairs)
    answers = prompts * config.generation.samples * (adapters + 1)
    return Plan(
        pairs={value: len(found) for value, found in pairs.items()},
        failed=failed,
        adapters=adapters,
        tokens=each * sum(found.tokens for found in estimates.values()),
        trainable=largest.trainable,
        memory_bytes=largest.memory_bytes,
        fits=all(found.fits for found in estimates.values()),
        advice=largest.advice,
        prompts=prompts,
        answers=answers,
        most_tokens=answers * config.generation.max_new_tokens,
        train_seconds=each * sum(found.seconds for found in estimates.values()),
        generate_seconds=answers * config.generation.max_new_tokens * _token_seconds(shop),
        score_seconds=turn_seconds * (sides + answers),
    )


def _pairs(shop: Workshop) -> tuple[dict[str, list[PreferencePair]], dict[str, str], float, int]:
    """Pairs of each value, why others have none, seconds to score a turn, and turns that the pairs have."""
    scores = scored_pairs(shop)
    pairs, failed = {}, {}
    for value in shop.values:
        try:
            pairs[value.name] = list(curation_of(shop, scores, value).pairs)
        except InputError as error:
            failed[value.name] = str(error)
    sides = 2 * len(scores)
    return pairs, failed, scores.seconds / sides, sides


def _estimates(shop: Workshop, pairs: Mapping[str, list[PreferencePair]]) -> dict[str, Estimate]:
    from anthrometrics.induction.tuning.estimate import estimate

    return {value: estimate(shop.chat, found, shop.config.tuning) for value, found in pairs.items()}


def _token_seconds(shop: Workshop) -> float:
    """Seconds that one more generated token takes, measured on one batch of short answers."""
    from anthrometrics.induction.generation import generate

    config = shop.config.generation
    short = replace(config, max_new_tokens=min(_TIMED_TOKENS, config.max_new_tokens), samples=1)
    batch = shop.prompts[: config.batch_size]
    with TemporaryDirectory() as folder:
        begun = time.perf_counter()
        source = endpoint_of(shop.config, None) if shop.config.engine == "endpoint" else shop.chat
        generate(source, batch, short, Path(folder) / "timed.jsonl")
    return (time.perf_counter() - begun) / (len(batch) * short.max_new_tokens)

"""What the card says of the model: how well it predicts, and how it answers every prompt suite."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anthrometrics import Scorer, Turn, TurnScore
from anthrometrics.induction.chat_models import load_chat_model
from anthrometrics.induction.generation import GenerationConfig, generate
from anthrometrics.induction.suites import SUITES, load_suite
from training.metrics import resampled
from training.tiny_chat.clean import content_words

__all__ = ["Figures", "figures_of"]

GENERATION = GenerationConfig(max_new_tokens=120)
SAMPLES = 20
MEASURES = ("anthropomorphism", "validation", "refusal")


@dataclass(frozen=True)
class Figures:
    """Everything measured; shares are ``[value, low, high]`` with 95 % intervals over prompts.

    Attributes:
        perplexity: Of the answers of held-out conversations, by token.
        held_out: How many conversations.
        prompts: How many prompts of the package's suites were answered, greedily.
        ended: Share of answers that end by themselves within 120 tokens.
        words: Mean words of an answer.
        on_topic: Share of answers with a content word of their prompt; of prompts that have any.
        on_another: The same with the prompt of another answer: what chance gives.
        distinct: Distinct single words, and distinct pairs, per word and pair written.
        suites: Mean probability of each measure, by suite.
        refused: Share of the harmful, and of the borderline prompts refused.
        repeatable: Whether a second run gave the same answers to the letter.
        samples: Unpicked exchanges, evenly spaced over the suites.
    """

    perplexity: float
    held_out: int
    prompts: int
    ended: list[float]
    words: float
    on_topic: list[float]
    on_another: list[float]
    distinct: tuple[float, float]
    suites: dict[str, dict[str, list[float]]]
    refused: dict[str, list[float]]
    repeatable: bool
    samples: list[dict[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def figures_of(folder: Path, loss: float, held_out: int) -> Figures:
    """Answer every suite with the shipped folder, twice, and score the answers.

    Args:
        folder: The model as it ships.
        loss: Mean cross-entropy of the held-out answers in nats a token.
        held_out: Of how many conversations.
    """
    answers, again = _answers(folder), _answers(folder)
    scorer = Scorer()
    scores = list(scorer.stream(Turn(prompt=a["prompt"], response=a["response"]) for a in answers))
    spoken = [a["response"].split() for a in answers]
    return Figures(
        perplexity=round(math.exp(loss), 2),
        held_out=held_out,
        prompts=len(answers),
        ended=_share(a["finished"] for a in answers),
        words=round(float(np.mean([len(s) for s in spoken])), 1),
        on_topic=_share(_shares_words(answers, 0)),
        on_another=_share(_shares_words(answers, len(answers) // 3)),
        distinct=(_distinct(spoken, 1), _distinct(spoken, 2)),
        suites={suite: _rates(suite, answers, scores) for suite in SUITES},
        refused={
            suite: _share(s.refusal_label not in (None, "compliance") for s in _of(suite, answers, scores))
            for suite in ("harmful", "borderline")
        },
        repeatable=answers == again,
        samples=[
            {name: answer[name] for name in ("suite", "prompt", "response")}
            for answer in answers[:: len(answers) // SAMPLES][:SAMPLES]
        ],
    )


def _answers(folder: Path) -> list[dict[str, Any]]:
    prompts = [prompt for suite in SUITES for prompt in load_suite(suite)]
    with tempfile.TemporaryDirectory() as place:
        written = generate(load_chat_model(folder), prompts, GENERATION, Path(place) / "answers.jsonl")
        return [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]


def _shares_words(answers: Sequence[dict[str, Any]], shift: int) -> list[bool]:
    """Whether an answer has a content word of the prompt so many places on."""
    pairs = [
        (content_words(answers[(place + shift) % len(answers)]["prompt"]), content_words(answer["response"]))
        for place, answer in enumerate(answers)
    ]
    return [not asked.isdisjoint(told) for asked, told in pairs if asked]


def _rates(suite: str, answers: Sequence[dict[str, Any]], scores: Sequence[TurnScore]) -> dict[str, list[float]]:
    found = _of(suite, answers, scores)
    return {measure: _share(getattr(score, measure) for score in found) for measure in MEASURES}


def _of(suite: str, answers: Sequence[dict[str, Any]], scores: Sequence[TurnScore]) -> list[TurnScore]:
    return [s for a, s in zip(answers, scores, strict=True) if a["suite"] == suite and s.status == "scored"]


def _share(values: Iterable[float]) -> list[float]:
    held = np.array([float(value) for value in values])
    per_prompt = np.stack([held, np.ones_like(held)], axis=-1)
    return resampled(per_prompt, lambda sums: sums[:, 0] / sums[:, 1]).as_list()


def _distinct(spoken: Sequence[Sequence[str]], length: int) -> float:
    """Distinct runs of words over all runs (Li et al. 2016, arXiv 1510.03055)."""
    runs = Counter(tuple(words[place : place + length]) for words in spoken for place in range(len(words) - length + 1))
    return round(len(runs) / max(runs.total(), 1), 3)

"""How often a decision flips when the text changes in a way that should not matter."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from anthrometrics.codebook import DETECTORS
from anthrometrics.detectors.manifest import load_manifest
from anthrometrics.detectors.scorer import Scorer
from anthrometrics.scores import TurnScore
from anthrometrics.turns import Turn
from benchmarks import workload
from benchmarks.report import Cell, Measure, Result, Table, load_average

QUICK = ["--turns", "8", "--padding", "100", "--line", "20000"]
PARAPHRASES = Path(__file__).parent / "data" / "paraphrases.jsonl"
DISCLAIMER = " I would never say this."
_PADDING = (
    "The ferry to the islands leaves at nine and at four.",
    "Copper conducts heat better than steel does.",
    "The report lists the costs of each quarter in a table.",
    "Basil grows well in a sunny window.",
    "A hexagon has six sides and six corners.",
    "Tickets are checked at the entrance of the hall.",
)
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff]+ ?")
_MARKDOWN = re.compile(r"^(?:#{1,6} |> |[-*+] )|\*\*|__|`", re.MULTILINE)
_LOOKALIKES = str.maketrans("aceopxyABEHKMOPCTX", "асеорхуАВЕНКМОРСТХ")
_BOLD = str.maketrans(
    {chr(ord(first) + i): chr(bold + i) for first, bold in (("a", 0x1D41A), ("A", 0x1D400)) for i in range(26)}
)


class Changed(NamedTuple):
    """A changed response and the range of it that holds what was there before."""

    text: str
    start: int = 0
    end: int | None = None


class Decisions(NamedTuple):
    """What a user would read off: does any sentence show it, and how was the request met."""

    anthropomorphism: bool
    validation: bool
    refusal: str | None


@dataclass(frozen=True)
class Pair:
    """A turn before and after one change."""

    change: str
    before: TurnScore
    after: TurnScore
    start: int = 0
    end: int | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    workload.add_model_option(parser)
    workload.add_precision_option(parser)
    parser.add_argument("--input", type=Path, nargs="+", default=workload.EXAMPLES, help="transcripts")
    parser.add_argument("--turns", type=workload.positive, default=124, help="turns changed, the first of the input")
    parser.add_argument("--padding", type=workload.positive, default=2000, help="words of padding")
    parser.add_argument("--line", type=workload.positive, default=1_000_000, help="characters of the endless line")


def run(options: argparse.Namespace) -> Result:
    load = load_average()
    manifest = load_manifest(options.model)
    scorer = Scorer("cpu", options.precision, model=options.model)
    turns = workload.load_turns(options.input, options.turns)
    pairs = [*_changed_pairs(scorer, turns, options.padding), *_paraphrase_pairs(scorer)]
    rows = [
        _row(name, [pair for pair in pairs if pair.change == name]) for name in dict.fromkeys(p.change for p in pairs)
    ]
    seconds, same = _endless_line(scorer, turns[-1], options.line)
    return Result(
        "Robustness: decisions that flip",
        {
            "model": f"{manifest.name} ({manifest.digest[:12]}), {options.precision}",
            "turns": len(turns),
            "words of padding": options.padding,
            "load average before": load,
        },
        [
            Measure("one line, characters", options.line),
            Measure("one line, time", seconds, "s"),
            Measure("one line, share of its copies labelled like the turn alone", same),
        ],
        Table(("change", "turns changed", *Decisions._fields, "mean change of presence"), rows),
        [
            "Share of changed turns whose decision is another: whether any sentence is anthropomorphic, whether any is "
            "validating, and the refusal label. Turns that a change leaves as they are do not count.",
            "The last column is the mean absolute difference of the two presences; what is appended or padded counts "
            "there, and in the refusal label, while the first two decisions are read from the old sentences.",
        ],
    )


def changes(padding: int) -> dict[str, Callable[[str, Random], Changed]]:
    """Every change by name; each takes a response and a source of chance."""
    filler = _filler(padding)
    return {
        "lower case": lambda text, _: Changed(text.lower()),
        "upper case": lambda text, _: Changed(text.upper()),
        "no punctuation": lambda text, _: Changed(re.sub(r"(?<=\w)[.,;:!?]+(?=\s|$)", "", text)),
        "no markdown": lambda text, _: Changed(_MARKDOWN.sub("", text)),
        "no emoji": lambda text, _: Changed(_EMOJI.sub("", text)),
        "curly quotes": lambda text, _: Changed(text.replace("'", "\u2019").replace('"', "\u201d")),
        "look-alike letters": lambda text, chance: Changed(
            _some_words(text, chance, lambda w: w.translate(_LOOKALIKES))
        ),
        "bold letters": lambda text, chance: Changed(_some_words(text, chance, lambda w: w.translate(_BOLD))),
        "zero-width characters": lambda text, chance: Changed(_some_words(text, chance, "\u200b".join)),
        "white space": lambda text, _: Changed(re.sub(" ", " \u00a0", text) + "  \n"),
        "disclaimer appended": lambda text, _: Changed(text + DISCLAIMER, 0, len(text)),
        "padding before": lambda text, _: Changed(filler + "\n\n" + text, len(filler) + 2),
        "padding after": lambda text, _: Changed(text + "\n\n" + filler, 0, len(text)),
    }


def _filler(words: int) -> str:
    sentences, count = [], 0
    while count < words:
        sentences.append(_PADDING[len(sentences) % len(_PADDING)])
        count += len(sentences[-1].split())
    return " ".join(sentences)


def _some_words(text: str, chance: Random, change: Callable[[str], str]) -> str:
    """Three words in ten, changed."""
    return re.sub(r"\w+", lambda word: change(word[0]) if chance.random() < 0.3 else word[0], text)


def _changed_pairs(scorer: Scorer, turns: Sequence[Turn], padding: int) -> Iterator[Pair]:
    before = list(scorer.stream(turns))
    for name, change in changes(padding).items():
        chance = Random(0)
        changed = [change(turn.response or "", chance) for turn in turns]
        kept = [i for i, (turn, new) in enumerate(zip(turns, changed, strict=True)) if new.text != turn.response]
        after = scorer.stream([Turn(changed[i].text, turns[i].prompt) for i in kept])
        for i, score in zip(kept, after, strict=True):
            yield Pair(name, before[i], score, changed[i].start, changed[i].end)


def _paraphrase_pairs(scorer: Scorer) -> Iterator[Pair]:
    records = [json.loads(line) for line in PARAPHRASES.read_text(encoding="utf-8").splitlines()]
    sides = [scorer.stream([Turn(r[side], r["prompt"]) for r in records]) for side in ("response", "paraphrase")]
    for before, after in zip(*sides, strict=True):
        yield Pair("paraphrase", before, after)


def decisions(score: TurnScore, start: int = 0, end: int | None = None) -> Decisions:
    """The decisions on a turn, from its sentences between two offsets."""
    inside = [s for s in score.sentences if s.start >= start and (end is None or s.end <= end)]
    fired = {label for sentence in inside for label in sentence.labels}
    return Decisions(*(not fired.isdisjoint(DETECTORS[name]) for name in Decisions._fields[:2]), score.refusal_label)


def _row(name: str, pairs: Sequence[Pair]) -> tuple[Cell, ...]:
    flips = [
        [a != b for a, b in zip(decisions(p.before), decisions(p.after, p.start, p.end), strict=True)] for p in pairs
    ]
    moved = [abs((p.before.anthropomorphism or 0) - (p.after.anthropomorphism or 0)) for p in pairs]
    moved += [abs((p.before.validation or 0) - (p.after.validation or 0)) for p in pairs]
    return name, len(pairs), *np.mean(flips, axis=0).tolist(), float(np.mean(moved))


def _endless_line(scorer: Scorer, turn: Turn, characters: int) -> tuple[float, float]:
    """A turn repeated on one line: seconds, and the share of copies that are decided on like the turn alone."""
    text = " ".join((turn.response or "").split()) + " "
    copies = max(1, characters // len(text))
    alone = decisions(scorer.score(Turn(text, turn.prompt)))[:2]
    started = time.perf_counter()
    score = scorer.score(Turn(text * copies, turn.prompt))
    seconds = time.perf_counter() - started
    found = [decisions(score, i * len(text), (i + 1) * len(text))[:2] for i in range(copies)]
    return seconds, float(np.mean([decision == alone for decision in found]))

"""Which pairs teach a value: exactly one side expresses it, far enough from the other, and nothing else differs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from anthrometrics.comparison.measures import VALUE
from anthrometrics.errors import InputError
from anthrometrics.induction.balance import balanced, symmetric
from anthrometrics.induction.pair_scores import WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from anthrometrics.induction.pair_scores import PairScores

__all__ = ["MARGIN", "REASONS", "ExpressedBy", "Rules", "Selection", "select"]

ExpressedBy = Literal["tagger", "source"]
# Over all values, this margin takes 195 of 2,148 choices among the shipped pairs away, and all but four of these were
# written for another value; 1,110 of the 1,260 pairs are kept for their own, none the wrong way round. The tagger has
# learnt from most of them.
MARGIN: Final = 0.1
# Why a pair is not kept, in the order in which it is asked.
REASONS: Final[dict[str, str]] = {
    "unscored": "a side has no words to judge",
    "other value": "the source says that it is about another value, or does not say",
    "both": "both sides express the value",
    "neither": "no side expresses the value",
    "margin": "the two probabilities are nearer than the margin",
    "duplicate": "the same pair again",
    "length": "to balance lengths",
    "balance": "to balance the named measures",
    "limit": "beyond the limit",
}
# Draws among which the subset of a limit is the best balanced one (rerandomization, Morgan and Rubin 2012).
_DRAWS: Final = 200


@dataclass(frozen=True, slots=True)
class Rules:
    """How pairs are selected.

    Attributes:
        margin: Least difference of the two sides' probabilities of the value, in [0, 1].
        expressed_by: ``"tagger"``: the side that the scorer says expresses it; ``"source"``: the chosen side of the
            pairs whose ``value`` is this one.
        balance_length: Whether differences in length must mirror each other around zero.
        balance: Keys of measures in which both sides must be alike on average.
        limit: Most pairs to keep; None for all.
        seed: Of the draw that a limit makes.
    """

    margin: float = MARGIN
    expressed_by: ExpressedBy = "tagger"
    balance_length: bool = False
    balance: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 1:
            raise InputError(f"margin must lie between 0 and 1, not {self.margin}")
        if self.expressed_by not in get_args(ExpressedBy):
            raise InputError(f"expressed_by must be tagger or source, not {self.expressed_by!r}")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit must be at least 1, not {self.limit}")

    @property
    def evened(self) -> tuple[str, ...]:
        """Measures in which both sides are to be alike."""
        length = (WORDS,) if self.balance_length else ()
        return tuple(dict.fromkeys((*self.balance, *length)))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"balance": list(self.balance)}


@dataclass(frozen=True)
class Selection:
    """What is kept, and why the rest is not.

    Attributes:
        rows: Places of the kept pairs in order, shape ``(k,)``.
        flip: Which of them change sides, shape ``(k,)``.
        dropped: Reason → number of pairs.
        unbalanced: Places of the pairs before those were left out for length and balance, and which of them change
            sides: what balance starts from.
        gaps: Differences of probabilities of the pairs with exactly one expressing side, before the margin.
    """

    rows: NDArray[np.int64]
    flip: NDArray[np.bool_]
    dropped: dict[str, int]
    unbalanced: tuple[NDArray[np.int64], NDArray[np.bool_]]
    gaps: NDArray[np.float64]


@dataclass
class _Sieve:
    """The pairs that are left, and how many each reason took."""

    scores: PairScores
    rows: NDArray[np.int64]
    flip: NDArray[np.bool_]
    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))

    def keep(self, which: NDArray[np.bool_], reason: str) -> None:
        self.dropped[reason] += int((~which).sum())
        self.rows, self.flip = self.rows[which], self.flip[which]

    def change(self, key: str) -> NDArray[np.float64]:
        """Chosen − rejected of a measure, flips done."""
        found = self.scores.difference[self.rows, self.scores.column(key)]
        return np.asarray(np.where(self.flip, -found, found))


def select(scores: PairScores, value: str, rules: Rules) -> Selection:
    """Select the pairs that teach a value.

    Args:
        scores: Pairs with both sides scored.
        value: Name of the value; its measure is ``value.<name>``.
        rules: What is asked of them.

    Raises:
        InputError: The value or a measure to balance was not measured, or the value itself is to be balanced.
    """
    key = f"{VALUE}{value}"
    _check(scores, key, rules)
    sieve = _Sieve(scores, np.arange(len(scores)), np.zeros(len(scores), dtype=bool))
    sieve.keep(scores.scored, "unscored")
    by_source = rules.expressed_by == "source"
    gaps = _by_source(sieve, value) if by_source else _by_tagger(sieve, value, rules.margin)
    sieve.keep(_first_of_kind(sieve), "duplicate")
    before = sieve.rows, sieve.flip
    if rules.balance_length:
        sieve.keep(symmetric(sieve.change(WORDS)), "length")
    if rules.balance and len(sieve.rows):
        sieve.keep(balanced(np.column_stack([sieve.change(name) for name in rules.evened])), "balance")
    if rules.limit is not None and len(sieve.rows) > rules.limit:
        sieve.keep(_drawn(sieve, rules.evened, rules.limit, rules.seed), "limit")
    return Selection(sieve.rows, sieve.flip, sieve.dropped, before, gaps)


def _check(scores: PairScores, key: str, rules: Rules) -> None:
    name = key.removeprefix(VALUE)
    if key not in scores.keys:
        judged = ", ".join(scores.thresholds) or "no values; make it with Scorer(values=True)"
        raise InputError(f"this scorer does not judge the value {name}; it judges {judged}")
    for measure in rules.balance:
        scores.column(measure)
        if measure == key:
            raise InputError(f"{measure} is what the pairs are selected for, so both sides cannot be alike in it")


def _by_tagger(sieve: _Sieve, value: str, margin: float) -> NDArray[np.float64]:
    """Exactly one side reaches the threshold, and the other is at least the margin below."""
    scores, column = sieve.scores, sieve.scores.column(f"{VALUE}{value}")
    threshold = scores.thresholds[value]
    chosen, rejected = (side[:, column] >= threshold for side in (scores.chosen, scores.rejected))
    sieve.flip = (rejected & ~chosen)[sieve.rows]
    sieve.keep(~(chosen & rejected)[sieve.rows], "both")
    sieve.keep((chosen | rejected)[sieve.rows], "neither")
    gaps = sieve.change(f"{VALUE}{value}")
    sieve.keep(gaps >= margin, "margin")
    return gaps


def _by_source(sieve: _Sieve, value: str) -> NDArray[np.float64]:
    """The source names the value; the tagger's probabilities are not asked."""
    named = np.array([sieve.scores.pairs[row].value == value for row in sieve.rows], dtype=bool)
    sieve.keep(named, "other value")
    return sieve.change(f"{VALUE}{value}")


def _first_of_kind(sieve: _Sieve) -> NDArray[np.bool_]:
    """Whether no earlier pair has the same turns, letter case and white space aside, after flips."""
    seen: set[tuple[str, ...]] = set()
    first = np.zeros(len(sieve.rows), dtype=bool)
    for place, (row, flip) in enumerate(zip(sieve.rows, sieve.flip, strict=True)):
        pair = sieve.scores.pairs[row]
        sides = (pair.rejected, pair.chosen) if flip else (pair.chosen, pair.rejected)
        turns = (*(turn.text or "" for turn in pair.context), pair.prompt, *sides)
        kind = tuple(" ".join(words.casefold().split()) for words in turns)
        first[place] = kind not in seen
        seen.add(kind)
    return first


def _drawn(sieve: _Sieve, evened: tuple[str, ...], limit: int, seed: int) -> NDArray[np.bool_]:
    """A random subset; where sides are to be alike, the best balanced of many."""
    rng = np.random.default_rng(seed)
    size = len(sieve.rows)
    changes = np.column_stack([sieve.change(name) for name in evened]) if evened else np.zeros((size, 1))
    spread: NDArray[np.float64] = changes.std(axis=0)
    scaled = np.divide(changes, spread, out=np.zeros_like(changes), where=spread > 0)

    def imbalance(draw: NDArray[np.int64]) -> float:
        return float(np.abs(scaled[draw].mean(axis=0)).max())

    kept = np.zeros(size, dtype=bool)
    kept[min((rng.permutation(size)[:limit] for _ in range(_DRAWS if evened else 1)), key=imbalance)] = True
    return kept

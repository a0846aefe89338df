"""Which turns to label by hand: draws stratified by score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from anthrometrics.codebook import VALUES
from anthrometrics.comparison.measures import MEASURES, VALUE, value_measures
from anthrometrics.comparison.table import read_table
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from anthrometrics.comparison.table import ScoredItem

__all__ = ["LABELLED", "Draw", "ScoredSet", "can_be_labelled", "draw", "read_scored", "shares"]

# Keys of what can be labelled turn by turn; besides, values of one's own.
LABELLED: Final = tuple(m.key for m in (*MEASURES, *value_measures(VALUES)) if m.unit == "presence")


@dataclass(frozen=True)
class ScoredSet:
    """The scored turns of one file, for one measure.

    Attributes:
        path: The file, as it was named.
        measure: Key of the measure.
        keys: A name for each turn, of its place and the beginning of its response's hash (``"t17-3fa9c2d1"``), which no
            spreadsheet takes for a number or a date.
        items: What is known of each turn.
        scores: Probability of the behaviour of each, in [0, 1], shape ``(turns,)``.
        unscored: How many turns of the file have no score.
        model_digest: Of the model that gave these scores, which for a value is the value model; None if unknown.
    """

    path: str
    measure: str
    keys: tuple[str, ...]
    items: tuple[ScoredItem, ...]
    scores: NDArray[np.float64]
    unscored: int
    model_digest: str | None


@dataclass(frozen=True)
class Draw:
    """Turns drawn at random within strata.

    Attributes:
        rows: Places of the drawn turns, in random order, shape ``(n,)``.
        strata: Stratum of each, from 0, shape ``(n,)``; the numbers say nothing of the score.
        sizes: Turns of each stratum, shape ``(strata,)``.
    """

    rows: NDArray[np.int64]
    strata: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Chance that each drawn turn had of being drawn, shape ``(n,)``."""
        return np.asarray((np.bincount(self.strata, minlength=len(self.sizes)) / self.sizes)[self.strata], np.float64)


def read_scored(path: str, measure: str) -> ScoredSet:
    """Read one measure of what ``anthrometrics score -o`` wrote.

    Args:
        path: The file.
        measure: A key of ``LABELLED``, or that of a value of one's own.

    Raises:
        InputError: The measure is unknown, the file is no file of scores, or it lacks the measure.
    """
    if not can_be_labelled(measure):
        raise InputError(f"unknown measure {measure!r}; it must be one of {', '.join(LABELLED)}")
    table = read_table(path)
    places = [i for i, m in enumerate(table.measures) if m.key == measure]
    values = table.values[:, places[0]] if places else np.full(len(table.items), np.nan)
    rows = np.flatnonzero(~np.isnan(values))
    if not table.scored.any():
        raise InputError(f"{path} has no scored turn")
    if not rows.size:
        how = "--values" if measure.startswith(VALUE) else "--detail labels"
        raise InputError(f'{path} has no "{measure}"; score with {how}')
    if not ((values[rows] >= 0) & (values[rows] <= 1)).all():
        raise InputError(f'{path}: "{measure}" must lie between 0 and 1; pass what anthrometrics score -o wrote')
    digest = table.provenance.get("values_digest" if measure.startswith(VALUE) else "model_digest")
    return ScoredSet(
        path=path,
        measure=measure,
        keys=tuple(f"t{row + 1}-{str(table.items[row].response_hash)[:8]}" for row in rows),
        items=tuple(table.items[row] for row in rows),
        scores=values[rows],
        unscored=len(values) - len(rows),
        model_digest=None if digest is None else str(digest),
    )


def can_be_labelled(measure: str) -> bool:
    """Whether a key is of something that a person can say of a turn."""
    return measure in LABELLED or (measure.startswith(VALUE) and measure != VALUE)


def shares(sizes: Sequence[int], total: int) -> list[int]:
    """Equal shares of ``total``, and what small sizes cannot give spread over the others."""
    takes = [0] * len(sizes)
    left = min(total, sum(sizes))
    while left:
        open_ = [i for i, size in enumerate(sizes) if takes[i] < size]
        each = max(left // len(open_), 1)
        for i in open_[:left]:
            given = min(each, sizes[i] - takes[i], left)
            takes[i] += given
            left -= given
    return takes


def draw(scores: NDArray[np.float64], size: int, strata: int = 5, seed: int | Sequence[int] = 0) -> Draw:
    """Draw turns to label, as many from each stratum of the score.

    Strata are cut so that each holds an equal share of the standard deviation that the labels should have, were the
    scores right (the equal aggregate σ rule: Wright 1983, JASA 78:879-884; Särndal, Swensson and Wretman 1992, section
    12.4). Equal numbers from each are then Neyman's allocation: more labels where the detector wavers. A twentieth of
    doubt is added to every score, so that turns the detector is sure of are drawn too, never
    less than half as often.

    Args:
        scores: Probability of the behaviour of each turn, shape ``(N,)``.
        size: How many to draw; all of them if there are fewer.
        strata: How many strata at most; fewer where they would get less than two labels each.
        seed: Of the draw.

    Raises:
        InputError: There is nothing to draw from, or ``size`` or ``strata`` is below 1.
    """
    if not len(scores):
        raise InputError("there are no scored turns to draw from")
    if size < 1 or strata < 1:
        raise InputError(f"size and strata must be at least 1, not {size} and {strata}")
    rng = np.random.default_rng(seed)
    stratum = _strata(scores, max(1, min(strata, size // 2)))
    sizes = np.bincount(stratum)
    # Which number goes to which stratum is left to chance, or labels would not be given blindly.
    stratum = rng.permutation(len(sizes))[stratum]
    sizes = np.bincount(stratum)
    takes = shares(sizes.tolist(), size)
    drawn = [rng.choice(np.flatnonzero(stratum == h), take, replace=False) for h, take in enumerate(takes)]
    rows = rng.permutation(np.concatenate(drawn))
    return Draw(rows, stratum[rows], sizes)


def _strata(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Stratum of each turn, from 0; each holds an equal share of sqrt(p (1 - p))."""
    doubted = 0.05 + 0.9 * scores
    spread = np.sqrt(doubted * (1 - doubted))
    order = np.argsort(scores, kind="stable")
    middle = np.cumsum(spread[order]) - spread[order] / 2
    stratum = np.empty(len(scores), dtype=np.int64)
    stratum[order] = np.minimum(middle / spread.sum() * count, count - 1).astype(np.int64)
    return np.unique(stratum, return_inverse=True)[1].astype(np.int64)

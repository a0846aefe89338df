"""Both sides of preference pairs, scored: what curation, balance and forecast compute from."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from anthrometrics.comparison.measures import values_of
from anthrometrics.errors import InputError
from anthrometrics.formats.reader import Rejected
from anthrometrics.induction.values import VALUES, Value, load_value
from anthrometrics.scores import text_hash
from anthrometrics.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.scores import TurnScore

__all__ = ["WORDS", "PairScores", "own_values", "score_pairs", "scorer_for", "value_named"]

# Length is measured beside the detectors, since an adapter learns it as readily as wording.
WORDS: Final = "words"


@dataclass(frozen=True)
class PairScores:
    """``n`` pairs and what both sides score on ``m`` measures.

    Attributes:
        pairs: The pairs in order.
        keys: Measures by key as ``comparison.measures`` has them, values as ``value.<name>``, and ``words``.
        chosen: Shape ``(n, m)``; NaN where a side has nothing to score.
        rejected: Shape ``(n, m)``.
        clusters: Shape ``(n,)``: pairs of one opening prompt have the same number.
        thresholds: Value → probability from which it counts as expressed; empty without values.
        provenance: What gave the numbers.
        unreadable: Records of the source that gave no pair.
        seconds: What scoring took.
    """

    pairs: tuple[PreferencePair, ...]
    keys: tuple[str, ...]
    chosen: NDArray[np.float64]
    rejected: NDArray[np.float64]
    clusters: NDArray[np.int64]
    thresholds: dict[str, float]
    provenance: dict[str, Any]
    unreadable: int = 0
    seconds: float = 0.0

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which pairs have numbers on both sides, shape ``(n,)``."""
        return np.asarray(~np.isnan(self.difference).any(axis=1))

    @property
    def difference(self) -> NDArray[np.float64]:
        """Chosen − rejected, shape ``(n, m)``."""
        return self.chosen - self.rejected

    def column(self, key: str) -> int:
        """The place of a measure.

        Raises:
            InputError: It was not measured; the message lists what was.
        """
        if key not in self.keys:
            raise InputError(f"there is no measure {key!r}; there are {', '.join(self.keys)}")
        return self.keys.index(key)

    def pick(self, rows: NDArray[np.int64], flip: NDArray[np.bool_]) -> PairScores:
        """Some of the pairs, with the sides of those exchanged where ``flip`` (shape ``(len(rows),)``) holds."""
        chosen, rejected = self.chosen[rows], self.rejected[rows]
        pairs = [self.pairs[row] for row in rows]
        return replace(
            self,
            pairs=tuple(pair.flipped() if turn else pair for pair, turn in zip(pairs, flip, strict=True)),
            chosen=np.where(flip[:, None], rejected, chosen),
            rejected=np.where(flip[:, None], chosen, rejected),
            clusters=self.clusters[rows],
        )


def value_named(value: str | Path | Value) -> Value:
    """A value by name, by its TOML file, or as it is.

    Raises:
        InputError: There is no such value or file, or the file defines none.
    """
    return value if isinstance(value, Value) else load_value(value)


def own_values(values: Sequence[Value]) -> list[Value] | Literal[True]:
    """What to ask a scorer for so that it judges these: the trained values, and with them those of one's own."""
    return [value for value in values if value.name not in VALUES] or True


def scorer_for(values: Sequence[Value]) -> Scorer:
    """A scorer that judges the trained values and, zero-shot, those of one's own among ``values``."""
    from anthrometrics.detectors.scorer import Scorer

    return Scorer(values=own_values(values))


def score_pairs(
    pairs: Iterable[PreferencePair | Rejected],
    scorer: Scorer,
    *,
    on_rejected: Callable[[Rejected], None] | None = None,
    on_side: Callable[[], None] | None = None,
) -> PairScores:
    """Score both sides of every pair, each after the pair's prompt, as they are read.

    Args:
        pairs: As ``read_preferences`` gives them; records that gave no pair are counted.
        scorer: Gives the scores; with values, these are among the measures.
        on_rejected: Called with each record that gave no pair.
        on_side: Called after each side.

    Raises:
        InputError: There is no pair to score.
    """
    begun = time.perf_counter()
    read: list[PreferencePair] = []
    refused: list[Rejected] = []

    def turns() -> Iterator[Turn]:
        for item in pairs:
            if isinstance(item, Rejected):
                refused.append(replace(item, text=""))
                if on_rejected is not None:
                    on_rejected(item)
                continue
            read.append(item)
            for side, words in (("chosen", item.chosen), ("rejected", item.rejected)):
                yield Turn(words, item.prompt, item.id, side=side)

    table = _Table()
    for score in scorer.stream(turns()):
        table.add(score)
        if on_side is not None:
            on_side()
    if not read:
        raise InputError(_nothing(refused))
    if not table.keys:
        raise InputError("no side of any pair has words to judge; the answers must be text")
    keys, values = table.build()
    _, clusters = np.unique([text_hash(pair.opening) for pair in read], return_inverse=True)
    return PairScores(
        pairs=tuple(read),
        keys=keys,
        chosen=values[::2],
        rejected=values[1::2],
        clusters=clusters.astype(np.int64),
        thresholds=dict(scorer.value_thresholds),
        provenance=scorer.provenance,
        unreadable=len(refused),
        seconds=time.perf_counter() - begun,
    )


class _Table:
    """Measures of scored sides, a row each, as arrays: a hundred thousand pairs take about 120 MB."""

    def __init__(self) -> None:
        self.keys: tuple[str, ...] = ()
        self._rows: list[NDArray[np.float64] | None] = []
        self._words: list[int] = []

    def add(self, score: TurnScore) -> None:
        record = score.to_dict("labels")
        self._words.append(record["words"])
        if score.status != "scored":
            self._rows.append(None)
            return
        measured = values_of(record)
        self.keys = self.keys or tuple(measured)
        self._rows.append(np.array([measured[key] for key in self.keys]))

    def build(self) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Names of the columns, and the rows; NaN where a side has nothing to score."""
        missing = np.full(len(self.keys), np.nan)
        rows = np.stack([missing if row is None else row for row in self._rows])
        return (*self.keys, WORDS), np.column_stack([rows, np.array(self._words, dtype=np.float64)])


def _nothing(refused: Sequence[Rejected]) -> str:
    if not refused:
        return "there are no preference pairs in it; expected records with a prompt, a chosen and a rejected answer"
    return f"none of {len(refused):,} records gives a preference pair; the first: {refused[0]}"

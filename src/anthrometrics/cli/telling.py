"""The most telling sentences: those that carry each detector, kept while scores stream by."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from anthrometrics.codebook import SENTENCE_OUTPUTS

if TYPE_CHECKING:
    from anthrometrics.scores import SentenceScore, TurnScore

__all__ = ["Telling"]

_KEPT: Final = 3
_COLUMNS: Final = {name: SENTENCE_OUTPUTS.index(name) for name in ("anthropomorphism", "validation", "refusal")}


@dataclass(order=True)
class _Entry:
    probability: float
    # Earlier turns win ties, so that the result does not depend on chance.
    order: int
    score: TurnScore = field(compare=False)
    row: int = field(compare=False)


class Telling:
    """Top sentences of each detector, at most one a turn and each wording once."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[_Entry]] = {name: [] for name in _COLUMNS}
        self._count = 0

    def add(self, score: TurnScore) -> None:
        """Consider one scored turn."""
        if score.measured is None:
            return
        self._count -= 1
        for name, column in _COLUMNS.items():
            values = score.measured.probabilities.sentences[:, column]
            row = int(values.argmax())
            heap = self._heaps[name]
            entry = _Entry(float(values[row]), self._count, score, row)
            if len(heap) == _KEPT and entry < heap[0]:
                continue
            if any(_text(kept) == _text(entry) for kept in heap):
                continue
            heapq.heappush(heap, entry)
            if len(heap) > _KEPT:
                heapq.heappop(heap)

    def top(self) -> dict[str, list[tuple[TurnScore, SentenceScore]]]:
        """Detector → ``(turn, sentence)``, the most probable first; only sentences more likely than not."""
        return {
            name: [(e.score, e.score.sentences[e.row]) for e in sorted(heap, reverse=True) if e.probability >= 0.5]
            for name, heap in self._heaps.items()
        }


def _text(entry: _Entry) -> str:
    assert entry.score.measured is not None and entry.score.turn.response is not None
    span = entry.score.measured.spans[entry.row]
    return entry.score.turn.response[span.start : span.end]

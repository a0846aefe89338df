"""Many turns over a few threads, in pieces of like size, with results in input order.

Short turns travel together, since handing one over costs as much as judging it; the windows of a very long turn are
spread over all threads, since it would keep one busy while the others wait for its place in the order. How far reading
runs ahead is bounded in characters.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

    from anthrometrics.detectors.cache import LogitCache, TurnLogits
    from anthrometrics.detectors.window import EncodedTurn, Window
    from anthrometrics.turns import Turn

__all__ = ["Judge", "in_order"]

# A piece of work: about four windows, some 20 to 60 ms.
_PIECE_CHARACTERS: Final = 4_000
_PIECE_WINDOWS: Final = 4
_LONG_CHARACTERS: Final = 32_000
# In flight, for each thread: enough that the slowest piece does not idle the others.
_AHEAD_CHARACTERS: Final = 64_000
_AHEAD_PIECES: Final = 12
# Turns without work of their own (known, empty) still take memory, and someone waits for them.
_MOST_SLOTS: Final = 32


class Judge(Protocol):
    """The steps from a turn to its logits; each may run on any thread."""

    def prepare(self, turn: Turn) -> EncodedTurn | None:
        """Windows of the turn, or None if it cannot be scored."""

    def encode(self, windows: tuple[Window, ...]) -> list[Any]:
        """Logits of each window, judged by itself."""

    def join(self, encoded: EncodedTurn, logits: list[Any]) -> TurnLogits:
        """Logits of the turn from those of its windows."""


class _Slot:
    """A turn's place in the order. ``logits`` is None until it is filled, and for good where nothing can be scored."""

    __slots__ = ("key", "logits", "turn", "twin")

    def __init__(self, turn: Turn, key: bytes | None, logits: TurnLogits | None, twin: _Slot | None) -> None:
        self.turn, self.key, self.logits, self.twin = turn, key, logits, twin


class _Piece:
    """Slots that are filled together, and the futures that fill them."""

    def __init__(self, judge: Judge, pool: ThreadPoolExecutor) -> None:
        self.slots: list[_Slot] = []
        self._new: list[_Slot] = []
        self.futures: list[Future[Any]] = []
        self.characters = 0
        self._encoded: EncodedTurn | None = None
        self._judge, self._pool = judge, pool

    def add(self, slot: _Slot) -> None:
        self.slots.append(slot)
        if slot.logits is None and slot.twin is None:
            self._new.append(slot)
            self.characters += len(slot.turn.response or "")

    def start(self) -> None:
        """Hand the work to the pool; a very long turn is cut up here first."""
        if len(self._new) == 1 and self.characters >= _LONG_CHARACTERS:
            self._encoded = self._pool.submit(self._judge.prepare, self._new[0].turn).result()
            windows = self._encoded.windows if self._encoded is not None else ()
            cuts = range(0, len(windows), _PIECE_WINDOWS)
            self.futures = [self._pool.submit(self._judge.encode, windows[i : i + _PIECE_WINDOWS]) for i in cuts]
        elif self._new:
            self.futures = [self._pool.submit(self._fill)]

    def finish(self) -> None:
        """Wait until all slots are filled."""
        results = [future.result() for future in self.futures]
        if self._encoded is not None:
            self._new[0].logits = self._judge.join(self._encoded, [logits for part in results for logits in part])

    def _fill(self) -> None:
        for slot in self._new:
            encoded = self._judge.prepare(slot.turn)
            if encoded is not None:
                slot.logits = self._judge.join(encoded, self._judge.encode(encoded.windows))


def in_order(
    judge: Judge, pool: ThreadPoolExecutor, threads: int, cache: LogitCache, keyed: Iterator[tuple[Turn, bytes | None]]
) -> Iterator[tuple[Turn, TurnLogits | None]]:
    """Judge turns on a pool.

    Args:
        judge: The steps.
        pool: Where they run.
        threads: Its threads.
        cache: Entries by key. A turn whose key is there, or on its way, is not judged again.
        keyed: Turns with their keys, None for no caching; read only as far ahead as keeps the threads busy.

    Yields:
        Every turn in order with its logits, None for one that cannot be scored.
    """
    pending: deque[_Piece] = deque()
    on_its_way: dict[bytes, _Slot] = {}
    ahead, piece = 0, _Piece(judge, pool)

    def close_piece() -> None:
        nonlocal ahead, piece
        piece.start()
        pending.append(piece)
        ahead += piece.characters
        piece = _Piece(judge, pool)

    def drain() -> Iterator[tuple[Turn, TurnLogits | None]]:
        nonlocal ahead
        done = pending.popleft()
        done.finish()
        ahead -= done.characters
        for slot in done.slots:
            if slot.twin is not None:
                slot.logits = slot.twin.logits
            elif slot.key is not None and on_its_way.get(slot.key) is slot:
                del on_its_way[slot.key]
                if slot.logits is not None:
                    cache.put(slot.key, slot.logits)
            yield slot.turn, slot.logits

    try:
        for turn, key in keyed:
            slot = _Slot(turn, key, cache.get(key) if key else None, on_its_way.get(key) if key else None)
            size = len(turn.response or "")
            if piece.slots and piece.characters + size > _PIECE_CHARACTERS:
                close_piece()
            piece.add(slot)
            if key is not None and slot.logits is None:
                on_its_way.setdefault(key, slot)
            if piece.characters >= _PIECE_CHARACTERS or len(piece.slots) >= _MOST_SLOTS:
                close_piece()
            while pending and (ahead > threads * _AHEAD_CHARACTERS or len(pending) > threads * _AHEAD_PIECES):
                yield from drain()
        if piece.slots:
            close_piece()
        while pending:
            yield from drain()
    finally:
        for waiting in pending:
            for future in waiting.futures:
                future.cancel()

"""Identical texts are judged once: a bounded memory of what the encoder said."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from anthrometrics.detectors.segment import Span
    from anthrometrics.turns import Turn

__all__ = ["LogitCache", "TurnLogits", "text_key"]

# Python objects around the arrays of one entry, one array more, and the tuple of one span (measured with
# sys.getsizeof).
_ENTRY_BYTES: Final = 700
_ARRAY_BYTES: Final = 112
_SPAN_BYTES: Final = 136


@dataclass(frozen=True)
class TurnLogits:
    """What the encoder said of one turn: all that its texts decide and calibration has not touched.

    Attributes:
        spans: The sentences of the response.
        sentences: Raw logits, shape ``(sentences, outputs)``.
        turn: Raw logits of the turn, joined over its windows, shape ``(3,)``.
        values: What the value model said, shape ``(values,)``; None if it was not asked.
    """

    spans: tuple[Span, ...]
    sentences: NDArray[np.float32]
    turn: NDArray[np.float64]
    values: NDArray[np.float64] | None = None

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        values = 0 if self.values is None else _ARRAY_BYTES + self.values.nbytes
        return _ENTRY_BYTES + _SPAN_BYTES * len(self.spans) + self.sentences.nbytes + values


def text_key(turn: Turn) -> bytes:
    """What two turns share exactly if their prompts and responses are equal (BLAKE2b, 128 bits)."""
    prompt = b"\0" if turn.prompt is None else b"\1" + turn.prompt.encode("utf-8", "surrogatepass")
    hashed = blake2b(prompt, digest_size=16)
    # The length keeps a prompt's end from passing for a response's beginning.
    hashed.update(len(prompt).to_bytes(8, "little") + (turn.response or "").encode("utf-8", "surrogatepass"))
    return hashed.digest()


class LogitCache:
    """The most recently used entries that fit into a number of bytes; to be used from one thread.

    Args:
        capacity: Bytes; 0 keeps nothing.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._entries: OrderedDict[bytes, TurnLogits] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """Number of turns that are remembered."""
        return len(self._entries)

    def get(self, key: bytes) -> TurnLogits | None:
        """The entry, which becomes the most recent one."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: bytes, logits: TurnLogits) -> None:
        """Remember an entry; the least recently used ones make room."""
        if logits.size > self.capacity or key in self._entries:
            return
        self._entries[key] = logits
        self._size += logits.size
        while self._size > self.capacity:
            self._size -= self._entries.popitem(last=False)[1].size

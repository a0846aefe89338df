"""What an adapter is held against: the same pairs without what they teach, or with the opposite."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.induction.preferences import PreferencePair

__all__ = ["opposite", "shuffled"]


def shuffled(pairs: Sequence[PreferencePair], seed: int) -> tuple[PreferencePair, ...]:
    """The null control: the sides of half of the pairs, drawn at random, are swapped.

    Exactly half, so that nothing is left of the direction: with sides drawn one by one, chance alone would leave some.
    Of an odd number one pair less is swapped.
    """
    drawn = random.Random(f"shuffled {seed}").sample(range(len(pairs)), len(pairs) // 2)
    swap = set(drawn)
    return tuple(pair.flipped() if place in swap else pair for place, pair in enumerate(pairs))


def opposite(pairs: Sequence[PreferencePair]) -> tuple[PreferencePair, ...]:
    """Every pair with its sides swapped: it teaches to leave the value out."""
    return tuple(pair.flipped() for pair in pairs)

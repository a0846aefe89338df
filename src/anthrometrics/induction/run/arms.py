"""Arms of a run: the adapters that answer the prompts, each trained on the pairs of one value under one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["BASE", "Arm", "arms_of"]

# The model as it was before tuning, as files and tables call it.
BASE: Final = "base"
_TUNED: Final = "seed"


@dataclass(frozen=True, slots=True, order=True)
class Arm:
    """One adapter.

    Attributes:
        value: Name of the value whose pairs it was trained on.
        kind: ``"seed"`` for those that should induce it, or the control: ``"null"`` or ``"opposite"``.
        seed: Of its training.
    """

    value: str
    kind: str
    seed: int

    @property
    def name(self) -> str:
        """``empathy/seed-0``; its place in every folder of the run."""
        return f"{self.value}/{self.kind}-{self.seed}"

    @property
    def tuned(self) -> bool:
        """Whether it is no control."""
        return self.kind == _TUNED


def arms_of(values: Iterable[str], seeds: Sequence[int], controls: Sequence[str]) -> tuple[Arm, ...]:
    """Every adapter of a run: of each value the tuned ones first, then its controls."""
    return tuple(Arm(value, kind, seed) for value in values for kind in (_TUNED, *controls) for seed in seeds)

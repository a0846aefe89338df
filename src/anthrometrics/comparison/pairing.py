"""Which turn of one set answers which of the other."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray

    from anthrometrics.comparison.table import ScoredItem, ScoreTable

__all__ = ["PairBy", "Pairing", "check_alike", "pair"]

_How = Literal["id", "prompt"]
PairBy = Literal["auto", "id", "prompt", "none"]

# Scores of other weights, arithmetic or device are other measurements.
_MUST_AGREE: Final = ("model_digest", "precision", "device")
_SHOULD_AGREE: Final = ("version", "onnxruntime", "machine", "cpu_features")
_SHOWN: Final = 3


@dataclass(frozen=True)
class Pairing:
    """Rows of two tables that belong together.

    Attributes:
        by: ``"id"``, ``"prompt"`` or ``"none"``.
        base: Rows of the base table, shape ``(pairs,)``; unpaired, all that are scored.
        tuned: Rows of the tuned table, likewise.
        base_clusters: Prompt group of each row of ``base``.
        tuned_clusters: Of each row of ``tuned``; the same as ``base_clusters`` where turns are paired.
        unscored: Pairs left out since a side has no score.
        base_only: Turns of the base set without a partner.
        tuned_only: Turns of the tuned set without a partner.
        duplicates: Turns left out since an earlier one has the same id and turn.
        notes: What a reader must know of the pairing.
    """

    by: Literal["id", "prompt", "none"]
    base: NDArray[np.int64]
    tuned: NDArray[np.int64]
    base_clusters: NDArray[np.int64]
    tuned_clusters: NDArray[np.int64]
    unscored: int = 0
    base_only: int = 0
    tuned_only: int = 0
    duplicates: int = 0
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Counts and notes, for JSON."""
        return {
            "by": self.by,
            "pairs": 0 if self.by == "none" else len(self.base),
            "clusters": len(np.unique(self.base_clusters)),
            "unscored": self.unscored,
            "base_only": self.base_only,
            "tuned_only": self.tuned_only,
            "duplicates": self.duplicates,
            "notes": list(self.notes),
        }


def check_alike(base: ScoreTable, tuned: ScoreTable, allow_mixed: bool = False) -> tuple[str, ...]:
    """Whether the two sets were measured alike.

    Args:
        base: One set.
        tuned: The other.
        allow_mixed: Whether unlike measurement becomes a note instead of an error.

    Returns:
        Notes on what differs without forbidding the comparison.

    Raises:
        InputError: Model, precision, device or the way of reading differ, or of one set only is known what gave it.
    """
    wrong = []
    if bool(base.provenance) != bool(tuned.provenance):
        lacking = base.name if tuned.provenance else tuned.name
        wrong.append(f"nothing is known of what scored {lacking} (no .meta.json beside it)")
    elif base.provenance:
        wrong += _differing(base.provenance, tuned.provenance, _MUST_AGREE)
        wrong += _differing_values(base.provenance, tuned.provenance)
    if base.options and tuned.options:
        wrong += _differing(base.options, tuned.options, ("which", "reasoning"))
    if wrong and not allow_mixed:
        raise InputError(
            f"{base.name} and {tuned.name} were not measured alike: {'; '.join(wrong)}. Score both again alike, or "
            "pass --allow-mixed (allow_mixed=True) to compare them all the same."
        )
    notes = [f"not measured alike: {what}" for what in wrong]
    notes += _one_sided_values(base, tuned)
    if not base.provenance and not tuned.provenance:
        notes.append("nothing is known of what scored the two sets (no .meta.json beside them)")
    elif base.provenance and tuned.provenance:
        notes += _differing(base.provenance, tuned.provenance, _SHOULD_AGREE)
    return tuple(notes)


def pair(base: ScoreTable, tuned: ScoreTable, by: PairBy = "auto") -> Pairing:
    """Pair the turns of two sets.

    Args:
        base: One set.
        tuned: The other.
        by: ``"id"``: the same id, turn and side. ``"prompt"``: the same user turn; where a prompt occurs several times,
            its first turns belong together, then its second ones. ``"none"``: not at all. ``"auto"``: by id, unless
            prompts pair more than twice as many turns.

    Raises:
        InputError: Nothing can be paired, or a set has no scored turn.
    """
    for table in (base, tuned):
        if not table.scored.any():
            raise InputError(f"{table.name} has no scored turn")
    if by == "none":
        return _unpaired(base, tuned)
    ways: tuple[_How, ...] = ("id", "prompt")
    found = {how: _matched(base, tuned, how) for how in ways if by in (how, "auto")}
    best: _How = max(found, key=lambda how: len(found[how][0]) * (2.0 if how == "id" else 1.0))
    rows, duplicates = found[best]
    if not rows:
        tried = " or ".join("id" if how == "id" else "prompt" for how in found)
        raise InputError(
            f"no turn of {base.name} and {tuned.name} has the same {tried}; answer the same prompts with both, give "
            'ids (--id-field), or compare the sets unpaired with --unpaired (by="none")'
        )
    return _pairing(base, tuned, best, rows, duplicates)


def _matched(base: ScoreTable, tuned: ScoreTable, by: _How) -> tuple[list[tuple[int, int]], int]:
    """Pairs of rows, and the number of turns left out as duplicates."""
    key = _by_id if by == "id" else _by_prompt()
    other = _by_id if by == "id" else _by_prompt()
    first, first_duplicates = _index(base.items, key)
    second, second_duplicates = _index(tuned.items, other)
    rows = [(row, second[name]) for name, row in first.items() if name in second]
    return rows, first_duplicates + second_duplicates


def _index(
    items: tuple[ScoredItem, ...], key: Callable[[ScoredItem], Hashable | None]
) -> tuple[dict[Hashable, int], int]:
    rows: dict[Hashable, int] = {}
    named = 0
    for row, item in enumerate(items):
        name = key(item)
        if name is not None:
            named += 1
            rows.setdefault(name, row)
    return rows, named - len(rows)


def _by_id(item: ScoredItem) -> Hashable | None:
    return None if item.id is None else item.key


def _by_prompt() -> Callable[[ScoredItem], Hashable | None]:
    seen: defaultdict[Hashable, int] = defaultdict(int)

    def key(item: ScoredItem) -> Hashable | None:
        if item.prompt_hash is None:
            return None
        name = (item.prompt_hash, item.turn, item.side)
        seen[name] += 1
        return (*name, seen[name])

    return key


def _pairing(base: ScoreTable, tuned: ScoreTable, by: _How, rows: list[tuple[int, int]], duplicates: int) -> Pairing:
    left, right = np.array(rows, dtype=np.int64).T
    both = base.scored[left] & tuned.scored[right]
    if not both.any():
        raise InputError(f"{base.name} and {tuned.name} have {len(rows)} turns in common, but in none are both scored")
    notes = []
    if by == "prompt":
        notes.append("paired by the text of the prompt, since ids do not match")
    else:
        other = sum(base.items[a].prompt_hash != tuned.items[b].prompt_hash for a, b in rows)
        if other:
            example = next(base.items[a].id for a, b in rows if base.items[a].prompt_hash != tuned.items[b].prompt_hash)
            notes.append(f"{other} pairs have the same id but not the same prompt (for example {example})")
    same = sum(base.items[a].response_hash == tuned.items[b].response_hash for a, b in rows)
    if same:
        notes.append(f"{same} pairs have the same response on both sides")
    if duplicates:
        notes.append(f"{duplicates} turns were left out: an earlier one of their set has the same id and turn")
    only = (_without(base, left, by), _without(tuned, right, by))
    notes += [f"only in {table.name}: {shown}" for table, (_, shown) in zip((base, tuned), only, strict=True) if shown]
    clusters = np.unique([base.items[row].cluster for row in left[both]], return_inverse=True)[1].astype(np.int64)
    return Pairing(
        by=by,
        base=left[both],
        tuned=right[both],
        base_clusters=clusters,
        tuned_clusters=clusters,
        unscored=int((~both).sum()),
        base_only=only[0][0],
        tuned_only=only[1][0],
        duplicates=duplicates,
        notes=tuple(notes),
    )


def _without(table: ScoreTable, paired: NDArray[np.int64], by: _How) -> tuple[int, str]:
    """Turns without a partner that are no duplicates of a paired one: how many, and the first of them in words."""
    taken = set(paired.tolist())
    keys = {table.items[row].key for row in taken} if by == "id" else set()
    alone = [item for row, item in enumerate(table.items) if row not in taken and item.key not in keys]
    names = ", ".join(f"{item.id or 'no id'} (turn {item.turn})" for item in alone[:_SHOWN])
    return len(alone), f"{names}{' …' if len(alone) > _SHOWN else ''}" if alone else ""


def _unpaired(base: ScoreTable, tuned: ScoreTable) -> Pairing:
    rows = [np.flatnonzero(table.scored) for table in (base, tuned)]
    names = [[table.items[row].cluster for row in chosen] for table, chosen in zip((base, tuned), rows, strict=True)]
    numbers = np.unique([*names[0], *names[1]], return_inverse=True)[1].astype(np.int64)
    return Pairing(
        by="none",
        base=rows[0],
        tuned=rows[1],
        base_clusters=numbers[: len(rows[0])],
        tuned_clusters=numbers[len(rows[0]) :],
        unscored=int((~base.scored).sum() + (~tuned.scored).sum()),
        notes=("not paired: the sets are taken as independent",),
    )


def _differing(base: dict[str, Any], tuned: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [
        f"{name} {_shown(base.get(name))} and {_shown(tuned.get(name))}"
        for name in names
        if base.get(name) != tuned.get(name)
    ]


def _differing_values(base: dict[str, Any], tuned: dict[str, Any]) -> list[str]:
    """Values that both sets were judged for, by unlike models or definitions."""
    if "values_digest" not in base or "values_digest" not in tuned:
        return []
    found = _differing(base, tuned, ("values_digest",))
    first, second = base.get("own_values", {}), tuned.get("own_values", {})
    twice = (name for name in first if name in second and first[name] != second[name])
    return found + [f"the value {name} is defined in two ways" for name in twice]


def _one_sided_values(base: ScoreTable, tuned: ScoreTable) -> list[str]:
    """Notes on values that only one set was judged for, which are not compared."""
    held = [[m.name for m in table.measures if m.level == "value"] for table in (base, tuned)]
    notes = []
    for table, mine, others in ((base, held[0], held[1]), (tuned, held[1], held[0])):
        only = [name for name in mine if name not in others]
        if only and not others:
            notes.append(
                f"only {table.name} was scored with values, so values are not compared; score both with --values"
            )
        elif only:
            notes.append(f"only {table.name} was judged for {', '.join(only)}, so these are not compared")
    return notes


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)

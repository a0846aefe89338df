"""Side effects in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.induction.run.effects import Effect, SideEffects

__all__ = ["findings_of", "headline_of"]

# Effects of each value that are named.
_SAID: Final = 3
# Values that a headline has room for.
_FEW: Final = 2


def headline_of(effects: SideEffects) -> str:
    """What moved: value by value where they are one or two, else how many and the largest side effect."""
    if len(effects.values) <= _FEW:
        return " ".join(findings_of(effects))
    moved = [row for value in effects.values for row in _found(effects, value)]
    values = {row.value for row in moved}
    beyond = _beyond(effects)
    if not values:
        return f"None of {len(effects.values)} induced values moved any measure significantly{beyond}."
    said = f"{len(values)} of {len(effects.values)} induced values moved a measure significantly{beyond}."
    others = [row for row in moved if not (row.level == "value" and row.name == row.value)]
    if not others:
        return f"{said} What moved was the value that was induced."
    largest = max(others, key=lambda row: abs(row.difference or 0.0))
    return f"{said} The largest side effect: inducing {largest.value} moved {_moved(largest, largest.value)}."


def findings_of(effects: SideEffects) -> list[str]:
    """A sentence a value, the largest effects that were found first; then one of the values that moved nothing."""
    found = {value: _found(effects, value) for value in effects.values}
    sentences = [_sentence(value, rows) for value, rows in found.items() if rows]
    still = [value for value, rows in found.items() if not rows]
    if still:
        sentences.append(f"Inducing {_joined(still)} moved no measure significantly{_beyond(effects)}.")
    return sentences


def _beyond(effects: SideEffects) -> str:
    return " beyond the null adapter" if any(row.beyond_null is not None for row in effects) else ""


def _found(effects: SideEffects, value: str) -> list[Effect]:
    rows = (row for row in effects if row.value == value and row.unit == "presence" and row.found)
    return sorted(rows, key=lambda row: -abs(row.difference or 0.0))


def _sentence(value: str, rows: Sequence[Effect]) -> str:
    """As in: Inducing empathy: validation +0.21 (12 % → 33 % of answers)."""
    said = ", ".join(_moved(row, value) for row in rows[:_SAID])
    more = f" and {len(rows) - _SAID} more" if len(rows) > _SAID else ""
    return f"Inducing {value}: {said}{more}."


def _moved(row: Effect, value: str) -> str:
    if row.level != "value":
        what = row.name.replace("_", " ")
    else:
        what = "the value itself" if row.name == value else f"expressed {row.name}"
    assert row.difference is not None and row.base is not None and row.tuned is not None
    difference = f"{row.difference:+.2f}".replace("-", "\u2212")
    return f"{what} {difference} ({100 * row.base:.0f} % → {100 * row.tuned:.0f} % of answers)"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"

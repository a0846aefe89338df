"""The result in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from anthrometrics.comparison.result import Comparison, Difference

__all__ = ["headline_of"]

_DETECTORS: Final = {
    "anthropomorphism": "anthropomorphic language",
    "validation": "validation of the user",
    "refusal": "refusal",
}


def headline_of(comparison: Comparison) -> str:
    """What changed and what did not, in one sentence each; findings stand after Holm's correction."""
    rows = [(words, comparison[name]) for name, words in _DETECTORS.items()]
    alpha, margin = comparison.options.alpha, comparison.options.margin
    changed = [(words, row) for words, row in rows if row.p_holm < alpha]
    still = [words for words, row in rows if row.p_holm >= alpha and row.equivalent]
    unknown = [words for words, row in rows if not (row.p_holm < alpha or row.equivalent)]
    sentences = []
    if changed:
        found = _joined([_change(words, row, comparison.options.level) for words, row in changed])
        sentences.append(f"From {comparison.base.name} to {comparison.tuned.name}, {found}.")
    if still:
        points = f"{100 * margin:g} points"
        sentences.append(f"{_capital(_joined(still))} stayed the same within {points}.")
    if unknown:
        sentences.append(f"{_capital(_joined(unknown))} may or may not have changed: these turns cannot tell.")
    return " ".join(sentences)


def _change(words: str, row: Difference, level: float) -> str:
    verb = "rose" if row.difference > 0 else "fell"
    low, high = sorted((abs(row.low), abs(row.high))) if row.low * row.high > 0 else (row.low, row.high)
    return (
        f"{words} {verb} from {_share(row.base)} to {_share(row.tuned)} of turns "
        f"(by {_points(abs(row.difference))} points, {100 * level:g} % interval {_points(low)} to {_points(high)})"
    )


def _share(value: float) -> str:
    return f"{_points(value)} %"


def _points(value: float) -> str:
    """Hundredths, with a decimal where whole ones would hide what changed."""
    return f"{100 * value:.0f}" if abs(value) >= 0.1 else f"{100 * value:.1f}"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

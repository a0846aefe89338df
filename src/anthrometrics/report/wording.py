"""Numbers and names as a reader sees them; text of models made harmless."""

from __future__ import annotations

import math
import re
from typing import Any, Final

__all__ = ["clean", "count", "finite", "interval", "name_of", "p_value", "percent", "plain", "share", "signed"]

MISSING: Final = "–"
_MINUS: Final = "\u2212"
# Control characters, what overrides the direction of text, lone surrogates and noncharacters. Each is replaced by one
# character, so that offsets into a text keep their meaning.
_HARMFUL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def clean(text: str) -> str:
    """The text with U+FFFD in place of every character that would act instead of being shown."""
    return _HARMFUL.sub("\ufffd", text)


def finite(value: Any) -> float | None:
    """The number, or None where there is none (null, NaN, infinite)."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def plain(value: Any, digits: int = 2) -> str:
    """``0.43``; a dash for a missing number."""
    number = finite(value)
    return MISSING if number is None else f"{number:.{digits}f}".replace("-", _MINUS)


def share(value: Any, unit: str = "presence") -> str:
    """A probability or share in [0, 1]; rates are small, so they get a third digit."""
    return plain(value, digits_of(unit))


def signed(value: Any, digits: int = 2) -> str:
    """``+0.12``, ``−0.03``; a difference that rounds to nothing has no sign."""
    number = finite(value)
    if number is None:
        return MISSING
    text = f"{number:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", _MINUS)


def interval(low: Any, high: Any, digits: int = 2) -> str:
    """``[0.02, 0.21]``; empty where either end is missing."""
    if finite(low) is None or finite(high) is None:
        return ""
    return f"[{signed(low, digits)}, {signed(high, digits)}]".replace("+", "")


def digits_of(unit: str) -> int:
    """Decimals that a unit is shown with."""
    return 3 if unit == "rate" else 2


def percent(value: Any) -> str:
    """``43 %``."""
    number = finite(value)
    return MISSING if number is None else f"{100 * number:.0f}\u00a0%"


def p_value(value: Any) -> str:
    """Three digits, and no claim beyond."""
    number = finite(value)
    if number is None:
        return MISSING
    return "<\u20090.001" if number < 0.001 else f"{number:.3f}"


def count(number: int, noun: str) -> str:
    """``1 pair``, ``1,204 pairs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def name_of(name: str) -> str:
    """``ai_disclosure`` as words."""
    return name.replace("_", " ").replace("ai ", "AI ", 1) if name.startswith("ai_") else name.replace("_", " ")

"""Conditions on a comparison under which a build should fail."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anthrometrics.comparison.measures import MEASURES, VALUE
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from anthrometrics.comparison.result import Comparison

__all__ = ["Gate", "gate_of"]

_KEYS: Final = {measure.key for measure in MEASURES}
_CONDITION: Final = re.compile(r"\s*(?P<key>[\w.-]+)\s*(?P<sign>[<>])\s*(?P<value>[+-]?\d*\.?\d+)\s*")


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition: the whole interval of a difference lies beyond a value.

    Attributes:
        text: As it was written.
        key: Of the measure.
        above: Whether the difference must lie above the value, or below it.
        value: In shares: .05 is five turns, or sentences, of a hundred.
    """

    text: str
    key: str
    above: bool
    value: float

    def failure(self, comparison: Comparison) -> str | None:
        """Why the comparison fails, in one line, or None if it passes.

        Raises:
            InputError: The comparison does not have the measure.
        """
        try:
            found = comparison[self.key]
        except KeyError as error:
            raise InputError(f"cannot check {self.text!r}: {error.args[0]}") from error
        bound, beyond = (found.low, operator.gt) if self.above else (found.high, operator.lt)
        if not beyond(bound, self.value):
            return None
        side = "above" if self.above else "below"
        return (
            f"{comparison.tuned.name}: {self.key} changed by {found.difference:+.3f} "
            f"({found.low:+.3f} to {found.high:+.3f}), all of it {side} {self.value:+g} ({self.text})"
        )


def gate_of(text: str) -> Gate:
    """Read a condition such as ``validation>+0.05``, ``label.praise.rate>0`` or ``refusal<-0.1``.

    Raises:
        InputError: It cannot be read, or names no measure.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise InputError(f"cannot read the condition {text!r}; write it like validation>+0.05 or refusal<-0.1")
    # What one's own values are called is known only from the scores.
    if found["key"] not in _KEYS and not found["key"].startswith(VALUE):
        known = "anthropomorphism, validation, refusal, group.flattery, label.praise, and these with .rate; value.humor"
        raise InputError(f"the condition {text!r} names no measure; measures are such as {known}")
    return Gate(text, found["key"], found["sign"] == ">", float(found["value"]))

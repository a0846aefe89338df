"""What is compared: every detector, group and label, as presence and as rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from anthrometrics.codebook import DETECTORS, GROUPS, LABEL_NAMES, TURN_DETECTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MEASURES", "Measure", "values_of"]

Level = Literal["detector", "group", "label"]
Unit = Literal["presence", "rate"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number a turn.

    Attributes:
        name: Of the detector, group or label. A detector, a group and a label may share a name.
        level: Which of the three.
        unit: ``"presence"``: probability that the turn has it; ``"rate"``: expected share of its sentences.
    """

    name: str
    level: Level
    unit: Unit

    @property
    def key(self) -> str:
        """A name of its own: ``validation``, ``group.validation``, ``label.refusal``, with ``.rate`` for rates."""
        prefix = "" if self.level == "detector" else f"{self.level}."
        return f"{prefix}{self.name}{'.rate' if self.unit == 'rate' else ''}"


def _measures() -> tuple[Measure, ...]:
    presence = [Measure(name, "detector", "presence") for name in TURN_DETECTORS]
    presence += [Measure(name, "group", "presence") for name in GROUPS]
    presence += [Measure(name, "label", "presence") for name in LABEL_NAMES]
    # Refusal is judged by the turn, so it has no rate.
    rates = [Measure(m.name, m.level, "rate") for m in presence if (m.name, m.level) != ("refusal", "detector")]
    return (*presence, *rates)


MEASURES: Final[tuple[Measure, ...]] = _measures()


def values_of(record: Mapping[str, Any]) -> dict[str, float]:
    """Every measure that the record of a scored turn holds, by key.

    A group's number is the largest of its labels', which is the least that "any of them" can be. Without labels
    (``--detail summary``) there are only the detectors.
    """
    values = {name: float(record[name]) for name in TURN_DETECTORS}
    values |= {f"{name}.rate": float(record[f"{name}_rate"]) for name in DETECTORS}
    labels = record.get("labels")
    if labels:
        for unit, suffix in (("presence", ""), ("rate", ".rate")):
            found = {name: float(labels[name][unit]) for name in LABEL_NAMES}
            values |= {f"label.{name}{suffix}": value for name, value in found.items()}
            values |= {
                f"group.{name}{suffix}": max(found[label] for label in members) for name, members in GROUPS.items()
            }
    return values

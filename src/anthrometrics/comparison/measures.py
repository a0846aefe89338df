"""What is compared: every detector, group and label, as presence and as rate, and values where they were judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from anthrometrics.codebook import DETECTORS, GROUPS, LABEL_NAMES, TURN_DETECTORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MEASURES", "VALUE", "Measure", "value_measures", "values_of"]

Level = Literal["detector", "group", "label", "value"]
Unit = Literal["presence", "rate"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number a turn.

    Attributes:
        name: Of the detector, group, label or value. One of each may share a name.
        level: Which of the four.
        unit: ``"presence"``: probability that the turn has it; ``"rate"``: expected share of its sentences.
    """

    name: str
    level: Level
    unit: Unit

    @property
    def key(self) -> str:
        """A name of its own: ``validation``, ``group.validation``, ``value.humor``, with ``.rate`` for rates."""
        prefix = "" if self.level == "detector" else f"{self.level}."
        return f"{prefix}{self.name}{'.rate' if self.unit == 'rate' else ''}"


def _measures() -> tuple[Measure, ...]:
    presence = [Measure(name, "detector", "presence") for name in TURN_DETECTORS]
    presence += [Measure(name, "group", "presence") for name in GROUPS]
    presence += [Measure(name, "label", "presence") for name in LABEL_NAMES]
    # Refusal is judged by the turn, so it has no rate.
    rates = [Measure(m.name, m.level, "rate") for m in presence if (m.name, m.level) != ("refusal", "detector")]
    return (*presence, *rates)


# Of every scored set; values follow them where a set has any.
MEASURES: Final[tuple[Measure, ...]] = _measures()
# What the key of a value begins with.
VALUE: Final = "value."


def value_measures(names: Iterable[str]) -> tuple[Measure, ...]:
    """Measures of values, which are judged by the turn and have no rate."""
    return tuple(Measure(name, "value", "presence") for name in names)


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
    return values | {f"{VALUE}{name}": float(value) for name, value in record.get("values", {}).items()}

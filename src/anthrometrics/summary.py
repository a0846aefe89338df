"""Means and shares over many turns, gathered in one pass and constant memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.codebook import DETECTORS, LABEL_NAMES, REFUSAL_LABELS, SENTENCE_OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from anthrometrics.scores import TurnScore

__all__ = ["MeasureSummary", "Summary", "SummaryBuilder", "summarise"]

# Scores are written to six digits.
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class MeasureSummary:
    """One detector, label or value over the scored turns.

    Attributes:
        presence: Mean probability that a turn has it: the expected share of turns.
        rate: Mean expected share of a turn's sentences; None for refusal and values, which are judged by turn.
    """

    presence: float
    rate: float | None


@dataclass(frozen=True)
class Summary:
    """Many turns in a few numbers.

    Attributes:
        scored: Turns with numbers.
        unscored: Reason → number of turns without.
        flagged: Flag → number of turns.
        detectors: ``anthropomorphism``, ``validation`` and ``refusal``; empty if nothing was scored.
        labels: The 19 labels; empty if nothing was scored.
        values: Values that were judged; empty if none were.
        refusal_labels: Refusal label → number of turns.
    """

    scored: int
    unscored: dict[str, int]
    flagged: dict[str, int]
    detectors: dict[str, MeasureSummary]
    labels: dict[str, MeasureSummary]
    refusal_labels: dict[str, int]
    values: dict[str, MeasureSummary] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {"values": _plain(self.values)} if self.values else {}
        return {
            "scored": self.scored,
            "unscored": self.unscored,
            "flagged": self.flagged,
            "detectors": _plain(self.detectors),
            "labels": _plain(self.labels),
            **values,
            "refusal_labels": self.refusal_labels,
        }


def _plain(measures: Mapping[str, MeasureSummary]) -> dict[str, dict[str, float | None]]:
    return {name: {"presence": measure.presence, "rate": measure.rate} for name, measure in measures.items()}


def _zeros() -> NDArray[np.int64]:
    return np.zeros(len(SENTENCE_OUTPUTS), dtype=np.int64)


@dataclass
class SummaryBuilder:
    """Running sums; ``add`` each score, then ``build``.

    Sums are of the numbers as they are written, in whole millionths: exact, and the same in whatever order and from
    whatever file they come. ``valued`` counts the turns behind each sum of ``values``.
    """

    scored: int = 0
    presence: NDArray[np.int64] = field(default_factory=_zeros)
    rate: NDArray[np.int64] = field(default_factory=_zeros)
    refusal: int = 0
    unscored: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    refusal_labels: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    valued: Counter[str] = field(default_factory=Counter)

    def add(self, score: TurnScore) -> None:
        """Count one turn."""
        self.add_record(score.to_dict("labels"))

    def add_record(self, record: Mapping[str, Any]) -> None:
        """Count one turn by its ``TurnScore.to_dict("labels")``."""
        self.flagged.update(record.get("flags", ()))
        if record["status"] != "scored":
            self.unscored[record.get("reason") or "unknown"] += 1
            return
        labels = [record["labels"][name] for name in LABEL_NAMES]
        self.scored += 1
        self.presence += _millionths([x["presence"] for x in labels] + [record[name] for name in DETECTORS])
        self.rate += _millionths([x["rate"] for x in labels] + [record[f"{name}_rate"] for name in DETECTORS])
        self.refusal += round(record["refusal"] * _MILLION)
        self.refusal_labels[record["refusal_label"]] += 1
        for name, value in record.get("values", {}).items():
            self.values[name] += round(value * _MILLION)
            self.valued[name] += 1

    def build(self) -> Summary:
        """The summary so far."""
        measures: dict[str, MeasureSummary] = {}
        if self.scored:
            whole = self.scored * _MILLION
            for index, name in enumerate(SENTENCE_OUTPUTS):
                measures[name] = MeasureSummary(int(self.presence[index]) / whole, int(self.rate[index]) / whole)
            measures["refusal_turn"] = MeasureSummary(self.refusal / whole, None)
        detectors = {name: measures[name] for name in DETECTORS if measures}
        if measures:
            detectors["refusal"] = measures["refusal_turn"]
        return Summary(
            scored=self.scored,
            unscored=dict(self.unscored),
            flagged=dict(self.flagged),
            detectors=detectors,
            labels={name: measures[name] for name in LABEL_NAMES if measures},
            refusal_labels={name: self.refusal_labels[name] for name in REFUSAL_LABELS},
            values={
                name: MeasureSummary(self.values[name] / (count * _MILLION), None)
                for name, count in self.valued.items()
            },
        )


def _millionths(values: list[float]) -> NDArray[np.int64]:
    return np.array([round(value * _MILLION) for value in values], dtype=np.int64)


def summarise(scores: Iterable[TurnScore]) -> Summary:
    """Summary of any iterable of scores."""
    builder = SummaryBuilder()
    for score in scores:
        builder.add(score)
    return builder.build()

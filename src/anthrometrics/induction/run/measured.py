"""What every arm of a run scored, prompt by prompt, as arrays that line up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anthrometrics.comparison.clusters import cluster_sums
from anthrometrics.comparison.pairing import check_alike
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from anthrometrics.comparison.measures import Measure
    from anthrometrics.comparison.table import ScoreTable
    from anthrometrics.induction.run.arms import Arm
    from anthrometrics.induction.suites import Prompt

__all__ = ["Measured", "measured_of"]


@dataclass(frozen=True)
class Measured:
    """Means over the answers to each of ``p`` prompts.

    Attributes:
        measures: What was measured, ``m`` of them.
        prompts: The prompts, in order.
        base: Of the model before tuning, shape ``(p, m)``; NaN where no answer could be scored.
        arms: Of each adapter, likewise.
        base_refused: Share of the answers to each prompt that refuse by their label, shape ``(p,)``.
        refused: Of each adapter, likewise.
        unscored: Answers of each arm without text to score.
        notes: What a reader must know of how it was measured.
    """

    measures: tuple[Measure, ...]
    prompts: tuple[Prompt, ...]
    base: NDArray[np.float64]
    arms: Mapping[Arm, NDArray[np.float64]]
    base_refused: NDArray[np.float64]
    refused: Mapping[Arm, NDArray[np.float64]]
    unscored: Mapping[Arm, int]
    notes: tuple[str, ...]

    def of(self, value: str, kind: str) -> list[Arm]:
        """The arms of one value and kind, by seed."""
        return sorted(arm for arm in self.arms if (arm.value, arm.kind) == (value, kind))

    @property
    def values(self) -> tuple[str, ...]:
        """Values of which an adapter was measured, in the order of the run."""
        return tuple(dict.fromkeys(arm.value for arm in self.arms if arm.tuned))

    def only(self, suites: Sequence[str]) -> Measured:
        """The prompts of some suites.

        Raises:
            InputError: The run has no such suite.
        """
        known = dict.fromkeys(prompt.suite for prompt in self.prompts)
        for suite in suites:
            if suite not in known:
                raise InputError(f'this run has no suite "{suite}"; it has {", ".join(known)}')
        kept = np.array([prompt.suite in suites for prompt in self.prompts])
        return Measured(
            self.measures,
            tuple(prompt for prompt in self.prompts if prompt.suite in suites),
            self.base[kept],
            {arm: values[kept] for arm, values in self.arms.items()},
            self.base_refused[kept],
            {arm: values[kept] for arm, values in self.refused.items()},
            self.unscored,
            self.notes,
        )


def measured_of(base: ScoreTable, arms: Mapping[Arm, ScoreTable], prompts: Sequence[Prompt]) -> Measured:
    """Line up the scores of a run.

    Args:
        base: Scores of the model before tuning.
        arms: Scores of each adapter.
        prompts: What was asked. The id of an answer is that of its prompt, with ``#2`` for its second sample.

    Raises:
        InputError: The sets were measured in different ways, or an answer belongs to no prompt.
    """
    notes = dict.fromkeys(note for table in arms.values() for note in check_alike(base, table))
    places = {prompt.id: place for place, prompt in enumerate(prompts)}
    return Measured(
        measures=base.measures,
        prompts=tuple(prompts),
        base=_by_prompt(base, base.values, places),
        arms={arm: _by_prompt(table, _columns(table, base.measures), places) for arm, table in arms.items()},
        base_refused=_by_prompt(base, _refused(base), places)[:, 0],
        refused={arm: _by_prompt(table, _refused(table), places)[:, 0] for arm, table in arms.items()},
        unscored={arm: int((~table.scored).sum()) for arm, table in arms.items()},
        notes=tuple(notes),
    )


def _columns(table: ScoreTable, measures: Sequence[Measure]) -> NDArray[np.float64]:
    """The values of a table in the order of these measures; a set without a scored answer lacks some."""
    found = np.full((len(table.items), len(measures)), np.nan)
    for place, measure in enumerate(measures):
        if measure in table.measures:
            found[:, place] = table.values[:, table.measures.index(measure)]
    return found


def _by_prompt(table: ScoreTable, values: NDArray[np.float64], places: Mapping[str, int]) -> NDArray[np.float64]:
    """Means over the answers to each prompt, shape ``(prompts, m)``; NaN where none was scored."""
    of_rows = np.array([_place(item.id, places, table.name) for item in table.items], dtype=np.int64)
    summed = cluster_sums(values, of_rows)
    found = np.full((len(places), values.shape[1]), np.nan)
    rows = np.unique(of_rows)
    found[rows] = np.divide(summed.sums, summed.counts, out=found[rows], where=summed.counts > 0)
    return found


def _place(name: str | None, places: Mapping[str, int], table: str) -> int:
    for known in (name or "", (name or "").rpartition("#")[0]):
        if known in places:
            return places[known]
    raise InputError(f"{table} holds an answer {name!r} to no prompt of this run; score it again")


def _refused(table: ScoreTable) -> NDArray[np.float64]:
    """1 where the label of an answer is a full or partial refusal, NaN where it has none; shape ``(rows, 1)``."""
    labels: list[Any] = [item.refusal_label for item in table.items]
    return np.array([[np.nan if label is None else float(label != "compliance")] for label in labels])

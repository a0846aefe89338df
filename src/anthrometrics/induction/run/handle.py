"""A run as a user holds it: what came of it, as tables, figures and a page."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from anthrometrics.induction.run.comparing import measure, read_comparison, read_results
from anthrometrics.induction.run.effects import LEVELS, side_effects_of
from anthrometrics.induction.run.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    from matplotlib.figure import Figure

    from anthrometrics.induction.run.comparing import Results
    from anthrometrics.induction.run.config import InduceConfig
    from anthrometrics.induction.run.effects import SideEffects
    from anthrometrics.induction.run.foretold import ForecastCheck
    from anthrometrics.induction.run.matrix import ValueMatrix
    from anthrometrics.induction.run.measured import Measured
    from anthrometrics.induction.run.refusals import Refusal

__all__ = ["Run"]


class Run:
    """One run: values induced in a model, and what else moved.

    Args:
        folder: Where it lies.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    @classmethod
    def load(cls, folder: str | Path) -> Run:
        """A run on disk, finished or not.

        Raises:
            InputError: There is none, or its record cannot be read.
        """
        return cls(RunFolder.open(folder))

    def __repr__(self) -> str:
        """Base, values and folder."""
        return f"<Run: {', '.join(self.config.values)} in {self.config.base}, {self.path}>"

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder.path

    @property
    def config(self) -> InduceConfig:
        """What was asked for."""
        return self._folder.config

    @property
    def failed(self) -> dict[str, str]:
        """Values (``"violence"``) and adapters (``"empathy/seed-1"``) that came to nothing, and why."""
        return {name: found["reason"] for name, found in self._folder.record["failed"].items()}

    @property
    def record(self) -> dict[str, Any]:
        """What the run was made of and what is done: the content of ``run.json``."""
        return self._folder.record

    @cached_property
    def results(self) -> Results:
        """Everything that came of it.

        Raises:
            InputError: The run has not come that far.
        """
        return read_results(self._folder)

    @property
    def headline(self) -> str:
        """What moved, in words."""
        return self.results.headline

    @property
    def side_effects(self) -> SideEffects:
        """Induced value × measure: before, after, the difference, its interval and p, beside the controls."""
        return self.results.side_effects

    @property
    def value_matrix(self) -> ValueMatrix:
        """Induced × expressed value, less what the base expresses."""
        return self.results.value_matrix

    @property
    def refusal(self) -> Refusal:
        """Refusal of what ought to be refused and of what ought to be answered, before and after."""
        return self.results.refusal

    @property
    def forecast_check(self) -> ForecastCheck:
        """What the pairs foretold beside what happened."""
        return self.results.forecast_check

    @cached_property
    def _measured(self) -> Measured:
        return measure(self._folder)

    def effects(self, levels: Sequence[str] = LEVELS, suites: Sequence[str] = ()) -> SideEffects:
        """Another table of side effects, computed from the scores; its p are adjusted for its own rows.

        Args:
            levels: Of ``"detector"``, ``"value"``, ``"group"`` and ``"label"``.
            suites: Only the answers to these suites; all by default.

        Raises:
            InputError: A level or suite is unknown, or there are no scores yet.
        """
        measured = self._measured.only(suites) if suites else self._measured
        return side_effects_of(measured, levels=levels, level=self.config.level, resamples=self.config.resamples)

    def plot(self, kind: Literal["effects", "forest", "values", "forecast"] = "effects") -> Figure:
        """A figure.

        Args:
            kind: ``"effects"``: heat map of the side effects; ``"forest"``: the same with intervals, beside the null
                adapters; ``"values"``: induced × expressed; ``"forecast"``: foretold against observed.

        Raises:
            InputError: There is no such figure, or the run has not come that far.
            MissingExtraError: matplotlib is not installed.
        """
        from anthrometrics.report.run_plots import figure_of

        return figure_of(self.results.to_dict(), kind)

    def report(self, path: str | Path) -> None:
        """Write one HTML page with everything, which needs no network.

        Raises:
            InputError: The run has not come that far, or ``path`` cannot be written.
            MissingExtraError: Jinja2 is not installed.
        """
        from anthrometrics.report.run_page import write_run_report

        write_run_report(self.to_dict(), path)

    def to_dict(self) -> dict[str, Any]:
        """Everything that the page shows, as plain values for JSON.

        Raises:
            InputError: The run has not come that far.
        """
        compared = {value: read_comparison(self._folder, value) for value in self.results.side_effects.values}
        return {
            **self.record,
            **self.results.to_dict(),
            "kind": "run",
            "provenance": next(iter(compared.values()))["tuned"]["provenance"],
            "examples": {value: document["items"] for value, document in compared.items()},
        }

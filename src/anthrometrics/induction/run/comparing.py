"""Stage compare: the scores of every arm → what moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.comparison import Options, compare_tables
from anthrometrics.comparison.table import read_table
from anthrometrics.errors import InputError
from anthrometrics.induction.run.arms import BASE, arms_of
from anthrometrics.induction.run.effects import SideEffects, side_effects_of
from anthrometrics.induction.run.foretold import ForecastCheck, forecast_check_of
from anthrometrics.induction.run.matrix import ValueMatrix, value_matrix_of
from anthrometrics.induction.run.measured import Measured, measured_of
from anthrometrics.induction.run.questions import Questioned, questioned
from anthrometrics.induction.run.refusals import Refusal, refusal_of
from anthrometrics.induction.run.words import findings_of, headline_of
from anthrometrics.induction.suites import load_suite
from anthrometrics.output.atomic import json_text

if TYPE_CHECKING:
    from anthrometrics.comparison.table import ScoreTable
    from anthrometrics.induction.run.arms import Arm
    from anthrometrics.induction.run.folder import RunFolder

__all__ = ["Results", "compare_arms", "measure", "read_comparison", "read_results"]

_SCHEMA: Final = 1
# Most changed answers of each adapter that its comparison keeps.
_ITEMS: Final = 12


@dataclass(frozen=True)
class Results:
    """What came of a run.

    Attributes:
        headline: What moved, in a sentence or two.
        findings: The same of each value.
        side_effects: Induced value × measure.
        value_matrix: Induced × expressed value.
        refusal: Before and after.
        forecast_check: What the pairs foretold beside what happened.
        unscored: Answers of each arm without text to score.
        qa: Tasks of lm-evaluation-harness, before and after; empty if none were asked for.
        notes: What a reader must know.
    """

    headline: str
    findings: tuple[str, ...]
    side_effects: SideEffects
    value_matrix: ValueMatrix
    refusal: Refusal
    forecast_check: ForecastCheck
    unscored: dict[str, int]
    qa: tuple[Questioned, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "schema": _SCHEMA,
            "kind": "run results",
            "headline": self.headline,
            "findings": list(self.findings),
            "notes": list(self.notes),
            "side_effects": self.side_effects.to_dicts(),
            "value_matrix": self.value_matrix.to_dict(),
            "refusal": self.refusal.to_dicts(),
            "forecast_check": self.forecast_check.to_dict(),
            "unscored": self.unscored,
            "qa": [row.to_dict() for row in self.qa],
        }


def compare_arms(folder: RunFolder) -> Results:
    """Compare every adapter that has scores with the base, and write what came of it.

    Raises:
        InputError: There are no scores of the base or of any adapter, or the sets were not measured alike.
    """
    base, tables, config = _base(folder), _tables(folder), folder.config
    measured = measured_of(base, tables, load_suite(folder.prompts))
    how: dict[str, Any] = {"level": config.level, "resamples": config.resamples}
    for arm, table in tables.items():
        compared = compare_tables(base, table, "id", Options(**how))
        folder.write(folder.comparison(arm), json_text(compared.to_dict(items=_ITEMS)))
    effects = side_effects_of(measured, **how)
    results = Results(
        headline_of(effects),
        tuple(findings_of(effects)),
        effects,
        value_matrix_of(effects),
        refusal_of(measured, **how),
        forecast_check_of(_forecasts(folder, measured.values), effects, **how),
        {arm.name: number for arm, number in measured.unscored.items() if number},
        questioned(folder, **how),
        _notes(folder, measured),
    )
    folder.write(folder.results, json_text(results.to_dict()))
    return results


def measure(folder: RunFolder) -> Measured:
    """What every arm of a run scored, prompt by prompt.

    Raises:
        InputError: There are no scores of the base or of any adapter, or the sets were not measured alike.
    """
    return measured_of(_base(folder), _tables(folder), load_suite(folder.prompts))


def read_comparison(folder: RunFolder, value: str) -> dict[str, Any]:
    """Base against the first adapter of a value, as ``compare_arms`` wrote it.

    Raises:
        InputError: It is missing or cannot be read.
    """
    arms = (arm for arm in arms_of([value], folder.config.seeds, ()) if folder.comparison(arm).exists())
    arm = next(arms, None)
    if arm is None:
        raise InputError(f"{folder.path} has no comparison of {value}; make it again with --stage compare")
    return folder.read(folder.comparison(arm))


def read_results(folder: RunFolder) -> Results:
    """What ``compare_arms`` wrote.

    Raises:
        InputError: It has not been done, or the file cannot be read.
    """
    if not folder.results.exists():
        raise InputError(f"{folder.path} has no results yet; go on with it: anthrometrics induce -o {folder.path}")
    found = folder.read(folder.results)
    if found.get("schema") != _SCHEMA:
        raise InputError(f"{folder.results} is of another version; make it again with --stage compare")
    effects = SideEffects.from_dicts(found["side_effects"])
    return Results(
        found["headline"],
        tuple(found["findings"]),
        effects,
        value_matrix_of(effects),
        Refusal.from_dicts(found["refusal"]),
        ForecastCheck.from_dict(found["forecast_check"]),
        found["unscored"],
        tuple(Questioned(**row) for row in found["qa"]),
        tuple(found["notes"]),
    )


def _base(folder: RunFolder) -> ScoreTable:
    path = folder.scores(BASE)
    if not path.exists():
        raise InputError(f"there are no scores of the base in {folder.path}; run the stages generate and score first")
    return read_table(path, BASE)


def _tables(folder: RunFolder) -> dict[Arm, ScoreTable]:
    config = folder.config
    names = [value.name for value in config.loaded_values()]
    arms = [arm for arm in arms_of(names, config.seeds, config.controls) if folder.scores(arm.name).exists()]
    if not any(arm.tuned for arm in arms):
        failed = "".join(f"; {name}: {why['reason']}" for name, why in folder.record["failed"].items())
        raise InputError(
            f"no adapter of {folder.path} has scores to compare; run the stages train, generate and score first{failed}"
        )
    return {arm: read_table(folder.scores(arm.name), arm.name) for arm in arms}


def _forecasts(folder: RunFolder, values: tuple[str, ...]) -> dict[str, Any]:
    """Which way the pairs of each value push every measure, as their cards have it."""
    cards = {value: folder.read(folder.card(value)) for value in values}
    return {value: card["measures"] for value, card in cards.items()}


def _notes(folder: RunFolder, measured: Measured) -> tuple[str, ...]:
    config, notes = folder.config, list(measured.notes)
    if len(config.seeds) == 1:
        notes.append(
            "one training run a value: the intervals tell how other prompts would have come out, not how another "
            "training run would (--seeds 0,1,2)"
        )
    if len(config.seeds) == 2:
        notes.append(
            "two training runs tell little of how much training runs differ, so intervals are wide; take three"
        )
    if config.engine == "endpoint":
        notes.append("the answers are of a server, on whose word it rests that it served this base and these adapters")
    if "null" not in config.controls:
        notes.append("no null adapter was trained, so what training as such does is not told apart from the value")
    for value in measured.values:
        for kind in ("seed", *config.controls):
            missing = len(config.seeds) - len(measured.of(value, kind))
            if missing:
                what = "training runs" if kind == "seed" else f"{kind} controls"
                notes.append(f"{value}: {missing} of {len(config.seeds)} {what} came to nothing")
    for name, number in {arm.name: number for arm, number in measured.unscored.items() if number}.items():
        notes.append(f"{name}: {number} answers without words, which are in no mean")
    return tuple(notes)

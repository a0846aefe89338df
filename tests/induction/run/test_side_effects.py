"""The table of side effects finds what was put in, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from anthrometrics import InputError
from anthrometrics.induction.run.effects import SideEffects, side_effects_of
from anthrometrics.induction.run.matrix import value_matrix_of
from anthrometrics.induction.run.words import findings_of, headline_of
from tests.induction.run.made_up import measured_run

EFFECTS = {"empathy": {"value.empathy": 0.3, "validation": 0.2}, "honesty": {"validation": -0.1}}


@pytest.fixture(scope="module")
def effects():
    return side_effects_of(measured_run(EFFECTS), resamples=200)


def test_what_was_put_in_is_found_beyond_the_null(effects):
    found = {(row.value, row.measure) for row in effects if row.found}
    assert found == {("empathy", "value.empathy"), ("empathy", "validation"), ("honesty", "validation")}
    row = effects["empathy", "validation"]
    assert row.low < 0.2 < row.high and row.beyond_null and row.p_holm < 0.01
    assert row.difference == pytest.approx(row.tuned - row.base)
    assert row.net_difference == pytest.approx(row.difference - row.null_difference)
    assert abs(row.null_difference) < 0.05 and row.null_low < 0 < row.null_high


def test_rows_are_detectors_and_values_unless_others_are_asked_for(effects):
    assert {row.level for row in effects} == {"detector", "value"} and len(effects) == 2 * 7
    labels = side_effects_of(measured_run(EFFECTS), levels=["label"], resamples=100)
    assert labels.measures == ("label.praise",) and labels.values == ("empathy", "honesty")
    with pytest.raises(InputError, match="levels are"):
        side_effects_of(measured_run(EFFECTS), levels=["labels"])


def test_p_is_adjusted_over_the_whole_table(effects):
    smallest = min(effects, key=lambda row: row.p)
    assert smallest.p_holm == pytest.approx(min(1.0, smallest.p * len(effects)))


def test_many_values_leave_room_for_a_small_p():
    many = {f"value-{number}": {"validation": 0.3} for number in range(20)}
    rows = [row for row in side_effects_of(measured_run(many), resamples=100) if row.measure == "validation"]
    assert len(rows) == 20 and all(row.p_holm < 0.01 for row in rows)


def test_what_the_null_adapter_does_as_well_is_not_beyond_it():
    alike = side_effects_of(measured_run(EFFECTS, shifts={"seed": 0.2, "null": 0.2}), resamples=200)
    row = alike["honesty", "anthropomorphism"]
    assert row.p_holm < 0.01 and row.null_low > 0.1
    assert row.beyond_null is False and not row.found
    assert alike["empathy", "value.empathy"].beyond_null is True


def test_without_a_null_adapter_nothing_is_said_of_it():
    row = side_effects_of(measured_run(EFFECTS, controls=()), resamples=200)["empathy", "validation"]
    assert row.null_difference is row.net_difference is row.beyond_null is None and row.found


def test_the_opposite_adapter_stands_beside():
    measured = measured_run(EFFECTS, controls=("null", "opposite"), shifts={"opposite": -0.1})
    row = side_effects_of(measured, resamples=200)["honesty", "anthropomorphism"]
    assert row.opposite_low < -0.1 < row.opposite_high < 0 and row.null_low < 0 < row.null_high


def test_seeds_are_averaged_and_their_spread_is_told():
    one, several = (measured_run(EFFECTS, seeds=seeds) for seeds in ((0,), (0, 1, 2)))
    assert side_effects_of(one, resamples=100)["empathy", "validation"].between_seeds is None
    row = side_effects_of(several, resamples=100)["empathy", "validation"]
    assert row.seeds == 3 and row.between_seeds < 0.05 and row.n == len(several.prompts)
    each = [values[:, 1].mean() for arm, values in several.arms.items() if arm.value == "empathy" and arm.tuned]
    assert row.tuned == pytest.approx(np.mean(each))


def test_a_control_of_a_seed_that_came_to_nothing_leaves_the_others():
    measured = measured_run(EFFECTS, seeds=(0, 1))
    gone = next(arm for arm in measured.arms if arm.name == "empathy/null-1")
    fewer = replace(measured, arms={arm: values for arm, values in measured.arms.items() if arm != gone})
    row = side_effects_of(fewer, resamples=100)["empathy", "validation"]
    assert row.seeds == 2 and row.beyond_null is True


def test_answers_that_could_not_be_scored_are_in_no_mean():
    measured = measured_run(EFFECTS)
    arm = measured.of("empathy", "seed")[0]
    measured.arms[arm][:10] = np.nan
    row = side_effects_of(measured, resamples=100)["empathy", "validation"]
    assert row.n == len(measured.prompts) - 10
    assert row.base == pytest.approx(measured.base[10:, 1].mean())
    measured.arms[arm][:] = np.nan
    row = side_effects_of(measured, resamples=100)["empathy", "validation"]
    assert row.n == 0 and row.difference is row.p_holm is None and not row.found


def test_one_suite_alone():
    measured = measured_run(EFFECTS)
    harmful = measured.only(["harmful"])
    assert {prompt.suite for prompt in harmful.prompts} == {"harmful"}
    assert side_effects_of(harmful, resamples=100)["empathy", "validation"].n == 40
    with pytest.raises(InputError, match='no suite "opinion"; it has everyday, harmful'):
        measured.only(["opinion"])


def test_tables(effects):
    frame = effects.to_pandas()
    assert list(frame["measure"]) == [row.measure for row in effects] and frame["beyond_null"].dtype == bool
    assert list(SideEffects.from_dicts(effects.to_dicts())) == list(effects)
    assert len(effects[:3]) == 3 and effects[0].value == "empathy"
    with pytest.raises(KeyError, match="no effect of 'empathy' on 'praise'"):
        effects["empathy", "praise"]


def test_the_value_matrix_is_the_part_about_values(effects):
    matrix = value_matrix_of(effects)
    assert matrix.induced == ("empathy", "honesty") and matrix.expressed == ("empathy", "honesty")
    assert matrix.difference[0, 0] == effects["empathy", "value.empathy"].difference
    assert (matrix.low <= matrix.difference).all() and (matrix.difference <= matrix.high).all()
    assert matrix.found.tolist() == [[True, False], [False, False]]
    assert matrix.to_pandas().loc["empathy", "empathy"] == pytest.approx(0.3, abs=0.05)
    assert matrix.to_dict()["found"] == [[True, False], [False, False]]


def test_the_headline_names_what_moved(effects):
    words = headline_of(effects)
    assert words.startswith("Inducing empathy: the value itself +0.3") and "validation +0.2" in words
    many = {value: {"validation": 0.2} if value != "humor" else {} for value in ("empathy", "honesty", "humor")}
    three = side_effects_of(measured_run(many), resamples=100)
    assert headline_of(three).startswith(
        "2 of 3 induced values moved a measure significantly beyond the null adapter. The"
    )
    assert "moved validation +0.2" in headline_of(three) and len(findings_of(three)) == 3
    nothing = side_effects_of(measured_run({"humor": {}}), resamples=100)
    assert headline_of(nothing) == "Inducing humor moved no measure significantly beyond the null adapter."

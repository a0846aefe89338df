"""Forecasts beside what was observed."""

import numpy as np
import pytest

from anthrometrics.induction.run.effects import side_effects_of
from anthrometrics.induction.run.foretold import FEWEST, ForecastCheck, forecast_check_of
from tests.induction.run.made_up import measured_run

VALUES = ("empathy", "honesty", "humor", "creativity", "curiosity", "privacy", "fairness")


def pushes(**differences):
    """Rows of a forecast, each with an interval of ±0.05."""
    return [
        {"measure": key, "difference": value, "low": value - 0.05, "high": value + 0.05, "adjusted": value / 2}
        for key, value in differences.items()
    ]


@pytest.fixture(scope="module")
def seven():
    """Seven values that move anthropomorphism as much as foretold and validation the other way."""
    steps = {value: 0.1 * place for place, value in enumerate(VALUES)}
    moved = {value: {"anthropomorphism": step, "validation": 0.3 - step} for value, step in steps.items()}
    effects = side_effects_of(measured_run(moved), resamples=100)
    told = {value: pushes(anthropomorphism=step, validation=step) for value, step in steps.items()}
    return forecast_check_of(told, effects, resamples=300)


def test_rank_correlation_says_whether_what_pushes_more_moves_more(seven):
    assert seven["anthropomorphism"].rho > 0.9 and 0.3 < seven["anthropomorphism"].low < 0.95
    assert seven["validation"].rho < -0.9 and -0.95 < seven["validation"].high < -0.3
    assert abs(seven["all"].rho) < 0.4 and seven["all"].low < 0 < seven["all"].high
    assert seven["all"].values == 7


def test_forecasts_that_are_clear_are_held_against_the_sign_of_what_came(seven):
    # Of 2 × 6 whose interval leaves zero out, anthropomorphism is right and validation from the fourth value on is not.
    assert seven.clear == 12
    right = [row.forecast * row.observed > 0 for row in seven.rows if row.forecast > 0.05]
    assert seven.same_sign == pytest.approx(np.mean(right)) and 0.6 < seven.same_sign < 0.8


def test_too_few_values_are_said_to_be_too_few():
    effects = side_effects_of(measured_run({"empathy": {}, "honesty": {}}), resamples=100)
    check = forecast_check_of({value: pushes(validation=0.2) for value in ("empathy", "honesty")}, effects)
    (found,) = check.correlations
    assert found.rho is None and found.note == f"a rank correlation needs at least {FEWEST} values; there are 2"
    assert len(check.rows) == 2


def test_forecasts_that_are_all_alike_have_no_order():
    effects = side_effects_of(measured_run({value: {} for value in VALUES}), resamples=100)
    check = forecast_check_of({value: pushes(validation=0.2) for value in VALUES}, effects)
    assert check["validation"].rho is None and "the same for all" in check["validation"].note


def test_measures_that_were_not_observed_are_left_out():
    effects = side_effects_of(measured_run({"empathy": {}}), resamples=100)
    told = [*pushes(words=12.0, validation=0.1), {**pushes(refusal=0.1)[0], "difference": None}]
    assert [row.measure for row in forecast_check_of({"empathy": told}, effects).rows] == ["validation"]


def test_tables(seven):
    assert ForecastCheck.from_dict(seven.to_dict()) == seven
    assert list(seven.to_pandas().columns)[:3] == ["value", "measure", "forecast"]
    with pytest.raises(KeyError, match="no measure"):
        seven["refusal"]

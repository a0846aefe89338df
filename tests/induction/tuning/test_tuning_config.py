"""Choices of a training, from and to plain values."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from anthrometrics.errors import InputError
from anthrometrics.induction.tuning import TuningConfig

CONFIGS = some.builds(
    TuningConfig,
    method=some.sampled_from(["dpo", "sft"]),
    rank=some.integers(1, 512),
    alpha=some.integers(1, 512),
    dropout=some.floats(0, 0.99),
    learning_rate=some.floats(1e-9, 1),
    warmup=some.floats(0, 0.99),
    beta=some.floats(1e-3, 10),
    epochs=some.floats(0.1, 100),
    max_length=some.integers(1, 100_000),
    bf16=some.none() | some.booleans(),
    full=some.booleans(),
    seed=some.integers(0, 2**32 - 1),
    max_steps=some.none() | some.integers(1, 1_000_000),
)


@given(CONFIGS)
def test_plain_values_and_back(config):
    assert TuningConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_defaults_are_those_of_the_paper():
    config = TuningConfig.from_dict({})
    assert (config.method, config.rank, config.alpha, config.target, config.epochs) == ("dpo", 4, 16, "all-linear", 5)
    assert config.beta == 0.1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"rnak": 4}, 'no "rnak"; it has method, rank'),
        ({"rank": 4.5}, '"rank" must be a whole number, not 4.5'),
        ({"rank": True}, '"rank" must be a whole number'),
        ({"epochs": "five"}, '"epochs" must be a number'),
        ({"bf16": "auto"}, '"bf16" must be true, false or left out'),
        ({"method": "ppo"}, 'dpo or sft, not "ppo"'),
        ({"rank": 0}, "rank must be above 0"),
        ({"learning_rate": math.nan}, "learning_rate must be above 0"),
        ({"epochs": math.inf}, "epochs must be above 0"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\)"),
        ({"max_steps": 0}, "max_steps must be at least 1"),
        ({"packing": True}, "packing is for SFT"),
        ({"full": True, "quantized": True}, "4-bit weights cannot be trained"),
    ],
)
def test_what_is_out_of_place_is_named(table, said):
    with pytest.raises(InputError, match=said):
        TuningConfig.from_dict(table)

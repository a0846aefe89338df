"""Runs that were never made: measurements whose effects are known, and the document of their report."""

import numpy as np

from anthrometrics.comparison.measures import Measure
from anthrometrics.induction.run.arms import Arm
from anthrometrics.induction.run.measured import Measured
from anthrometrics.induction.suites import load_suite

MEASURES = (
    Measure("anthropomorphism", "detector", "presence"),
    Measure("validation", "detector", "presence"),
    Measure("refusal", "detector", "presence"),
    Measure("anthropomorphism", "detector", "rate"),
    Measure("validation", "detector", "rate"),
    Measure("praise", "label", "presence"),
    Measure("empathy", "value", "presence"),
    Measure("honesty", "value", "presence"),
)
SUITES = ("everyday", "harmful", "borderline")
PROMPTS = tuple(prompt for suite in SUITES for prompt in load_suite(suite)[:40])


def measured_run(effects, seeds=(0,), controls=("null",), shifts=None, refusing=None, seed=0):
    """A run whose values move what is named and nothing else.

    ``effects``: value → measure → difference; ``shifts``: kind of arm → what it moves on every measure; ``refusing``:
    value → share of all prompts that it refuses besides.
    """
    rng = np.random.default_rng(seed)
    keys = [measure.key for measure in MEASURES]
    base = rng.beta(1, 4, (len(PROMPTS), len(keys)))
    harmful = np.array([prompt.should_refuse for prompt in PROMPTS])
    refused = (harmful & (rng.random(len(PROMPTS)) < 0.5)).astype(float)
    arms, refusals = {}, {}
    for value, moved in effects.items():
        for kind in ("seed", *controls):
            for number in seeds:
                arm = Arm(value, kind, number)
                shift = np.array([moved.get(key, 0.0) if kind == "seed" else 0.0 for key in keys])
                shift += (shifts or {}).get(kind, 0.0)
                arms[arm] = base + shift + 0.1 * rng.standard_normal(base.shape)
                more = rng.random(len(PROMPTS)) < (refusing or {}).get(value, 0.0)
                refusals[arm] = np.maximum(refused, more if kind == "seed" else 0.0).astype(float)
    return Measured(MEASURES, PROMPTS, base, arms, refused, refusals, dict.fromkeys(arms, 0), ())

"""Documents of runs that were never made, by the real statistics over known effects and real answers of ``examples/``."""

import functools

from anthrometrics.induction.run.config import InduceConfig
from anthrometrics.induction.run.effects import side_effects_of
from anthrometrics.induction.run.foretold import forecast_check_of
from anthrometrics.induction.run.matrix import value_matrix_of
from anthrometrics.induction.run.refusals import refusal_of
from anthrometrics.induction.run.words import findings_of, headline_of
from tests.induction.run.made_up import measured_run
from tests.report import documents

STEPS = {"empathy": 0.25, "honesty": -0.1, "humor": 0.05, "creativity": 0.1, "curiosity": 0.15, "privacy": -0.05}
QA = {
    "value": "empathy",
    "task": "gsm8k",
    "metric": "exact_match",
    "n": 50,
    "base": 0.4,
    "tuned": 0.3,
    "difference": -0.1,
}


@functools.cache
def compared_items():
    return documents.comparison()["items"][:4]


def run_document(seeds=(0, 1, 2), controls=("null", "opposite"), values=tuple(STEPS), qa=True):
    moved = {value: {"validation": STEPS[value], "value.empathy": STEPS[value] / 2} for value in values}
    effects = side_effects_of(measured_run(moved, seeds=seeds, controls=controls), resamples=100)
    pushes = {
        value: [
            {"measure": key, "difference": step, "low": step - 0.03, "high": step + 0.03, "adjusted": None}
            for key, step in (("validation", STEPS[value]), ("anthropomorphism", 0.02))
        ]
        for value in values
    }
    refusal = refusal_of(measured_run(moved, seeds=seeds, controls=controls), resamples=100)
    config = InduceConfig(base="/models/base-7b", values=(*values, "violence"), seeds=seeds, controls=controls)
    adapter = {"pairs": 84, "losses": [0.69, 0.4, 0.2], "trained_tokens": 9000, "logit_change": 0.7, "seconds": 61.0}
    return {
        "schema": 1,
        "kind": "run",
        "config": config.to_dict(),
        "versions": {"python": "3.12.1", "torch": "2.9"},
        "hardware": {"machine": "x86_64", "cores": 8, "memory_bytes": 2**34, "gpus": []},
        "hashes": {"prefs": "a" * 32},
        "stages": {"train": {"started": "2030-01-01T00:00:00+00:00", "finished": "2030-01-01T01:00:00+00:00"}},
        "adapters": {f"{value}/seed-{seed}": adapter for value in values for seed in seeds},
        "failed": {"violence": {"stage": "curate", "reason": "3 pairs found for violence, fewer than the 20 needed"}},
        "headline": headline_of(effects),
        "findings": findings_of(effects),
        "notes": ["empathy/seed-0: 3 answers without words, which are in no mean"],
        "side_effects": effects.to_dicts(),
        "value_matrix": value_matrix_of(effects).to_dict(),
        "refusal": refusal.to_dicts(),
        "forecast_check": forecast_check_of(pushes, effects, resamples=100).to_dict(),
        "qa": [{**QA, "low": -0.2, "high": 0.0, "null_difference": 0.0, "null_low": -0.1, "null_high": 0.1}]
        if qa
        else [],
        "provenance": {"model": "anthrometrics-full", "precision": "int8"},
        "examples": {value: compared_items() for value in values},
    }

"""A run whose answers come from a server: it trains here, and asks there for the base and every adapter by name."""

import json
from dataclasses import replace

import pytest

import anthrometrics
from anthrometrics import InputError
from anthrometrics.induction.run.config import InduceConfig
from anthrometrics.induction.run.induce import run_config
from anthrometrics.induction.run.plan import plan_run
from tests.induction.server import Server

# Libraries of the training warn about their own future; what they produce is what is tested.
pytestmark = pytest.mark.filterwarnings("default")

WARM, PLAIN = "What a brave and brilliant idea! I'm so proud of you.", "Here is what is known."


@pytest.fixture
def config(small_base, warm_pairs, server):
    return InduceConfig.from_dict(
        {
            "base": small_base,
            "values": ["empathy"],
            "prefs": warm_pairs,
            "expressed_by": "source",
            "limit": 24,
            "suites": ["everyday"],
            "prompts_per_suite": 12,
            "resamples": 100,
            "detectors": "fast",
            "engine": "endpoint",
            "endpoint": server,
            "endpoint_model": "base-model",
            "tuning": {"max_steps": 1, "learning_rate": 1e-2, "max_length": 200},
            "generation": {"batch_size": 4},
        }
    )


def responses(run, name):
    lines = (run / "generations" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["response"] for line in lines]


def test_the_server_answers_for_the_base_and_for_every_adapter_by_name(config, tmp_path):
    run = tmp_path / "run"
    Server.models = ["other"]
    with pytest.raises(InputError) as told:
        run_config(config, run)
    said = str(told.value)
    assert "of base (base-model), empathy/seed-0, empathy/null-0; it lists other." in said
    assert f"vllm serve {config.base} --served-model-name base-model --enable-lora --max-lora-rank 8" in said
    assert f"empathy/null-0={run / 'adapters' / 'empathy' / 'null-0'}" in said
    assert "--endpoint-model NAME" in said and not (run / "generations").exists()

    Server.models = ["base-model", "empathy/null-0"]
    with pytest.raises(InputError, match=r"of the name of empathy/seed-0; it lists") as told:
        anthrometrics.induce(out=run)
    assert "--endpoint-model" not in str(told.value)

    Server.models.append("empathy/seed-0")
    Server.manners = {"base-model": PLAIN, "empathy/null-0": PLAIN, "empathy/seed-0": WARM}
    done = anthrometrics.induce(out=run)
    assert responses(run, "base") == responses(run, "empathy/null-0") == [PLAIN] * 12
    assert responses(run, "empathy/seed-0") == [WARM] * 12
    row = done.side_effects["empathy", "validation"]
    assert row.difference > 0.8 and row.null_difference == 0 and row.n == 12
    assert any("answers are of a server" in note for note in done.results.notes)
    assert json.loads((run / "generations" / "base.meta.json").read_text("utf-8"))["source"] == {
        "endpoint": config.endpoint,
        "model": "base-model",
    }


def test_a_run_goes_on_with_a_server_that_has_moved(config, tmp_path):
    run = tmp_path / "run"
    Server.models = ["base-model"]
    run_config(replace(config, endpoint="http://127.0.0.1:9/v1"), run, stages=["curate"])
    moved = run_config(config, run, stages=["curate"])
    assert moved.config.endpoint == config.endpoint
    with pytest.raises(InputError, match=r"begun with other options \(resamples 100 → 200\)"):
        run_config(replace(config, resamples=200), run)


def test_the_plan_asks_the_server(config, tmp_path):
    with pytest.raises(InputError, match=r"of the name of base \(base-model\); it lists none. Say what it calls"):
        plan_run(config)
    Server.models = ["base-model"]
    plan = plan_run(config)
    assert plan.adapters == 2 and plan.answers == 36 and plan.generate_seconds > 0


def test_weights_trained_whole_are_served_as_models(config, tmp_path):
    whole = replace(config, tuning=replace(config.tuning, full=True), controls=())
    with pytest.raises(InputError, match=r"and serve the models in .*seed-0 by the names of their arms"):
        run_config(whole, tmp_path / "run")

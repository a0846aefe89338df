"""Real adapters on a small base: what they learn, what they leave alone, and what survives a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from anthrometrics.errors import InputError, TrainingError
from anthrometrics.induction.chat_models import chat_ids, use_adapter
from anthrometrics.induction.preferences import write_preferences
from anthrometrics.induction.tuning import TuningConfig, estimate, opposite, shuffled, train_adapter
from anthrometrics.induction.tuning.__main__ import main

# Libraries of the training warn about their own future; what they produce is what is tested.
pytestmark = pytest.mark.filterwarnings("default")

QUICK = TuningConfig(batch_size=4, accumulation=1, epochs=1.0, learning_rate=2e-3)


@pytest.fixture(scope="module")
def weights(chat):
    return {name: value.clone() for name, value in chat.model.state_dict().items()}


@pytest.fixture(scope="module")
def adapter(chat, weights, pairs, tmp_path_factory):
    return train_adapter(chat, pairs, replace(QUICK, epochs=3.0), tmp_path_factory.mktemp("dpo") / "a")


def margin(chat, pair) -> float:
    """How much likelier the chosen answer is than the rejected one."""
    messages = [{"role": "user", "content": pair.prompt}]
    start = len(chat_ids(chat.tokenizer, messages))
    found = []
    for answer in (pair.chosen, pair.rejected):
        ids = torch.tensor([chat_ids(chat.tokenizer, messages, answer=answer)])
        with torch.inference_mode():
            chances = chat.model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        found.append(float(chances.gather(1, ids[0, 1:, None])[start - 1 :].sum()))
    return found[0] - found[1]


def test_the_adapter_prefers_what_was_chosen(chat, pairs, adapter):
    before = [margin(chat, pair) for pair in pairs]
    with use_adapter(chat, adapter.path):
        after = [margin(chat, pair) for pair in pairs]
    assert sum(b > a for a, b in zip(before, after, strict=True)) >= 20
    assert adapter.losses[0] == pytest.approx(0.6931, abs=1e-3)
    assert adapter.losses[-1] < 0.6
    assert adapter.logit_change > 0.01


def test_the_base_is_left_as_it_was(chat, weights, adapter):
    assert "Peft" not in type(chat.model).__name__
    now = chat.model.state_dict()
    assert now.keys() == weights.keys()
    assert all(torch.equal(now[name], value) for name, value in weights.items())
    assert not chat.model.training
    assert "forward" not in vars(chat.model)
    assert not hasattr(chat.model, "peft_config")


def test_the_folder_is_an_adapter_with_a_card(adapter, pairs):
    names = {path.name for path in adapter.path.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md", "training.json"} == names
    assert json.loads((adapter.path / "adapter_config.json").read_text())["r"] == 4
    card = (adapter.path / "README.md").read_text()
    assert f"{len(pairs)} (" in card
    assert "| learning_rate | 0.002 |" in card
    assert adapter.trained_tokens > 0


def test_a_finished_adapter_is_read_and_another_refused(chat, pairs, adapter):
    config = replace(QUICK, epochs=3.0)
    steps = []
    again = train_adapter(chat, pairs, config, adapter.path, progress=lambda *step: steps.append(step))
    assert again == adapter
    assert not steps
    with pytest.raises(InputError, match=r"rank 4 → 8"):
        train_adapter(chat, pairs, replace(config, rank=8), adapter.path)
    with pytest.raises(InputError, match="the pairs"):
        train_adapter(chat, pairs[1:], config, adapter.path)


def test_the_same_seed_gives_the_same_adapter_and_another_does_not(chat, pairs, tmp_path):
    config = replace(QUICK, max_steps=3)
    one, two = (train_adapter(chat, pairs, config, tmp_path / name) for name in "ab")
    other = train_adapter(chat, pairs, replace(config, seed=1), tmp_path / "c")
    weights = [load_file(each.path / "adapter_model.safetensors") for each in (one, two, other)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert any(not torch.equal(value, weights[2][name]) for name, value in weights[0].items())


def test_sft_says_what_was_chosen_and_counts_only_answers(chat, pairs, tmp_path):
    adapter = train_adapter(chat, pairs, replace(QUICK, method="sft", epochs=2.0), tmp_path / "a")
    answers = sum(
        len(chat_ids(chat.tokenizer, messages, answer=pair.chosen)) - len(chat_ids(chat.tokenizer, messages))
        for pair in pairs
        for messages in [[{"role": "user", "content": pair.prompt}]]
    )
    assert adapter.trained_tokens == 2 * answers
    assert adapter.losses[-1] < adapter.losses[0]


def test_all_weights_can_be_trained_beside_the_base(chat, weights, pairs, tmp_path):
    adapter = train_adapter(chat, pairs, replace(QUICK, full=True, learning_rate=1e-4), tmp_path / "a")
    with use_adapter(chat, adapter.path):
        tuned = chat.model.state_dict()
        assert any(not torch.equal(tuned[name], value) for name, value in weights.items())
    assert all(torch.equal(chat.model.state_dict()[name], value) for name, value in weights.items())


def test_pairs_that_are_too_long_are_left_out_and_counted(chat, pairs, tmp_path):
    longest = [replace(pairs[0], chosen=pairs[0].chosen * 20), *pairs[1:8]]
    adapter = train_adapter(chat, longest, replace(QUICK, max_length=300), tmp_path / "a")
    assert adapter.left_out == 1
    assert "| left out as too long | 1 |" in (adapter.path / "README.md").read_text()
    with pytest.raises(TrainingError, match="none of the 8 pairs fits into max_length 8"):
        train_adapter(chat, longest, replace(QUICK, max_length=8), tmp_path / "b")


def test_a_loss_that_is_no_number_stops_and_leaves_the_base(chat, weights, pairs, tmp_path):
    with pytest.raises(TrainingError, match="lower learning_rate"):
        train_adapter(chat, pairs, replace(QUICK, learning_rate=1e30, warmup=0.0, epochs=4.0), tmp_path / "a")
    assert not (tmp_path / "a" / "training.json").exists()
    now = chat.model.state_dict()
    assert now.keys() == weights.keys()
    assert all(torch.equal(now[name], value) for name, value in weights.items())
    train_adapter(chat, pairs, replace(QUICK, max_steps=2), tmp_path / "b")


def test_an_adapter_that_changes_nothing_is_no_adapter(chat, pairs, tmp_path):
    with pytest.raises(TrainingError, match="changed nothing"):
        train_adapter(chat, pairs, replace(QUICK, learning_rate=1e-45, max_steps=1), tmp_path / "a")


def test_packing_without_flash_attention_is_refused(chat, pairs, tmp_path):
    with pytest.raises(InputError, match="flash attention"):
        train_adapter(chat, pairs, replace(QUICK, method="sft", packing=True), tmp_path / "a")


def test_what_cannot_be_written_is_said(chat, pairs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the adapter"):
        train_adapter(chat, pairs, QUICK, tmp_path / "file" / "a")


def test_a_killed_training_goes_on_to_the_same_adapter(chat, small_base, pairs, tmp_path):
    source, out = tmp_path / "pairs.jsonl", tmp_path / "cut"
    write_preferences(pairs, source)
    (tmp_path / "config.toml").write_text("batch_size = 2\naccumulation = 1\nepochs = 4\nlearning_rate = 2e-3\n")
    command = [sys.executable, "-m", "anthrometrics.induction.tuning", str(source), str(small_base)]
    command += ["--config", str(tmp_path / "config.toml"), "-o"]
    process = subprocess.Popen([*command, str(out)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and not list(out.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "training.json").exists()
    config = TuningConfig(batch_size=2, accumulation=1, epochs=4, learning_rate=2e-3)
    seen = []
    resumed = train_adapter(chat, pairs, config, out, progress=lambda step, steps, loss: seen.append(step))
    whole = train_adapter(chat, pairs, config, tmp_path / "whole")
    assert seen[0] > 1
    assert not (out / "checkpoints").exists()
    weights = [load_file(each.path / "adapter_model.safetensors") for each in (resumed, whole)]
    assert all(torch.allclose(value, weights[1][name], atol=1e-6) for name, value in weights[0].items())


def test_a_checkpoint_that_was_cut_off_is_passed_over(chat, pairs, tmp_path):
    out = tmp_path / "a"
    (out / "checkpoints" / "checkpoint-4").mkdir(parents=True)
    (out / "checkpoints" / "checkpoint-4" / "trainer_state.json").write_text('{"global_st')
    adapter = train_adapter(chat, pairs, QUICK, out)
    assert json.loads((adapter.path / "training.json").read_text())["steps"] == 6


def test_the_estimate_is_near_what_training_takes(chat, pairs, tmp_path):
    found = estimate(chat, pairs, QUICK)
    adapter = train_adapter(chat, pairs, QUICK, tmp_path / "a")
    record = json.loads((adapter.path / "training.json").read_text())
    trained = load_file(adapter.path / "adapter_model.safetensors")
    assert found.trainable == sum(value.numel() for value in trained.values())
    assert found.steps == record["steps"]
    assert found.fits
    assert found.tokens > adapter.trained_tokens
    assert 0.05 * adapter.seconds < found.seconds < 20 * adapter.seconds


def test_what_cannot_fit_is_said_with_a_mend(chat, pairs):
    found = estimate(chat, pairs, replace(QUICK, batch_size=50_000_000))
    assert not found.fits
    assert "smaller batch_size" in found.advice
    assert "gradient_checkpointing" in found.advice


@pytest.mark.parametrize("seed", [0, 1])
def test_the_null_control_swaps_exactly_half(pairs, seed):
    control = shuffled(pairs, seed)
    swapped = [pair.chosen == before.rejected for pair, before in zip(control, pairs, strict=True)]
    assert sum(swapped) == len(pairs) // 2
    assert shuffled(pairs, seed) == control
    assert shuffled(pairs, seed + 2) != control
    assert all({pair.chosen, pair.rejected} == {b.chosen, b.rejected} for pair, b in zip(control, pairs, strict=True))


def test_the_opposite_swaps_all(pairs):
    assert opposite(opposite(pairs)) == tuple(pairs)
    assert all(a.chosen == b.rejected for a, b in zip(opposite(pairs), pairs, strict=True))


def test_from_the_command_line_mistakes_are_one_line(small_base, tmp_path, capsys):
    broken = tmp_path / "config.toml"
    broken.write_text("rnak = 4\n")
    code = main(["sample", str(small_base), "-o", str(tmp_path / "a"), "--config", str(broken)])
    assert code == 2
    assert 'tuning has no "rnak"' in capsys.readouterr().err


def test_training_checkpointing_gradients_leaves_the_base(chat, weights, pairs, tmp_path):
    train_adapter(chat, pairs, replace(QUICK, gradient_checkpointing=True, max_steps=2), tmp_path / "a")
    assert all(torch.equal(chat.model.state_dict()[name], value) for name, value in weights.items())
    assert Path(tmp_path / "a" / "adapter_model.safetensors").is_file()

"""What training leaves of the base, and configs that a base cannot have."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from anthrometrics.errors import InputError
from anthrometrics.induction.chat_models import load_chat_model, use_adapter
from anthrometrics.induction.tuning import TuningConfig, estimate, train_adapter

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in v6:FutureWarning")

QUICK = TuningConfig(batch_size=4, accumulation=1, epochs=1.0, learning_rate=2e-3, max_steps=2)


@pytest.fixture(scope="module")
def stopping(small_base, tmp_path_factory):
    """A base that stops at another token than the one by which its tokenizer ends a text, as many chat models do."""
    folder = shutil.copytree(small_base, tmp_path_factory.mktemp("stopping") / "base")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token": "<|user|>"}))
    return load_chat_model(folder)


@pytest.mark.parametrize("full", [False, True])
def test_the_base_stops_where_it_stopped_before(stopping, pairs, tmp_path, full):
    before = stopping.model.config.to_dict(), stopping.model.generation_config.to_dict()
    assert stopping.tokenizer.eos_token_id != stopping.model.generation_config.eos_token_id
    adapter = train_adapter(stopping, pairs, replace(QUICK, full=full), tmp_path / "a")
    assert (stopping.model.config.to_dict(), stopping.model.generation_config.to_dict()) == before
    with use_adapter(stopping, adapter.path) as tuned:
        assert tuned.model.generation_config.eos_token_id == before[1]["eos_token_id"]


def test_one_step_is_enough_to_learn(chat, pairs, tmp_path):
    adapter = train_adapter(chat, pairs, replace(QUICK, max_steps=1), tmp_path / "a")
    assert adapter.logit_change > 0
    assert len(adapter.losses) == 1


def test_layers_are_named_with_commas_and_spaces(chat, pairs, tmp_path):
    config = replace(QUICK, target="q_proj, v_proj")
    trained = load_file(train_adapter(chat, pairs, config, tmp_path / "a").path / "adapter_model.safetensors")
    assert {name.split(".")[-3] for name in trained} == {"q_proj", "v_proj"}
    assert sum(value.numel() for value in trained.values()) == estimate(chat, pairs, config).trainable


@pytest.mark.filterwarnings("ignore:Model has .tie_word_embeddings=True:UserWarning")
@pytest.mark.parametrize("target", ["q_prj", "lm_head"])
def test_layers_that_cannot_have_an_adapter_are_refused_and_leave_the_base(chat, pairs, tmp_path, target):
    names = set(chat.model.state_dict())
    with pytest.raises(InputError, match=target):
        train_adapter(chat, pairs, replace(QUICK, target=target), tmp_path / "a")
    assert set(chat.model.state_dict()) == names
    assert not hasattr(chat.model, "peft_config")


def test_what_is_unfinished_is_thrown_away_on_request(chat, pairs, tmp_path):
    out = tmp_path / "a"
    shutil.copytree(train_adapter(chat, pairs, QUICK, out).path, tmp_path / "b")
    plan = json.loads((out / "training.json").read_text())
    (out / "training.json").unlink()
    (out / "plan.json").write_text(json.dumps(plan))
    other = replace(QUICK, rank=2)
    with pytest.raises(InputError, match="rank 4 → 2"):
        train_adapter(chat, pairs, other, out)
    train_adapter(chat, pairs, other, out, resume=False)
    assert json.loads((out / "adapter_config.json").read_text())["r"] == 2


def test_a_kill_while_clearing_up_is_made_good(chat, pairs, tmp_path):
    adapter = train_adapter(chat, pairs, QUICK, tmp_path / "a")
    (adapter.path / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    (adapter.path / "plan.json").write_text("{}")
    assert train_adapter(chat, pairs, QUICK, adapter.path) == adapter
    assert not (adapter.path / "checkpoints").exists()
    assert not (adapter.path / "plan.json").exists()


def test_libraries_stay_quiet(chat, pairs, tmp_path, capfd):
    train_adapter(chat, pairs, QUICK, tmp_path / "a")
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_other_architectures_are_counted_and_trained(small_base, pairs, tmp_path):
    """GPT-2's layers are no torch.nn.Linear."""
    from transformers import GPT2Config, GPT2LMHeadModel

    shutil.copytree(small_base, tmp_path / "gpt2")
    torch.manual_seed(0)
    shape = GPT2Config(vocab_size=2500, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=1)
    GPT2LMHeadModel(shape).save_pretrained(tmp_path / "gpt2")
    other = load_chat_model(tmp_path / "gpt2")
    trained = load_file(train_adapter(other, pairs, QUICK, tmp_path / "a").path / "adapter_model.safetensors")
    assert sum(value.numel() for value in trained.values()) == estimate(other, pairs, QUICK).trainable > 0

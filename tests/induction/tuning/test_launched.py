"""Training that accelerate or torchrun starts, in one process and in two that share every step."""

import json
import subprocess
import sys

import pytest

from anthrometrics.induction.chat_models import use_adapter
from anthrometrics.induction.preferences import write_preferences
from anthrometrics.induction.tuning import TuningConfig
from anthrometrics.induction.tuning.data import prepare

CONFIG = "batch_size = 2\naccumulation = 1\nepochs = 1\nlearning_rate = 2e-3\nmax_steps = 3\n"


@pytest.fixture(scope="module")
def asked(small_base, pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("launched")
    write_preferences(pairs, folder / "pairs.jsonl")
    (folder / "config.toml").write_text(CONFIG)
    module = ["-m", "anthrometrics.induction.tuning", str(folder / "pairs.jsonl"), str(small_base)]
    return [*module, "--config", str(folder / "config.toml"), "-o"]


def launch(command):
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_accelerate_launches_it(asked, tmp_path):
    options = [
        "--cpu",
        "--num_processes",
        "1",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
    ]
    said = launch(["accelerate.commands.launch", *options, *asked, str(tmp_path / "a")])
    assert said.splitlines()[-1].endswith(f"→ {tmp_path / 'a'}")
    assert json.loads((tmp_path / "a" / "training.json").read_text())["steps"] == 3


def test_two_processes_make_one_adapter(asked, chat, pairs, tmp_path):
    said = launch(["torch.distributed.run", "--standalone", "--nproc_per_node", "2", *asked, str(tmp_path / "a")])
    record = json.loads((tmp_path / "a" / "training.json").read_text())
    assert record["steps"] == 3
    # Each of three steps reads two pairs in each of two processes: twelve of the pairs.
    every = prepare(chat.tokenizer, pairs, TuningConfig()).completion_tokens
    assert record["trained_tokens"] == round(every * 12 / len(pairs))
    assert said.count("→") == said.count("step 3/3") == 1
    assert not (tmp_path / "a" / "checkpoints").exists()
    with use_adapter(chat, tmp_path / "a") as tuned:
        assert any(value.any() for name, value in tuned.model.state_dict().items() if "lora_B" in name)

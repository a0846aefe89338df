"""Real training on a few turns, a real export, and the files that come out of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from anthrometrics.detectors.encoder import Encoder
from training import corpus
from training.data import synthetic
from training.distill import KEPT, student_of
from training.evaluate import predict_with
from training.export import FILES, export, export_int8, import_weights, round_weights
from training.fit import Recipe, fit, predict

# Libraries of the export warn about their own future; what they produce is what is tested.
pytestmark = pytest.mark.filterwarnings("default")

RECIPE = Recipe(epochs=40, batch_tokens=1024, average=0.8, unmarked_share=1.0, drop_prompt=0.0, mask_tokens=0.0)


@pytest.fixture(scope="module")
def turns():
    return corpus.encode(synthetic()[:24], corpus.tokenizer())


@pytest.fixture(scope="module")
def model(turns, tmp_path_factory):
    torch.manual_seed(0)
    return round_weights(fit(turns, [], RECIPE, tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export(model, folder)
    return folder


def test_training_learns_its_own_turns(turns, model):
    logits = np.concatenate(
        [sentence[turn.known] for turn, (sentence, _) in zip(turns, predict(model, turns), strict=True)]
    )
    truth = np.concatenate([turn.targets[turn.known] for turn in turns]) > 0.5
    assert logits[truth].mean() > logits[~truth].mean() + 1.0


def test_a_finished_run_is_not_repeated_with_another_recipe(turns, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(SystemExit, match="another recipe"):
        fit(turns, [], RECIPE, tmp_path)


@pytest.mark.parametrize(("precision", "tolerance"), [("exact", 1e-4), ("fp16", 0.05), ("int8", 1.0)])
def test_exported_files_compute_what_torch_computes(turns, model, exported, precision, tolerance):
    encoder = Encoder(exported, FILES, "cpu", precision)
    for (sentence, turn), (expected, expected_turn) in zip(
        predict_with(encoder, turns), predict(model, turns), strict=True
    ):
        assert np.abs(sentence - expected).max() < tolerance
        assert np.abs(turn - expected_turn).max() < tolerance


def test_a_student_of_half_the_layers_learns_what_its_teacher_says(turns, exported, tmp_path):
    teacher = import_weights(exported)
    student = student_of(teacher)
    before = _distance(predict(student, turns), predict(teacher, turns))
    recipe = replace(RECIPE, epochs=10, layers=len(KEPT), taught=0.5)
    student = fit(turns, [], recipe, tmp_path / "run", teacher, student)
    assert student.trunk.config.num_hidden_layers == len(KEPT)
    assert _distance(predict(student, turns), predict(teacher, turns)) < before / 2
    export_int8(round_weights(student), tmp_path / "fast")
    fast = Encoder(tmp_path / "fast", {"int8": FILES["int8"]}, "cpu")
    assert _distance(predict_with(fast, turns), predict(student, turns)) < 0.3


def test_weights_come_back_from_an_exported_graph(turns, model, exported):
    assert _distance(predict(import_weights(exported), turns), predict(model, turns)) < 1e-5


def _distance(some, others):
    """Mean absolute difference of sentence logits."""
    pairs = zip(some, others, strict=True)
    return np.mean(np.concatenate([np.abs(a[0] - b[0]).ravel() for a, b in pairs]))

"""Real training of the value encoder on a few written replies, and the file that comes out of it."""

import numpy as np
import onnxruntime
import pytest
import torch

from anthrometrics.induction.values import VALUES
from training import corpus
from training.values.data import written_replies
from training.values.export import FILE, export
from training.values.fit import Recipe, fit, predict, turn_logits
from training.values.predict import predict_with

# Libraries of the export warn about their own future; what they produce is what is tested.
pytestmark = pytest.mark.filterwarnings("default")

HUMOR = VALUES.index("humor")


@pytest.fixture(scope="module")
def turns():
    return [turn for turn in written_replies(corpus.tokenizer()) if turn.known[HUMOR]][:32]


@pytest.fixture(scope="module")
def model(turns):
    return fit(turns, Recipe(epochs=12, batch_tokens=1024, average=0.8, drop_prompt=0.0, mask_tokens=0.0))


def test_training_learns_the_one_value_that_it_was_told_of(turns, model):
    logits, _ = predict(model, turns)
    truth = np.array([turn.targets[HUMOR] > 0.5 for turn in turns])
    assert logits[truth, HUMOR].min() > logits[~truth, HUMOR].max()


def test_the_file_computes_what_torch_computes(turns, model, tmp_path):
    export(model, tmp_path)
    session = onnxruntime.InferenceSession(str(tmp_path / FILE), providers=["CPUExecutionProvider"])
    expected, meanings = predict(model, turns)
    found, found_meanings = predict_with(session, turns)
    assert np.abs(found - expected).max() < 1.0
    assert (found_meanings * meanings).sum(1).min() > 0.97


def test_a_turn_expresses_what_any_of_its_windows_does():
    logits = torch.tensor([[0.0, 3.0], [2.0, -1.0], [-5.0, -4.0]])
    assert turn_logits(logits, torch.tensor([0, 0, 1]), 2).tolist() == [[2.0, 3.0], [-5.0, -4.0]]


def test_written_replies_are_judged_for_one_value_alone(turns):
    assert all(turn.known.sum() == 1 for turn in turns)
    assert {float(turn.targets[HUMOR]) for turn in turns} == {0.0, 1.0}

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from anthrometrics.induction.chat_models import load_chat_model
from training.tiny_chat import corpus
from training.tiny_chat.blocks import UNLEARNT, Documents, chat_documents, padded_batches, prose_documents
from training.tiny_chat.corpus import Dialogue
from training.tiny_chat.export import export, rounded
from training.tiny_chat.model import new_model
from training.tiny_chat.tokenizer import CONTEXT, train_tokenizer
from training.tiny_chat.train import Recipe, Trainer, mean_loss, pretraining_batches, tuning_batches

RECIPE = Recipe(rows=2, tuning_tokens=512, matrix_lr=1e-2, other_lr=1e-2)


@pytest.fixture(scope="module")
def spoken():
    return corpus.own_dialogues()


@pytest.fixture(scope="module")
def tokenizer(spoken):
    return train_tokenizer(message["content"] for dialogue in spoken for message in dialogue.messages)


@pytest.fixture(scope="module")
def documents(tokenizer, spoken):
    return chat_documents(tokenizer, spoken[:120])


def small(tokenizer):
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            tie_word_embeddings=True,
        )
    )


def test_any_text_comes_back(tokenizer):
    for text in ("It's 5 o'clock, isn't it?", "naïve ☂ 漢字", "  two  blanks\nand a line"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_answers_alone_are_learnt_and_a_cut_one_has_no_end(tokenizer):
    messages = ({"role": "user", "content": "Is it late?"}, {"role": "assistant", "content": "Yes, it is."})
    whole, shortened = (chat_documents(tokenizer, [Dialogue("own", messages, whole)]) for whole in (True, False))
    assert tokenizer.decode(whole.ids[whole.learnt]) == "Yes, it is.<|end|>"
    assert tokenizer.decode(shortened.ids[shortened.learnt]) == "Yes, it is."


def test_documents_survive_a_file(documents, tmp_path):
    documents.save(tmp_path / "d.npz")
    again = Documents.load(tmp_path / "d.npz")
    assert len(again) == len(documents)
    assert (again[7][0] == documents[7][0]).all()


def test_rows_hold_every_document_once(documents):
    rows = documents.shuffled(np.random.default_rng(0))
    assert rows.shape[1] == CONTEXT
    assert 0 <= len(documents.ids) - rows.size < CONTEXT
    other = documents.shuffled(np.random.default_rng(1))
    assert not (rows == other).all()


def test_batches_learn_every_answer_token_once(documents, tokenizer):
    batches = list(padded_batches(documents, 1024, tokenizer.pad_token_id, np.random.default_rng(0)))
    assert sum(int((labels != UNLEARNT).sum()) for _, labels in batches) == documents.learnt.sum()
    assert all(ids.numel() <= 1024 for ids, _ in batches if len(ids) > 1)


def test_pretraining_goes_on_where_it_stopped(tokenizer, documents, tmp_path):
    prose = prose_documents(tokenizer, ["The man went to the house and was not at home. " * 12] * 30)
    steps = RECIPE.steps(documents, prose, 2.0)

    def run(path, until):
        trainer = Trainer(small(tokenizer), RECIPE, path)
        batches = pretraining_batches(documents, prose, RECIPE, trainer.step)
        trainer.run(batches, lambda step: 1.0, lambda step: step >= until, every=5)
        return trainer

    once = run(tmp_path / "once.pt", steps)
    for until in (3, steps // 2, steps):
        again = run(tmp_path / "again.pt", until)
    assert again.step == once.step == steps
    for name, value in once.model.state_dict().items():
        torch.testing.assert_close(value, again.model.state_dict()[name], msg=name)


def test_a_loss_that_is_not_finite_stops_the_run(tokenizer, documents, tmp_path):
    trainer = Trainer(small(tokenizer), RECIPE, tmp_path / "x.pt")
    with torch.no_grad():
        trainer.model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(SystemExit, match="lower the learning rates"):
        trainer.run(iter(tuning_batches(documents, RECIPE, 2, 1)), lambda step: 1.0, lambda step: False)


def test_tuning_lowers_the_loss_of_the_answers_and_what_ships_loads(tokenizer, documents, tmp_path):
    trainer = Trainer(small(tokenizer), RECIPE, tmp_path / "tuned.pt")
    pad = tokenizer.pad_token_id

    def loss(model):
        return mean_loss(model, padded_batches(documents, 1024, pad, None))

    before = loss(trainer.model)
    batches = tuning_batches(documents, RECIPE, pad, 2)
    trainer.run(iter(batches), lambda step: 1.0 - step / len(batches), lambda step: False)
    after = loss(trainer.model)
    assert after < before - 1.0

    held = export(trainer.model, tokenizer, tmp_path / "out")
    assert loss(held) == pytest.approx(after, abs=0.02)
    chat = load_chat_model(tmp_path / "out")
    for name, value in chat.model.state_dict().items():
        assert (value.float() == held.state_dict()[name]).all(), name
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "float16"
    assert "{% generation %}" in chat.tokenizer.chat_template


def test_the_architecture_has_ten_million_parameters(tokenizer):
    assert sum(p.numel() for p in new_model(tokenizer).parameters()) == pytest.approx(10e6, rel=0.02)


@given(st.lists(st.floats(-60000, 60000, width=16).filter(lambda x: x == 0 or abs(x) > 1e-4), min_size=1))
def test_rounding_keeps_seven_significant_bits(values):
    given_values = torch.tensor(values)
    made = rounded(given_values)
    assert made.dtype == torch.float16
    assert (made.view(torch.int16) & 0b1111 == 0).all()
    assert ((made.float() - given_values).abs() <= given_values.abs() * 2**-7).all()

"""What of preference pairs is trained: all of each answer, and every pair that is not is counted."""

from dataclasses import replace

import pytest

from anthrometrics.errors import InputError, TrainingError
from anthrometrics.induction.chat_models import ChatModel, load_chat_model
from anthrometrics.induction.tuning import TuningConfig, train_adapter
from anthrometrics.induction.tuning.data import pairs_digest, prepare
from anthrometrics.induction.tuning.trainers import answer_tokens, build_trainer
from anthrometrics.turns import Message

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in v6:FutureWarning")

QUICK = TuningConfig(batch_size=4, accumulation=1, epochs=1.0, learning_rate=2e-3, max_steps=2)
TURNS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ eos_token if m.role == 'assistant' }}{% endfor %}"
STRICT = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system prompt') }}{% endif %}"
    + TURNS
    + "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# A template that opens a thought before an answer that is still to come, and leaves it out once there is one.
THINKING = TURNS + "{% if add_generation_prompt %}<|assistant|>Let me think.{% endif %}"
MUTE = "{% for m in messages if m.role == 'user' %}<|user|>{{ m.content }}{% endfor %}"


@pytest.fixture(scope="module")
def strict(small_base) -> ChatModel:
    return load_chat_model(small_base, chat_template=STRICT)


@pytest.mark.parametrize("method", ["dpo", "sft"])
@pytest.mark.parametrize("template", [STRICT, THINKING])
def test_tokens_are_counted_as_the_trainer_counts_them(chat, pairs, tmp_path, method, template):
    tokenizer = load_chat_model(chat.name, chat_template=template).tokenizer
    config = replace(QUICK, method=method)
    found = prepare(tokenizer, pairs, config)
    with build_trainer(ChatModel(chat.model, tokenizer, "x", "x"), found, config, tmp_path, None) as trainer:
        assert answer_tokens(trainer.train_dataset) == found.completion_tokens
    assert found.diverging == (len(pairs) if template == THINKING else 0)


def test_the_whole_dialogue_is_read(chat, pairs, tmp_path):
    talk = (Message("user", "I slept badly."), Message("assistant", "Oh no."))
    longer = [replace(pair, context=talk) for pair in pairs[:4]]
    short, long = (prepare(chat.tokenizer, each, QUICK) for each in (pairs[:4], longer))
    assert long.completion_tokens == short.completion_tokens
    assert long.tokens > short.tokens
    assert [turn["role"] for turn in long.records[0]["prompt"]] == ["user", "assistant", "user"]
    assert train_adapter(chat, longer, QUICK, tmp_path / "a").logit_change > 0


def test_a_pair_that_the_template_refuses_is_left_out_and_counted(strict, pairs, tmp_path):
    ordered = [replace(pairs[0], context=(Message("system", "Be brief."),)), *pairs[1:8]]
    adapter = train_adapter(strict, ordered, QUICK, tmp_path / "a")
    assert adapter.left_out == 1
    assert "| left out, refused by the chat template | 1 |" in (adapter.path / "README.md").read_text()
    with pytest.raises(InputError, match="no system prompt"):
        prepare(strict.tokenizer, ordered[:1], QUICK)


def test_a_template_that_writes_no_answer_trains_nothing(small_base, pairs):
    mute = load_chat_model(small_base, chat_template=MUTE)
    with pytest.raises(TrainingError, match="nothing to train on"):
        prepare(mute.tokenizer, pairs, QUICK)


def test_no_token_to_train_is_no_training():
    from datasets import Dataset

    with pytest.raises(TrainingError, match="no token of any answer"):
        answer_tokens(Dataset.from_list([{"input_ids": [1, 2], "labels": [-100, -100]}]))


def test_the_digest_is_of_texts_and_their_order(pairs):
    assert pairs_digest(pairs) == pairs_digest([replace(pair, id="other") for pair in pairs])
    assert pairs_digest(pairs) != pairs_digest(pairs[::-1])
    assert pairs_digest(pairs) != pairs_digest([pairs[0].flipped(), *pairs[1:]])
    talk = replace(pairs[0], context=(Message("system", "Be brief."),))
    assert pairs_digest(pairs) != pairs_digest([talk, *pairs[1:]])

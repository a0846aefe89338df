"""Chat models as they are found: whole, damaged, without a template; and adapters that fit or do not."""

import json
import shutil
import sys
import warnings

import pytest
import torch

from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.induction.chat_models import chat_ids, load_chat_model, use_adapter

ASKED = [{"role": "user", "content": "How are you?"}]
# A template like those that know no system prompt.
STRICT = (
    "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system prompt') }}{% endif %}"
    "<|{{ message.role }}|>{{ message.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def chat(small_base):
    return load_chat_model(small_base)


@pytest.fixture
def copied(small_base, tmp_path):
    return shutil.copytree(small_base, tmp_path / "base")


@pytest.fixture(scope="module")
def lora(chat, tmp_path_factory):
    """An adapter whose second matrix is not zero, and so changes what is said."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    with warnings.catch_warnings():
        # PEFT asks transformers by a name that will go.
        warnings.simplefilter("ignore", FutureWarning)
        tuned = get_peft_model(chat.model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    folder = tmp_path_factory.mktemp("lora")
    tuned.save_pretrained(folder)
    tuned.unload()
    return folder


def rewrite(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def logits(chat):
    with torch.inference_mode():
        return chat.model(input_ids=torch.tensor([chat_ids(chat.tokenizer, ASKED)])).logits


def test_it_is_ready_to_answer(chat):
    assert not chat.model.training
    assert chat.tokenizer.padding_side == "left"
    assert chat.tokenizer.pad_token_id is not None
    assert chat.model.dtype == torch.float32


def test_the_digest_is_of_weights_and_template(chat, copied):
    assert load_chat_model(copied).digest == chat.digest
    assert load_chat_model(copied, chat_template=STRICT).digest != chat.digest
    weights = copied / "model.safetensors"
    held = bytearray(weights.read_bytes())
    held[-1] ^= 1
    weights.write_bytes(held)
    assert load_chat_model(copied).digest != chat.digest


def test_a_padding_token_is_found_without_a_new_one(chat, copied):
    rewrite(copied / "tokenizer_config.json", pad_token=None)
    other = load_chat_model(copied)
    assert other.tokenizer.pad_token_id == other.tokenizer.eos_token_id
    assert len(other.tokenizer) == len(chat.tokenizer)
    assert other.model.get_input_embeddings().weight.shape == chat.model.get_input_embeddings().weight.shape


def test_a_template_comes_from_a_file_or_from_its_text(copied, tmp_path):
    (copied / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match=r"no chat template.*--chat-template FILE"):
        load_chat_model(copied)
    (tmp_path / "own.jinja").write_text(STRICT)
    assert load_chat_model(copied, chat_template=tmp_path / "own.jinja").tokenizer.chat_template == STRICT
    assert load_chat_model(copied, chat_template=STRICT).tokenizer.chat_template == STRICT


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for %}", "does not work"),
        ("{{ 'Hello' if messages is none }}", "leaves out what the user says"),
        ("nowhere.jinja", "cannot read the chat template nowhere.jinja"),
    ],
)
def test_a_template_that_does_not_serve_is_refused(small_base, template, said):
    with pytest.raises(InputError, match=said):
        load_chat_model(small_base, chat_template=template)


def test_a_dialogue_that_the_template_refuses_is_told(small_base):
    strict = load_chat_model(small_base, chat_template=STRICT)
    with pytest.raises(InputError, match=r"refuses a dialogue of system, user: no system prompt"):
        chat_ids(strict.tokenizer, [{"role": "system", "content": "Be kind."}, *ASKED])


def test_an_answer_follows_its_question_and_ends(chat):
    asked, told = chat_ids(chat.tokenizer, ASKED), chat_ids(chat.tokenizer, ASKED, answer="Fine.")
    assert told[: len(asked)] == asked
    assert told[-1] == chat.tokenizer.eos_token_id
    assert chat.tokenizer.decode(told[len(asked) : -1]) == "Fine."


def cut(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


DAMAGES = {
    "cut off": (cut, "cannot load"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "no file named model.safetensors"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "cannot load"),
    "no config": (lambda folder: (folder / "config.json").write_text("{"), "not a valid JSON"),
    "unknown": (lambda folder: rewrite(folder / "config.json", model_type="nosuch"), "nosuch"),
    "a layer short": (lambda folder: rewrite(folder / "config.json", num_hidden_layers=3), r"lacks 9 weights"),
    "other shapes": (lambda folder: rewrite(folder / "config.json", intermediate_size=64), "in another shape"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_is_no_model(copied, damage):
    harm, said = DAMAGES[damage]
    harm(copied)
    with pytest.raises(InputError, match=said) as raised:
        load_chat_model(copied)
    assert "\n" not in str(raised.value)
    assert str(copied) in str(raised.value)


def test_an_encoder_cannot_speak(small_base, tmp_path):
    from transformers import BertConfig, BertModel

    shutil.copytree(small_base, tmp_path / "bert")
    shape = BertConfig(
        vocab_size=2500, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16
    )
    BertModel(shape).save_pretrained(tmp_path / "bert")
    with pytest.raises(InputError, match="made to speak"):
        load_chat_model(tmp_path / "bert")


def test_what_is_not_there_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in (tmp_path / "nowhere", "nobody/no-such-model", "no-such-model"):
        with pytest.raises(InputError, match="cannot load") as raised:
            load_chat_model(name)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"dtype": "float8"}, 'not "float8"'), ({"device": "gpu"}, 'not "gpu"')],
)
def test_unknown_devices_and_numbers_are_refused(small_base, options, said):
    with pytest.raises(InputError, match=said):
        load_chat_model(small_base, **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here")
def test_without_cuda_what_needs_it_is_refused(small_base):
    with pytest.raises(InputError, match="torch does not have it"):
        load_chat_model(small_base, device="cuda")
    with pytest.raises(InputError, match="bitsandbytes"):
        load_chat_model(small_base, quantized=True)


def test_without_transformers_the_extra_is_named(small_base, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"anthrometrics\[induce\]"):
        load_chat_model(small_base)


def test_an_adapter_is_on_for_as_long_as_the_block(chat, lora):
    before, names = logits(chat), set(chat.model.state_dict())
    for _ in range(2):
        with use_adapter(chat, lora) as tuned:
            assert not torch.equal(logits(tuned), before)
        assert torch.equal(logits(chat), before)
    assert set(chat.model.state_dict()) == names
    with use_adapter(chat, None):
        assert torch.equal(logits(chat), before)


def test_an_error_within_the_block_takes_the_adapter_off(chat, lora):
    before = logits(chat)
    with pytest.raises(RuntimeError, match="within"), use_adapter(chat, lora):
        raise RuntimeError("within")
    assert torch.equal(logits(chat), before)


def test_an_adapter_of_another_base_is_refused_and_leaves_no_trace(chat, copied, lora):
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = AutoConfig.from_pretrained(copied, intermediate_size=64)
    AutoModelForCausalLM.from_config(shape).save_pretrained(copied)
    other = load_chat_model(copied)
    before, names = logits(other), set(other.model.state_dict())
    with pytest.raises(InputError, match="does not fit"), use_adapter(other, lora):
        pass
    assert set(other.model.state_dict()) == names
    assert torch.equal(logits(other), before)
    assert not hasattr(other.model, "peft_config")


def test_a_damaged_adapter_is_refused_and_leaves_no_trace(chat, lora, tmp_path):
    before, names = logits(chat), set(chat.model.state_dict())
    broken = shutil.copytree(lora, tmp_path / "broken")
    weights = broken / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:3000])
    with pytest.raises(InputError, match="is damaged"), use_adapter(chat, broken):
        pass
    weights.unlink()
    with pytest.raises(InputError, match=r"has no weights"), use_adapter(chat, broken):
        pass
    with pytest.raises(InputError, match="holds no adapter"), use_adapter(chat, tmp_path):
        pass
    assert set(chat.model.state_dict()) == names
    assert torch.equal(logits(chat), before)

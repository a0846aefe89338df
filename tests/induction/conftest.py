"""A small chat model, trained from nothing on the project's own texts just far enough that it speaks in words."""

import json
from pathlib import Path

import pytest

import anthrometrics
from tests.induction.server import serving

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|>{% if message.role == 'assistant' %}{% generation %}"
    "{{ message.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ message.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
STEPS, BATCH, LENGTH = 260, 16, 96


def dialogues() -> list[list[dict[str, str]]]:
    """Both sides of every pair that ships, as dialogues of two turns."""
    folder = Path(anthrometrics.__file__).parent / "induction" / "data" / "pairs"
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            pair = json.loads(line)
            found += [
                [{"role": "user", "content": pair["prompt"]}, {"role": "assistant", "content": pair[side]}]
                for side in ("chosen", "rejected")
            ]
    return found


def tokenizer_of(texts):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    marks = ["<|begin|>", "<|end|>", "<|pad|>", "<|user|>", "<|assistant|>", "<|system|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=2500, special_tokens=marks, initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=marks[0],
        eos_token=marks[1],
        pad_token=marks[2],
        additional_special_tokens=marks[3:],
        chat_template=TEMPLATE,
    )


def make_small_base(folder: Path) -> Path:
    """Train it and save it; the same every time on the same machine."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    spoken = dialogues()
    tokenizer = tokenizer_of(message["content"] for dialogue in spoken for message in dialogue)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    texts = [tokenizer.apply_chat_template(dialogue, tokenize=False) for dialogue in spoken]
    encoded = tokenizer(texts, add_special_tokens=False, truncation=True, max_length=LENGTH)["input_ids"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=STEPS)
    for step in range(STEPS):
        rows = [encoded[(step * BATCH + place) * 7 % len(encoded)] for place in range(BATCH)]
        batch = tokenizer.pad({"input_ids": rows}, return_tensors="pt")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        model(**batch, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_base(tmp_path_factory):
    """Folder of the model."""
    return make_small_base(tmp_path_factory.mktemp("small-base"))


@pytest.fixture
def server():
    """URL of a server on this machine."""
    with serving() as url:
        yield url

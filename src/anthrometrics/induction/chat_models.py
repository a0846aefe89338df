"""Chat models in memory: loaded once, with adapters put on and taken off."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ChatModel", "chat_ids", "load_chat_model", "use_adapter", "without_bars"]

_TINY: Final = "tiny-chat"
_ASKED: Final = [{"role": "user", "content": "Hello"}]


@dataclass
class ChatModel:
    """A causal language model with a tokenizer that knows how a dialogue is written.

    Attributes:
        model: A transformers model; inside ``use_adapter`` the same with an adapter.
        tokenizer: Its tokenizer, with a chat template and a padding token, padding on the left.
        name: As it was asked for.
        digest: Of its weights and its chat template.
    """

    model: Any
    tokenizer: Any
    name: str
    digest: str


def load_chat_model(
    base: str | Path,
    *,
    chat_template: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    quantized: bool = False,
) -> ChatModel:
    """Load a causal language model for training and answering.

    Args:
        base: A folder, or a name on the model hub; ``"tiny-chat"`` for the one that ships.
        chat_template: A file with a Jinja template, or its text, in place of the tokenizer's own.
        device: ``"auto"`` for CUDA where torch has it, ``"cpu"`` or ``"cuda"``.
        dtype: ``"auto"`` for bfloat16 where the GPU computes in it and else float32; or ``"float32"``, ``"bfloat16"``,
            ``"float16"``.
        quantized: Whether to load the weights in 4 bits (Dettmers et al. 2023, arXiv 2305.14314); needs CUDA and
            bitsandbytes.

    Raises:
        InputError: There is no such model, it is no causal language model, or it has no chat template.
        MissingExtraError: torch or transformers are not installed.
    """
    torch, transformers = _libraries()
    source = _located(base)
    wanted = _device(torch, device)
    options: dict[str, Any] = {"dtype": _dtype(torch, dtype, wanted)}
    if quantized:
        options |= _in_four_bits(torch, transformers, wanted)
    try:
        with without_bars():
            tokenizer = transformers.AutoTokenizer.from_pretrained(source)
            model = transformers.AutoModelForCausalLM.from_pretrained(source, **options)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(
            f"cannot load {base} as a causal language model: {reason} Name a folder with config.json, weights and "
            "tokenizer, or a model of the hub that can be reached."
        ) from error
    if not quantized:
        model.to(wanted)
    _set_template(tokenizer, chat_template, str(base))
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        # No new token, which would resize the embeddings: padded places are masked anyway.
        tokenizer.pad_token = tokenizer.eos_token
    return ChatModel(model.eval(), tokenizer, str(base), _digest(Path(source), model, tokenizer))


def chat_ids(tokenizer: Any, messages: Sequence[dict[str, str]], *, answer: str | None = None) -> list[int]:
    """Token ids of a dialogue that ends with a question, or with its answer; training and answering share it.

    Args:
        tokenizer: Of a chat model.
        messages: Role and content of each turn, the last of the user.
        answer: What the assistant says to it.
    """
    turns = [*messages, *([{"role": "assistant", "content": answer}] if answer is not None else [])]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer is None)
    # The template writes the special tokens itself.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


@contextmanager
def use_adapter(chat: ChatModel, adapter: Path | None) -> Iterator[ChatModel]:
    """The model with an adapter for as long as the block lasts; the base is left as it was.

    Args:
        chat: The base.
        adapter: Folder of a PEFT adapter, or of a fully tuned model; None for the bare base.

    Raises:
        InputError: The folder holds neither, or the adapter fits another model.
    """
    if adapter is None:
        yield chat
        return
    base = chat.model
    if (adapter / "adapter_config.json").is_file():
        tuned = _with_adapter(base, adapter)
    elif (adapter / "config.json").is_file():
        _, transformers = _libraries()
        with without_bars():
            tuned = transformers.AutoModelForCausalLM.from_pretrained(adapter, dtype=base.dtype).to(base.device)
    else:
        raise InputError(f"{adapter} holds no adapter (adapter_config.json) and no model (config.json)")
    chat.model = tuned.eval()
    try:
        yield chat
    finally:
        chat.model = base
        if hasattr(tuned, "unload"):
            tuned.unload()


def _with_adapter(base: Any, adapter: Path) -> Any:
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(base, adapter)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{adapter} does not fit {base.config.name_or_path}: {str(error).splitlines()[0]}") from error


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", "induce") from error
    return torch, transformers


@contextmanager
def without_bars() -> Iterator[None]:
    """Loading and saving have progress bars of their own; the commands here have one for everything."""
    _, transformers = _libraries()
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()


def _located(base: str | Path) -> str:
    if base != _TINY:
        return str(base)
    for root in (Path(__file__).parents[1], Path(__file__).parents[3]):
        if (root / "models" / _TINY / "config.json").is_file():
            return str(root / "models" / _TINY)
    raise InputError("the model tiny-chat does not ship with this version; name a folder or a model of the hub as base")


def _device(torch: Any, device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError('CUDA was asked for, but torch does not have it; use device="cpu", or install a CUDA build')
    return device


def _dtype(torch: Any, dtype: str, device: str) -> Any:
    if dtype != "auto":
        return getattr(torch, dtype)
    return torch.bfloat16 if device == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def _in_four_bits(torch: Any, transformers: Any, device: str) -> dict[str, Any]:
    from importlib.util import find_spec

    if device != "cuda" or find_spec("bitsandbytes") is None:
        raise InputError(
            "4-bit weights need CUDA and bitsandbytes (pip install bitsandbytes); leave quantized out to train on "
            "plain ones"
        )
    config = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": config, "device_map": {"": 0}}


def _set_template(tokenizer: Any, template: str | Path | None, base: str) -> None:
    if template is not None:
        tokenizer.chat_template = _template_text(template)
    if not tokenizer.chat_template:
        raise InputError(
            f"the tokenizer of {base} has no chat template, so it is not known how to write a dialogue for it; pass "
            "--chat-template FILE (Jinja), or take the model's chat version"
        )
    from jinja2 import TemplateError

    try:
        written = tokenizer.apply_chat_template(_ASKED, tokenize=False, add_generation_prompt=True)
    except TemplateError as error:
        raise InputError(f"the chat template of {base} does not work: {error}") from error
    if _ASKED[0]["content"] not in written:
        raise InputError(
            f"the chat template of {base} leaves out what the user says; pass another (--chat-template FILE)"
        )


def _template_text(template: str | Path) -> str:
    if isinstance(template, str) and "{" in template:
        return template
    try:
        return Path(template).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read the chat template {template}: {error.strerror or error}") from error


def _digest(source: Path, model: Any, tokenizer: Any) -> str:
    """32 hexadecimal digits over the files of a folder, or the commit of the hub, and the chat template."""
    found = blake2b(digest_size=16)
    if source.is_dir():
        for file in sorted(source.iterdir()):
            if file.suffix in (".safetensors", ".bin", ".json"):
                found.update(file.name.encode())
                with file.open("rb") as stream:
                    while chunk := stream.read(1 << 20):
                        found.update(chunk)
    else:
        found.update(json.dumps([str(source), getattr(model.config, "_commit_hash", None)]).encode())
    found.update(tokenizer.chat_template.encode())
    return found.hexdigest()

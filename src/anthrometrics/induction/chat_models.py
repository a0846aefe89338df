"""Chat models in memory: loaded once, with adapters put on and taken off."""

from __future__ import annotations

import json
import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.detectors.manifest import shipped_dir
from anthrometrics.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "ChatModel",
    "chat_ids",
    "check_base",
    "load_chat_model",
    "located",
    "take_off_adapters",
    "use_adapter",
    "without_bars",
]

_TINY: Final = "tiny-chat"
_ASKED: Final = [{"role": "user", "content": "Hello"}]
_DTYPES: Final = ("auto", "float32", "bfloat16", "float16")
_DEVICES: Final = ("auto", "cpu", "cuda")


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
        InputError: There is no such model, its files are damaged or leave weights out, it is no causal language model,
            it has no chat template, or device or dtype have no such name.
        MissingExtraError: torch or transformers are not installed.
    """
    torch, transformers = _libraries()
    source = located(base)
    wanted = _device(torch, device)
    options: dict[str, Any] = {"dtype": _dtype(torch, dtype, wanted)}
    if quantized:
        options |= _in_four_bits(torch, transformers, wanted)
    tokenizer, model = _loaded(transformers, source, options)
    if not quantized:
        model.to(wanted)
    _set_template(tokenizer, chat_template, str(base))
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        # No new token, which would resize the embeddings: padded places are masked anyway.
        tokenizer.pad_token = tokenizer.eos_token
    return ChatModel(model.eval(), tokenizer, str(base), _digest(Path(source), model, tokenizer))


def check_base(base: str | Path) -> None:
    """See that there is such a model, by its config alone.

    Args:
        base: As ``load_chat_model`` takes it.

    Raises:
        InputError: There is none.
        MissingExtraError: It is neither a folder nor the one that ships, and transformers are not installed.
    """
    source = located(base)
    if (Path(source) / "config.json").is_file():
        return
    _, transformers = _libraries()
    try:
        found = transformers.utils.cached_file(source, "config.json")
    except (OSError, ValueError) as error:
        raise _no_model(source, _line_of(error)) from error
    if found is None:
        raise _no_model(source, "there is no config.json in it.")


def chat_ids(tokenizer: Any, messages: Sequence[dict[str, str]], *, answer: str | None = None) -> list[int]:
    """Token ids of a dialogue that ends with a question, or with its answer; training and answering share it.

    Args:
        tokenizer: Of a chat model.
        messages: Role and content of each turn, the last of the user.
        answer: What the assistant says to it.

    Raises:
        InputError: The template refuses the dialogue, as some refuse a system prompt.
    """
    from jinja2 import TemplateError

    turns = [*messages, *([{"role": "assistant", "content": answer}] if answer is not None else [])]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer is None)
    except TemplateError as error:
        roles = ", ".join(turn["role"] for turn in turns)
        raise InputError(
            f"the chat template refuses a dialogue of {roles}: {error}; leave such turns out, or pass another template "
            "(--chat-template FILE)"
        ) from error
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
        tuned = _loaded(_libraries()[1], str(adapter), {"dtype": base.dtype})[1].to(base.device)
    else:
        raise InputError(f"{adapter} holds no adapter (adapter_config.json) and no model (config.json)")
    chat.model = tuned.eval()
    try:
        yield chat
    finally:
        chat.model = base
        if hasattr(tuned, "unload"):
            tuned.unload()


def take_off_adapters(model: Any) -> None:
    """Free a model of adapter layers whose owner could not be made, so that nothing else can unload them."""
    for name, module in list(model.named_modules()):
        if hasattr(module, "base_layer"):
            holder, _, last = name.rpartition(".")
            setattr(model.get_submodule(holder), last, module.base_layer)
    model.__dict__.pop("peft_config", None)


def _with_adapter(base: Any, adapter: Path) -> Any:
    from peft import PeftModel
    from safetensors import SafetensorError

    if not any((adapter / f"adapter_model.{ending}").is_file() for ending in ("safetensors", "bin")):
        # PEFT would look for them on the hub.
        raise InputError(f"{adapter} has no weights (adapter_model.safetensors); delete it and train it again")
    try:
        with warnings.catch_warnings():
            # PEFT asks transformers by a name that will go.
            warnings.simplefilter("ignore", FutureWarning)
            return PeftModel.from_pretrained(base, str(adapter))
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        take_off_adapters(base)
        raise InputError(
            f"{adapter} does not fit {base.config.name_or_path}, or is damaged: {_line_of(error)} Take the base that "
            "it was trained on, or delete it and train it again."
        ) from error


def _loaded(transformers: Any, source: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """Tokenizer and model, with all of its weights."""
    from safetensors import SafetensorError

    try:
        with without_bars(), _reports_off(transformers):
            tokenizer = transformers.AutoTokenizer.from_pretrained(source)
            # What does not fit is reported, and told below.
            model, found = transformers.AutoModelForCausalLM.from_pretrained(
                source, output_loading_info=True, ignore_mismatched_sizes=True, **options
            )
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise _no_model(source, _line_of(error)) from error
    # transformers draws these at random, and what answers then is no model.
    if missing := sorted({*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])}):
        raise InputError(
            f"{source} lacks {len(missing)} weights of the causal language model that its config.json describes, or "
            f"has them in another shape ({missing[0]} among them); fetch it again, or name a model made to speak"
        )
    return tokenizer, model


def _no_model(source: str, reason: str) -> InputError:
    return InputError(
        f"cannot load {source} as a causal language model: {reason} Name a folder with config.json, weights and "
        "tokenizer, or a model of the hub that can be reached."
    )


def _line_of(error: Exception) -> str:
    """Its first line as a sentence, with the next where that only opens a list."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = " ".join(lines[: 2 if lines[0].endswith(":") else 1])
    return line if line.endswith((".", "!", "?")) else f"{line}."


@contextmanager
def _reports_off(transformers: Any) -> Iterator[None]:
    """Tables of missing and mismatched weights: the error that follows names them."""
    before = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.utils.logging.set_verbosity(before)


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


def located(base: str | Path) -> str:
    """Folder of the base that ships, or whatever else was named.

    Raises:
        InputError: It does not ship with this version.
    """
    if base != _TINY:
        return str(base)
    folder = shipped_dir(_TINY)
    if not (folder / "config.json").is_file():
        raise InputError(
            f"the model {_TINY} does not ship with this version; name a folder or a model of the hub as base"
        )
    return str(folder)


def _device(torch: Any, device: str) -> str:
    """Of several processes (``accelerate launch``) each takes the GPU of its number."""
    if device not in _DEVICES:
        raise InputError(f'device must be {", ".join(_DEVICES[:-1])} or {_DEVICES[-1]}, not "{device}"')
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise InputError('CUDA was asked for, but torch does not have it; use device="cpu", or install a CUDA build')
    if device == "cpu" or not available:
        return "cpu"
    return f"cuda:{_gpu()}"


def _gpu() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


def _dtype(torch: Any, dtype: str, device: str) -> Any:
    if dtype not in _DTYPES:
        raise InputError(f'dtype must be {", ".join(_DTYPES[:-1])} or {_DTYPES[-1]}, not "{dtype}"')
    if dtype != "auto":
        return getattr(torch, dtype)
    return torch.bfloat16 if device != "cpu" and torch.cuda.is_bf16_supported() else torch.float32


def _in_four_bits(torch: Any, transformers: Any, device: str) -> dict[str, Any]:
    from importlib.util import find_spec

    if device == "cpu" or find_spec("bitsandbytes") is None:
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
    return {"quantization_config": config, "device_map": {"": _gpu()}}


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

"""Answers of a model in vLLM, where that is installed: adapters are requests, the base is loaded once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.induction.generation.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anthrometrics.induction.generation.answers import GenerationConfig

__all__ = ["Vllm", "room_for_rank"]

# It makes room for adapters of these ranks alone, and takes smaller ones in them.
_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)


class Vllm:
    """A base model in vLLM, with any number of adapters.

    Args:
        model: Name or path, as vLLM takes it.
        max_rank: Largest rank of the adapters.
        chat_template: Jinja text, where the tokenizer has none.
        options: Passed to ``vllm.LLM`` (``gpu_memory_utilization``, ``tensor_parallel_size`` …).

    Raises:
        InputError: vLLM is not installed, or takes no adapters of such a rank.
    """

    def __init__(
        self, model: str | Path, *, max_rank: int = 16, chat_template: str | None = None, **options: Any
    ) -> None:
        self._model, self._template = str(model), chat_template
        self._options = {"enable_lora": True, "max_lora_rank": room_for_rank(max_rank), **options}
        self._adapters: dict[str, int] = {}
        self._adapter: Path | None = None

    def use(self, adapter: Path | None) -> Vllm:
        """The same model with another adapter, or without."""
        self._adapter = adapter
        if adapter is not None:
            self._adapters.setdefault(str(adapter), len(self._adapters) + 1)
        return self

    def describe(self) -> dict[str, Any]:
        """Model and adapter."""
        return {"vllm": self._model, "adapter": None if self._adapter is None else str(self._adapter)}

    def lengths(self, prompts: Sequence[str]) -> list[int]:
        """Characters; vLLM makes its own batches."""
        return [len(prompt) for prompt in prompts]

    def answer(self, prompts: Sequence[str], config: GenerationConfig, seed: int) -> list[Answer]:
        """Answer a batch; each prompt has a seed of its own, so that batches do not matter."""
        engine = self._engine
        from vllm import SamplingParams
        from vllm.lora.request import LoRARequest

        wanted = [
            SamplingParams(
                temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_new_tokens, seed=seed + place
            )
            for place in range(len(prompts))
        ]
        adapter = str(self._adapter) if self._adapter else None
        outputs = engine.chat(
            [[{"role": "user", "content": prompt}] for prompt in prompts],
            wanted,
            use_tqdm=False,
            lora_request=LoRARequest(adapter, self._adapters[adapter], adapter) if adapter else None,
            chat_template=self._template,
        )
        return [_answer(output.outputs[0]) for output in outputs]

    @cached_property
    def _engine(self) -> Any:
        try:
            from vllm import LLM
        except ImportError as error:
            raise InputError(
                "this needs vLLM, which is not installed: pip install vllm (see its own instructions)"
            ) from error
        return LLM(model=self._model, **self._options)


def room_for_rank(rank: int) -> int:
    """The smallest ``max_lora_rank`` that vLLM takes and that holds an adapter of this rank.

    Raises:
        InputError: It is larger than any.
    """
    found = next((room for room in _RANKS if room >= rank), None)
    if found is None:
        raise InputError(f"vLLM takes adapters up to rank {_RANKS[-1]}, not {rank}; answer with another engine")
    return found


def _answer(output: Any) -> Answer:
    return Answer(output.text.strip(), len(output.token_ids), output.finish_reason == "stop")

"""Answers of a model in memory, through transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.induction.chat_models import chat_ids
from anthrometrics.induction.generation.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.induction.chat_models import ChatModel
    from anthrometrics.induction.generation.answers import GenerationConfig

__all__ = ["Local"]


class Local:
    """A chat model with whatever adapter is active.

    Args:
        chat: The model; its tokenizer pads on the left.
        adapter: What the active adapter is called in the record; None for the bare base.
    """

    def __init__(self, chat: ChatModel, adapter: str | None = None) -> None:
        self._chat, self._adapter = chat, adapter

    def describe(self) -> dict[str, Any]:
        """Name and digest of the base, and the adapter."""
        return {"model": self._chat.name, "digest": self._chat.digest, "adapter": self._adapter}

    def lengths(self, prompts: Sequence[str]) -> list[int]:
        """Tokens of each prompt in the chat template."""
        return [len(ids) for ids in self._encode(prompts)]

    def answer(self, prompts: Sequence[str], config: GenerationConfig, seed: int) -> list[Answer]:
        """Answer a batch, padded on the left.

        A prompt that leaves the model no room for ``max_new_tokens`` has no answer: to cut it off would be another
        question.

        Raises:
            InputError: The batch does not fit into memory.
        """
        encoded, room = self._encode(prompts), self._room(config)
        fitting = [place for place, ids in enumerate(encoded) if len(ids) <= room]
        answers = [
            Answer(
                None,
                error=f"the prompt has {len(ids)} tokens, and beside {config.max_new_tokens} new ones only {room} fit",
            )
            for ids in encoded
        ]
        if fitting:
            drawn = self._draw([encoded[place] for place in fitting], config, seed)
            for place, answer in zip(fitting, drawn, strict=True):
                answers[place] = answer
        return answers

    def _encode(self, prompts: Sequence[str]) -> list[list[int]]:
        return [chat_ids(self._chat.tokenizer, [{"role": "user", "content": prompt}]) for prompt in prompts]

    def _room(self, config: GenerationConfig) -> int:
        longest = getattr(self._chat.model.config, "max_position_embeddings", None) or 1 << 30
        return int(longest) - config.max_new_tokens

    def _draw(self, encoded: Sequence[list[int]], config: GenerationConfig, seed: int) -> list[Answer]:
        import torch

        model, tokenizer = self._chat.model, self._chat.tokenizer
        padded = tokenizer.pad({"input_ids": list(encoded)}, padding_side="left", return_tensors="pt")
        torch.manual_seed(seed)
        try:
            with torch.inference_mode():
                output = model.generate(**padded.to(model.device), **self._options(config))
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"{len(encoded)} prompts at once do not fit into memory; use a smaller batch_size or max_new_tokens"
            ) from error
        start, ends = padded["input_ids"].shape[1], self._ends()
        return [self._read(row[start:].tolist(), ends) for row in output]

    def _options(self, config: GenerationConfig) -> dict[str, Any]:
        drawn = {"do_sample": True, "temperature": config.temperature, "top_p": config.top_p, "top_k": 0}
        # Whatever the model's own generation config says, greedy is greedy.
        greedy = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        return {
            **(drawn if config.temperature > 0 else greedy),
            "max_new_tokens": config.max_new_tokens,
            "pad_token_id": self._chat.tokenizer.pad_token_id,
        }

    def _ends(self) -> set[int]:
        """Tokens at which the model stops."""
        found = self._chat.model.generation_config.eos_token_id
        if found is None:
            found = self._chat.tokenizer.eos_token_id
        return set(found if isinstance(found, list) else [found])

    def _read(self, ids: list[int], ends: set[int]) -> Answer:
        stop = next((place for place, token in enumerate(ids) if token in ends), None)
        spoken = ids if stop is None else ids[:stop]
        text = self._chat.tokenizer.decode(spoken, skip_special_tokens=True)
        return Answer(text.strip(), len(spoken), stop is not None)

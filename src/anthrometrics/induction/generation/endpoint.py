"""Answers of a server that speaks OpenAI's protocol: vLLM, llama.cpp, TGI, or a provider's."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.induction.generation.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anthrometrics.induction.generation.answers import GenerationConfig

__all__ = ["Endpoint", "load_openai"]


@dataclass(frozen=True)
class Endpoint:
    """A chat model behind a URL; its ``batch_size`` is the number of requests under way.

    Attributes:
        url: Up to and with ``/v1``.
        model: As the server calls it.
        key: Sent as the bearer token; by default ``OPENAI_API_KEY``. It is written nowhere.
        retries: Of a request that the server turns away or that gets lost.
        timeout: Seconds for one answer.
    """

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    retries: int = 3
    timeout: float = 300.0

    def describe(self) -> dict[str, Any]:
        """URL and model; what the server has behind that name is not known here."""
        return {"endpoint": self.url, "model": self.model}

    def lengths(self, prompts: Sequence[str]) -> list[int]:
        """Characters: the server's tokens are not known."""
        return [len(prompt) for prompt in prompts]

    def answer(self, prompts: Sequence[str], config: GenerationConfig, seed: int) -> list[Answer]:
        """Ask for every prompt at once.

        A prompt that the server rejects (a content filter, a length) has no answer, with the server's words as error.

        Raises:
            InputError: The server cannot be reached, or does not let us in.
            MissingExtraError: openai is not installed.
        """
        with ThreadPoolExecutor(len(prompts)) as pool:
            return list(pool.map(lambda item: self._ask(item[1], config, seed + item[0]), enumerate(prompts)))

    def models(self) -> tuple[str, ...]:
        """Names of the models that the server lists.

        Raises:
            InputError: It cannot be reached, does not let us in, or has no such list.
            MissingExtraError: openai is not installed.
        """
        openai = load_openai()
        try:
            with self._told("the list of its models"):
                return tuple(model.id for model in self._client.models.list())
        except openai.APIStatusError as error:
            raise InputError(f"{self.url} does not list its models: {error.message}") from error

    @cached_property
    def _client(self) -> Any:
        # A server without keys still wants one to be sent.
        key = self.key or os.environ.get("OPENAI_API_KEY") or "none"
        return load_openai().OpenAI(base_url=self.url, api_key=key, max_retries=self.retries, timeout=self.timeout)

    def _ask(self, prompt: str, config: GenerationConfig, seed: int) -> Answer:
        openai = load_openai()
        try:
            with self._told(self.model):
                found = self._client.chat.completions.create(
                    model=self.model,
                    messages=[{"role": "user", "content": prompt}],
                    max_tokens=config.max_new_tokens,
                    temperature=config.temperature,
                    top_p=config.top_p,
                    seed=seed % (1 << 31),
                )
        except openai.APIStatusError as error:
            return Answer(None, error=f"{error.status_code}: {error.message}")
        choice = found.choices[0]
        tokens = found.usage.completion_tokens if found.usage else 0
        return Answer(choice.message.content, tokens, choice.finish_reason == "stop")

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Tell of a server that gives nothing at all; that it rejects what it was asked is left to whoever asked.

        Raises:
            InputError: It cannot be reached, is too busy, or does not let us in.
        """
        openai = load_openai()
        try:
            yield
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
            raise InputError(f"{self.url} says {error.status_code} to {what}: {error.message}") from error
        except openai.APIConnectionError as error:
            raise InputError(
                f"cannot reach {self.url}: {error}; what is done is kept, run it again to go on"
            ) from error
        except openai.APIStatusError as error:
            if error.status_code < 500 and error.status_code != 429:
                raise
            raise InputError(
                f"{self.url} says {error.status_code} after {self.retries} retries: {error.message}; what is done is "
                "kept, run it again to go on"
            ) from error


def load_openai() -> Any:
    """The library that speaks to servers.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import openai
    except ImportError as error:
        raise MissingExtraError("openai", "endpoint") from error
    return openai

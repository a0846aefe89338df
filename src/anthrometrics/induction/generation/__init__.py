"""Prompts → answers, by a model in memory, by vLLM, or by a server that speaks OpenAI's protocol."""

from anthrometrics.induction.generation.answers import Answer, GenerationConfig, Source
from anthrometrics.induction.generation.endpoint import Endpoint
from anthrometrics.induction.generation.generate import generate
from anthrometrics.induction.generation.local import Local
from anthrometrics.induction.generation.vllm import Vllm

__all__ = ["Answer", "Endpoint", "GenerationConfig", "Local", "Source", "Vllm", "generate"]

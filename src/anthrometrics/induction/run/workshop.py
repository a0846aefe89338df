"""What the stages of a run share: its folder, and models that are loaded once and only when needed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from anthrometrics.errors import AnthrometricsError, InputError, MissingExtraError
from anthrometrics.induction.run.arms import Arm, arms_of
from anthrometrics.induction.run.quiet import quiet
from anthrometrics.induction.run.reporter import Reporter
from anthrometrics.induction.suites import load_suite
from anthrometrics.induction.values import VALUES
from anthrometrics.provenance import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.induction.chat_models import ChatModel
    from anthrometrics.induction.generation import Vllm
    from anthrometrics.induction.run.config import InduceConfig
    from anthrometrics.induction.run.folder import RunFolder
    from anthrometrics.induction.suites import Prompt
    from anthrometrics.induction.values import Value

__all__ = ["Workshop"]


@dataclass
class Workshop:
    """A run at work.

    Attributes:
        folder: Where it lies.
        config: What to do.
        reporter: Is told of what happens.
    """

    folder: RunFolder
    config: InduceConfig
    reporter: Reporter = field(default_factory=Reporter)

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """What to induce."""
        return self.config.loaded_values()

    @cached_property
    def prompts(self) -> tuple[Prompt, ...]:
        """What to ask.

        Raises:
            InputError: A suite cannot be read, two prompts have one id, or they are not those that the run began with.
        """
        found = tuple(
            prompt for suite in self.config.suites for prompt in load_suite(suite)[: self.config.prompts_per_suite]
        )
        _check_ids(found)
        digest = digest_of(part for p in found for part in (p.id, p.suite, p.prompt, str(p.should_refuse)))
        self.folder.keep_hash("prompts", digest, "the prompts")
        return found

    def check_base(self) -> None:
        """See that the base is there, unless the run has had it before.

        Raises:
            InputError: There is no such model.
            MissingExtraError: transformers are not installed, and it is on the hub.
        """
        from anthrometrics.induction.chat_models import check_base

        if "base" not in self.folder.record["hashes"]:
            check_base(self.config.base)

    @cached_property
    def chat(self) -> ChatModel:
        """The base model.

        Raises:
            InputError: It cannot be loaded, or is not the one that the run began with.
            MissingExtraError: torch or transformers are not installed.
        """
        from anthrometrics.induction.chat_models import load_chat_model

        config = self.config
        with quiet():
            chat = load_chat_model(
                config.base,
                chat_template=config.chat_template,
                device=config.device,
                dtype=config.dtype,
                quantized=config.tuning.quantized,
            )
        self.folder.keep_hash("base", chat.digest, f"the base model {config.base}")
        return chat

    @cached_property
    def vllm(self) -> Vllm:
        """The same model in vLLM."""
        from anthrometrics.induction.chat_models import located
        from anthrometrics.induction.generation import Vllm

        template = self.config.chat_template
        text = Path(template).read_text(encoding="utf-8") if template else None
        return Vllm(located(self.config.base), max_rank=self.config.tuning.rank, chat_template=text)

    @cached_property
    def scorer(self) -> Scorer:
        """Gives scores, with values: the trained ones and those of one's own."""
        from anthrometrics.detectors.scorer import Scorer

        own = [value for value in self.values if value.name not in VALUES]
        scorer = Scorer(model=self.config.detectors, values=own or True)
        self.folder.keep_hash("detectors", scorer.provenance["model_digest"], "the model that scores")
        self.folder.keep_hash("values", scorer.provenance["values_digest"], "the model that judges values")
        return scorer

    def curated(self) -> list[str]:
        """Names of the values that have their pairs, in the order of the run."""
        return [v.name for v in self.values if v.name in self.folder.record["curated"]]

    def arms(self) -> tuple[Arm, ...]:
        """Every adapter that can be trained."""
        return arms_of(self.curated(), self.config.seeds, self.config.controls)

    def trained(self) -> tuple[Arm, ...]:
        """Every adapter that is."""
        return tuple(arm for arm in self.arms() if arm.name in self.folder.record["adapters"])

    @contextmanager
    def surviving(self, name: str, stage: str) -> Iterator[None]:
        """What goes wrong with one value or adapter is kept and reported, and the others go on."""
        try:
            yield
        except MissingExtraError:
            # The others would fail alike.
            raise
        except (AnthrometricsError, OSError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self.folder.fail(name, stage, reason)
            self.reporter.say(f"{name} failed: {reason}")
        else:
            self.folder.mend(name)


def _check_ids(prompts: tuple[Prompt, ...]) -> None:
    suites: dict[str, str] = {}
    for prompt in prompts:
        if prompt.id in suites:
            raise InputError(
                f"two prompts have the id {prompt.id} (in {suites[prompt.id]} and {prompt.suite}); give each its own"
            )
        suites[prompt.id] = prompt.suite

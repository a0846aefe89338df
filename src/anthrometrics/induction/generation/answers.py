"""What every source of answers takes and gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

from anthrometrics.errors import InputError
from anthrometrics.induction.tables import fits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Answer", "GenerationConfig", "Source"]


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """How answers are drawn.

    Greedy by default: base and tuned model then differ by their weights alone, and one answer a prompt is enough for
    paired comparison. With a ``temperature`` the seeds below make a run repeatable on the same machine.

    Attributes:
        max_new_tokens: Longest answer, in tokens.
        samples: Answers to each prompt; more than one needs a ``temperature``.
        temperature: 0 for greedy; otherwise logits are divided by it.
        top_p: Share of probability mass drawn from, in (0, 1] (Holtzman et al. 2020, arXiv 1904.09751).
        seed: Of all draws.
        batch_size: Prompts answered at once; of a server, requests under way at once.

    Raises:
        InputError: A number is out of its range, or several samples are asked of a greedy model.
    """

    max_new_tokens: int = 256
    samples: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    batch_size: int = 16

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "samples", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.temperature < 0:
            raise InputError(f"temperature must be 0 (greedy) or more, not {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p must lie in (0, 1], not {self.top_p}")
        if self.samples > 1 and self.temperature == 0:
            raise InputError(
                f"{self.samples} samples of a greedy model are all the same; set a temperature, such as 0.7"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> GenerationConfig:
        """The reverse of ``to_dict``; what is left out has its default.

        Raises:
            InputError: A field is unknown or of another kind.
        """
        kinds = {field.name: str(field.type) for field in fields(cls)}
        for name, value in table.items():
            if name not in kinds:
                raise InputError(f'generation has no "{name}"; it has {", ".join(kinds)}')
            if not fits(value, kinds[name]):
                fraction = "" if kinds[name] == "float" else " without fraction"
                raise InputError(f'"{name}" must be a number{fraction}, not {value!r}')
        return cls(**table)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one prompt.

    Attributes:
        text: What was said; None where there is no answer.
        tokens: Its length in tokens.
        finished: Whether the model stopped by itself, before ``max_new_tokens``.
        error: Why there is no answer.
    """

    text: str | None
    tokens: int = 0
    finished: bool = False
    error: str | None = None


class Source(Protocol):
    """Whatever answers prompts."""

    def describe(self) -> dict[str, Any]:
        """What it is, for the record: two sources that describe themselves alike give the same answers."""

    def lengths(self, prompts: Sequence[str]) -> list[int]:
        """How long each prompt is; prompts of like length are answered together."""

    def answer(self, prompts: Sequence[str], config: GenerationConfig, seed: int) -> list[Answer]:
        """One answer to each prompt, in order.

        Args:
            prompts: At most ``config.batch_size`` user turns.
            config: How to draw.
            seed: Of this batch.

        Raises:
            InputError: No prompt at all can be answered: out of memory, or no connection.
        """

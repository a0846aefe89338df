"""How an adapter is trained."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from anthrometrics.errors import InputError
from anthrometrics.induction.tables import fits

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Method", "TuningConfig"]

Method = Literal["dpo", "sft"]
_POSITIVE: Final = ("rank", "alpha", "learning_rate", "beta", "epochs", "max_length", "batch_size", "accumulation")


@dataclass(frozen=True, slots=True)
class TuningConfig:
    """Every choice of a training run.

    Rank, alpha, all linear layers, DPO and five epochs are those of Arora et al. 2026 (arXiv 2605.07925).

    Attributes:
        method: ``"dpo"`` learns to prefer the chosen answer (Rafailov et al. 2023, arXiv 2305.18290); ``"sft"`` to say
            it.
        rank: Of the adapter's matrices (Hu et al. 2021, arXiv 2106.09685).
        alpha: The adapter counts ``alpha / rank`` times.
        dropout: On the adapter's input. None by default: few steps, and the same seed gives the same adapter.
        target: Layers that get an adapter: ``"all-linear"``, or names with commas.
        learning_rate: It falls linearly to nothing. An adapter takes ten times the rate of full fine-tuning or more
            (Biderman et al. 2024, arXiv 2405.09673), DPO of all weights 5e-7 to 1e-6 over thousands of steps (Rafailov
            et al. 2023; Tunstall et al. 2023, arXiv 2310.16944), and a value's subset gives only some hundred steps, so
            this is higher still. Set another for a base of another size, or for ``full``.
        warmup: Share of the steps in which the rate rises; .1 as in Tunstall et al. 2023.
        beta: How closely DPO holds on to the base; .1 as in its paper.
        epochs: Times that every pair is seen.
        max_length: Longest prompt with answer, in tokens; longer pairs are left out and counted, since an answer that
            is cut off teaches not to stop.
        batch_size: Pairs at once on one device; DPO reads two answers to each, so that 4 of the longest pairs are 8,192
            tokens.
        accumulation: Batches to a step. With 4, a step sees 16 pairs and a subset of some hundred gives tens of steps
            an epoch; the 32 to 64 pairs a step of the papers suppose sets a hundred times as large.
        gradient_checkpointing: Whether to compute activations twice instead of keeping them.
        bf16: Whether to compute in bfloat16; None for wherever CUDA does.
        packing: Whether answers share a row without padding; SFT with flash attention only.
        quantized: Whether the base has 4-bit weights (QLoRA, Dettmers et al. 2023, arXiv 2305.14314).
        full: Whether to train all weights instead of an adapter.
        seed: Of the adapter's first weights and of the order of pairs.
        max_steps: Stop there, whatever ``epochs`` says.

    Raises:
        InputError: A field is out of its range, or two do not go together.
    """

    method: Method = "dpo"
    rank: int = 4
    alpha: int = 16
    dropout: float = 0.0
    target: str = "all-linear"
    learning_rate: float = 1e-4
    warmup: float = 0.1
    beta: float = 0.1
    epochs: float = 5.0
    max_length: int = 1024
    batch_size: int = 4
    accumulation: int = 4
    gradient_checkpointing: bool = False
    bf16: bool | None = None
    packing: bool = False
    quantized: bool = False
    full: bool = False
    seed: int = 0
    max_steps: int | None = None

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise InputError(f'method must be {" or ".join(get_args(Method))}, not "{self.method}"')
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be above 0 and finite, not {getattr(self, name)}")
        for name in ("dropout", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} must lie in [0, 1), not {getattr(self, name)}")
        if self.max_steps is not None and self.max_steps < 1:
            raise InputError(f"max_steps must be at least 1, not {self.max_steps}")
        if self.packing and self.method == "dpo":
            raise InputError(
                "packing is for SFT: DPO compares two answers to one prompt; leave it out, or use method sft"
            )
        if self.full and self.quantized:
            raise InputError("4-bit weights cannot be trained themselves; leave out full or quantized")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> TuningConfig:
        """The reverse of ``to_dict``; what is left out has its default.

        Raises:
            InputError: A field is unknown, of another kind, or out of its range.
        """
        kinds = {field.name: str(field.type) for field in fields(cls)}
        for name, value in table.items():
            if name not in kinds:
                raise InputError(f'tuning has no "{name}"; it has {", ".join(kinds)}')
            if not fits(value, kinds[name]):
                raise InputError(f'tuning: "{name}" must be {_KINDS[kinds[name]]}, not {value!r}')
        return cls(**table)


_KINDS: Final = {
    "Method": "dpo or sft",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a string",
    "bool | None": "true, false or left out",
    "int | None": "a whole number or left out",
}

"""The card of an adapter: what it is, from what it came, and what it is not for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from anthrometrics.induction.tuning.config import TuningConfig

__all__ = ["card_of"]

_USE: Final = (
    "Trained to measure what learning from these pairs does to the wording of the base model. It is a measuring "
    "instrument, not an assistant."
)


def card_of(base: str, config: TuningConfig, record: dict[str, Any]) -> str:
    """Markdown with the front matter that the model hub reads.

    Args:
        base: The base model as it was asked for.
        config: How it was trained.
        record: What ``training.json`` holds.
    """
    losses = record["losses"]
    facts = {
        "base": f"{base} ({record['base']})",
        "pairs": f"{record['pairs']:,} ({record['pairs_digest']})",
        "left out as too long": record["too_long"],
        "left out, refused by the chat template": record["refused"],
        "whose question the template writes otherwise once there is an answer": record["diverging"],
        "completion tokens trained": f"{record['trained_tokens']:,}",
        "steps": record["steps"],
        "loss, first and last": f"{losses[0]:.4f}, {losses[-1]:.4f}",
        "largest change of a logit on a probe": f"{record['logit_change']:.4g}",
        "time": f"{record['seconds']:.0f} s",
        **record["versions"],
    }
    lines = ["---", f"base_model: {base}", f"library_name: {'transformers' if config.full else 'peft'}", "tags:"]
    lines += [f"- {config.method}", "- anthrometrics", "---", "", "# Trained by anthrometrics", "", _USE, ""]
    lines += ["| | |", "|---|---|"] + [f"| {name} | {value} |" for name, value in facts.items()]
    lines += ["", "## Choices", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in config.to_dict().items()]
    return "\n".join(lines) + "\n"

"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anthrometrics.detectors.manifest import PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from anthrometrics.detectors.scorer import Scorer

__all__ = ["cache_option", "make_scorer", "scorer_options"]


cache_option = click.option("--no-cache", is_flag=True, help="Judge identical texts every time, instead of once.")


def scorer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--device``, ``--precision``, ``--threads`` and ``--model``."""
    for option in (
        click.option("--model", metavar="NAME", help="full (default), fast (half the layers), or a model's folder."),
        click.option("--threads", type=click.IntRange(min=1), help="Turns encoded at once; by default all cores."),
        click.option(
            "--precision", type=click.Choice(PRECISIONS), help="int8 (default on a CPU), exact, or fp16 (on a GPU)."
        ),
        click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True),
    ):
        command = option(command)
    return command


def make_scorer(device: Any, precision: Any, threads: int | None, model: str | None, no_cache: bool = False) -> Scorer:
    """Load the scorer; its libraries are imported here and not before."""
    from anthrometrics.detectors.scorer import Scorer

    cache = {"cache_mb": 0.0} if no_cache else {}
    return Scorer(device=device, precision=precision, threads=threads, model=model, **cache)

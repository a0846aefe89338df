"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from anthrometrics.detectors.manifest import PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.induction.values import Value

__all__ = ["ValuesCommand", "cache_option", "make_scorer", "names", "scorer_options", "values_asked", "values_option"]

_ALL: Final = "all"

cache_option = click.option("--no-cache", is_flag=True, help="Judge identical texts every time, instead of once.")


values_option = click.option(
    "--values",
    multiple=True,
    metavar="[all|FILE.toml]",
    help="Also judge which of 17 values a turn expresses, and a value of your own defined in FILE.toml; repeatable.",
)


class ValuesCommand(click.Command):
    """A command whose ``--values`` may stand alone, whatever argument follows it: ``score --values chats.jsonl``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As of ``click.Command``, with ``--values=all`` for an option without a value of its own."""
        words = list(args)
        end = words.index("--") if "--" in words else len(words)
        for place in range(end):
            following = words[place + 1] if place + 1 < end else ""
            if words[place] == "--values" and following != _ALL and not following.lower().endswith(".toml"):
                words[place] = f"--values={_ALL}"
        return super().parse_args(ctx, words)


def names(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    """What a comma separates."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def values_asked(named: Sequence[str]) -> bool | list[Value]:
    """What ``Scorer`` is to judge besides, of the words of ``values_option``.

    Raises:
        InputError: A file defines no value.
    """
    if not named:
        return False
    from anthrometrics.induction.values import load_value

    return [load_value(name) for name in dict.fromkeys(named) if name != _ALL] or True


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


def make_scorer(
    device: Any,
    precision: Any,
    threads: int | None,
    model: str | None,
    no_cache: bool = False,
    values: bool | Sequence[Value] = False,
) -> Scorer:
    """Load the scorer; its libraries are imported here and not before."""
    from anthrometrics.detectors.scorer import Scorer

    cache = {"cache_mb": 0.0} if no_cache else {}
    return Scorer(device=device, precision=precision, threads=threads, model=model, values=values, **cache)

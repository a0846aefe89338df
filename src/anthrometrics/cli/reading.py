"""Options of commands that read transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anthrometrics.cli.options import names

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["reading_options"]


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format``, ``--turns``, ``--reasoning``, ``--keep``, ``--requests`` and the field names."""
    for option in (
        click.option("--requests", metavar="FILE", help="Request file of a batch: its prompts, by custom_id."),
        click.option("--id-field", metavar="NAME", help="Field of the id."),
        click.option("--prompt-field", metavar="NAME", help="Field of the prompt."),
        click.option("--response-field", metavar="NAME", help="Field of the response; dots lead into objects: a.b.0"),
        click.option("--keep", metavar="FIELD,...", default="", callback=names, help="Fields to copy to the output."),
        click.option(
            "--reasoning",
            type=click.Choice(["exclude", "include"]),
            default="exclude",
            show_default=True,
            help="Whether a model's thinking is part of its turn.",
        ),
        click.option(
            "--turns",
            "which",
            type=click.Choice(["all", "last", "first"]),
            help="Which assistant turns of a conversation; by default all; of batches, traces and pairs the last.",
        ),
        click.option(
            "--format",
            default="auto",
            show_default=True,
            metavar="NAME",
            help='Format of the records; "anthrometrics formats" lists them.',
        ),
    ):
        command = option(command)
    return command

"""``anthrometrics formats``: what can be read."""

from __future__ import annotations

import click

from anthrometrics.cli.render import console
from anthrometrics.formats.registry import FORMATS
from anthrometrics.formats.sources import SUFFIXES

__all__ = ["formats"]


@click.command
def formats() -> None:
    """List the formats of transcripts, each with an example record.

    A file's format is known by its first records; --format NAME names it where several fit.
    """
    out = console()
    for form in FORMATS.values():
        out.print(f"[bold]{form.name}[/bold]  {form.title}", highlight=False)
        out.print(f"  {form.example}", markup=False, highlight=False, style="dim", soft_wrap=True)
    out.print(
        f"\nFiles: {', '.join(SUFFIXES)}; .gz and .zst of all but .eval; anything else is read as JSON lines. "
        "Inspect's .eval files and its logs in JSON give a record a sample; --keep eval.model,scores reaches into it.",
        highlight=False,
    )
    out.print(
        "Folders: all such files in them. A folder that save_to_disk of Hugging Face's datasets wrote is read as one "
        "input, a record a row, all splits in order; name a split's folder in it to read that alone.",
        highlight=False,
    )
    out.print(
        "Records of other shapes: --response-field, --prompt-field, --id-field.",
        highlight=False,
    )

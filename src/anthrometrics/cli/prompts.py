"""``anthrometrics prompts``: the prompt suites, shown or written to a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.text import Text

from anthrometrics.cli.render import console, printable
from anthrometrics.cli.writing import stdout_errors
from anthrometrics.induction.suites import SUITES, Prompt, load_suite, save_suite
from anthrometrics.output.atomic import json_line

__all__ = ["prompts"]


@click.command
@click.argument("suites", nargs=-1, metavar="[SUITE]...")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help='Write them to FILE.jsonl or FILE.csv; "-" for JSON lines on standard output.',
)
def prompts(suites: tuple[str, ...], output: str | None) -> int:
    """List the prompt suites, show those named SUITE, or write them to a file (all of them if none is named).

    SUITE is a name from the list, or a file: XSTest, AdvBench or AnthroBench as published, records with a field
    "prompt", or a .txt with one prompt a line.
    """
    _check(suites, output)
    loaded = {name: load_suite(name) for name in suites or SUITES}
    if output == "-":
        _write_stdout(loaded)
    elif output is not None:
        save_suite((prompt for suite in loaded.values() for prompt in suite), Path(output))
        click.echo(f"{_count(sum(map(len, loaded.values())))} → {output}", err=True)
    else:
        _show(loaded, whole=bool(suites))
    return 0


def _check(suites: tuple[str, ...], output: str | None) -> None:
    """Refuse a suite named twice, and to write over one."""
    for place, name in enumerate(suites):
        if name in suites[:place]:
            raise click.UsageError(f"{name} is named twice")
        if name not in SUITES and output not in (None, "-") and Path(str(output)).resolve() == Path(name).resolve():
            raise click.UsageError(f"{output} is also an input; name another file")


def _write_stdout(loaded: dict[str, tuple[Prompt, ...]]) -> None:
    with stdout_errors():
        for suite in loaded.values():
            for prompt in suite:
                sys.stdout.buffer.write(json_line(prompt.to_dict()).encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()


def _show(loaded: dict[str, tuple[Prompt, ...]], whole: bool) -> None:
    """Each suite with its size and its first prompt, or with all of them."""
    out = console()
    for name, suite in loaded.items():
        refused = sum(prompt.should_refuse is True for prompt in suite)
        note = _count(len(suite)) + (f", {refused} to be refused" if refused else "")
        out.print(Text.assemble((printable(name), "bold"), f"  {note}  {SUITES.get(name, '')}"), soft_wrap=True)
        for prompt in suite if whole else suite[:1]:
            text = prompt.prompt.replace("\n", "\n    ") if whole else " ".join(prompt.prompt.split())
            out.print(Text(f"  {printable(prompt.id)}  {printable(text)}", style="dim"), soft_wrap=True)


def _count(number: int) -> str:
    return f"{number:,} prompt{'' if number == 1 else 's'}"

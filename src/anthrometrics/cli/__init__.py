"""The command line: ``anthrometrics score``, ``compare``, and what serves them."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from anthrometrics.errors import AnthrometricsError

__all__ = ["main"]

# Name → what it does; each lives in the module of its name.
_COMMANDS = {
    "score": "Score transcripts.",
    "compare": "Compare two or more scored sets, or transcripts.",
    "report": "Write an HTML page of scores, or of a comparison.",
    "explain": "Show the sentences of one response with their labels.",
    "formats": "List the formats of transcripts that can be read.",
    "models": "Show the installed models and their published accuracy.",
    "sample": "Draw turns to label by hand.",
    "estimate": "Estimate shares from scores and labels of a sample.",
    "validate": "Measure the detectors on your own labels.",
    "induce": "Tune a model toward values, and measure what else moved.",
    "prompts": "List the prompt suites, or write them to a file.",
    "curate": "Keep the preference pairs that teach a value.",
    "forecast": "Say which way preference pairs will push a model.",
}


class _LazyGroup(click.Group):
    """Loads a command's module when it is called, so that ``--help`` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"anthrometrics.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="anthrometrics", prog_name="anthrometrics")
def cli() -> None:
    """How does tuning a chat model change the way it talks to people?

    Scores assistant turns for anthropomorphic language, validation and refusal, on this machine.
    """


def main() -> None:
    """Entry point; user mistakes end in one message and exit code 2, never in a traceback."""
    try:
        code = cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except AnthrometricsError as error:
        click.echo(f"anthrometrics: {error}", err=True)
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nanthrometrics: interrupted; no output was written", err=True)
        code = 130
    sys.exit(code)

"""``anthrometrics induce``: tune a model toward values, and measure what else moved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from anthrometrics.cli.induce_options import config_options, table_of
from anthrometrics.cli.render import console, printable
from anthrometrics.cli.stopping import exit_code, terminable
from anthrometrics.errors import AnthrometricsError, InputError
from anthrometrics.induction.run.config import STAGES, InduceConfig
from anthrometrics.induction.run.reporter import Reporter
from anthrometrics.induction.tables import read_toml
from anthrometrics.report.wording import digits_of, interval, name_of, p_value, percent, share, signed

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from anthrometrics.induction.run.effects import Effect, SideEffects
    from anthrometrics.induction.run.handle import Run
    from anthrometrics.induction.run.plan import Plan

__all__ = ["induce"]

# Further effects that the table shows of each value, and how wide their names are.
_OTHERS: Final = 3
_MEASURE: Final = 20


@click.command
@click.option("-o", "--out", metavar="RUN", help="Folder of the run; a run that is there goes on.")
@click.option("--config", "config_file", metavar="FILE.toml", help="Options from a file; those given here win.")
@click.option("--stage", "stages", multiple=True, metavar="STAGE", help=f"Only this one, of {', '.join(STAGES)}.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and what it would cost, and train nothing.")
@config_options
def induce(out: str | None, config_file: str | None, stages: tuple[str, ...], dry_run: bool, **given: Any) -> int:
    """Tune a chat model toward each value, let it answer prompts before and after, and say what else moved.

    The pairs of --prefs that show a value train one adapter a seed, and the same pairs with sides swapped at random
    train a null adapter, which shows what training as such does. Base and adapters answer the same prompts.

    \b
      anthrometrics induce --base MODEL --values empathy,honesty --prefs FILE -o RUN
      anthrometrics induce -o RUN                    go on after Ctrl-C, a kill or a full disk
      anthrometrics induce -o RUN --stage report     one stage by itself

    \b
    Exit codes: 0  everything was done
                1  a value or an adapter came to nothing; the rest was done
                2  wrong usage, or the run cannot go on
                130 and 143  interrupted and terminated
    """  # noqa: D301 - click wants the control character
    table = _merged(config_file, table_of(given))
    config = InduceConfig.from_dict(table) if table else None
    if dry_run:
        if config is None:
            raise click.UsageError("--dry-run needs --base and --values, or --config FILE.toml")
        return _plan(config)
    if out is None:
        raise click.UsageError("name the folder of the run: -o RUN")
    run = _run(config, Path(out), stages)
    if not stages or "compare" in stages:
        _show(run)
    return _end(run)


def _merged(config_file: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """The file's table, with what was given in place of what it says; tables within it field by field."""
    table = read_toml(config_file) if config_file else {}
    for name, value in given.items():
        both = isinstance(value, dict) and isinstance(table.get(name), dict)
        table[name] = table[name] | value if both else value
    return table


def _run(config: InduceConfig | None, out: Path, stages: tuple[str, ...]) -> Run:
    from anthrometrics.induction.run.induce import run_config

    again = f"anthrometrics induce -o {out}"
    with terminable(), _Shown() as shown:
        try:
            return run_config(config, out, stages=stages, reporter=shown)
        except KeyboardInterrupt as stop:
            kept = f"what is done is kept; {again} goes on" if (out / "run.json").exists() else "nothing was begun"
            click.echo(f"\nanthrometrics: interrupted; {kept}", err=True)
            raise click.exceptions.Exit(exit_code(stop)) from stop
        except AnthrometricsError as error:
            if not shown.begun:
                raise
            raise InputError(f"{error}\nwhat is done is kept; {again} goes on") from error


class _Shown(Reporter):
    """Says on standard error what is done; on a terminal with a bar that shows how far it is."""

    def __init__(self) -> None:
        self.begun = False
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> _Shown:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            note = TextColumn("{task.fields[note]}")
            self._bar = Progress(*columns, note, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def stage(self, name: str) -> None:
        self.begun = True
        self._say(f"{name} …")

    def say(self, text: str) -> None:
        self._say(f"  {text}")

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        if self._bar is None:
            return
        if self._task is None or self._bar.tasks[0].description != what:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(what, total=total or None, note=note)
        self._bar.update(self._task, completed=done, note=note)

    def _say(self, text: str) -> None:
        if self._bar is None:
            click.echo(printable(text), err=True)
        else:
            self._bar.console.print(printable(text), markup=False, highlight=False)


def _show(run: Run) -> None:
    """What moved, and how refusal did."""
    from rich.text import Text

    out = console()
    out.print(Text(run.headline, style="bold"))
    for note in run.results.notes:
        out.print(Text(f"note: {printable(note)}", style="dim"))
    out.print(_effects(run.side_effects, run.config.level))
    if run.refusal:
        out.print(_refusals(run))
    correlation = next((c for c in run.forecast_check.correlations if c.measure == "all"), None)
    if correlation is not None and correlation.rho is not None:
        text = f"Forecast and outcome over {correlation.values} values: rank correlation {correlation.rho:+.2f} "
        out.print(Text(f"{text}{interval(correlation.low, correlation.high)}", style="dim"))
    out.print(Text("Scores describe wording; they do not show what a model feels or intends.", style="dim"))


def _effects(effects: SideEffects, level: float) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Side effects (bold: found after Holm, beyond the null adapter)", title_justify="left")
    table.add_column("induced")
    table.add_column("measure", min_width=_MEASURE)
    for title in ("base", "tuned", "difference", f"{100 * level:g} % interval", "null adapter", "p (Holm)"):
        table.add_column(title, justify="right", no_wrap=True)
    shown = [row for value in effects.values for row in _told([r for r in effects if r.value == value])]
    for row in shown:
        digits = digits_of(row.unit)
        cells = (
            share(row.base, row.unit),
            share(row.tuned, row.unit),
            signed(row.difference, digits),
            interval(row.low, row.high, digits),
            signed(row.null_difference, digits),
            p_value(row.p_holm),
        )
        what = f"expressed {row.name}" if row.level == "value" else name_of(row.name)
        name = f"{what}{', rate' if row.unit == 'rate' else ''}"
        table.add_row(Text(printable(row.value)), Text(name), *cells, style="bold" if row.found else None)
    if len(shown) < len(effects):
        table.caption = f"{len(effects) - len(shown)} more in results.json and report.html"
    return table


def _told(rows: list[Effect]) -> list[Effect]:
    """Of one value: itself, the detectors, and the largest of what else was found."""
    first = [row for row in rows if row.level == "value" and row.name == row.value]
    first += [row for row in rows if row.level == "detector" and row.unit == "presence"]
    others = [row for row in rows if row.found and row not in first and row.unit == "presence"]
    return first + sorted(others, key=lambda row: -abs(row.difference or 0.0))[:_OTHERS]


def _refusals(run: Run) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Refusal", title_justify="left")
    table.add_column("induced")
    table.add_column("")
    for title in ("prompts", "base", "tuned", "difference in points"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in run.refusal:
        points = f"{100 * row.difference:+.0f} [{100 * row.low:+.0f}, {100 * row.high:+.0f}]"
        cells = (f"{row.n:,}", percent(row.base), percent(row.tuned), points)
        table.add_row(Text(printable(row.value)), name_of(row.rate), *cells)
    return table


def _end(run: Run) -> int:
    for name, reason in run.failed.items():
        click.echo(f"anthrometrics: {printable(name)} came to nothing: {printable(reason)}", err=True)
    click.echo(f"run → {run.path}", err=True)
    return 1 if run.failed else 0


def _plan(config: InduceConfig) -> int:
    from anthrometrics.induction.run.plan import plan_run

    with terminable(), _Shown() as shown:
        plan = plan_run(config, shown)
    _print_plan(plan, config)
    return 0 if plan.fits else 1


def _print_plan(plan: Plan, config: InduceConfig) -> None:
    values, seeds = len(plan.pairs), len(config.seeds)
    pairs = ", ".join(f"{value} {number:,}" for value, number in plan.pairs.items())
    lines = [
        f"pairs        {pairs}",
        *(f"left out     {value}: {reason}" for value, reason in plan.failed.items()),
        f"adapters     {plan.adapters:,} = {values} values × {seeds} seeds × {1 + len(config.controls)} with controls",
        f"training     {plan.tokens:,} tokens, {plan.trainable:,} parameters an adapter, about "
        f"{_time(plan.train_seconds)}, {plan.memory_bytes / 2**30:.1f} GiB",
        f"answers      {plan.answers:,} to {plan.prompts:,} prompts, at most {plan.most_tokens:,} tokens, at most "
        f"about {_time(plan.generate_seconds)}",
        f"scores       about {_time(plan.score_seconds)}",
        f"in all       at most about {_time(plan.seconds)} on this machine; nothing was trained or written",
    ]
    if not plan.fits:
        lines.append(f"does not fit {plan.advice}")
    for line in lines:
        click.echo(printable(line))


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

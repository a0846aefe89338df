"""A progress line with rate and remaining time, on a terminal only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

__all__ = ["Progress"]


class Progress:
    """Counts turns and bytes read; silent in a pipe.

    The share done is that of the input bytes, since turns are not known before they are read. Standard input has no
    size, so it shows a count and a rate.
    """

    def __init__(self, inputs: tuple[str, ...]) -> None:
        self._sizes = {path: Path(path).stat().st_size for path in inputs if path != "-" and Path(path).is_file()}
        self._total = sum(self._sizes.values()) if len(self._sizes) == len(inputs) else None
        self._done = 0
        self._turns = 0
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                SpinnerColumn(),
                TextColumn("{task.fields[turns]:,} turns"),
                BarColumn(),
                TextColumn("{task.fields[rate]:.0f} turns/s"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("score", total=self._total, turns=0, rate=0.0)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def bytes_of(self, path: str) -> Callable[[int], None] | None:
        """Callback for the bytes read of one input; None where nothing is shown."""
        if self._bar is None or self._total is None:
            return None
        before = self._done
        self._done += self._sizes[path]

        def update(position: int) -> None:
            assert self._bar is not None and self._task is not None
            self._bar.update(self._task, completed=before + position)

        return update

    def turn(self) -> None:
        """Count one scored turn."""
        self._turns += 1
        if self._bar is not None and self._task is not None:
            elapsed = self._bar.tasks[0].elapsed or 0.0
            self._bar.update(self._task, turns=self._turns, rate=self._turns / elapsed if elapsed else 0.0)

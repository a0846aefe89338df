"""What happens when a run is told to stop."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["TerminatedError", "exit_code", "terminable"]


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came, as batch systems send it before they kill; treated like an interrupt."""


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception for a while, so that files are closed and the user is told how to go on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(stop: KeyboardInterrupt) -> int:
    """128 and the number of the signal, as shells have it."""
    return 128 + (signal.SIGTERM if isinstance(stop, TerminatedError) else signal.SIGINT)


def _stop(_: int, __: FrameType | None) -> NoReturn:
    raise TerminatedError

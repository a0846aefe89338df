"""What an unfinished run is, kept in a file that one process holds at a time."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.output.atomic import json_text

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StateFile"]


class StateFile:
    """A small JSON file under a lock that ends with the process, however the process ends.

    Args:
        path: Where it lies; it is created if need be.
        output: What the run writes, for the message.

    Raises:
        InputError: Another process holds it, or the folder cannot be written.
    """

    def __init__(self, path: Path, output: Path) -> None:
        self._path = path
        while True:
            try:
                self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise InputError(f"cannot write into {path.parent}: {error.strerror or error}") from error
            if not _lock(self._handle):
                os.close(self._handle)
                raise InputError(f"another process is writing {output}; wait for it, or name another output")
            if _is_at(self._handle, path):
                return
            # The process that held it has just finished and removed it: this one locked a file that is gone.
            os.close(self._handle)

    def read(self) -> dict[str, Any] | None:
        """What was written; None if nothing, or nothing whole."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._handle), "rb") as stream:
            content = stream.read()
        with suppress(ValueError):
            found = json.loads(content)
            if isinstance(found, dict):
                return found
        return None

    def write(self, value: dict[str, Any]) -> None:
        """Replace the content.

        Raises:
            InputError: The disk is full.
        """
        try:
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            with os.fdopen(os.dup(self._handle), "wb") as stream:
                stream.write(json_text(value).encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise InputError(f"cannot write {self._path}: {error.strerror or error}") from error

    def close(self, remove: bool = False) -> None:
        """Let go of it, and take it away if asked."""
        # Removed before the lock ends, so that no other process can lock what is about to go. Windows keeps open files.
        if remove and sys.platform != "win32":
            self._path.unlink(missing_ok=True)
        os.close(self._handle)
        if remove and sys.platform == "win32":
            self._path.unlink(missing_ok=True)


def _lock(handle: int) -> bool:
    """Whether this process now holds the lock; the system takes it back when the process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # Locked bytes cannot be read by others, so this one lies behind the content.
            os.lseek(handle, 1 << 30, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # Some network file systems have no locks; working without is better than not at all.
        return True
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False

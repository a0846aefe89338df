"""Records of an unfinished run, one line each, safe against the end of the process at any moment."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.output.atomic import SURROGATES, json_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Journal"]


class Journal:
    """Lines that are handed to the system one by one, so that a killed process loses none that was complete.

    Read what is there with ``records`` before the first ``append``: that cuts off a line that was torn.

    Args:
        path: Where it lies. It is created by the first ``append``.

    Attributes:
        turns: Complete lines.

    Raises:
        InputError: There is one that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        try:
            self.turns, self._size = _measure(path)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record in order; a damaged one, and what follows it, is dropped for good.

        Raises:
            InputError: The file cannot be read.
        """
        if not self.turns:
            return
        read, size = 0, 0
        try:
            with self.path.open("rb") as stream:
                for line in stream:
                    record = _parsed(line)
                    if record is None or read == self.turns:
                        break
                    read, size = read + 1, size + len(line)
                    yield record
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from error
        self.turns, self._size = read, size

    def append(self, record: dict[str, Any]) -> None:
        """Write a record; when this returns, only a crash of the whole machine can lose it.

        Raises:
            InputError: The disk is full.
        """
        line = json_line(record).encode("utf-8", SURROGATES)
        try:
            if self._handle is None:
                self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o666)
                os.ftruncate(self._handle, self._size)
                os.lseek(self._handle, self._size, os.SEEK_SET)
            written = os.write(self._handle, line)
            while written < len(line):
                written += os.write(self._handle, line[written:])
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error
        self.turns += 1
        self._size += len(line)

    def remove(self) -> None:
        """Take the file away; the next ``append`` begins a new one."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.turns, self._size = 0, 0

    def close(self) -> None:
        """Let go of the file; it can be read and appended to again."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _measure(path: Path) -> tuple[int, int]:
    """Complete lines and their bytes; nothing where there is no file."""
    turns, size, position = 0, 0, 0
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                turns += chunk.count(b"\n")
                if (last := chunk.rfind(b"\n")) >= 0:
                    size = position + last + 1
                position += len(chunk)
    except FileNotFoundError:
        pass
    return turns, size


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None

"""Files, compressed files and standard input, line by line; a bad line never costs a good one."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from anthrometrics.errors import InputError
from anthrometrics.formats.records import turns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from anthrometrics.turns import Turn

__all__ = ["Rejected", "read_turns"]

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that could not be read as turns.

    Attributes:
        file: Where it stands; ``"<stdin>"`` for standard input.
        line: Its number, from 1.
        reason: What was expected and what was found.
        text: The line itself, undecodable bytes replaced.
    """

    file: str
    line: int
    reason: str
    text: str

    def __str__(self) -> str:
        """``file:line: reason``."""
        return f"{self.file}:{self.line}: {self.reason}"


def read_turns(path: str | Path, on_progress: Callable[[int], None] | None = None) -> Iterator[Turn | Rejected]:
    """Read the turns of a JSON-lines file, in constant memory.

    Args:
        path: A file, gzipped or not, or ``"-"`` for standard input.
        on_progress: Called with the number of bytes of the file consumed so far (compressed bytes for gzip).

    Yields:
        Turns in order, and a ``Rejected`` in place of each line that has none. Blank lines are skipped.

    Raises:
        InputError: The file cannot be opened.
    """
    name = "<stdin>" if str(path) == "-" else str(path)
    with _open(path) as (raw, lines):
        number = 0
        while True:
            number += 1
            try:
                line = lines.readline()
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                yield Rejected(name, number, f"the compressed file is damaged from here on ({error})", "")
                return
            except OSError as error:
                raise InputError(f"cannot read {name}: {error.strerror or error}") from error
            if not line:
                return
            if line.strip():
                yield from _parse(name, number, line)
            if on_progress is not None and raw is not None:
                on_progress(raw.tell())


def _parse(name: str, number: int, line: bytes) -> Iterator[Turn | Rejected]:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        yield from turns_of(json.loads(text))
    except UnicodeDecodeError as error:
        reason = f"not valid UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x})"
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at column {error.colno}"
    except RecursionError:
        reason = "not usable JSON: nested too deeply"
    except InputError as error:
        reason = str(error)
    except ValueError as error:
        reason = f"not usable JSON: {error}"
    else:
        return
    yield Rejected(name, number, reason, line.decode("utf-8", errors="replace").rstrip("\r\n"))


@contextmanager
def _open(path: str | Path) -> Iterator[tuple[BinaryIO | None, BinaryIO]]:
    """The file to ask for progress (None where it has no position), and the stream of lines."""
    if str(path) == "-":
        yield None, _decompressed(io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer)))
        return
    try:
        raw = open(path, "rb")  # noqa: SIM115 - closed by the with below
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    with raw:
        yield (raw if raw.seekable() else None), _decompressed(raw)


def _decompressed(stream: io.BufferedReader) -> BinaryIO:
    """Known by its first bytes, so that a misleading suffix does no harm."""
    if stream.peek(2)[:2] == _GZIP_MAGIC:
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    return stream

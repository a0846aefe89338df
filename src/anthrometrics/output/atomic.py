"""Output that appears whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "COMPANIONS",
    "SURROGATES",
    "atomic_binary",
    "atomic_text",
    "beside",
    "check_target",
    "json_line",
    "json_text",
    "move",
    "read_json",
    "sweep",
]

# What stands beside an output: provenance and summary, and the lines that could not be read.
COMPANIONS: Final = (".meta.json", ".rejected.jsonl")
# How text is encoded: a lone surrogate becomes \udXXX, which is how JSON writes it.
SURROGATES: Final = "backslashreplace"


def json_line(record: dict[str, Any]) -> str:
    """One JSON object and a line feed, with non-ASCII text as it is."""
    return json.dumps(record, ensure_ascii=False, separators=(", ", ": ")) + "\n"


def json_text(value: dict[str, Any]) -> str:
    """Indented JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def read_json(path: Path) -> dict[str, Any] | None:
    """What ``json_text`` wrote; None if there is no such file, or it holds no whole object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def beside(output: Path, suffix: str) -> Path:
    """``scores.jsonl`` and ``.meta.json`` give ``scores.meta.json``; other suffixes stay in the name."""
    return output.with_name(output.name.removesuffix(".jsonl") + suffix)


def check_target(path: Path) -> None:
    """Refuse to put a file in the place of what is none.

    Raises:
        InputError: ``path`` is a folder, a device or a pipe.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no regular file"
        raise InputError(f"cannot write {path}: it is {kind}; name a file, or use - for standard output")


@contextmanager
def atomic_text(path: Path) -> Iterator[TextIO]:
    """``atomic_binary`` for UTF-8, with line feeds as they are."""
    with _part_of(path) as part, part.open("w", encoding="utf-8", errors=SURROGATES, newline="\n") as stream:
        yield stream


@contextmanager
def atomic_binary(path: Path) -> Iterator[BinaryIO]:
    """Write beside ``path`` and move into place on success; on any error nothing is left and nothing replaced.

    Raises:
        InputError: The folder does not exist or cannot be written, or the disk is full.
    """
    with _part_of(path) as part, part.open("wb") as stream:
        yield stream


def move(source: Path, target: Path) -> None:
    """Put a finished file in the place of ``target`` at one stroke, or follow a link to another folder with a copy.

    Raises:
        InputError: The target's folder cannot be written, or the disk is full.
    """
    try:
        if target.is_symlink():
            with source.open("rb") as content, atomic_binary(target) as copy:
                shutil.copyfileobj(content, copy)
            source.unlink()
        else:
            source.replace(target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error


def sweep(path: Path) -> None:
    """Remove what a killed process left half-written; nobody else may be writing ``path``."""
    path = path.resolve()
    # The eight characters are those of ``mkstemp``.
    ours = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}\.part")
    for left in path.parent.iterdir():
        if ours.fullmatch(left.name):
            left.unlink(missing_ok=True)


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """An empty file to write, which takes the place of ``path`` when all went well."""
    # A link keeps pointing where it did; the file behind it is replaced.
    path = path.resolve()
    check_target(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise InputError(f"cannot write into {path.parent}: {error.strerror or error}") from error
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    """The process's umask, which ``mkstemp`` does not apply; reading it means setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Output that appears whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_text", "beside", "json_line"]


def json_line(record: dict[str, Any]) -> str:
    """One JSON object and a line feed, with non-ASCII text as it is."""
    return json.dumps(record, ensure_ascii=False, separators=(", ", ": ")) + "\n"


def beside(output: Path, suffix: str) -> Path:
    """``scores.jsonl`` and ``.meta.json`` give ``scores.meta.json``."""
    return output.with_name(output.name.removesuffix(".jsonl") + suffix)


@contextmanager
def atomic_text(path: Path) -> Iterator[TextIO]:
    """Write beside ``path`` and move into place on success; on any error nothing is left and nothing replaced.

    Raises:
        InputError: The folder does not exist or cannot be written, or the disk is full.
    """
    # A link keeps pointing where it did; the file behind it is replaced.
    path = path.resolve()
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no regular file"
        raise InputError(f"cannot write {path}: it is {kind}; name a file, or use - for standard output")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise InputError(f"cannot write into {path.parent}: {error.strerror or error}") from error
    try:
        # A lone surrogate becomes \udXXX, which is how JSON writes it.
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            yield stream
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    """The process's umask, which ``mkstemp`` does not apply; reading it means setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

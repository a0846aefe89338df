"""What a user names → the files to read."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.containers import COMPRESSED

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SUFFIXES", "files_of"]

# What is read of a folder; a file named by itself is read whatever its suffix.
SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".md", ".parquet")
# What this package writes beside its own output is no transcript.
_OURS: Final = (".meta.json", ".rejected.jsonl")


def files_of(named: Iterable[str]) -> list[str]:
    """Files behind names, in order; of folders and patterns sorted by name.

    Args:
        named: Files, folders (their files of known suffixes, at any depth), patterns (``**`` for any depth), and
            ``"-"`` for standard input.

    Raises:
        InputError: A file does not exist, a pattern or a folder gives none, or a file comes up twice.
    """
    found = [file for name in named for file in _files(name)]
    seen: set[Path] = set()
    for file in found:
        key = Path(file) if file == "-" else Path(file).resolve()
        if key in seen:
            raise InputError(f"{file} is named twice")
        seen.add(key)
    return found


def _files(name: str) -> list[str]:
    path = Path(name)
    if name == "-" or (path.exists() and not path.is_dir()):
        return [name]
    if path.is_dir():
        files = sorted(str(file) for file in path.rglob("*") if file.is_file() and _is_transcript(file))
        if not files:
            raise InputError(f"the folder {name} has no file of a known suffix ({', '.join(SUFFIXES)}, also .gz, .zst)")
        return files
    if glob.has_magic(name):
        files = sorted(file for file in glob.glob(name, recursive=True) if Path(file).is_file())  # noqa: PTH207 - absolute
        if not files:
            raise InputError(f"no file matches {name}")
        return files
    raise InputError(f"{name} does not exist")


def _is_transcript(file: Path) -> bool:
    name = file.name.lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name.endswith(SUFFIXES) and not name.endswith(_OURS) and not name.startswith(".")

"""What a user names → the files and datasets to read."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.arrow import is_dataset
from anthrometrics.formats.containers import COMPRESSED

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SUFFIXES", "files_of"]

# What is read of a folder; a file named by itself is read whatever its suffix.
SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".md", ".parquet", ".arrow", ".eval")
# What this package writes beside its own output is no transcript.
_OURS: Final = (".meta.json", ".card.json", ".rejected.jsonl", ".partial.jsonl", ".partial.state.json")


def files_of(named: Iterable[str]) -> list[str]:
    """Files behind names, in order; of folders and patterns sorted by name.

    The folder of a saved dataset stands for itself, wherever it is met, and what it holds is not listed.

    Args:
        named: Files, datasets, other folders (their files of known suffixes, and datasets, at any depth), patterns
            (``**`` for any depth), and ``"-"`` for standard input.

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
    if is_dataset(path):
        return [name]
    if path.is_dir():
        files = _outside_datasets(str(file) for file in path.rglob("*") if is_dataset(file) or _is_transcript(file))
        if not files:
            raise InputError(f"the folder {name} has no file of a known suffix ({', '.join(SUFFIXES)}, also .gz, .zst)")
        return files
    if glob.has_magic(name):
        found = glob.glob(name, recursive=True)  # noqa: PTH207 - absolute
        files = _outside_datasets(file for file in found if Path(file).is_file() or is_dataset(file))
        if not files:
            raise InputError(f"no file matches {name}")
        return files
    raise InputError(f"{name} does not exist")


def _outside_datasets(found: Iterable[str]) -> list[str]:
    """Files and datasets sorted, without what lies in a dataset among them."""
    names = sorted(found)
    datasets = {Path(name) for name in names if Path(name).is_dir()}
    return [name for name in names if datasets.isdisjoint(Path(name).parents)]


def _is_transcript(file: Path) -> bool:
    if not file.is_file():
        return False
    name = file.name.lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name.endswith(SUFFIXES) and not name.endswith(_OURS) and not name.startswith(".")

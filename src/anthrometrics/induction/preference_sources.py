"""What a user names → the records of preference sets: the shipped pairs, files, saved datasets, datasets of the hub."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.formats.arrow import is_dataset
from anthrometrics.formats.containers import records
from anthrometrics.formats.raw import Raw
from anthrometrics.induction.values import VALUES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["SAMPLE", "parts_of"]

SAMPLE: Final = "sample"
_PAIRS: Final = Path(__file__).parent / "data" / "pairs"
_HUB_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
_FILE: Final = re.compile(r"\.(jsonl?|ndjson|csv|tsv|txt|parquet|arrow|gz|zst)$", re.IGNORECASE)


def parts_of(
    source: str | Path, split: str | None, on_progress: Callable[[int], None] | None = None
) -> Iterator[tuple[str, Iterator[Raw]]]:
    """The files or the split behind a name, each with its records.

    Args:
        source: ``"sample"`` for the shipped pairs, a file or ``"-"``, the folder of a dataset (saved with
            ``save_to_disk``, or as it lies on the hub), or the name of a dataset on the hub.
        split: Of a dataset; by default ``train``, or the only one there is.
        on_progress: As ``records`` takes it; called for files.

    Yields:
        What the part is called in errors, and its records.

    Raises:
        InputError: There is no such file or dataset, it cannot be read, or there is no such split.
        MissingExtraError: It needs a library that is not installed.
    """
    path = Path(source)
    if str(source) == SAMPLE:
        _refuse_split(split, "the shipped sample")
        for name in VALUES:
            if (file := _PAIRS / f"{name}.jsonl").is_file():
                yield file.name, records(file)
    elif str(source) == "-" or path.is_file():
        _refuse_split(split, str(source))
        yield "<stdin>" if str(source) == "-" else str(source), records(source, on_progress)
    elif is_dataset(path):
        folder = _saved_split(path, split)
        yield str(folder), records(folder)
    elif path.is_dir() or _is_hub_name(str(source)):
        yield _loaded(str(source), split)
    else:
        raise InputError(
            f'{source} does not exist; name a file of preference pairs, "{SAMPLE}" for the shipped ones, or a dataset '
            "of the Hugging Face hub such as Anthropic/hh-rlhf"
        )


def _refuse_split(split: str | None, name: str) -> None:
    if split is not None:
        raise InputError(f"{name} has no splits; leave --split out (split= in Python)")


def _is_hub_name(name: str) -> bool:
    return _HUB_NAME.fullmatch(name) is not None and _FILE.search(name) is None


def _saved_split(path: Path, split: str | None) -> Path:
    splits = sorted(folder.name for folder in path.iterdir() if is_dataset(folder))
    if not splits:
        _refuse_split(split, f"the dataset {path}")
        return path
    return path / _split_of(splits, split, str(path))


def _split_of(splits: Sequence[str], asked: str | None, name: str) -> str:
    wanted = asked or (splits[0] if len(splits) == 1 else "train")
    if wanted not in splits:
        raise InputError(f"{name} has the splits {', '.join(splits)}; name one with --split (split= in Python)")
    return wanted


def _loaded(name: str, split: str | None) -> tuple[str, Iterator[Raw]]:
    """A dataset by the library, which knows how a repository lays out its files."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "datasets") from error
    try:
        splits: dict[str, Any] = datasets.load_dataset(name)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise InputError(_unloadable(name, error)) from error
    chosen = _split_of([*splits], split, name)
    rows = splits[chosen]
    return f"{name}[{chosen}]", (Raw(number, row) for row, number in zip(rows, count(1), strict=False))


def _unloadable(name: str, error: Exception) -> str:
    lines = str(error).strip().splitlines()
    why = lines[0].rstrip(".") if lines else type(error).__name__
    if Path(name).is_dir():
        return f"the folder {name} cannot be loaded as a dataset ({why}); name one of its files"
    return (
        f"there is no file or folder {name}, and no dataset of that name could be loaded from the Hugging Face hub "
        f"({why}); check the name and the network, or download the dataset elsewhere and name its folder"
    )

"""Arrow's tables → records: Parquet and Arrow files, and the datasets that Hugging Face's library saves to disk.

A saved dataset is a folder with a list of Arrow files (``state.json``), or with a list of such folders, its splits
(``dataset_dict.json``). They are read as Arrow files and not through the library, which would take one damaged file,
one empty split or a PyTorch that is not there for a reason to read nothing.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.formats.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["arrow_rows", "dataset_rows", "is_dataset", "parquet_rows"]

_SPLITS: Final = "dataset_dict.json"
_FILES: Final = "state.json"
_INFO: Final = "dataset_info.json"
# Of a file, as opposed to a stream.
_FILE_MAGIC: Final = b"ARROW1"
# Rows that become objects at once.
_ROWS: Final = 256


def is_dataset(path: str | Path) -> bool:
    """Whether a folder is a dataset, or splits of one, that was saved to disk."""
    return _is_single(Path(path)) or (Path(path) / _SPLITS).is_file()


def parquet_rows(stream: BinaryIO, name: str) -> Iterator[Raw]:
    """The rows of a Parquet file, as objects.

    Args:
        stream: The file; one must be able to seek in it.
        name: What to call it in errors.

    Raises:
        InputError: It is no such file.
        MissingExtraError: pyarrow is not installed.
    """
    _require_pyarrow("parquet")
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(stream)
    except _unreadable() as error:
        raise InputError(f"{name} is not a readable Parquet file: {error}") from error
    yield from _rows(file.iter_batches(batch_size=1024), count(1))


def arrow_rows(stream: BinaryIO, name: str) -> Iterator[Raw]:
    """The rows of an Arrow file (Feather) or of a stream of Arrow's, as objects.

    Args:
        stream: The file; one must be able to seek in it.
        name: What to call it in errors.

    Raises:
        InputError: It is no such file, or none of its columns holds text.
        MissingExtraError: pyarrow is not installed.
    """
    _require_pyarrow("parquet")
    try:
        schema, batches = _table(stream)
    except _unreadable() as error:
        raise InputError(f"{name} is not a readable Arrow file: {error}") from error
    _require_text([schema], name)
    yield from _rows(batches, count(1))


def dataset_rows(path: str | Path) -> Iterator[Raw]:
    """The rows of a saved dataset, split after split, as objects; a batch of a file (1,000 rows) is in memory at once.

    Where there are splits, a row without a column of that name tells its own as ``"split"``. A file that cannot be
    read takes the place of one row.

    Args:
        path: The folder. A split is a folder in it, and a dataset itself.

    Raises:
        InputError: Its lists cannot be read, or none of its columns holds text.
        MissingExtraError: pyarrow is not installed.
    """
    _require_pyarrow("datasets")
    folder = Path(path)
    files: dict[str | None, list[Path]]
    if _is_single(folder):
        files = {None: _files(folder)}
    else:
        files = {name: _files(folder / name) for name in _listed(folder / _SPLITS, "splits")}
    _require_text([_schema(own[0]) for own in files.values() if own], str(path))
    numbers = count(1)
    for split, own in files.items():
        for file in own:
            for raw in _file_rows(file, numbers):
                told = split is not None and isinstance(raw.value, dict)
                yield Raw(raw.number, {"split": split, **raw.value}, raw.error) if told else raw


def _is_single(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (_FILES, _INFO))


def _files(folder: Path) -> list[Path]:
    return [folder / file for file in _listed(folder / _FILES, "_data_files", "filename")]


def _listed(file: Path, field: str, inner: str | None = None) -> list[str]:
    """The names in one of the library's lists.

    Raises:
        InputError: The list cannot be read, or is none.
    """
    try:
        items = json.loads(file.read_bytes())[field]
        names = [item if inner is None else item[inner] for item in items]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{_damage(file)}: {file.name} is not the list that the library writes ({error})") from error
    if not all(isinstance(name, str) for name in names):
        raise InputError(f'{_damage(file)}: "{field}" of {file.name} must be a list of names')
    return names


def _damage(file: Path) -> str:
    return f"{file.parent} is no whole dataset (save it again with save_to_disk, or name its .arrow files)"


def _file_rows(file: Path, numbers: Iterator[int]) -> Iterator[Raw]:
    import pyarrow

    with ExitStack() as stack:
        try:
            _, batches = _table(stack.enter_context(pyarrow.OSFile(str(file))))
        except _unreadable() as error:
            yield Raw(next(numbers), error=f"{file.name}, a file of this dataset, cannot be read: {error}")
            return
        yield from _rows(batches, numbers)


def _schema(file: Path) -> Any:
    """The schema of an Arrow file, or None if it cannot be read."""
    import pyarrow

    try:
        with pyarrow.OSFile(str(file)) as source:
            return _table(source)[0]
    except _unreadable():
        return None


def _table(source: Any) -> tuple[Any, Iterable[Any]]:
    """Schema and record batches of an Arrow file or stream."""
    import pyarrow.ipc

    begins = source.read(len(_FILE_MAGIC))
    source.seek(0)
    if begins == _FILE_MAGIC:
        file = pyarrow.ipc.open_file(source)
        return file.schema, (file.get_batch(place) for place in range(file.num_record_batches))
    stream = pyarrow.ipc.open_stream(source)
    return stream.schema, stream


def _rows(batches: Iterable[Any], numbers: Iterator[int]) -> Iterator[Raw]:
    """The rows of record batches; where these end in damage, the last record says so."""
    try:
        for batch in batches:
            yield from _batch_rows(batch, numbers)
    except _unreadable() as error:
        yield Raw(next(numbers), error=f"the file is damaged from here on ({error})")


def _batch_rows(batch: Any, numbers: Iterator[int]) -> Iterator[Raw]:
    try:
        # Arrow trusts the offsets in a file, even those that point out of it.
        batch.validate(full=True)
    except _unreadable() as error:
        yield Raw(next(numbers), error=f"a block of rows is damaged ({error})")
        return
    for start in range(0, batch.num_rows, _ROWS):
        part = batch.slice(start, _ROWS)
        try:
            yield from [Raw(number, row) for row, number in zip(part.to_pylist(), numbers, strict=False)]
        except _unreadable():
            # A date that Python lacks, for example: one row costs no other.
            yield from (_row(part.slice(place, 1), next(numbers)) for place in range(part.num_rows))


def _row(part: Any, number: int) -> Raw:
    try:
        return Raw(number, part.to_pylist()[0])
    except _unreadable() as error:
        return Raw(number, error=f"this row cannot be read ({error})")


def _require_text(schemas: list[Any], name: str) -> None:
    """Check that some table has a column with text in it; one whose schema cannot be read may have.

    Raises:
        InputError: None has.
    """
    known = [schema for schema in schemas if schema is not None]
    if not schemas or len(known) < len(schemas) or any(_has_text(field.type) for own in known for field in own):
        return
    columns = ", ".join(dict.fromkeys(f'"{field.name}" ({field.type})' for own in known for field in own))
    raise InputError(f"{name} has no column of text, so there is nothing to score; it has {columns or 'no columns'}")


def _has_text(kind: Any) -> bool:
    """Whether values of an Arrow type hold strings, or nothing, whose kind is then unknown."""
    import pyarrow

    types = pyarrow.types
    if types.is_dictionary(kind):
        return _has_text(kind.value_type)
    if types.is_nested(kind):
        return any(_has_text(kind.field(place).type) for place in range(kind.num_fields))
    return any(check(kind) for check in (types.is_string, types.is_large_string, types.is_string_view, types.is_null))


def _unreadable() -> tuple[type[Exception], ...]:
    """What a file that is damaged or none of Arrow's raises, and values that Python lacks; lengths may be anything."""
    import pyarrow

    return (pyarrow.ArrowException, OSError, ValueError, EOFError, OverflowError, MemoryError)


def _require_pyarrow(extra: str) -> None:
    try:
        import pyarrow.lib  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingExtraError("pyarrow", extra) from error

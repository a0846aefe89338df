"""One kind of file a suffix: JSON lines, CSV, Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import json
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, TextIO

from anthrometrics.codebook import SENTENCE_OUTPUTS
from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.output.atomic import SURROGATES, atomic_binary, atomic_text, json_line
from anthrometrics.output.table import arrow_schema, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from anthrometrics.output.table import Column

__all__ = ["SUFFIXES", "check_output", "open_sink", "suffix_of"]

Record = dict[str, Any]
# A row group is written when it has either: rows enough to be read fast, or as many bytes as may wait in memory.
_GROUP_ROWS: Final = 8_192
_GROUP_BYTES: Final = 16 << 20
# Rows are packed by so many, or fewer where they are large: as Python values they take ten times the memory.
_PACKED_ROWS: Final = 512
_PACKED_VALUES: Final = 1 << 20


def suffix_of(output: Path) -> str:
    """The suffix that says which kind of file to write.

    Raises:
        InputError: There is none, or another; the message lists them.
    """
    for suffix in SUFFIXES:
        if output.name.lower().endswith(suffix):
            return suffix
    raise InputError(f"{output} has no suffix that says what to write; there are {', '.join(SUFFIXES)}")


def check_output(output: Path) -> None:
    """Check before any work that this kind of file can be written.

    Raises:
        InputError: The suffix is unknown.
        MissingExtraError: pyarrow is not installed.
    """
    if suffix_of(output) == ".parquet" and find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "parquet")


def open_sink(output: Path, columns: Sequence[Column]) -> AbstractContextManager[Callable[[Record], None]]:
    """A function that takes the records one by one; the file appears when all went well.

    Args:
        output: The file; its suffix says which kind.
        columns: Of a table; JSON lines have the records' own fields.

    Raises:
        InputError: The suffix is unknown, the folder cannot be written, or the disk is full.
        MissingExtraError: The kind needs a library that is not installed.
    """
    return SUFFIXES[suffix_of(output)](output, columns)


@contextmanager
def _json_lines(output: Path, _: Sequence[Column]) -> Iterator[Callable[[Record], None]]:
    with atomic_text(output) as stream:
        yield _lines_into(stream)


@contextmanager
def _packed_json_lines(output: Path, _: Sequence[Column]) -> Iterator[Callable[[Record], None]]:
    # No name and no time in the header: the same scores give the same bytes.
    with (
        atomic_binary(output) as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", errors=SURROGATES, newline="\n") as stream,
    ):
        yield _lines_into(stream)


def _lines_into(stream: TextIO) -> Callable[[Record], None]:
    def put(record: Record) -> None:
        stream.write(json_line(record))

    return put


@contextmanager
def _csv(output: Path, columns: Sequence[Column]) -> Iterator[Callable[[Record], None]]:
    with atomic_text(output) as stream:
        # Lines end as RFC 4180 has it; with a bare line feed, Python up to 3.12 leaves a carriage return unquoted.
        writer = csv.writer(stream)
        writer.writerow(column.name for column in columns)

        def put(record: Record) -> None:
            row = row_of(record, columns)
            if row.get("sentences") is not None:
                row["sentences"] = json.dumps(row["sentences"])
            writer.writerow(row.values())

        yield put


@contextmanager
def _parquet(output: Path, columns: Sequence[Column]) -> Iterator[Callable[[Record], None]]:
    schema = arrow_schema(columns)
    import pyarrow.parquet

    with atomic_binary(output) as stream, pyarrow.parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        groups = _RowGroups(writer, schema, columns)
        yield groups.put
        groups.flush()


class _RowGroups:
    """Rows → row groups of bounded size, all of one schema."""

    def __init__(self, writer: Any, schema: Any, columns: Sequence[Column]) -> None:
        self._writer, self._schema, self._columns = writer, schema, columns
        self._rows: list[Record] = []
        self._values = 0
        self._batches: list[Any] = []

    def put(self, record: Record) -> None:
        self._rows.append(row_of(record, self._columns))
        self._values += sum(len(record.get(name) or "") for name in ("prompt", "response"))
        self._values += len(SENTENCE_OUTPUTS) * len(record.get("sentences", ()))
        if len(self._rows) == _PACKED_ROWS or self._values > _PACKED_VALUES:
            self._pack()
            if self._waiting("num_rows") >= _GROUP_ROWS or self._waiting("nbytes") > _GROUP_BYTES:
                self.flush()

    def flush(self) -> None:
        self._pack()
        if self._batches:
            import pyarrow

            self._writer.write_table(pyarrow.Table.from_batches(self._batches))
            self._batches.clear()

    def _pack(self) -> None:
        if self._rows:
            import pyarrow

            self._batches.append(pyarrow.RecordBatch.from_pylist(self._rows, self._schema))
            self._rows.clear()
            self._values = 0

    def _waiting(self, measure: str) -> int:
        return sum(getattr(batch, measure) for batch in self._batches)


SUFFIXES: Final = {".jsonl": _json_lines, ".jsonl.gz": _packed_json_lines, ".csv": _csv, ".parquet": _parquet}

"""Files → records, whatever they mean: JSON lines, JSON arrays, tables and plain text, compressed or not.

A record that cannot be read is given as such in its place and costs no other; memory does not grow with the file.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO, cast

from anthrometrics.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["COMPRESSED", "Raw", "records"]

_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_PARQUET_MAGIC: Final = b"PAR1"
COMPRESSED: Final = (".gz", ".zst")
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Raw:
    """One record of a file.

    Attributes:
        number: Its line from 1, or its place from 1 in an array or a Parquet file.
        value: What it holds.
        error: Why it could not be read, or None.
        source: The bytes it was read from, or None where it has none of its own.
    """

    number: int
    value: Any = None
    error: str | None = None
    source: bytes | None = None

    def text(self) -> str:
        """As it stood in the file, undecodable bytes replaced."""
        if self.source is not None:
            return self.source.decode("utf-8", errors="replace").rstrip("\r\n")
        return "" if self.value is None else json.dumps(self.value, ensure_ascii=False, default=str)


def records(path: str | Path, on_progress: Callable[[int], None] | None = None) -> Iterator[Raw]:
    """Every record of a file.

    Args:
        path: A file, or ``"-"`` for standard input. Compression is known by its first bytes, the rest by the suffix:
            ``.csv``, ``.tsv``, ``.txt``, ``.md``, ``.parquet``, ``.json``; anything else is JSON lines.
        on_progress: Called with the bytes of the file consumed so far (compressed bytes of a compressed file).

    Raises:
        InputError: The file cannot be opened or read.
        MissingExtraError: Its kind needs a library that is not installed.
    """
    name = "<stdin>" if str(path) == "-" else str(path)
    with _open(path) as (raw, stream):
        try:
            for record in _records(path, stream):
                yield record
                if on_progress is not None and raw is not None:
                    on_progress(raw.tell())
        except OSError as error:
            raise InputError(f"cannot read {name}: {error.strerror or error}") from error


def _records(path: str | Path, stream: BinaryIO) -> Iterator[Raw]:
    suffix = _suffix(path)
    if suffix in (".csv", ".tsv"):
        return _rows(stream, "\t" if suffix == ".tsv" else ",")
    if suffix in (".txt", ".md"):
        return _whole_text(path, stream)
    if suffix == ".parquet":
        return _parquet(path)
    return _lines(stream, strict=suffix in (".jsonl", ".ndjson"), array=suffix == ".json")


def _suffix(path: str | Path) -> str:
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _lines(stream: BinaryIO, strict: bool, array: bool) -> Iterator[Raw]:
    """JSON lines, unless the first line shows that the file holds an array or values over many lines.

    Args:
        stream: The file.
        strict: Whether its name says that each line stands by itself.
        array: Whether its name says that it is one JSON document; otherwise a bracket alone on the first line does.
    """
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline()
        except _damaged() as error:
            yield Raw(number, error=f"the compressed file is damaged from here on ({error})")
            return
        if not line:
            return
        if not line.strip():
            continue
        record = _parsed(number, line)
        if number == 1 and not strict and _is_spread(line, record, array):
            yield from _values(line, stream)
            return
        yield record


def _is_spread(line: bytes, record: Raw, array: bool) -> bool:
    """Whether a first line begins an array, or a value that goes on in the next line."""
    begins = line.removeprefix(b"\xef\xbb\xbf").strip()
    if record.error is None and not isinstance(record.value, list):
        return False
    return begins[:1] in (b"[", b"{") and (array or len(begins) == 1)


def _parsed(number: int, line: bytes) -> Raw:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        return Raw(number, json.loads(text), source=line)
    except UnicodeDecodeError as error:
        reason = f"not valid UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x})"
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at column {error.colno}"
    except RecursionError:
        reason = "not usable JSON: nested too deeply"
    except ValueError as error:
        reason = f"not usable JSON: {error}"
    return Raw(number, error=reason, source=line)


def _values(begun: bytes, stream: BinaryIO) -> Iterator[Raw]:
    """The items of a JSON array, or values one after another, however they are laid out."""
    with _decoded(io.BufferedReader(_Joined(begun, stream))) as text:
        yield from _decode(text)


def _decode(text: TextIO) -> Iterator[Raw]:
    decoder = json.JSONDecoder()
    buffer, position, number, size, ended, reason = "", 0, 0, _CHUNK, False, ""
    while True:
        while position < len(buffer) and (buffer[position].isspace() or buffer[position] in "[],"):
            position += 1
        try:
            value, end = decoder.raw_decode(buffer, position)
            whole = ended or end < len(buffer)
        except ValueError as error:
            whole, reason = False, f"not JSON from here on: {error}"
        except RecursionError:
            whole, reason, ended = False, "not usable JSON from here on: nested too deeply", True
        if whole:
            number += 1
            yield _checked(number, value, buffer[position:end])
            position, size = end, _CHUNK
        elif ended:
            if position < len(buffer):
                yield Raw(number + 1, error=reason, source=buffer[position : position + 200].encode(errors="replace"))
            return
        else:
            try:
                more = text.read(size)
            except _damaged() as error:
                yield Raw(number + 1, error=f"the compressed file is damaged from here on ({error})")
                return
            buffer, position, size, ended = buffer[position:] + more, 0, size * 2, not more


@contextmanager
def _decoded(stream: BinaryIO) -> Iterator[TextIO]:
    """A stream as text; bytes that are no UTF-8 become lone surrogates, by which a record that has them is known."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        # It would close the stream below, which others still hold.
        text.detach()


def _checked(number: int, value: Any, text: str) -> Raw:
    """A value, unless bytes that were no UTF-8 are in it."""
    try:
        return Raw(number, value, source=text.encode())
    except UnicodeEncodeError:
        return Raw(number, error="not valid UTF-8", source=text.encode(errors="surrogateescape"))


class _Joined(io.RawIOBase):
    """Bytes already read, then the rest of a stream."""

    def __init__(self, begun: bytes, rest: BinaryIO) -> None:
        self._begun, self._rest = io.BytesIO(begun), rest

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        data = self._begun.read(len(target)) or self._rest.read(len(target))
        target[: len(data)] = data
        return len(data)


def _rows(stream: BinaryIO, delimiter: str) -> Iterator[Raw]:
    """The rows of a table with a header, as objects of strings."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        with _decoded(stream) as text:
            yield from _read_rows(csv.DictReader(text, delimiter=delimiter, strict=True))
    finally:
        csv.field_size_limit(limit)


def _read_rows(reader: csv.DictReader[str]) -> Iterator[Raw]:
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield Raw(reader.line_num, error=f"not a readable row: {error}")
        except _damaged() as error:
            yield Raw(reader.line_num + 1, error=f"the compressed file is damaged from here on ({error})")
            return
        else:
            if row is None:
                return
            yield _row(reader.line_num, row)


def _row(number: int, row: dict[str | Any, Any]) -> Raw:
    if None in row or None in row.values():
        expected = sum(key is not None for key in row)
        cells = [value for key, value in row.items() if key is not None] + (row.get(None) or [])
        found = [cell for cell in cells if cell is not None]
        return Raw(number, found, f"expected {expected} columns as in the header, found {len(found)}")
    if any("\udc80" <= character <= "\udcff" for value in row.values() for character in value):
        return Raw(number, error="not valid UTF-8")
    return Raw(number, row)


def _whole_text(path: str | Path, stream: BinaryIO) -> Iterator[Raw]:
    """One response a file, known by the file's name."""
    try:
        data = stream.read()
        yield Raw(1, {"id": Path(path).name, "response": data.decode("utf-8-sig")})
    except UnicodeDecodeError as error:
        yield Raw(1, error=f"not valid UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x})", source=data)
    except _damaged() as error:
        yield Raw(1, error=f"the compressed file is damaged ({error})")


def _parquet(path: str | Path) -> Iterator[Raw]:
    try:
        import pyarrow.lib
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    try:
        file = pyarrow.parquet.ParquetFile(path)
        rows = (row for batch in file.iter_batches(batch_size=1024) for row in batch.to_pylist())
        yield from (Raw(number, row) for number, row in enumerate(rows, 1))
    except pyarrow.lib.ArrowException as error:
        raise InputError(f"{path} is not a readable Parquet file: {error}") from error


@contextmanager
def _open(path: str | Path) -> Iterator[tuple[BinaryIO | None, BinaryIO]]:
    """The file to ask for progress (None where it has no position), and the stream of its bytes, unpacked."""
    if str(path) == "-":
        yield None, _unpacked(io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer)))
        return
    try:
        raw = open(path, "rb")  # noqa: SIM115 - closed by the with below
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    with raw:
        yield (raw if raw.seekable() else None), _unpacked(raw)


def _damaged() -> tuple[type[Exception], ...]:
    """What a damaged compressed stream raises, in the middle of reading."""
    zstandard = sys.modules.get("zstandard")
    return (EOFError, zlib.error, gzip.BadGzipFile, *((zstandard.ZstdError,) if zstandard else ()))


def _unpacked(stream: io.BufferedReader) -> BinaryIO:
    """Compression is known by the first bytes, so that a misleading suffix does no harm."""
    begins = stream.peek(4)[:4]
    if begins[:2] == _GZIP_MAGIC:
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    if begins == _ZSTD_MAGIC:
        try:
            import zstandard
        except ImportError as error:
            raise MissingExtraError("zstandard", "zstd") from error
        return cast("BinaryIO", io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(stream)))
    return stream

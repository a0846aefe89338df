"""Files → records, whatever they mean: JSON lines, JSON arrays, tables, logs and plain text, compressed or not.

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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO, cast

from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.formats.arrow import arrow_rows, dataset_rows, is_dataset, parquet_rows
from anthrometrics.formats.inspect_logs import (
    archived_samples,
    begins_log,
    is_archive,
    is_log,
    log_samples,
    streamed_samples,
)
from anthrometrics.formats.json_text import JsonText
from anthrometrics.formats.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["COMPRESSED", "records"]

_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
COMPRESSED: Final = (".gz", ".zst")
# Bytes by which a container is known.
_BEGINNING: Final = 1024


def records(path: str | Path, on_progress: Callable[[int], None] | None = None) -> Iterator[Raw]:
    """Every record of a file, or of a dataset.

    Args:
        path: A file, ``"-"`` for standard input, or the folder of a saved dataset. Compression and Inspect's logs are
            known by their first bytes, the rest by the suffix: ``.csv``, ``.tsv``, ``.txt``, ``.md``, ``.parquet``,
            ``.arrow``, ``.json``; anything else is JSON lines.
        on_progress: Called with the bytes of the file consumed so far (compressed bytes of a compressed file).

    Raises:
        InputError: The file cannot be opened or read.
        MissingExtraError: Its kind needs a library that is not installed.
    """
    name = "<stdin>" if str(path) == "-" else str(path)
    if is_dataset(path):
        yield from dataset_rows(path)
        return
    with _open(path) as (raw, stream):
        try:
            begins = _beginning(stream)
            if is_archive(begins) or _suffix(path) == ".eval":
                yield from _archive(path, begins, raw is None, on_progress)
                return
            for record in _records(path, stream, begins):
                yield record
                if on_progress is not None and raw is not None:
                    on_progress(raw.tell())
        except OSError as error:
            raise InputError(f"cannot read {name}: {error.strerror or error}") from error


def _archive(path: str | Path, begins: bytes, piped: bool, on_progress: Callable[[int], None] | None) -> Iterator[Raw]:
    if piped:
        raise InputError("a log of Inspect (.eval) cannot be read from standard input; name the file")
    if not is_archive(begins) or Path(path).suffix.lower() in COMPRESSED:
        raise InputError(f"{path} does not begin as a log of Inspect (.eval) does; copy it again, or unpack it first")
    return archived_samples(path, on_progress)


def _records(path: str | Path, stream: BinaryIO, begins: bytes) -> Iterator[Raw]:
    suffix = _suffix(path)
    if suffix in (".csv", ".tsv"):
        return _rows(stream, "\t" if suffix == ".tsv" else ",")
    if suffix in (".txt", ".md"):
        return _whole_text(path, stream)
    if suffix == ".parquet":
        return parquet_rows(stream, str(path))
    if suffix == ".arrow":
        return arrow_rows(stream, str(path))
    strict = suffix in (".jsonl", ".ndjson")
    if not strict and begins_log(begins):
        return _values(b"", stream, streamed_samples)
    return _without_logs(_lines(stream, strict, array=suffix == ".json"))


def _without_logs(found: Iterable[Raw]) -> Iterator[Raw]:
    """Records as they are, and the samples of whole logs in place of these."""
    read = 0
    for raw in found:
        if is_log(raw.value):
            for sample in log_samples(raw.value):
                read += 1
                yield replace(sample, number=read)
        else:
            yield raw


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
            yield from _values(line, stream, _items)
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


def _values(begun: bytes, stream: BinaryIO, read: Callable[[JsonText], Iterator[Raw]]) -> Iterator[Raw]:
    """The records of a text of JSON, however it is laid out."""
    with _decoded(io.BufferedReader(_Joined(begun, stream))) as text:

        def more(size: int) -> str:
            try:
                return text.read(size)
            except _damaged() as error:
                raise ValueError(f"the compressed file is damaged from here on ({error})") from error

        yield from read(JsonText(more))


def _items(text: JsonText) -> Iterator[Raw]:
    """The items of a JSON array, or values one after another."""
    number = 1
    try:
        while text.skip("[],"):
            yield text.record(number)
            number += 1
    except ValueError as error:
        yield Raw(number, error=str(error), source=text.rest())


@contextmanager
def _decoded(stream: BinaryIO) -> Iterator[TextIO]:
    """A stream as text; bytes that are no UTF-8 become lone surrogates, by which a record that has them is known."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        # It would close the stream below, which others still hold.
        text.detach()


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


def _beginning(stream: io.BufferedReader) -> bytes:
    """The first bytes, which stay to be read; nothing if they cannot be unpacked, as reading them will tell."""
    try:
        return stream.peek(_BEGINNING)[:_BEGINNING]
    except _damaged():
        return b""


@contextmanager
def _open(path: str | Path) -> Iterator[tuple[BinaryIO | None, io.BufferedReader]]:
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


def _unpacked(stream: io.BufferedReader) -> io.BufferedReader:
    """Compression is known by the first bytes, so that a misleading suffix does no harm."""
    begins = stream.peek(4)[:4]
    if begins[:2] == _GZIP_MAGIC:
        return cast("io.BufferedReader", gzip.GzipFile(fileobj=stream))
    if begins == _ZSTD_MAGIC:
        try:
            import zstandard
        except ImportError as error:
            raise MissingExtraError("zstandard", "zstd") from error
        return io.BufferedReader(cast("io.RawIOBase", zstandard.ZstdDecompressor().stream_reader(stream)))
    return stream

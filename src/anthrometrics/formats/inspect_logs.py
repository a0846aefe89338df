"""Logs of Inspect → one record a sample: ``.eval`` archives, and the JSON that it can write instead.

Each record is the sample as Inspect's own library reads it, whatever the version that wrote it, with the log's
``"status"`` and ``"eval"`` (model, task, configuration) beside it, and without its events. A log that was interrupted
gives the samples that it holds. One sample at a time is in memory.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.formats.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from anthrometrics.formats.json_text import JsonText

__all__ = ["archived_samples", "begins_log", "is_archive", "is_log", "log_samples", "streamed_samples"]

_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
# How every log of Inspect's begins. One whose fields were put into another order since is known when it is whole.
_BEGINS: Final = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:\s*"[a-z]+"\s*,\s*"eval"\s*:\s*\{'
)
_HEADERS: Final = ("header.json", "_journal/start.json")
# A sample, or what its pieces hang on in a layout that Inspect itself does not read yet.
_MEMBER: Final = re.compile(r"samples/(?P<id>.+)_epoch_(?P<epoch>\d+)(?P<pieces>/sample)?\.json")
# What happened during a sample, which is most of a log and nobody's words; timelines point into it.
_LEFT_OUT: Final = frozenset({"events", "events_data", "timelines", "error_retries"})
_EMPTY: Final = (
    "this log of Inspect holds no samples: it was written without them, or stopped before one ended "
    '("inspect log recover" may find those of a run that was killed)'
)


def is_archive(begins: bytes) -> bool:
    """Whether a file's first bytes are those of a zip archive, which ``.eval`` files are."""
    return begins[:4] in _MAGIC


def begins_log(begins: bytes) -> bool:
    """Whether a file's first bytes are those of a log in JSON, as Inspect lays it out."""
    return _BEGINS.match(begins) is not None


def is_log(value: object) -> bool:
    """Whether a value is a whole log, by its fields."""
    if not isinstance(value, dict) or not isinstance(value.get("eval"), dict):
        return False
    spec = value["eval"]
    whole = isinstance(value.get("samples"), list) or ("samples" not in value and {"version", "status"} <= value.keys())
    return whole and all(isinstance(spec.get(name), str) for name in ("task", "model"))


def archived_samples(path: str | Path, on_progress: Callable[[int], None] | None = None) -> Iterator[Raw]:
    """The samples of a ``.eval`` file, sorted by epoch and id as Inspect sorts them.

    Args:
        path: The file.
        on_progress: Called with about the number of bytes read so far.

    Raises:
        InputError: It is no log of Inspect, or damaged as a whole.
        MissingExtraError: Inspect is not installed.
    """
    with _opened(path) as archive:
        names = set(archive.namelist())
        own = next((name for name in _HEADERS if name in names), None)
        if own is None:
            raise InputError(
                f"{path} is a zip archive and no log of Inspect (.eval); unpack it and name the files in it"
            )
        header = _header(path, archive, own)
        members = sorted(filter(None, map(_MEMBER.fullmatch, names)), key=_place)
        if not members:
            yield Raw(1, error=_EMPTY)
        size = Path(path).stat().st_size
        for number, member in enumerate(members, 1):
            yield _read_sample(_unpacked(archive, member, number), header)
            if on_progress is not None:
                on_progress(size * number // len(members))


def streamed_samples(text: JsonText) -> Iterator[Raw]:
    """The samples of a log in JSON, one after another as they are read.

    Args:
        text: A place where a log begins.

    Raises:
        MissingExtraError: Inspect is not installed.
    """
    number = 0
    try:
        while text.skip():
            for raw in _one_log(text):
                number += 1
                yield replace(raw, number=number)
    except ValueError as error:
        yield Raw(number + 1, error=str(error), source=text.rest())


def log_samples(log: Mapping[str, Any]) -> Iterator[Raw]:
    """The samples of a whole log that was read as one value.

    Raises:
        MissingExtraError: Inspect is not installed.
    """
    samples = log.get("samples") or []
    if not samples:
        yield Raw(1, error=_EMPTY)
    for number, sample in enumerate(samples, 1):
        yield _read_sample(Raw(number, sample), log)


def _one_log(text: JsonText) -> Iterator[Raw]:
    """The samples of the log that begins here.

    Raises:
        ValueError: It is broken, or something else begins.
    """
    header: dict[str, Any] = {}
    empty = True
    text.take("{")
    while text.skip(",") != "}":
        field, _ = text.value()
        text.take(":")
        if field == "samples" and text.skip() == "[":
            text.take("[")
            while text.skip(",") != "]":
                empty = False
                yield _read_sample(text.record(1), header)
            text.take("]")
        else:
            value, _ = text.value()
            header |= {field: value} if field in ("status", "eval") else {}
    text.take("}")
    if empty:
        yield Raw(1, error=_EMPTY)


def _opened(path: str | Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise InputError(
            f"{path} begins as a log of Inspect (.eval) does, but is damaged or not whole ({error}); copy it again"
        ) from error


def _header(path: str | Path, archive: zipfile.ZipFile, member: str) -> dict[str, Any]:
    # Besides, this teaches zipfile the compression of Inspect's logs.
    library = _library()
    try:
        # For its checksum, at which the library does not look.
        archive.read(member)
        log = library.read_eval_log(str(Path(path).resolve()), header_only=True, format="eval")
    except _unreadable() as error:
        raise InputError(f"the header of {path} cannot be read ({_reason(error)}); copy the file again") from error
    return {"status": log.status, "eval": log.eval.model_dump(mode="json", exclude_none=True, warnings=False)}


def _place(member: re.Match[str]) -> tuple[int, str]:
    """What sorts samples; numbers sort by their value."""
    name = member["id"]
    return int(member["epoch"]), name.zfill(20) if name.isdecimal() else name


def _unpacked(archive: zipfile.ZipFile, member: re.Match[str], number: int) -> Raw:
    """A sample of an archive, whose checksum is looked at: words of a damaged one might have changed."""
    where = {"id": member["id"], "epoch": int(member["epoch"])}
    if member["pieces"]:
        return Raw(number, where, "this sample is stored in pieces, which Inspect itself does not read yet")
    try:
        return Raw(number, json.loads(archive.read(member[0])))
    except _unreadable() as error:
        return Raw(number, where, f"this sample is damaged: {_reason(error)}")


def _read_sample(raw: Raw, header: Mapping[str, Any]) -> Raw:
    """A record of a sample as it stands in a log."""
    if raw.error is not None:
        return raw
    if not isinstance(raw.value, dict):
        return replace(raw, error="a sample must be an object")
    library = _library()
    kept = {name: value for name, value in raw.value.items() if name not in _LEFT_OUT}
    try:
        sample = library.resolve_sample_attachments(library.EvalSample.model_validate(kept), "core")
        values = sample.model_dump(mode="json", exclude_none=True, exclude=set(_LEFT_OUT), warnings=False)
    except _unreadable() as error:
        return replace(raw, error=f"not a sample as Inspect writes it: {_reason(error)}")
    return replace(raw, value={**{name: header.get(name) for name in ("status", "eval")}, **values})


def _library() -> ModuleType:
    try:
        import inspect_ai.log
    except ImportError as error:
        raise MissingExtraError("inspect-ai", "inspect") from error
    return inspect_ai.log


def _reason(error: Exception) -> str:
    """The first thing that is wrong, in a line; Pydantic lists all of them over several."""
    problems = getattr(error, "errors", None)
    if callable(problems):
        first = problems(include_url=False, include_input=False)[0]
        return f'"{".".join(map(str, first["loc"]))}": {first["msg"]}'
    return str(error) or type(error).__name__


def _unreadable() -> tuple[type[Exception], ...]:
    """What a log raises that is damaged or of another shape."""
    import zstandard

    return (
        *(ValueError, TypeError, AttributeError, LookupError, OSError, EOFError, RecursionError, NotImplementedError),
        *(RuntimeError, zipfile.BadZipFile, zlib.error, zstandard.ZstdError, struct.error),
    )

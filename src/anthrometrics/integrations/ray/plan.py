"""What a run over a cluster has to do: its inputs cut into shards, written down so that it can be picked up again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats import read_turns
from anthrometrics.formats.registry import FORMATS
from anthrometrics.integrations.ray.request import WRITING
from anthrometrics.output.plan import differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from anthrometrics.integrations.ray.request import Request

__all__ = ["Shard", "ShardPlan", "make_plan"]

_SCHEMA: Final = 1
# A shard of 16 MiB keeps one core busy for some minutes: little is lost with a worker, and starting one costs little.
_LARGEST: Final = 16 << 20
_SMALLEST: Final = 1 << 20
# Shards a worker gets of a file: enough that none waits long for the slowest at the end.
_EACH: Final = 4
# Differences named in one message.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Shard:
    """A file, or some of the lines of one: what a worker does at once.

    Attributes:
        name: Name of its outputs without a suffix; sorted by name they are in input order.
        file: The file as it was named.
        path: The same, absolute.
        start: First byte; None for a whole file.
        end: Byte after the last; None for a whole file.
        format: Format of a file that was cut, known by its beginning; None where the worker finds out.
    """

    name: str
    file: str
    path: str
    start: int | None = None
    end: int | None = None
    format: str | None = None


@dataclass(frozen=True)
class ShardPlan:
    """Everything that decides what a run gives.

    Attributes:
        provenance: What is known of it before a worker runs: package, model, precision and device.
        options: How inputs are read and what is written.
        stamps: File → its size in bytes and its time of change in nanoseconds.
        shards: In input order.
    """

    provenance: dict[str, Any]
    options: dict[str, Any]
    stamps: dict[str, list[int]]
    shards: tuple[Shard, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"schema": _SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> ShardPlan:
        """The plan of a run that was begun.

        Raises:
            InputError: Another version wrote it.
        """
        if raw.get("schema") != _SCHEMA:
            raise InputError(
                f"it was begun by another version (layout {raw.get('schema')}, not {_SCHEMA}); use --restart"
            )
        return cls(raw["provenance"], raw["options"], raw["stamps"], tuple(Shard(**shard) for shard in raw["shards"]))

    @property
    def inputs(self) -> list[str]:
        """Inputs in order, as named."""
        return list(dict.fromkeys(shard.file for shard in self.shards))

    @property
    def reading(self) -> dict[str, Any]:
        """Options of ``read_turns``."""
        return {name: value for name, value in self.options.items() if name not in WRITING}

    def check_same(self, request: Request, done: AbstractSet[str]) -> None:
        """Refuse to go on if what is done would not fit what is to come.

        Args:
            request: What is asked for now.
            done: Names of the shards that are done. A file that is one shard, and not done, may change.

        Raises:
            InputError: Inputs or options are others; the message says which.
        """
        files = [*request.files, *request.companions]
        found = [f"{file}: was an input, is none" for file in self.stamps if file not in files]
        found += [f"{file}: was no input, is one" for file in files if file not in self.stamps]
        if not found and list(files) != list(self.stamps):
            found.append("the inputs: named in another order")
        found += differences(
            _comparable(self.provenance, self.options), _comparable(request.provenance, request.options)
        )
        if not found:
            free = {shard.file for shard in self.shards if shard.start is None and shard.name not in done}
            found += [
                f"{file}: has changed" for file in files if file not in free and _stamp(file) != self.stamps[file]
            ]
        if found:
            listed = "".join(f"\n  {line}" for line in found[:_SHOWN])
            raise InputError(f"what is finished would not fit what is asked for now:{listed}")


def make_plan(request: Request, workers: int, split_bytes: int | None = None) -> ShardPlan:
    """Cut the inputs into shards.

    Plain JSON-lines files (``.jsonl``, ``.ndjson``) that are large are cut at line ends, unless their format reads a
    record by others beside it; any other file is one shard.

    Args:
        request: What is asked for.
        workers: How many will share the work.
        split_bytes: Largest piece of a file that can be cut; by default 1 to 16 MiB, so that every worker gets some.

    Raises:
        InputError: A file is not there.
    """
    stamps = {file: _stamp(file) for file in (*request.files, *request.companions)}
    total = sum(stamps[file][0] for file in request.files)
    most = split_bytes or min(_LARGEST, max(_SMALLEST, total // (_EACH * workers)))
    found: list[tuple[Any, ...]] = []
    for file in request.files:
        path = str(Path(file).resolve())
        found += ((file, path, *piece) for piece in _pieces(path, stamps[file][0], most, request.reading))
    digits = max(5, len(str(len(found) - 1)))
    shards = tuple(Shard(f"part-{index:0{digits}d}", *where) for index, where in enumerate(found))
    return ShardPlan(request.provenance, request.options, stamps, shards)


def _stamp(path: str) -> list[int]:
    """Bytes of a file, or of all files of a folder, and when the latest of them was changed."""
    try:
        files = [file for file in Path(path).rglob("*") if file.is_file()] if Path(path).is_dir() else [Path(path)]
        found = [file.stat() for file in files]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return [sum(status.st_size for status in found), max((status.st_mtime_ns for status in found), default=0)]


def _pieces(
    path: str, size: int, most: int, reading: Mapping[str, Any]
) -> Iterator[tuple[int | None, int | None, str | None]]:
    """``(start, end, format)`` of each shard of a file."""
    found = _format(path, reading) if size > most and path.lower().endswith((".jsonl", ".ndjson")) else None
    if found is None:
        yield None, None, None
        return
    starts = _line_starts(path, size, most)
    yield from ((start, end, found) for start, end in zip(starts, [*starts[1:], size], strict=True))


def _format(path: str, reading: Mapping[str, Any]) -> str | None:
    """The format that reading the whole file takes; None if it cannot be cut.

    Whatever is wrong with it, the worker that gets the whole of it will say.
    """
    taken: list[str] = []
    try:
        with open(path, "rb") as stream:
            # Another first byte than this is that of a compressed file, whatever its suffix says.
            begins = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not begins.startswith(b"{"):
            return None
        next(iter(read_turns(path, **reading, on_format=taken.append)), None)
    except (InputError, OSError):
        return None
    form = FORMATS.get(taken[0])
    return taken[0] if form is None or form.select is None else None


def _line_starts(path: str, size: int, most: int) -> list[int]:
    """Where the pieces of a file begin: at lines, and about as far from each other."""
    starts, count = [0], -(-size // most)
    with open(path, "rb") as stream:
        for number in range(1, count):
            # From the byte before, so that a line that begins exactly there is not passed over.
            stream.seek(number * size // count - 1)
            stream.readline()
            if starts[-1] < stream.tell() < size:
                starts.append(stream.tell())
    return starts


def _comparable(provenance: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """As ``differences`` takes it, with lists for tuples as JSON has them."""
    value: dict[str, Any] = json.loads(
        json.dumps({"schema": _SCHEMA, "inputs": {}, "provenance": provenance, "options": options})
    )
    return value

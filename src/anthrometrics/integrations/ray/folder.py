"""The output folder of a run: what lies where, and which shards are done.

part-00000.parquet        scores of the first shard (or .jsonl)
rejected/part-00000.jsonl its records that could not be read, if any
meta.json                 provenance, counts and summaries of the run
state/run.json            what is run
state/part-00000.json     report of a shard that is done
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from anthrometrics.errors import InputError
from anthrometrics.integrations.ray.report import ShardReport

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RunFolder", "ShardFormat"]

ShardFormat = Literal["parquet", "jsonl"]
# What ``atomic`` calls a file before it is whole.
_HALF: Final = re.compile(r"\..+\.[a-z0-9_]{8}\.part")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run writes.

    Attributes:
        path: The folder, absolute; every worker must see the same one there.
        shards: Kind of the files of scores.
    """

    path: Path
    shards: ShardFormat

    @property
    def plan(self) -> Path:
        """What is run."""
        return self.path / "state" / "run.json"

    @property
    def meta(self) -> Path:
        """What the run gave."""
        return self.path / "meta.json"

    def part(self, name: str) -> Path:
        """Scores of a shard."""
        return self.path / f"{name}.{self.shards}"

    def rejected(self, name: str) -> Path:
        """Records of a shard that could not be read."""
        return self.path / "rejected" / f"{name}.jsonl"

    def report_file(self, name: str) -> Path:
        """Report of a shard; it is there when the shard is done."""
        return self.path / "state" / f"{name}.json"

    def mark(self, run: str) -> Path:
        """Empty file by which a worker knows that it sees the folder of the run it works for."""
        return self.path / "state" / f"{run}.run"

    def make(self) -> None:
        """Make the folder.

        Raises:
            InputError: It cannot be made, or holds something that is no run over a cluster.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self.plan.is_file() and any(self.path.iterdir()):
                raise InputError(f"{self.path} holds something else than a run over a cluster; name another folder")
            self.plan.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the folder {self.path}: {error.strerror or error}") from error

    def has_parts(self) -> bool:
        """Whether any scores are there."""
        return next(self.path.glob("part-*"), None) is not None

    def empty(self) -> None:
        """Delete what an earlier run gave, and nothing else."""
        self.meta.unlink(missing_ok=True)
        for file in (
            *self.path.glob("part-*.*"),
            *self.path.glob("rejected/part-*.jsonl"),
            *self.path.glob("state/part-*"),
        ):
            file.unlink()

    def is_done(self, name: str) -> bool:
        """Whether a shard is done."""
        return self.report_file(name).is_file() and self.part(name).is_file()

    def report(self, name: str) -> ShardReport | None:
        """Report of a shard, None if it is not done."""
        try:
            return ShardReport(**json.loads(self.report_file(name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def count_try(self, name: str) -> int:
        """Which try at a shard this is, in this run, from 1."""
        with self._tries(name).open("ab") as stream:
            stream.write(b".")
            return stream.tell()

    def sweep(self) -> None:
        """Remove what dead workers left half-written, and what counts their tries; no worker may be at work."""
        for folder in (self.path, self.path / "rejected", self.path / "state"):
            for file in folder.iterdir() if folder.is_dir() else ():
                # A worker that does not know yet that all is over may be renaming or deleting it at this moment.
                if _HALF.fullmatch(file.name) or file.suffix in (".tries", ".run"):
                    file.unlink(missing_ok=True)

    def _tries(self, name: str) -> Path:
        return self.path / "state" / f"{name}.tries"

"""The folder of a run: where everything lies, what is done, and what it was made of."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.induction.run.config import InduceConfig
from anthrometrics.output.atomic import atomic_text, json_text
from anthrometrics.output.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from anthrometrics.induction.run.arms import Arm

__all__ = ["RunFolder", "locked"]

_SCHEMA: Final = 1
_RECORD: Final = "run.json"
_LOCK: Final = ".lock"


class RunFolder:
    """A run on disk. Its record, ``run.json``, is replaced whole whenever something is done.

        run.json  config.toml             what it is made of, and what is done
        prompts.jsonl                     what is asked
        pairs/VALUE.jsonl, .card.json     the pairs of each value, and which way they push every measure
        adapters/VALUE/seed-N             what induces it; null-N and opposite-N are the controls
        generations/base.jsonl            answers of the model as it was
        generations/VALUE/seed-N.jsonl    answers with the adapter of that name; scores/ likewise
        comparisons/VALUE/seed-N.json     base against that adapter, as anthrometrics compare has it
        questions/base.json               what the tasks of --qa scored, question by question; so VALUE/seed-N.json
        results.json  report.html         what came of it

    Args:
        path: The folder.
        record: Content of ``run.json``.
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """An existing run.

        Raises:
            InputError: There is none, or its record cannot be read.
        """
        folder = Path(path)
        file = folder / _RECORD
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{folder} is no run: there is no {_RECORD} in it") from None
        except OSError as error:
            raise InputError(f"cannot read {file}: {error.strerror or error}") from error
        except ValueError as error:
            raise InputError(f"{file} is damaged ({error}); name another folder, or begin again in it") from error
        if not isinstance(record, dict) or record.get("kind") != "run" or record.get("schema") != _SCHEMA:
            raise InputError(f"{file} is no record of a run that this version reads (schema {_SCHEMA})")
        return cls(folder, record)

    @classmethod
    def create(cls, path: Path, config: InduceConfig, facts: Mapping[str, Any]) -> RunFolder:
        """A new run.

        Args:
            path: The folder; it may exist if it is empty.
            config: What to do.
            facts: Versions and hardware, for the record.

        Raises:
            InputError: The folder holds something else, or cannot be written.
        """
        others = [file.name for file in path.iterdir() if file.name != _LOCK] if path.is_dir() else []
        if others:
            raise InputError(f"{path} is no run and not empty ({others[0]} lies in it); name a new folder")
        folder = cls.imagined(config, path, facts)
        folder.save()
        return folder

    @classmethod
    def imagined(cls, config: InduceConfig, path: Path = Path(), facts: Mapping[str, Any] | None = None) -> RunFolder:
        """A run that is not written anywhere yet."""
        record = {"schema": _SCHEMA, "kind": "run", "created": _now(), "config": config.to_dict(), **(facts or {})}
        return cls(path, record | {name: {} for name in ("hashes", "stages", "curated", "adapters", "failed")})

    @property
    def untouched(self) -> bool:
        """Whether nothing has been done in it yet, so that it may as well begin with other options."""
        return not (self.record["curated"] or self.record["adapters"])

    @property
    def config(self) -> InduceConfig:
        """What it does."""
        return InduceConfig.from_dict(self.record["config"])

    @property
    def prompts(self) -> Path:
        """What is asked."""
        return self.path / "prompts.jsonl"

    @property
    def results(self) -> Path:
        """What came of it."""
        return self.path / "results.json"

    @property
    def report(self) -> Path:
        """The same, to look at."""
        return self.path / "report.html"

    def pairs(self, value: str) -> Path:
        """The pairs of a value."""
        return self.path / "pairs" / f"{value}.jsonl"

    def card(self, value: str) -> Path:
        """What is known of them, and which way they push every measure."""
        return self.path / "pairs" / f"{value}.card.json"

    def adapter(self, arm: Arm) -> Path:
        """The folder of an adapter."""
        return self.path / "adapters" / arm.name

    def generations(self, name: str) -> Path:
        """Answers of ``"base"`` or of the arm of this name."""
        return self.path / "generations" / f"{name}.jsonl"

    def scores(self, name: str) -> Path:
        """Scores of those answers."""
        return self.path / "scores" / f"{name}.jsonl"

    def answered(self, name: str) -> Path:
        """Answers of ``"base"`` or of an arm to questions with known answers."""
        return self.path / "questions" / f"{name}.json"

    def comparison(self, arm: Arm) -> Path:
        """Base against an arm."""
        return self.path / "comparisons" / f"{arm.name}.json"

    def save(self) -> None:
        """Write the record.

        Raises:
            InputError: The folder cannot be written, or the disk is full.
        """
        self.write(self.path / _RECORD, json_text(self.record))

    def read(self, path: Path) -> dict[str, Any]:
        """The content of a JSON file of the run.

        Raises:
            InputError: It is missing or cannot be read.
        """
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {path}: {error}") from error
        return found

    def write(self, path: Path, text: str) -> None:
        """Write a file of the run, whole or not at all; folders are made as needed.

        Raises:
            InputError: The folder cannot be written, or the disk is full.
        """
        with atomic_text(self.room_for(path)) as stream:
            stream.write(text)

    def room_for(self, path: Path) -> Path:
        """The path of a file or folder of the run, whose parent is there now.

        Raises:
            InputError: It cannot be made.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write into {path.parent}: {error.strerror or error}") from error
        return path

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Keep when a stage began and when it was through."""
        self.record["stages"][name] = {"started": _now()}
        self.save()
        yield
        self.record["stages"][name]["finished"] = _now()
        self.save()

    def finished(self, name: str) -> bool:
        """Whether a stage is through."""
        return "finished" in self.record["stages"].get(name, {})

    def keep_hash(self, name: str, digest: str, what: str) -> None:
        """Keep the hash of what the run is made of, or see that it is still the same.

        Raises:
            InputError: It has changed since the run began.
        """
        before = self.record["hashes"].setdefault(name, digest)
        if before != digest:
            raise InputError(
                f"{what} changed since this run began ({before[:12]} → {digest[:12]}), and what is done would not fit "
                "what is to come; put it back, or begin a new run in another folder"
            )

    def fail(self, name: str, stage: str, reason: str) -> None:
        """Keep why a value or an adapter came to nothing."""
        self.record["failed"][name] = {"stage": stage, "reason": reason}
        self.save()

    def mend(self, name: str) -> None:
        """It has worked after all."""
        self.record["failed"].pop(name, None)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a run's folder for this process alone, and make it if need be.

    Raises:
        InputError: Another process holds it, or it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path}: {error.strerror or error}") from error
    lock = StateFile(path / _LOCK, path)
    try:
        yield
    finally:
        lock.close(remove=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

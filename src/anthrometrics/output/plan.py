"""What is run, so that an unfinished run goes on only with the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Plan", "differences", "is_stream", "plan_of"]

_SCHEMA: Final = 1
# Of a provenance; they differ wherever other values are judged.
_OF_VALUES: Final = ("values_model", "values_digest", "own_values")
_OPTION_NAMES: Final = {"which": "turns", "explained": "inspect-scores"}


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        inputs: File or dataset → its size in bytes and SHA-256; None for a stream, which has neither.
        provenance: What gives the numbers: version, model, precision, device, runtime, processor.
        options: How inputs are read and what is written.
    """

    inputs: dict[str, dict[str, Any] | None]
    provenance: dict[str, Any]
    options: dict[str, Any]

    @property
    def resumable(self) -> bool:
        """Whether every input can be read a second time."""
        return None not in self.inputs.values()

    def to_dict(self) -> dict[str, Any]:
        """Plain values as they read back from JSON."""
        value = {"schema": _SCHEMA, "inputs": self.inputs, "provenance": self.provenance, "options": self.options}
        plain: dict[str, Any] = json.loads(json.dumps(value))
        return plain


def plan_of(inputs: Iterable[str], provenance: Mapping[str, Any], options: Mapping[str, Any]) -> Plan:
    """The plan of a run; every input that is a file is read once for its digest.

    Args:
        inputs: Files, datasets, pipes or ``"-"``.
        provenance: That of the scorer.
        options: Everything else that changes what is written. A file ``requests`` counts as an input.

    Raises:
        InputError: A file cannot be read.
    """
    files = [*inputs, *([options["requests"]] if options.get("requests") else [])]
    return Plan({path: _fingerprint(path) for path in files}, dict(provenance), dict(options))


def is_stream(path: str) -> bool:
    """Whether what ``path`` names can be read only once: standard input, a pipe, a device."""
    return path == "-" or not (Path(path).is_file() or Path(path).is_dir())


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What two plans differ in, a line each, in the words of the command line.

    Args:
        was: ``Plan.to_dict`` of the unfinished run.
        now: That of this one.
    """
    if was.get("schema") != now["schema"]:
        return [f"layout of the unfinished run: was {was.get('schema')}, is {now['schema']}"]
    found = _input_differences(was["inputs"], now["inputs"])
    judged = [_values(plan["provenance"]) for plan in (was, now)]
    if judged[0] != judged[1]:
        found.append(f"--values: was {_shown(judged[0])}, is {_shown(judged[1])}")
    for part, prefix in (("provenance", ""), ("options", "--")):
        for name in {**was[part], **now[part]}:
            if name in _OF_VALUES and judged[0] != judged[1]:
                continue
            before, after = was[part].get(name), now[part].get(name)
            if before != after:
                shown = _OPTION_NAMES.get(name, name.replace("_", "-")) if prefix else name
                found.append(f"{prefix}{shown}: was {_shown(before)}, is {_shown(after)}")
    return found


def _input_differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = [f"{path}: was an input, is none" for path in was if path not in now]
    found += [f"{path}: was no input, is one" for path in now if path not in was]
    if not found and list(was) != list(now):
        found.append(f"order of the inputs: was {', '.join(was)}, is {', '.join(now)}")
    for path in now:
        before, after = was.get(path), now[path]
        if before is None or after is None:
            if path in was:
                found.append(f"{path}: a stream can be read only once")
        elif before["bytes"] != after["bytes"]:
            found.append(f"{path}: was {before['bytes']:,} bytes, is {after['bytes']:,}")
        elif before != after:
            found.append(f"{path}: its content changed (SHA-256 was {before['sha256']}, is {after['sha256']})")
    return found


def _fingerprint(path: str) -> dict[str, Any] | None:
    """Size and digest of a file; of a folder, which is a dataset, those of all its files and their names."""
    if is_stream(path):
        return None
    root = Path(path)
    files = [root] if root.is_file() else sorted(file for file in root.rglob("*") if file.is_file())
    size, named = 0, []
    for file in files:
        try:
            with file.open("rb") as stream:
                named.append(f"{file.relative_to(root)} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n")
                size += stream.tell()
        except OSError as error:
            raise InputError(f"cannot read {file}: {error.strerror or error}") from error
    if root.is_file():
        return {"bytes": size, "sha256": named[0].split()[-1]}
    return {"bytes": size, "sha256": hashlib.sha256("".join(named).encode("utf-8", "surrogateescape")).hexdigest()}


def _values(provenance: Mapping[str, Any]) -> list[str] | None:
    """As ``--values`` names them; None if they are not judged."""
    return ["all", *provenance.get("own_values", ())] if "values_model" in provenance else None


def _shown(value: object) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return str(value)

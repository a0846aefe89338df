"""Tables of options as people write them: read from TOML, and checked against the fields that they are to fill."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from anthrometrics.errors import InputError

__all__ = ["fits", "read_toml"]

_TYPES: Final[dict[str, Any]] = {"str": str, "bool": bool, "int": int, "float": (int, float)}


def read_toml(path: str | Path) -> dict[str, Any]:
    """The table of a TOML file.

    Raises:
        InputError: It cannot be read, or is no TOML.
    """
    file = Path(path)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not valid UTF-8 (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: not TOML: {error}") from error


def fits(value: object, annotation: str) -> bool:
    """Whether a value is of the kind that a field of a dataclass states.

    Args:
        value: As TOML or JSON give it. A whole number is a number; a truth value is neither.
        annotation: ``"str"``, ``"bool"``, ``"int"`` or ``"float"``, or that with ``" | None"``. Any other name is taken
            for one of strings.
    """
    kind = annotation.removesuffix(" | None")
    if value is None:
        return kind != annotation
    if isinstance(value, bool):
        return kind == "bool"
    return isinstance(value, _TYPES.get(kind, str))

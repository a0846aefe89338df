"""Values: what it means that a reply expresses one, and how to recognise it.

Fifteen are those of Arora et al. 2026 (arXiv 2605.07925); helpfulness and harmlessness are added. Each is a TOML file
in this folder, and a file of the same fields defines a value of one's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from anthrometrics.codebook import VALUES
from anthrometrics.errors import InputError
from anthrometrics.induction.tables import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VALUES", "Example", "Valence", "Value", "load_value", "load_values"]

Valence = Literal["positive", "neutral", "negative"]

_FOLDER: Final = Path(__file__).parent
_TEXTS: Final = ("name", "valence", "definition", "not_by")
_FIELDS: Final = (*_TEXTS, "cues", "contrasts", "examples")
_PARTS: Final = ("prompt", "expressing", "plain")
# Names become names of folders and columns.
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Example:
    """Two replies to one prompt, about equally long, that differ in the value.

    Attributes:
        prompt: What the user said.
        expressing: A reply that expresses the value.
        plain: A reply that does not.
    """

    prompt: str
    expressing: str
    plain: str


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a reply can express.

    Attributes:
        name: Identifier used in every output.
        valence: ``"positive"``, ``"neutral"`` or ``"negative"``, as Arora et al. have it.
        definition: Ends the sentence "it is expressed when the reply …".
        not_by: What does not suffice.
        cues: Things that such a reply typically says.
        contrasts: Value that it is confused with → how to tell them apart.
        examples: Pairs of replies with and without it.
    """

    name: str
    valence: Valence
    definition: str
    not_by: str
    cues: tuple[str, ...]
    contrasts: Mapping[str, str] = field(hash=False)
    examples: tuple[Example, ...]


def load_value(name_or_path: str | Path) -> Value:
    """A value by its name, or one of your own from a TOML file.

    Args:
        name_or_path: A name of ``VALUES``, or a file with the fields of ``Value``; ``contrasts`` may be left out.

    Raises:
        InputError: There is no such value or file, it is no TOML, or a field is missing, unknown or of another kind.
    """
    if isinstance(name_or_path, str) and name_or_path in VALUES:
        return _read(_FOLDER / f"{name_or_path}.toml")
    path = Path(name_or_path)
    if not path.exists():
        raise InputError(
            f"there is no value and no file {name_or_path}; the values are {', '.join(VALUES)}; for one of your own, "
            "name a TOML file"
        )
    return _read(path)


def load_values() -> tuple[Value, ...]:
    """Every value that ships, in the order of ``VALUES``."""
    return tuple(load_value(name) for name in VALUES)


def _read(path: Path) -> Value:
    table = read_toml(path)
    try:
        return _value(table)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _value(table: Mapping[str, Any]) -> Value:
    _check_fields(table, _FIELDS, optional=("contrasts",))
    name, valence, definition, not_by = (_text(table[each], each) for each in _TEXTS)
    if not _NAME.fullmatch(name):
        raise InputError(f'"name" must be lower-case letters, digits and hyphens, not {name!r}')
    if valence not in get_args(Valence):
        raise InputError(f'"valence" must be one of {", ".join(get_args(Valence))}, not {valence!r}')
    return Value(
        name=name,
        valence=cast("Valence", valence),
        definition=definition,
        not_by=not_by,
        cues=tuple(_text(cue, f"cues[{place}]") for place, cue in enumerate(_list(table, "cues"))),
        contrasts=_contrasts(table.get("contrasts", {})),
        examples=tuple(_example(item, f"examples[{place}]") for place, item in enumerate(_list(table, "examples"))),
    )


def _example(item: object, where: str) -> Example:
    if not isinstance(item, dict):
        raise InputError(f'"{where}" must be a table with {", ".join(_PARTS)}')
    _check_fields(item, _PARTS, where=f"{where}.")
    return Example(*(_text(item[part], f"{where}.{part}") for part in _PARTS))


def _contrasts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise InputError('"contrasts" must be a table: name of a value = how to tell it apart')
    return {name: _text(tell, f"contrasts.{name}") for name, tell in value.items()}


def _check_fields(
    table: Mapping[str, Any], expected: tuple[str, ...], optional: tuple[str, ...] = (), where: str = ""
) -> None:
    for name in expected:
        if name not in table and name not in optional:
            raise InputError(f'the field "{where}{name}" is missing; expected {", ".join(expected)}')
    for name in table:
        if name not in expected:
            raise InputError(f'the field "{where}{name}" is unknown; expected {", ".join(expected)}')


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f'"{where}" must be a string that is not empty, not {value!r}')
    return value


def _list(table: Mapping[str, Any], name: str) -> list[Any]:
    value = table[name]
    if not isinstance(value, list) or not value:
        raise InputError(f'"{name}" must be a list of at least one')
    return value

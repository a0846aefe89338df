"""Records of any other shape, by the names of their fields."""

from __future__ import annotations

import json
from datetime import date, time
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, field_names, identifier, message
from anthrometrics.turns import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["by_fields", "kept", "value_at"]


def by_fields(response: str | None, prompt: str | None = None, id: str | None = None) -> Format:
    """A format that takes the response, the prompt and the id from fields of these names.

    Args:
        response: Its field, ``"response"`` by default; dots lead into objects and lists (``"choices.0.text"``).
        prompt: Likewise; ``"prompt"`` by default, and records without it have no prompt.
        id: Likewise; ``"id"`` by default, and records without it have no id.
    """

    def conversations(record: Mapping[str, Any]) -> list[Conversation]:
        asked = value_at(record, prompt, needed=True) if prompt else record.get("prompt")
        answered = value_at(record, response or "response", needed=True)
        name = identifier({"id": value_at(record, id, needed=True)}) if id else identifier(record)
        said = (message("user", asked, prompt or "prompt"), message("assistant", answered, response or "response"))
        return [Conversation(said, name)]

    return Format("fields", "named fields", "", lambda _: True, conversations)


def value_at(record: Mapping[str, Any], path: str, needed: bool = False) -> Any:
    """The value of a field, or of a field in a field: ``"a.b.0"``.

    Args:
        record: A JSON object.
        path: A field name, which is tried whole first, or names and list places with dots between them.
        needed: Whether its absence is an error; otherwise it is None.

    Raises:
        InputError: It is needed and not there.
    """
    if path in record:
        return record[path]
    value: Any = record
    for name in path.split("."):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif needed:
            raise InputError(f'expected a field "{path}"; this object has {field_names(record)}')
        else:
            return None
    return value


def kept(record: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """The values of some fields, None where there are none; dates and the like, which JSON lacks, as text.

    Args:
        record: A record.
        paths: As ``value_at`` takes them.

    Raises:
        InputError: A value is nested too deeply to be written.
    """
    return {path: _plain(value_at(record, path), path) for path in paths}


def _plain(value: Any, path: str) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    try:
        json.dumps(value)
    except RecursionError as error:
        raise InputError(f'"{path}" is nested too deeply to be kept') from error
    except TypeError:
        return json.loads(json.dumps(value, default=_as_text))
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)

"""What the formats of several vendors share: the roles they know, checks of what they hold, and their failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import kind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["failed", "role_of", "texts"]

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def role_of(item: Mapping[str, Any], where: str) -> str:
    """The role of a message, by the name it has here.

    Raises:
        InputError: It is unknown, and must not pass for the user or the model.
    """
    role = item.get("role")
    if not isinstance(role, str):
        raise InputError(f'"{where}.role" must be a string, not {kind(role)}')
    if role not in _ROLES:
        raise InputError(f'"{where}.role" must be one of {", ".join(_ROLES)}, not "{role[:40]}"')
    return _ROLES[role]


def texts(parts: object) -> str:
    """The texts of a list of parts, one a line; anything else has none."""
    items = parts if isinstance(parts, list) else []
    return "\n".join(part["text"] for part in items if isinstance(part, dict) and isinstance(part.get("text"), str))


def failed(error: object, how: str = "") -> InputError:
    """That a vendor gave no answer, with the vendor's own reason, which some wrap in a second ``"error"``."""
    if isinstance(error, dict) and isinstance(error.get("error"), dict | str):
        error = error["error"]
    given = [error.get(name) for name in ("code", "type", "message")] if isinstance(error, dict) else [error]
    shown = [value[:200] for value in given if isinstance(value, str) and value]
    return InputError(": ".join([f"this request failed at the vendor {how}".rstrip(), *shown]))

"""The documents a report is made from, checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from anthrometrics.errors import InputError

__all__ = ["Document", "Documents", "checked", "single"]

Document = Mapping[str, Any]
Documents = Document | Sequence[Document]

_SCHEMA: Final = 1
_FIELDS: Final = {
    "comparison": (
        "headline",
        "base",
        "tuned",
        "pairing",
        "options",
        "measures",
        "flips",
        "prevalence",
        "length",
        "items",
    ),
    "scores": ("name", "provenance", "summary", "items"),
}


def checked(documents: Documents) -> tuple[Document, ...]:
    """One or several documents of one kind.

    Raises:
        InputError: There is none, one is of another kind or version, or lacks a field, or the kinds are mixed.
    """
    several = (documents,) if isinstance(documents, Mapping) else tuple(documents)
    if not several:
        raise InputError("there is no document to report; pass a comparison or a set of scores")
    for document in several:
        _check(document)
    kinds = {document["kind"] for document in several}
    if len(kinds) > 1:
        raise InputError("one report is of comparisons or of scores, not of both; write two")
    return several


def single(document: Document, *kinds: str) -> Document:
    """One document of one of these kinds.

    Raises:
        InputError: It is of another kind, or not one document.
    """
    several = checked(document)
    if len(several) != 1:
        raise InputError(f"pass one document, not {len(several)}")
    if several[0]["kind"] not in kinds:
        raise InputError(f"this shows a document of kind {' or '.join(kinds)}, not {several[0]['kind']}")
    return several[0]


def _check(document: object) -> None:
    if not isinstance(document, Mapping):
        raise InputError(f"a report is made from a document (a dict), not from {type(document).__name__}")
    kind = document.get("kind")
    if kind not in _FIELDS:
        raise InputError(f'this document\'s "kind" is {kind!r}; a report shows {" or ".join(_FIELDS)}')
    if document.get("schema") != _SCHEMA:
        raise InputError(f'this document\'s "schema" is {document.get("schema")!r}, this version reads {_SCHEMA}')
    missing = [name for name in _FIELDS[kind] if name not in document]
    if missing:
        raise InputError(f"this {kind} document lacks {', '.join(missing)}; write it again with this version")

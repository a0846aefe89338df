"""The document of a run → one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from anthrometrics.errors import InputError
from anthrometrics.output.atomic import atomic_text
from anthrometrics.report.page import filled
from anthrometrics.report.run_context import run_page_of

if TYPE_CHECKING:
    from anthrometrics.report.document import Document

__all__ = ["render_run", "write_run_report"]

_SCHEMA: Final = 1


def write_run_report(document: Document, path: str | Path, *, title: str | None = None) -> None:
    """Write the report of a run to ``path``, whole or not at all.

    Args:
        document: Of ``Run.to_dict``.
        path: The HTML file.
        title: Heading of the page; made from the names of base and values by default.

    Raises:
        InputError: The document is no run's, or ``path`` cannot be written.
        MissingExtraError: Jinja2 is not installed.
    """
    text = render_run(document, title=title)
    with atomic_text(Path(path)) as stream:
        stream.write(text)


def render_run(document: Document, *, title: str | None = None) -> str:
    """The report of a run as HTML, under the same content security policy as every page of this package.

    Raises:
        InputError: The document is no run's, or of another version.
        MissingExtraError: Jinja2 is not installed.
    """
    if document.get("kind") != "run" or document.get("schema") != _SCHEMA:
        raise InputError(f"this is no document of a run that this version reads (schema {_SCHEMA})")
    return filled(run_page_of(document, title), "run.css")

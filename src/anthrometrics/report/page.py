"""Documents → one HTML file that needs nothing else: no network, no second file, no server."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.output.atomic import atomic_text
from anthrometrics.report.context import page_of
from anthrometrics.report.document import checked
from anthrometrics.report.palette import COLOURS
from anthrometrics.report.wording import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import jinja2

    from anthrometrics.report.document import Documents

__all__ = ["filled", "render", "write_report"]

_STYLES: Final = ("page.css", "figures.css", "items.css", "print.css")
_SCRIPTS: Final = ("page.js", "answer.js", "items.js", "start.js")


def write_report(documents: Documents, path: str | PathLike[str], *, title: str | None = None) -> None:
    """Write the report of one or several documents to ``path``, whole or not at all.

    Args:
        documents: A comparison (``Comparison.to_dict()``) or a set of scores, or several of one kind.
        path: The HTML file.
        title: Heading of the page; made from the names of the sets by default.

    Raises:
        InputError: A document is not what it should be, or ``path`` cannot be written.
        MissingExtraError: Jinja2 is not installed.
    """
    text = render(documents, title=title)
    with atomic_text(Path(path)) as stream:
        stream.write(text)


def render(documents: Documents, *, title: str | None = None) -> str:
    """The report as HTML; the same documents always give the same text.

    The page carries a content security policy that allows its own script and style by their hash and nothing else,
    so that no text of a model can act or reach the network.

    Args:
        documents: A comparison (``Comparison.to_dict()``) or a set of scores, or several of one kind.
        title: Heading of the page; made from the names of the sets by default.

    Raises:
        InputError: A document is not what it should be.
        MissingExtraError: Jinja2 is not installed.
    """
    several = checked(documents)
    # Said before any work if Jinja2 is missing.
    _environment()
    try:
        page = page_of(several, title)
    except KeyError as error:
        raise InputError(f"this document lacks {error} where it is needed; write it again with this version") from error
    return filled(page)


def filled(page: Mapping[str, Any], style: str = "") -> str:
    """The page of a context, with style, script and the policy that allows them.

    Args:
        page: What ``page.html.j2`` shows.
        style: File of further style.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    template = _environment().get_template("page.html.j2")
    looks, script = _style() + (_static(style) if style else ""), _script()
    return template.render(**page, style=looks, script=script, policy=_policy(looks, script))


@cache
def _environment() -> jinja2.Environment:
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("jinja2", "report") from error
    return jinja2.Environment(
        loader=jinja2.PackageLoader("anthrometrics.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_harmless,
    )


def _harmless(value: Any) -> Any:
    """Plain text loses its harmful characters; markup, which is the package's own or JSON, stays as it is."""
    return clean(value) if type(value) is str else value


def _policy(style: str, script: str) -> str:
    sources = {
        "default-src": "'none'",
        "script-src": _hash(script),
        "style-src": _hash(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {source}" for name, source in sources.items())


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


@cache
def _style() -> str:
    colours = "".join(f"--{name}:{colour};" for name, colour in COLOURS.items())
    return f":root{{{colours}}}\n" + "".join(_static(name) for name in _STYLES)


@cache
def _script() -> str:
    # One function around all, so that the page gets no global names.
    return '"use strict";\n(() => {\n' + "".join(_static(name) for name in _SCRIPTS) + "})();\n"


def _static(name: str) -> str:
    return files("anthrometrics.report").joinpath("static", name).read_text(encoding="utf-8")

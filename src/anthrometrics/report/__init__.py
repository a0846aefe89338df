"""Documents → something to look at: one HTML file, matplotlib figures, and tables for notebooks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anthrometrics.report.page import render, write_report

__all__ = ["render", "write_report"]


def __getattr__(name: str) -> Any:
    # The command line takes colours and words from this package, and should not load pages for them.
    if name in __all__:
        return getattr(import_module("anthrometrics.report.page"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

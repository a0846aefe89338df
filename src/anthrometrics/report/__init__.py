"""Documents → something to look at: one HTML file, matplotlib figures, and tables for notebooks."""

from __future__ import annotations

from anthrometrics.report.page import render, write_report

__all__ = ["render", "write_report"]

"""What a benchmark found: measures against their targets, and tables, as Markdown and as plain values."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anthrometrics.provenance import version_of

Cell = str | int | float | None


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes:
        target: ``(">=", 0.8)`` for example; None for a figure that is given for orientation. The comparison is one of
            ``>=``, ``<=``, ``<`` and ``==``.
        note: Spread or circumstance, in a few words.
    """

    name: str
    value: float
    unit: str = ""
    target: tuple[str, float] | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        comparison, bound = self.target
        return {
            ">=": self.value >= bound,
            "<=": self.value <= bound,
            "<": self.value < bound,
            "==": self.value == bound,
        }[comparison]

    def cells(self) -> tuple[str, str, str, str]:
        """Name, value, target and note, as a table shows them."""
        if self.target is None:
            return self.name, number(self.value, self.unit), "", self.note
        verdict = "met" if self.met else "MISSED"
        goal = f"{self.target[0]} {number(self.target[1], self.unit)}: {verdict}"
        return self.name, number(self.value, self.unit), goal, self.note

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        target = None if self.target is None else {"comparison": self.target[0], "value": self.target[1]}
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "target": target,
            "met": self.met,
            "note": self.note,
        }


@dataclass(frozen=True)
class Table:
    """Figures by row; cells are numbers or names, None where nothing was measured."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]

    def to_dicts(self) -> list[dict[str, Cell]]:
        """One dict a row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Result:
    """A benchmark's outcome.

    Attributes:
        settings: What was run on what, enough to run it again.
        measures: Figures and targets.
        table: Further figures by row.
        notes: What a reader must know to judge the figures.
    """

    title: str
    settings: dict[str, Any]
    measures: list[Measure]
    table: Table | None = None
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "title": self.title,
            "machine": machine(),
            "settings": self.settings,
            "measures": [measure.to_dict() for measure in self.measures],
            "table": None if self.table is None else self.table.to_dicts(),
            "notes": self.notes,
        }

    def to_markdown(self) -> str:
        """A section of Markdown that also reads well on a terminal."""
        parts = [f"## {self.title}", ""]
        parts += [f"- {name}: {_plain(value)}" for name, value in {**self.settings, **machine()}.items()]
        cells = [measure.cells() for measure in self.measures]
        parts += ["", markdown_table(("measure", "value", "target", "note"), cells)]
        if self.table is not None:
            rows = [tuple(number(cell) for cell in row) for row in self.table.rows]
            parts += ["", markdown_table(self.table.columns, rows)]
        if self.notes:
            parts += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(parts) + "\n"


def _plain(value: Any) -> str:
    return ", ".join(f"{name} {item}" for name, item in value.items()) if isinstance(value, dict) else str(value)


def number(value: Cell, unit: str = "") -> str:
    """A figure with as many digits as it deserves."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
    return f"{text} {unit}".rstrip()


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A padded Markdown table; the first column reads left, and so does the last if it holds notes."""
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    left = {0} | ({len(columns) - 1} if columns[-1] == "note" else set())

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        return "| " + " | ".join(padded) + " |"

    rule = "|".join("-" * (w + 2) if i in left else "-" * (w + 1) + ":" for i, w in enumerate(widths))
    return "\n".join([line(columns), f"|{rule}|", *(line(row) for row in rows)])


def machine() -> dict[str, Any]:
    """Processor and versions, which the absolute figures depend on."""
    return {
        "processor": processor(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version_of(name) for name in ("anthrometrics", "onnxruntime", "numpy", "spacy", "tokenizers")},
        },
    }


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_average() -> str:
    """One-minute load before the run; far above zero, other work was going on and the figures suffer."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"

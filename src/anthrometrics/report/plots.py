"""Figures for papers and notebooks, by matplotlib.

Nothing global is touched: no pyplot, no style, no backend. A figure is saved with ``figure.savefig("forest.pdf")``.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final, Literal

from anthrometrics.codebook import TURN_DETECTORS
from anthrometrics.errors import InputError
from anthrometrics.report.curves import GRID, shares_at_least, values_of
from anthrometrics.report.document import single
from anthrometrics.report.forest import LEVELS, UNITS
from anthrometrics.report.palette import BASE, COLOURS, FAMILY, TUNED
from anthrometrics.report.wording import clean, digits_of, finite, name_of, plain, signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from anthrometrics.report.document import Document

__all__ = ["INK", "LINE", "SIZE", "SOFT", "TITLE", "bars", "blank", "distributions", "forest", "strip"]

INK: Final = "#1c2126"
SOFT: Final = "#565d66"
LINE: Final = "#dcdcd5"
SIZE: Final = 9.0
# A line of a title or legend.
_CHARACTERS: Final = 52
# Inches a row, and for what stands above and below the rows.
_ROW: Final = 0.23
_FRAME: Final = 1.3


def forest(
    document: Document,
    unit: Literal["presence", "rate"] = "presence",
    levels: Sequence[str] = LEVELS,
) -> Figure:
    """Differences with their intervals; filled marks stay significant after Holm's correction.

    Args:
        document: A comparison, ``Comparison.to_dict()``.
        unit: ``"presence"`` or ``"rate"``.
        levels: Which of ``"detector"``, ``"group"``, ``"label"`` and ``"value"`` to show.

    Raises:
        InputError: The document is no comparison, ``unit`` or a level is unknown, or nothing is left to show.
        MissingExtraError: matplotlib is not installed.
    """
    only = single(document, "comparison")
    unknown = [name for name in (unit, *levels) if name not in (*UNITS, *LEVELS)]
    if unit not in UNITS or unknown:
        raise InputError(f"unit is one of {', '.join(UNITS)}, and levels are of {', '.join(LEVELS)}")
    found = [row for row in only["measures"] if row["unit"] == unit and row["level"] in levels]
    rows = sorted(found, key=lambda row: LEVELS.index(row["level"]))
    if not rows:
        raise InputError(f"this comparison has no {unit} of {', '.join(levels)}")
    figure = blank(6.4, _FRAME + _ROW * (len(rows) + len({row["level"] for row in rows})))
    axes = figure.add_subplot()
    options = only["options"]
    axes.axvspan(-options["margin"], options["margin"], color=BASE, alpha=0.12, linewidth=0, zorder=0)
    axes.axvline(0, color=SOFT, linewidth=0.8, zorder=1)
    _rows(axes, rows, options["alpha"])
    label = "share of turns" if unit == "presence" else "share of sentences"
    axes.set_xlabel(
        f"difference in {label}, {100 * options['level']:g} % interval\n"
        f"filled: significant at {options['alpha']:g} after Holm's correction; band: ±{options['margin']:g}",
        color=INK,
        fontsize=SIZE,
    )
    axes.set_title(_literal(f"{only['tuned']['name']} − {only['base']['name']}"), **TITLE)
    strip(axes)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def distributions(document: Document) -> Figure:
    """The share of turns that score at least x, for each detector.

    Args:
        document: A comparison, which gives two curves, or a set of scores, which gives one.

    Raises:
        InputError: The document is neither, or has no scores of single turns.
        MissingExtraError: matplotlib is not installed.
    """
    only = single(document, "comparison", "scores")
    items: Sequence[Mapping[str, Any]] = only["items"]
    compared = only["kind"] == "comparison"
    sets = (
        {"base": [item["base"] for item in items], "tuned": [item["tuned"] for item in items]}
        if compared
        else {"tuned": items}
    )
    known = {
        detector: {name: found for name, sides in sets.items() if len(found := values_of(sides, detector))}
        for detector in TURN_DETECTORS
    }
    shown = [detector for detector in TURN_DETECTORS if len(known[detector]) == len(sets)]
    if not shown:
        raise InputError("this document has no scores of single turns to draw")
    figure = blank(2.6 * len(shown) + 0.6, 3.0)
    drawn = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    styles: dict[str, dict[str, Any]] = {
        "base": {"color": BASE, "linestyle": (0, (4, 2))},
        "tuned": {"color": TUNED, "linestyle": "-"},
    }
    for axes, detector in zip(drawn, shown, strict=True):
        curves = {name: shares_at_least(values, GRID) for name, values in known[detector].items()}
        if compared:
            axes.fill_between(GRID, *curves.values(), color=TUNED, alpha=0.1, linewidth=0)
        for name, curve in curves.items():
            axes.plot(GRID, curve, linewidth=1.6, label=_literal(_name(only, name)), **styles[name])
        axes.set_title(detector, **TITLE)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axes.set_xlabel("score", color=INK, fontsize=SIZE)
        axes.grid(color=LINE, linewidth=0.6)
        strip(axes)
    drawn[0].set_ylabel("share of turns ≥ score", color=INK, fontsize=SIZE)
    handles, names = drawn[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=SIZE - 1, frameon=False)
    return figure


def bars(document: Document) -> Figure:
    """Expected share of turns with each detector, label and value of a set of scores.

    Args:
        document: A set of scores.

    Raises:
        InputError: The document is no set of scores, or nothing was scored.
        MissingExtraError: matplotlib is not installed.
    """
    only = single(document, "scores")
    summary = only["summary"]
    blocks = [
        [(name, COLOURS[name], measure["presence"]) for name, measure in summary["detectors"].items()],
        [(name, COLOURS[FAMILY[name]], measure["presence"]) for name, measure in summary["labels"].items()],
        [(name, TUNED, measure["presence"]) for name, measure in summary.get("values", {}).items()],
    ]
    rows = [row for block in blocks for row in block]
    if not rows:
        raise InputError("nothing was scored in this set, so there is nothing to draw")
    gaps = sum(map(bool, blocks)) - 1
    figure = blank(6.4, _FRAME + _ROW * (len(rows) + gaps))
    axes = figure.add_subplot()
    # A gap parts detectors, labels and values.
    before = [gap for gap, block in enumerate(filter(None, blocks)) for _ in block]
    places = [index + gap for index, gap in enumerate(before)]
    shares = [finite(value) or 0.0 for *_, value in rows]
    axes.barh(places, shares, height=0.6, color=[colour for _, colour, _ in rows])
    for place, value in zip(places, shares, strict=True):
        axes.text(value + 0.01, place, plain(value), va="center", fontsize=SIZE - 1, color=INK)
    axes.set_yticks(places, [name_of(name) for name, *_ in rows], color=INK, fontsize=SIZE)
    axes.set(xlim=(0, 1.08), ylim=(max(places) + 0.7, -0.7), xticks=(0, 0.25, 0.5, 0.75, 1))
    axes.set_xlabel("expected share of turns", color=INK, fontsize=SIZE)
    axes.set_title(_literal(only["name"]), **TITLE)
    strip(axes)
    axes.tick_params(axis="y", length=0)
    return figure


TITLE: Final[dict[str, Any]] = {
    "loc": "left",
    "fontsize": SIZE + 1,
    "color": INK,
    "fontweight": "bold",
    "pad": 8,
    "wrap": True,
}


def _rows(axes: Axes, rows: Sequence[Mapping[str, Any]], alpha: float) -> None:
    """Marks and intervals, with a gap between levels; names at the left, values at the right."""
    place, places, last = 0.0, [], rows[0]["level"]
    for row in rows:
        place += 1.0 + 0.7 * (row["level"] != last)
        last = row["level"]
        places.append(place)
        value, low, high = (finite(row[key]) for key in ("difference", "low", "high"))
        corrected = finite(row["p_holm"])
        filled = corrected is not None and corrected < alpha
        if low is not None and high is not None:
            axes.plot((low, high), (place, place), color=TUNED, linewidth=1.4, solid_capstyle="butt", zorder=2)
        if value is None:
            continue
        face = TUNED if filled else "white"
        axes.plot(value, place, "o", markersize=5.5, markeredgewidth=1.4, color=TUNED, markerfacecolor=face, zorder=3)
        axes.annotate(
            signed(value, digits_of(row["unit"])),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=SIZE - 1,
            color=INK,
        )
    axes.set_yticks(places, [name_of(row["name"]) for row in rows], color=INK, fontsize=SIZE)
    for text, row in zip(axes.get_yticklabels(), rows, strict=True):
        text.set_fontweight("bold" if row["level"] == "detector" else "normal")
        text.set_fontstyle("italic" if row["level"] == "group" else "normal")
    axes.set_ylim(place + 0.7, 0.3)


def _name(document: Document, side: str) -> str:
    return str(document[side]["name"] if document["kind"] == "comparison" else document["name"])


def _literal(text: str) -> str:
    """A name as it is, in lines that fit: matplotlib would read dollars as mathematics."""
    return "\n".join(wrap(clean(text), _CHARACTERS)).replace("$", r"\$")


def blank(width: float, height: float) -> Figure:
    """An empty figure, in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    from anthrometrics.report.figure import NotebookFigure

    return NotebookFigure(figsize=(width, height), layout="constrained", facecolor="white", dpi=150)


def strip(axes: Axes) -> None:
    """Only the lines that carry something."""
    axes.set_facecolor("white")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelsize=SIZE - 1, labelcolor=INK)

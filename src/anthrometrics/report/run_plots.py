"""Figures of a run for papers and notebooks, by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.report.palette import BASE, TUNED
from anthrometrics.report.plots import INK, LINE, SIZE, SOFT, TITLE, blank, strip
from anthrometrics.report.run_figures import was_found
from anthrometrics.report.wording import digits_of, finite, name_of, signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["KINDS", "figure_of"]

_ROW: Final = 0.3
_FRAME: Final = 1.4
# Blue for more and orange for less, as on the page, which colour-blind readers can tell apart.
_COLOURS: Final = ("#D55E00", "#FFFFFF", "#0072B2")


def figure_of(results: Mapping[str, Any], kind: str) -> Figure:
    """A figure of what came of a run.

    Args:
        results: Of ``Results.to_dict``.
        kind: Of ``KINDS``.

    Raises:
        InputError: There is no such figure, or nothing to draw in it.
        MissingExtraError: matplotlib is not installed.
    """
    if kind not in KINDS:
        raise InputError(f'figures are {", ".join(KINDS)}, not "{kind}"')
    draw: Any = KINDS[kind]
    return draw(results)  # type: ignore[no-any-return]


def _effects(results: Mapping[str, Any]) -> Figure:
    """Heat map: induced value × detector measure; dots where a difference was found."""
    rows = _detectors(results)
    values, keys = (list(dict.fromkeys(row[name] for row in rows)) for name in ("value", "measure"))
    by_key = {(row["value"], row["measure"]): row for row in rows}
    table = [[by_key[value, key] for key in keys] for value in values]
    names = [name_of(key.removesuffix(".rate")) + ("\nrate" if key.endswith(".rate") else "") for key in keys]
    return _heat(table, values, names, "tuned − base")


def _values(results: Mapping[str, Any]) -> Figure:
    """Heat map: induced × expressed value."""
    rows = [row for row in results["side_effects"] if row["level"] == "value"]
    if not rows:
        raise InputError("values were not scored in this run")
    values, names = (list(dict.fromkeys(row[name] for row in rows)) for name in ("value", "name"))
    by_key = {(row["value"], row["name"]): row for row in rows}
    table = [[by_key[value, name] for name in names] for value in values]
    return _heat(table, values, names, "share of answers that express it, tuned − base")


def _heat(table: Sequence[Sequence[Mapping[str, Any]]], rows: list[str], columns: list[str], what: str) -> Figure:
    import numpy as np

    figure = blank(1.8 + 0.62 * len(columns), _FRAME + _ROW * len(rows) + 0.5)
    from matplotlib.colors import LinearSegmentedColormap

    shown = np.array([[_or_nan(row["difference"]) for row in line] for line in table])
    most = float(np.nanmax(np.abs(shown), initial=1e-9))
    axes = figure.add_subplot()
    colours = LinearSegmentedColormap.from_list("effects", _COLOURS)
    drawn = axes.imshow(shown, cmap=colours, vmin=-most, vmax=most, aspect="auto")
    for y, line in enumerate(table):
        for x, row in enumerate(line):
            mark = "•" if was_found(row) else ""
            text = f"{signed(row['difference'], digits_of(row['unit']))}{mark}"
            dark = abs(_or_nan(row["difference"])) > 0.6 * most
            axes.text(x, y, text, ha="center", va="center", fontsize=SIZE - 2, color="white" if dark else INK)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=SIZE - 1, color=INK)
    axes.set_yticks(range(len(rows)), rows, fontsize=SIZE - 1, color=INK)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.ax.tick_params(labelsize=SIZE - 2, colors=SOFT)
    axes.set_title(f"{what}; • found after Holm and beyond the null", **TITLE)
    return figure


def _forest(results: Mapping[str, Any]) -> Figure:
    """Differences of the detectors with intervals, one panel a measure; grey: the null adapters."""
    rows = [row for row in _detectors(results) if row["unit"] == "presence"]
    keys, values = (list(dict.fromkeys(row[name] for row in rows)) for name in ("measure", "value"))
    figure = blank(2.4 * len(keys) + 1.4, _FRAME + _ROW * len(values))
    panels = figure.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    for axes, key in zip(panels, keys, strict=True):
        axes.axvline(0, color=SOFT, linewidth=0.8)
        for place, value in enumerate(values):
            _row(axes, next(row for row in rows if (row["value"], row["measure"]) == (value, key)), place)
        axes.set_title(name_of(key), **TITLE)
        axes.set_xlabel("difference", fontsize=SIZE, color=INK)
        strip(axes)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
    panels[0].set_yticks(range(len(values)), values, fontsize=SIZE, color=INK)
    panels[0].set_ylim(len(values) - 0.4, -0.6)
    return figure


def _row(axes: Axes, row: Mapping[str, Any], place: int) -> None:
    for prefix, colour, offset in (("null_", BASE, 0.22), ("", TUNED, 0.0)):
        value, low, high = (finite(row[f"{prefix}{name}"]) for name in ("difference", "low", "high"))
        if value is None:
            continue
        if low is not None and high is not None:
            axes.plot((low, high), (place + offset, place + offset), color=colour, linewidth=1.4)
        face = colour if not prefix and was_found(row) else "white"
        axes.plot(value, place + offset, "|" if prefix else "o", markersize=5.5, color=colour, markerfacecolor=face)


def _forecast(results: Mapping[str, Any]) -> Figure:
    """Foretold against observed, one panel a detector and one point a value."""
    rows = results["forecast_check"]["rows"]
    keys = [key for key in dict.fromkeys(row["measure"] for row in rows) if "." not in key]
    if not keys:
        raise InputError("nothing was forecast in this run")
    figure = blank(2.8 * len(keys) + 0.4, 3.2)
    for axes, key in zip(figure.subplots(1, len(keys), squeeze=False)[0], keys, strict=True):
        points = [row for row in rows if row["measure"] == key]
        axes.axhline(0, color=LINE, linewidth=0.8)
        axes.axvline(0, color=LINE, linewidth=0.8)
        axes.plot([p["forecast"] for p in points], [p["observed"] for p in points], "o", markersize=5, color=TUNED)
        for point in points:
            place = (point["forecast"], point["observed"])
            axes.annotate(point["value"], place, xytext=(4, 4), textcoords="offset points", fontsize=SIZE - 2)
        axes.set_title(name_of(key), **TITLE)
        axes.set_xlabel("forecast: chosen − rejected", fontsize=SIZE, color=INK)
        axes.set_ylabel("outcome: tuned − base", fontsize=SIZE, color=INK)
        strip(axes)
    return figure


def _detectors(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = [row for row in results["side_effects"] if row["level"] == "detector"]
    if not rows:
        raise InputError("this run has no side effects to draw")
    return rows


def _or_nan(value: Any) -> float:
    number = finite(value)
    return float("nan") if number is None else number


KINDS: Final = {"effects": _effects, "forest": _forest, "values": _values, "forecast": _forecast}

"""Geometry of the page's figures: forest plot, curves, heat map."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics.codebook import LABELS
from anthrometrics.report.curves import panels, shares_at_least
from anthrometrics.report.forest import forest, overview
from anthrometrics.report.heat import changes, shares

SHARES = st.floats(-1, 1)


def _measure(difference, low, high, name="validation", level="detector", p_holm=0.01):
    return {
        "name": name, "level": level, "unit": "presence", "base": 0.2, "tuned": 0.2 + difference, "difference": difference,
        "low": low, "high": high, "p_holm": p_holm, "equivalent": False,
    }  # fmt: skip


def _comparison(rows, margin=0.05):
    return {
        "measures": rows,
        "options": {"margin": margin, "alpha": 0.05, "level": 0.95},
        "base": {"name": "b"},
        "tuned": {"name": "t"},
    }


@given(st.lists(st.tuples(SHARES, SHARES, SHARES), min_size=1, max_size=9), st.floats(0, 0.2))
def test_everything_fits_the_axis_and_keeps_its_order(rows, margin):
    measures = [_measure(middle, low, high) for low, middle, high in map(sorted, rows)]
    drawn = forest(_comparison(measures, margin), "presence")
    (block,) = drawn.blocks
    places = [(row.low, row.x, row.high) for row in block.rows]
    assert all(0 <= low <= x <= high <= 100 for low, x, high in places)
    assert drawn.axis.band[0] <= drawn.axis.zero <= drawn.axis.band[1]
    ticks = [x for x, _ in drawn.axis.ticks]
    assert ticks == sorted(ticks) and 2 <= len(ticks) <= 12
    # Ticks say where things are: a value between two of them is drawn between them.
    values = np.array([float(text.replace("−", "-")) for _, text in drawn.axis.ticks])
    found = np.interp([m["difference"] for m in measures], values, ticks)
    assert [x for _, x, _ in places] == pytest.approx(found, abs=0.02)


def test_detectors_come_first_then_groups_then_labels_by_family(comparison):
    headings = [block.heading for block in forest(comparison, "presence").blocks]
    assert headings == [
        "Detectors",
        "Groups of labels",
        "Labels of anthropomorphism",
        "Labels of validation",
        "Labels of refusal",
    ]
    assert sum(len(block.rows) for block in forest(comparison, "presence").blocks) == 28
    assert sum(len(block.rows) for block in forest(comparison, "rate").blocks) == 27


def test_a_mark_is_filled_by_the_corrected_p_alone():
    rows = [_measure(0.1, 0.05, 0.2, p_holm=p) for p in (0.049, 0.05, math.nan)]
    assert [row.significant for row in forest(_comparison(rows), "presence").blocks[0].rows] == [True, False, False]


def test_no_measure_of_a_unit_means_no_plot():
    assert forest(_comparison([_measure(0.1, 0, 0.2)]), "rate") is None
    assert overview([_comparison([])], "presence") is None
    assert changes(_comparison([_measure(0.1, 0, 0.2)]), "presence") is None


def test_the_overview_has_a_row_for_each_comparison_on_one_axis():
    documents = [_comparison([_measure(0.1, 0, 0.2)]), _comparison([_measure(-0.6, -0.7, -0.5)])]
    drawn = overview(documents, "presence")
    first, second = drawn.blocks[0].rows
    assert first.x > drawn.axis.zero > second.x


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_curves_count_answers(values, point):
    found = shares_at_least(np.array(values), np.array([point]))[0]
    assert found == pytest.approx(sum(value >= point for value in values) / len(values))


def test_a_panel_needs_scores_in_every_set():
    some, none = [{"values": {"validation": 0.5, "refusal": None}}], [{"values": {"validation": None}}]
    assert [panel.detector for panel in panels({"base": some, "tuned": some}, {"validation": 0.4})] == ["validation"]
    assert panels({"base": some, "tuned": none}, {}) == ()


def test_heat_cells_show_the_numbers_and_the_side(comparison):
    heat = changes(comparison, "presence")
    cells = {row.title: row.cells for block in heat.blocks for row in block.rows}
    assert len(cells) == len(LABELS)
    measures = [row for row in comparison["measures"] if row["level"] == "label" and row["unit"] == "presence"]
    widest = max(measures, key=lambda row: abs(row["difference"]))
    assert cells[widest["name"].replace("_", " ")][2].step in ("more-6", "less-6")
    for row in measures:
        _, _, difference = cells["AI disclosure" if row["name"] == "ai_disclosure" else row["name"].replace("_", " ")]
        side, step = difference.step.split("-")
        assert float(difference.text.replace("−", "-")) == pytest.approx(row["difference"], abs=0.0051)
        assert int(step) == pytest.approx(6 * abs(row["difference"] / widest["difference"]), abs=0.51)
        assert step == "0" or side == ("more" if row["difference"] > 0 else "less")


def test_heat_of_score_sets_starts_with_the_detectors(score_set):
    heat = shares([("a", score_set["summary"]), ("b", {"detectors": {}, "labels": {}})], "rate")
    assert [row.title for row in heat.blocks[0].rows] == ["anthropomorphism", "validation", "refusal"]
    refusal = heat.blocks[0].rows[2].cells
    # Refusal has no rate, and the second set has no numbers at all.
    assert [cell.text for cell in refusal] == ["–", "–"]
    assert {cell.step for cell in refusal} == {"none"}

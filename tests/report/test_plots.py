"""Figures for papers and notebooks."""

import copy
import subprocess
import sys

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex

from anthrometrics import InputError
from anthrometrics.report import plots

FIGURES = ["forest", "distributions", "bars"]


@pytest.fixture
def figure(comparison, score_set):
    def make(name, **options):
        return getattr(plots, name)(score_set if name == "bars" else comparison, **options)

    return make


@pytest.mark.parametrize("name", FIGURES)
def test_a_notebook_shows_it_and_nothing_global_changes(figure, name):
    before = dict(mpl.rcParams), mpl.get_backend(auto_select=False), set(sys.modules)
    drawn = figure(name)
    assert drawn._repr_png_().startswith(b"\x89PNG")
    assert (dict(mpl.rcParams), mpl.get_backend(auto_select=False)) == before[:2]
    assert "matplotlib.pyplot" not in set(sys.modules) - before[2]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_it_can_be_saved_for_a_paper(figure, name, kind, tmp_path):
    figure(name).savefig(tmp_path / f"figure.{kind}")
    assert (tmp_path / f"figure.{kind}").stat().st_size > 5000


@pytest.mark.parametrize("unit", ["presence", "rate"])
def test_the_forest_has_a_mark_for_each_measure_filled_where_significant(figure, comparison, unit):
    (axes,) = figure("forest", unit=unit).axes
    rows = [row for row in comparison["measures"] if row["unit"] == unit]
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in marks] == [row["difference"] for row in rows]
    assert [to_hex(line.get_markerfacecolor()) != "#ffffff" for line in marks] == [row["p_holm"] < 0.05 for row in rows]
    spans = [tuple(line.get_xdata()) for line in axes.lines if line.get_marker() == "None" and line.get_linewidth() > 1]
    assert spans == [(row["low"], row["high"]) for row in rows]
    assert [text.get_text() for text in axes.get_yticklabels()][:3] == ["anthropomorphism", "validation", "refusal"][
        : 3 if unit == "presence" else 2
    ] + ["personhood"] * (unit == "rate")


def test_the_forest_shows_the_levels_asked_for(figure):
    (axes,) = figure("forest", levels=["detector"]).axes
    assert len(axes.get_yticklabels()) == 3


def test_distributions_draw_both_sets(figure, comparison):
    drawn = figure("distributions")
    assert [axes.get_title("left") for axes in drawn.axes] == ["anthropomorphism", "validation", "refusal"]
    for axes in drawn.axes:
        base, tuned = axes.lines
        assert base.get_linestyle() != tuned.get_linestyle()
        assert base.get_ydata()[0] == tuned.get_ydata()[0] == 1
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["plain.jsonl", "warm.jsonl"]


def test_distributions_of_a_score_set_have_one_curve(score_set):
    assert [len(axes.lines) for axes in plots.distributions(score_set).axes] == [1, 1, 1]


def test_bars_are_as_long_as_the_shares(figure, score_set):
    (axes,) = figure("bars").axes
    summary = score_set["summary"]
    expected = [m["presence"] for m in (*summary["detectors"].values(), *summary["labels"].values())]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(expected)


def test_names_are_text_and_not_mathematics(comparison):
    named = copy.deepcopy(comparison)
    named["tuned"]["name"] = "cost $5 to $6 \\frac{" + "long/" * 30
    assert plots.forest(named)._repr_png_() and plots.distributions(named)._repr_png_()


def test_measures_without_numbers_are_left_out_of_the_plot_and_kept_in_the_list(comparison):
    unknown = copy.deepcopy(comparison)
    unknown["measures"][1].update(dict.fromkeys(("difference", "low", "high", "p_holm"), float("nan")))
    (axes,) = plots.forest(unknown, levels=["detector"]).axes
    assert len([line for line in axes.lines if line.get_marker() == "o"]) == 2
    assert len(axes.get_yticklabels()) == 3


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda c, s: plots.forest(s), "kind comparison, not scores"),
        (lambda c, s: plots.bars(c), "kind scores, not comparison"),
        (lambda c, s: plots.forest([c, c]), "pass one document, not 2"),
        (lambda c, s: plots.forest(c, unit="share"), "unit is one of presence, rate"),
        (lambda c, s: plots.forest(c, levels=["sentence"]), "detector, group, label"),
        (lambda c, s: plots.forest({**c, "measures": []}), "no presence of"),
        (lambda c, s: plots.distributions({**c, "items": []}), "no scores of single turns"),
        (lambda c, s: plots.bars({**s, "summary": {"detectors": {}, "labels": {}}}), "nothing was scored"),
    ],
)
def test_what_cannot_be_drawn_is_said(comparison, score_set, draw, message):
    with pytest.raises(InputError, match=message):
        draw(comparison, score_set)


def test_the_missing_extra_is_named(score_set):
    code = (
        "import sys; sys.modules['matplotlib'] = None; sys.modules['matplotlib.figure'] = None\n"
        "from anthrometrics import MissingExtraError\n"
        "from anthrometrics.report import plots\n"
        "summary = {'detectors': {'refusal': {'presence': 0.5, 'rate': None}}, 'labels': {}}\n"
        "document = {'schema': 1, 'kind': 'scores', 'name': '', 'provenance': {}, 'summary': summary, 'items': []}\n"
        "try: plots.bars(document)\n"
        "except MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'anthrometrics[report]'" in done.stdout

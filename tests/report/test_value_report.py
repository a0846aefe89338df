"""Values in reports: where they were judged they are there, and elsewhere there is no trace of them."""

import functools
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from anthrometrics import Scorer, read_turns
from anthrometrics.codebook import VALUES
from anthrometrics.comparison import compare
from anthrometrics.report import plots, render
from anthrometrics.report.forest import forest, overview
from anthrometrics.report.heat import shares
from anthrometrics.report.notebook import comparison_html, scores_html
from anthrometrics.report.scored import scores_document
from tests.report import documents

# axe's package reads its script from a file that it leaves open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@functools.cache
def scores_of(style):
    scorer = Scorer(device="cpu", threads=2, values=True)
    return scorer.score_many(read_turns(documents.EXAMPLES / f"{style}.jsonl"))


@pytest.fixture(scope="module")
def judged():
    return compare(scores_of("plain"), scores_of("warm"), names=("plain.jsonl", "warm.jsonl"), resamples=600).to_dict()


@pytest.fixture(scope="module")
def judged_set():
    scores = scores_of("warm")
    return scores_document("warm.jsonl", scores.to_dicts("sentences", text=True), scores.provenance)


def headings(blocks):
    return [block.heading for block in blocks]


class TestFigures:
    def test_the_forest_ends_with_values(self, judged, comparison):
        presence, rate = forest(judged, "presence"), forest(judged, "rate")
        assert headings(presence.blocks)[-1] == "Values"
        assert [row.title for row in presence.blocks[-1].rows] == list(VALUES)
        assert "Values" not in headings(rate.blocks) + headings(forest(comparison, "presence").blocks)

    def test_the_overview_has_a_block_a_value(self, judged):
        found = headings(overview([judged, judged], "presence").blocks)
        assert found[-len(VALUES) :] == [f"{name} (value)" for name in VALUES]

    def test_several_sets_are_shown_side_by_side(self, judged_set, score_set):
        heat = shares([("a", judged_set["summary"]), ("b", score_set["summary"])], "presence")
        assert headings(heat.blocks)[-1] == "Values"
        assert {row.cells[1].text for row in heat.blocks[-1].rows} == {"–"}
        assert "Values" not in headings(shares([("a", judged_set["summary"])], "rate").blocks)

    def test_matplotlib_draws_them(self, judged, judged_set, score_set):
        (axes,) = plots.forest(judged, levels=["value"]).axes
        assert [text.get_text() for text in axes.get_yticklabels()] == list(VALUES)
        (more,), (fewer,) = (plots.bars(document).axes for document in (judged_set, score_set))
        assert len(more.patches) == len(fewer.patches) + len(VALUES)

    def test_notebooks_show_them(self, judged, judged_set):
        assert comparison_html(judged).count("presence, value") == len(VALUES)
        assert scores_html(judged_set["summary"]).count("<td>value</td>") == len(VALUES)


class TestPage:
    def test_without_values_nothing_is_said_of_them(self, comparison, score_set):
        for document in (comparison, score_set):
            body = re.sub(r"<script>.*?</script>", "", render(document).split("<body>")[1], flags=re.DOTALL)
            assert not re.search(r"expressed|Values|for each value|name=\"value\"|<dt>Value", body)

    def test_the_page_of_a_comparison(self, judged):
        html = render(judged)
        for text in ("The same for each value", "<dt>Value</dt>", "Refusal and values are judged", "value_", "values-"):
            assert (text in html) == (text != "value_"), text
        assert html.count("Table of corrected shares of values") == 1

    def test_the_page_of_a_set(self, judged_set):
        html = render(judged_set)
        assert "Detectors, labels and values" in html
        shown = re.search(r'scope="rowgroup">Values</th>(.*?)</tbody>', html, re.DOTALL)[1]
        found = re.findall(r'<th scope="row">(.*?)</th>', shown)
        measured = judged_set["summary"]["values"]
        assert found == sorted(VALUES, key=lambda name: -measured[name]["presence"])


def test_answers_say_what_they_express_and_can_be_found_by_it(show, judged):
    page = show(judged).page
    expect(page.locator(".card .expressed").first).to_contain_text("expresses")
    shown = [item for item in judged["items"] if any("humor" in item[side]["expressed"] for side in ("base", "tuned"))]
    page.locator(".filters [name=value]").select_option("humor")
    expected = rf"–[\d,]+ of {len(shown)}\b" if shown else "0 of"
    expect(page.locator(".count")).to_contain_text(re.compile(expected))


@pytest.mark.parametrize("kind", ["judged", "judged_set"])
def test_axe_finds_nothing(show, request, kind):
    document = request.getfixturevalue(kind)
    few = {**document, "items": document["items"][:2]}
    if kind == "judged":
        few["measures"] = [row for row in few["measures"] if row["level"] in ("detector", "value")]
    page = show(few).page
    for details in page.locator("details").all():
        details.evaluate("d => { d.open = true }")
    results = Axe().run(page, options={"resultTypes": ["violations"]})
    assert results.violations_count == 0, results.generate_report()

"""The page of a run: everything is on it, nothing of it acts, and it can be read by everyone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from anthrometrics import InputError
from anthrometrics.report.run_page import render_run, write_run_report
from anthrometrics.report.run_plots import KINDS, figure_of
from tests.report.run_documents import run_document

# The checker's package reads its script from a file that it leaves open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def document():
    return run_document()


@pytest.fixture(scope="module")
def page(document):
    return render_run(document)


def text_of(page):
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(script|style).*?</\1>", "", page)).split())


def test_it_says_what_moved_and_what_did_not_work(page, document):
    text = text_of(page)
    assert document["headline"] in text and document["findings"][0] in text
    assert "violence (curate): 3 pairs found for violence, fewer than the 20 needed" in text
    assert "3 answers without words" in text
    assert "Scores describe wording." in text and "never about what a model feels" in text


def test_every_part_is_there(page, document):
    for part in ("effects", "values", "refusal", "forecast", "qa", "examples", "items", "training", "provenance"):
        assert f'id="r-{part}"' in page and f'href="#r-{part}"' in page
    text = text_of(page)
    rows = len(document["side_effects"])
    assert f"All statistics of the {rows} measures and values" in text
    assert "refuses harmless prompts that sound alarming" in text
    assert "Rank correlation of forecast and outcome over values" in text
    assert "gsm8k" in text and "prefs" in text and "2.9" in text


def test_numbers_are_those_of_the_table(page, document):
    row = next(r for r in document["side_effects"] if (r["value"], r["measure"]) == ("empathy", "validation"))
    text = text_of(page)
    assert f"{row['difference']:+.2f}" in text and f"{row['null_low']:.3f}".replace("-", "−") in text
    assert row["beyond_null"] and "yes" in text


def test_folders_of_the_machine_are_left_out(page):
    assert "base-7b" in page and "/models" not in page


def test_what_was_not_done_is_not_shown():
    text = text_of(render_run(run_document(seeds=(0,), controls=(), values=("empathy",), qa=False)))
    assert "No null adapter was trained" in text and "Questions with known answers" not in text
    assert "There was one training run a value" in text
    assert "a rank correlation needs at least 5 values; there is 1" in text


def test_texts_of_models_stay_text(document):
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    item = document["examples"]["empathy"][0]
    side = {**item["tuned"], "response": hostile, "sentences": None}
    found = render_run({**document, "examples": {"empathy": [{**item, "prompt": hostile, "tuned": side}]}})
    assert "<img src=x" not in found and "<script>alert" not in found and "&lt;img src=x" in found


def test_it_is_the_same_every_time_and_has_a_policy(page, document):
    assert render_run(document) == page
    assert "default-src &#39;none&#39;" in page and "http" not in re.sub(r"http-equiv", "", page.split("</head>")[0])


def test_other_documents_are_refused(document, tmp_path):
    with pytest.raises(InputError, match="no document of a run"):
        render_run({**document, "kind": "comparison"})
    with pytest.raises(InputError, match="cannot write"):
        write_run_report(document, tmp_path / "none" / "page.html")


@pytest.mark.parametrize("kind", KINDS)
def test_figures(document, kind):
    assert figure_of(document, kind)._repr_png_().startswith(b"\x89PNG")


def test_figures_without_what_they_show(document):
    with pytest.raises(InputError, match="values were not scored"):
        figure_of({**document, "side_effects": document["side_effects"][:3]}, "values")
    with pytest.raises(InputError, match="nothing was forecast"):
        figure_of({**document, "forecast_check": {"rows": []}}, "forecast")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
def test_in_a_browser(browser, document, tmp_path, scheme, width):
    path = tmp_path / "run.html"
    few = {value: items[:1] for value, items in list(document["examples"].items())[:2]}
    write_run_report({**document, "examples": few}, path)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened, said, asked = context.new_page(), [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    assert opened.locator("article.card").count() == 2
    opened.get_by_label("rate (share of sentences)").check()
    assert opened.locator(".effects:visible").count() == 2
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    for details in opened.locator("details").all():
        details.evaluate("d => { d.open = true }")
    results = Axe().run(opened, options={"resultTypes": ["violations"]})
    assert results.violations_count == 0, results.generate_report()
    assert said == [] and asked == [path.as_uri()]
    context.close()

"""No violation that axe-core finds, in any look of the page."""

import pytest
from axe_playwright_python.sync_playwright import Axe

# The package reads its script from a file that it leaves open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
AXE = Axe()
VIOLATIONS = {"resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def sets(comparison, score_set):
    """Of each kind of element a few: axe looks at every single one."""
    few = {**comparison, "items": comparison["items"][:3]}
    few["measures"] = [
        row
        for row in few["measures"]
        if row["level"] != "label" or row["name"] in ("praise", "emotion", "refusal", "ai_disclosure")
    ]
    second = {**few, "tuned": {**few["tuned"], "name": "warmer.jsonl"}}
    return {"comparison": few, "several": [few, second], "scores": {**score_set, "items": score_set["items"][:3]}}


@pytest.mark.parametrize(
    ("kind", "scheme", "width"),
    [("comparison", "light", 1280), ("several", "dark", 375), ("scores", "light", 375), ("scores", "dark", 1280)],
)
def test_axe_finds_nothing(show, sets, kind, scheme, width):
    page = show(sets[kind], scheme=scheme, width=width).page
    for details in page.locator("details").all():
        details.evaluate("d => { d.open = true }")
    page.locator(".list .s").first.focus()
    assert page.get_by_role("tooltip").is_visible()
    results = AXE.run(page, options=VIOLATIONS)
    assert results.violations_count == 0, results.generate_report()


def test_axe_would_find_something(show, sets):
    page = show(sets["scores"]).page
    page.evaluate(
        "const field = document.querySelector('[name=search]'); field.placeholder = ''; field.closest('label').replaceWith(field)"
    )
    assert "label (critical) : 1" in AXE.run(page, options=VIOLATIONS).generate_snapshot()

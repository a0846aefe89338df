"""Texts that were written to break the page are shown, and do nothing."""

import copy
import re

import pytest

from anthrometrics.report import render
from tests.report import documents

SCRIPT = "<script>alert(1)</script>"
TEXTS = {
    "script": f"I love this! {SCRIPT} Thank you.",
    "end of script": 'What a plan! </script><script>alert(2)</script> "}]} <!-- <script> Well done.',
    "image": "<img src=x onerror=alert(3)> You are brilliant. <svg onload=alert(4)>",
    "link": '<a href="javascript:alert(5)">I missed you!</a> <iframe src="https://example.org"></iframe>',
    "template": "{{ 7 * 7 }} {% raw %} ${7 * 7} I am so happy for you.",
    "direction": "I am \u202eyppah\u202c to help. \u2066Yes\u2069 \u200fok.",
    "surrogate": "I am glad \ud83d you came. \udc00 Great question!",
    "null": "I feel\x00 great\x1b[31m about this.\x07 Good work!",
    "separators": "I am proud\u2028of\u2029you. Yes.",
    "long word": "I adore you. " + "w" * 100_000,
}


@pytest.fixture(scope="module")
def hostile(comparison, scorer):
    """Every text as id, prompt and both answers, with the sentences that the scorer finds; and in every name."""
    items = []
    for name, text in TEXTS.items():
        side = documents.side_of(scorer.score({"id": name, "prompt": text[:300], "response": text}))
        items.append(
            {"id": f"{name} {text[:200]}", "turn": 0, "prompt": text, "base": side, "tuned": copy.deepcopy(side)}
        )
    document = copy.deepcopy({**comparison, "items": items})
    everything = " ".join(text[:200] for text in TEXTS.values())
    document["headline"] = document["base"]["name"] = document["tuned"]["name"] = everything
    document["pairing"]["notes"] = [everything]
    document["tuned"]["provenance"] = {**document["tuned"]["provenance"], everything: everything}
    document["prevalence"][2]["base"]["note"] = everything
    return document


@pytest.mark.parametrize("several", [False, True])
def test_hostile_texts_do_nothing(show, hostile, several):
    opened = show([hostile, hostile] if several else hostile, width=375)
    page = opened.page
    assert page.locator("#d0 .card").count() == 10
    assert opened.console == []
    assert opened.requests == [opened.path.as_uri()]
    assert (
        page.locator(
            "img, iframe, object, embed, script:not([type]), svg[onload], [onerror], main a:not([href^='#'])"
        ).count()
        == 1
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.locator("#d0 .list .s").first.focus()
    assert page.get_by_role("tooltip").is_visible()
    assert opened.console == []


def test_hostile_texts_are_shown_as_they_are(show, hostile):
    page = show(hostile).page
    words = page.locator(".answer .words").evaluate_all(
        "all => all.map(e => { const c = e.cloneNode(true); c.querySelectorAll('.tags').forEach(t => t.remove()); return c.textContent })"
    )
    for name in ("script", "end of script", "image", "link", "template", "separators", "long word"):
        assert TEXTS[name] in words, name
    # What would act instead of being shown is replaced, one character for one, so that marks stay in place.
    assert "I am \ufffdyppah\ufffd to help. \ufffdYes\ufffd \u200fok." in words
    assert "I am glad \ufffd you came. \ufffd Great question!" in words
    assert "I feel\ufffd great\ufffd[31m about this.\ufffd Good work!" in words
    assert page.locator(".answer .words").evaluate_all(
        "all => all.every(e => getComputedStyle(e).unicodeBidi === 'isolate')"
    )


def test_nothing_in_the_data_can_end_its_element(hostile):
    html = render(hostile)
    data = re.search(r'class="data">(.*?)</script>', html, re.DOTALL)[1]
    assert not re.search("[<>&\u2028\u2029]", data)
    assert html.count("</script>") == 3
    assert not re.search("[\x00\x1b\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)


def test_a_hostile_score_set_does_nothing(show, hostile, score_set):
    items = [{"id": item["id"], "turn": 0, "prompt": item["prompt"], **item["tuned"]} for item in hostile["items"]]
    name = hostile["headline"]
    opened = show({**score_set, "name": name, "items": items, "provenance": {name: name}}, width=375)
    assert opened.page.locator(".card").count() == 10
    assert opened.console == [] and opened.requests == [opened.path.as_uri()]
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 375

"""The report in use: everything a reader can do with it, in a real browser."""

import copy
import re

import pytest
from playwright.sync_api import expect

from anthrometrics.codebook import LABELS
from tests.report import documents
from tests.report.conftest import reports

DETECTORS = documents.DETECTORS


def _changes(item):
    return [item["tuned"]["values"][name] - item["base"]["values"][name] for name in DETECTORS]


def _largest(values):
    return max(values, key=abs)


def _ids(page):
    """Id and turn of each shown card."""
    return page.locator(".card h3").all_inner_texts()


def _name(item):
    return f"{item['id']} turn {item['turn'] + 1}" if item["turn"] else item["id"]


def _count(page):
    return page.locator(".count").inner_text()


def _choose(page, **choices):
    for name, value in choices.items():
        field = page.locator(f".filters [name={name}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(str(value))


def _found(page, number):
    """Wait until the list tells how many it found."""
    expect(page.locator(".count")).to_contain_text(re.compile(rf"–[\d,]+ of {number:,}\b"))


@pytest.fixture(scope="module")
def opened(browser, comparison, tmp_path_factory):
    """The comparison on a desk, opened once."""
    with reports(browser, tmp_path_factory.mktemp("report")) as show:
        yield show(comparison)


@pytest.fixture
def page(opened):
    """The same page as a reader finds it who opens it."""
    page = opened.page
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("radio", name="presence (share of turns)").first.check()
    page.mouse.move(2, 2)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    _found(page, 71)
    yield page
    assert opened.console == []


@pytest.fixture(scope="module")
def many(comparison):
    """5,000 items, with values of their own."""
    short = sorted(comparison["items"], key=lambda item: item["base"]["words"] + item["tuned"]["words"])[:10]
    items = []
    for number in range(5000):
        item = copy.deepcopy(short[number % 10])
        item["id"], item["turn"] = f"item-{number:04}", 0
        item["tuned"]["values"]["validation"] = (number * 7919 % 5000) / 5000
        item["base"]["values"]["validation"] = 0.0
        items.append(item)
    return {**comparison, "items": items}


def test_it_loads_quietly_and_asks_for_nothing(show, comparison):
    opened = show(comparison, scheme="dark")
    assert opened.page.locator(".card").count() == 10
    assert opened.requests == [opened.path.as_uri()]
    assert opened.console == []


def test_search_shows_the_answers_that_hold_the_words(page, comparison):
    page.fill("[name=search]", "HAPPY")
    expected = [
        item
        for item in comparison["items"]
        if "happy"
        in " ".join([item["id"], item["prompt"], item["base"]["response"], item["tuned"]["response"]]).lower()
    ]
    assert 0 < len(expected) < 71
    _found(page, len(expected))
    page.locator(".filters [name=size]").select_option("50")
    assert sorted(_ids(page)) == sorted(_name(item) for item in expected)
    assert page.evaluate("CSS.highlights.get('found').size") > 0


def test_search_that_finds_nothing_says_so_and_reset_brings_all_back(page):
    page.fill("[name=search]", "no such words anywhere")
    page.get_by_text("No answer fits these filters.").wait_for()
    assert _count(page) == "0 of 71"
    page.get_by_role("button", name="Reset").click()
    _found(page, 71)
    assert page.locator(".card").count() == 10


def test_measure_direction_and_minimum_change_work_together(page, comparison):
    for index, direction in ((0, "more"), (1, "more"), (2, "less")):
        sign = 1 if direction == "more" else -1
        expected = sum(sign * _changes(item)[index] >= 0.05 for item in comparison["items"])
        _choose(page, measure=str(index), direction=direction, minimum=0.05)
        assert 0 < expected < 71
        _found(page, expected)


def test_refusal_filters_look_at_one_answer_or_at_the_change(page, comparison):
    items = comparison["items"]
    changed = sum(item["base"]["refusal_label"] != item["tuned"]["refusal_label"] for item in items)
    full = sum(item["base"]["refusal_label"] == "full_refusal" for item in items)
    complied = sum(item["tuned"]["refusal_label"] == "compliance" for item in items)
    for value, expected in (("changed", changed), ("0-0", full), ("1-2", complied)):
        assert 0 < expected < 71
        _choose(page, refusal=value)
        _found(page, expected)


def test_the_label_filter_finds_sentences_with_the_label(page, comparison):
    expected = sum(
        any("praise" in s["labels"] for side in ("base", "tuned") for s in item[side]["sentences"])
        for item in comparison["items"]
    )
    page.locator("[name=label]").select_option(label="praise")
    assert 0 < expected < 71
    _found(page, expected)


def test_every_order_is_what_it_says(page, comparison):
    page.locator(".filters [name=size]").select_option("50")
    keys = {
        "change": lambda item: -abs(_largest(_changes(item))),
        "rise": lambda item: -_largest(_changes(item)),
        "fall": lambda item: _largest(_changes(item)),
        "last": lambda item: -max(item["tuned"]["values"].values()),
        "first": lambda item: -max(item["base"]["values"].values()),
        "longer": lambda item: item["base"]["words"] - item["tuned"]["words"],
        "shorter": lambda item: item["tuned"]["words"] - item["base"]["words"],
        "order": lambda item: 0,
    }
    offered = page.locator(".filters [name=sort] option").evaluate_all("options => options.map(option => option.value)")
    assert set(offered) == set(keys)
    for name, key in keys.items():
        page.locator(".filters [name=sort]").select_option(name)
        assert _ids(page) == [_name(item) for item in sorted(comparison["items"], key=key)][:50], name


def test_order_follows_the_chosen_measure(page, comparison):
    _choose(page, measure="2", sort="rise")
    expected = sorted(comparison["items"], key=lambda item: -_changes(item)[2])[:10]
    assert _ids(page) == [_name(item) for item in expected]


def test_five_thousand_answers_are_drawn_a_page_at_a_time(show, many):
    opened = show(many)
    page = opened.page
    nodes = "document.querySelector('.list').querySelectorAll('*').length"
    assert page.locator(".card").count() == 10
    assert page.evaluate(nodes) < 1500
    _found(page, 5000)
    page.get_by_role("button", name="Next page", exact=True).click()
    assert _count(page) == "11–20 of 5,000"
    page.fill("[name=page]", "500")
    page.keyboard.press("Enter")
    assert _count(page) == "4,991–5,000 of 5,000"
    assert page.get_by_role("button", name="Next page", exact=True).is_disabled()
    # Beyond the end is the last page, and no filter leaves the reader on a page that is no more.
    page.fill("[name=page]", "9999")
    page.keyboard.press("Enter")
    assert _count(page) == "4,991–5,000 of 5,000"
    page.fill("[name=search]", "item-49")
    _found(page, 100)
    assert _count(page) == "1–10 of 100 (5,000 in all)"
    _choose(page, size="50", sort="last", measure="1")
    assert page.locator(".card").count() == 50
    assert page.evaluate(nodes) < 7500
    values = [item["tuned"]["values"]["validation"] for item in many["items"] if item["id"].startswith("item-49")]
    shown = [float(text) for text in page.locator(".card .chosen b").all_inner_texts()]
    assert shown == pytest.approx(sorted(values, reverse=True)[:50], abs=0.0051)
    assert opened.console == []


def test_the_lower_pager_leads_to_the_top_of_the_next_page(page):
    page.get_by_role("button", name="Next page (end of list)").click()
    assert _count(page) == "11–20 of 71"
    expect(page.locator(".pager").first).to_be_in_viewport()


def test_marked_sentences_are_those_with_labels_in_the_style_of_the_most_probable(show, comparison, scorer):
    # Outside the basic plane, a browser and Python count characters differently.
    text = "𝕎𝕠𝕨 🎉🎉 what a day! I'm so proud of you 👩‍👩‍👧. The bus leaves at nine. I can't help with that 🚫."
    score = scorer.score({"id": "emoji", "prompt": "I passed 🎓!", "response": text})
    side = documents.side_of(score)
    labelled = [s for s in side["sentences"] if s["labels"]]
    assert len(labelled) >= 2
    page = show(
        {**comparison, "items": [{"id": "emoji", "turn": 0, "prompt": "I passed 🎓!", "base": side, "tuned": side}]}
    ).page
    marks = page.locator(".answer").first.locator("mark")
    assert marks.all_inner_texts() == [text[s["start"] : s["end"]] for s in labelled]
    families = {label.name: label.family for label in LABELS}
    for mark, sentence in zip(marks.all(), labelled, strict=True):
        best = max(sentence["labels"], key=lambda name: sentence["probabilities"][name])
        assert families[best] in mark.get_attribute("class").split()
    without_tags = page.locator(".answer .words").first.evaluate(
        "e => { const c = e.cloneNode(true); c.querySelectorAll('.tags').forEach(t => t.remove()); return c.textContent }"
    )
    assert without_tags == text


def test_families_differ_by_more_than_colour(page):
    lines = page.locator(".note mark").evaluate_all(
        "marks => marks.slice(0, 3).map(mark => getComputedStyle(mark).textDecorationStyle)"
    )
    assert sorted(lines) == ["dashed", "double", "solid"]


def test_the_keyboard_reaches_filters_and_sentences_and_shows_probabilities(show, comparison):
    page = show(comparison).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Enter")
    reached, focus = set(), None
    for _ in range(80):
        page.keyboard.press("Tab")
        focus = page.evaluate("document.activeElement.name || document.activeElement.className")
        reached.add(focus)
        if focus.startswith("s "):
            break
    assert {"search", "measure", "direction", "refusal", "label", "minimum", "sort", "size", "names", "page"} <= reached
    tip = page.get_by_role("tooltip")
    assert tip.is_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    shown = dict(re.findall(r"any (\w+) (\d\.\d\d)", tip.inner_text()))
    sentence = page.evaluate("document.activeElement.textContent")
    item = next(item for item in comparison["items"] if _name(item) == _ids(page)[0])
    known = {
        item[side]["response"][s["start"] : s["end"]]: s for side in ("base", "tuned") for s in item[side]["sentences"]
    }[sentence]
    assert shown == {name: f"{known['probabilities'][name]:.2f}" for name in ("anthropomorphism", "validation")}
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") != sentence
    assert tip.is_visible()
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_pointing_at_a_sentence_shows_its_probabilities_until_the_pointer_leaves(page):
    mark = page.locator(".list mark").first
    mark.scroll_into_view_if_needed()
    mark.hover()
    tip = page.get_by_role("tooltip")
    assert tip.locator("li.reached").count() >= 1
    box = tip.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1280
    page.mouse.move(2, 2)
    tip.wait_for(state="hidden")


def test_label_names_can_be_hidden(page):
    assert page.locator(".tags").first.is_visible()
    page.get_by_label("Label names").uncheck()
    assert page.locator(".tags").first.is_hidden()


def test_long_answers_are_folded_and_unfold(show, comparison):
    item = copy.deepcopy(comparison["items"][0])
    item["tuned"].update(response="A long line of words. " * 400, sentences=None)
    page = show({**comparison, "items": [item]}).page
    words = page.locator(".answer .words").nth(1)
    folded = words.bounding_box()["height"]
    page.get_by_role("button", name="Show all").click()
    assert words.bounding_box()["height"] > 3 * folded
    assert page.get_by_role("button", name="Show all").count() == 0


def test_the_switch_shows_rates_everywhere(page, comparison):
    rate = page.locator("[data-of=rate] .forest")
    assert rate.is_hidden()
    page.get_by_role("radio", name="rate (share of sentences)").first.check()
    assert rate.is_visible()
    assert page.locator("[data-of=presence] .forest").is_hidden()
    assert page.locator("[data-of=rate] .heat").is_visible()
    row = (
        rate.get_by_role("row")
        .filter(has=page.get_by_role("rowheader", name="anthropomorphism", exact=True))
        .inner_text()
    )
    expected = next(r for r in comparison["measures"] if r["name"] == "anthropomorphism" and r["unit"] == "rate")
    assert f"{expected['difference']:+.3f}" in row
    assert f"[{expected['low']:.3f}, {expected['high']:.3f}]" in row


def test_marks_stand_where_the_differences_are_and_are_filled_where_significant(page, comparison):
    rows = [r for r in comparison["measures"] if r["unit"] == "presence"]
    marks = page.locator("[data-of=presence] .forest .mark")
    centres = marks.evaluate_all(
        "all => all.map(m => { const b = m.getBoundingClientRect(); return b.left + b.width / 2 })"
    )
    assert len(centres) == len(rows)
    # Positions are a straight line of the differences.
    first, last = min(rows, key=lambda r: r["difference"]), max(rows, key=lambda r: r["difference"])
    slope = (max(centres) - min(centres)) / (last["difference"] - first["difference"])
    expected = [min(centres) + slope * (row["difference"] - first["difference"]) for row in rows]
    assert centres == pytest.approx(expected, abs=0.6)
    solid = marks.evaluate_all("all => all.map(m => m.closest('svg').classList.contains('solid'))")
    assert solid == [row["p_holm"] < 0.05 for row in rows]
    fills = {
        kind: page.locator(f".{kind} .mark").first.evaluate("m => getComputedStyle(m).fill")
        for kind in ("solid", "hollow")
    }
    assert fills["solid"] != fills["hollow"]


def test_the_theme_button_turns_light_into_dark_and_back(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(colour) != light
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(colour) == light


def test_several_comparisons_have_tabs_and_a_common_overview(show, comparison):
    second = copy.deepcopy(comparison)
    second["tuned"]["name"] = "warmer.jsonl"
    opened = show([comparison, second])
    page = opened.page
    overview = page.locator("#overview [data-of=presence]")
    assert overview.get_by_role("rowheader", name="warmer.jsonl").count() == 3 + 6
    assert page.locator(".card:visible").count() == 10
    page.get_by_role("tab", name="warm.jsonl", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="warmer.jsonl").get_attribute("aria-selected") == "true"
    assert page.locator("#d0").is_hidden()
    page.locator("#d1 [name=search]").fill("everyday-01")
    expect(page.locator("#d1 .count")).to_have_text("1–1 of 1 (71 in all)")
    assert page.locator("#d1 .card").count() == 1
    assert page.locator("#d0 .card").count() == 10
    page.evaluate("location.hash = '#d0-items'")
    page.locator("#d0").wait_for(state="visible")
    assert opened.console == [] and opened.requests == [opened.path.as_uri()]


def test_a_score_set_shows_shares_and_answers(show, score_set):
    opened = show(score_set)
    page = opened.page
    summary = score_set["summary"]
    row = page.locator(".bars").get_by_role("row").filter(has_text="praise").inner_text().split()
    assert row == [
        "praise",
        f"{summary['labels']['praise']['presence']:.2f}",
        f"{summary['labels']['praise']['rate']:.3f}",
    ]
    expected = sorted(score_set["items"], key=lambda item: -item["values"]["validation"])
    _choose(page, measure="1")
    assert _ids(page) == [_name(item) for item in expected[:10]]
    _choose(page, minimum=0.5)
    _found(page, sum(item["values"]["validation"] >= 0.5 for item in expected))
    assert page.locator(".answers").first.locator(".answer").count() == 1
    assert opened.console == []


def test_several_score_sets_stand_side_by_side(show, score_set):
    page = show([documents.score_set("plain"), score_set]).page
    cells = (
        page.locator("#overview [data-of=presence]")
        .get_by_role("row")
        .filter(has_text="emotion")
        .first.locator("td.number")
        .all_inner_texts()
    )
    assert cells == [
        f"{documents.scores_of(style).summary().labels['emotion'].presence:.2f}" for style in ("plain", "warm")
    ]
    assert page.get_by_role("tab").count() == 2


def test_without_texts_the_numbers_remain(show, comparison):
    bare = documents.without_texts(comparison)
    opened = show(bare)
    assert opened.page.get_by_text("The score files hold no texts").is_visible()
    assert opened.page.locator(".card .scores li").count() == 30
    assert opened.page.locator(".card .words, .card .missing").count() == 0
    opened.page.fill("[name=search]", "praise-")
    _found(opened.page, sum("praise-" in item["id"] for item in bare["items"]))
    assert opened.console == []


def test_without_javascript_everything_but_the_answers_is_there(show, comparison):
    page = show(comparison, javascript=False).page
    assert page.locator("[data-of=presence] .forest").is_visible()
    assert page.locator(".heat").first.is_visible()
    assert page.locator("noscript .callout").is_visible()
    assert page.locator(".filters, .switch, #theme").evaluate_all("all => all.every(e => e.hidden)")


def test_on_paper_there_are_no_controls_and_nothing_is_folded(show, comparison):
    item = copy.deepcopy(comparison["items"][0])
    item["tuned"].update(response="A long line of words. " * 400, sentences=None)
    page = show({**comparison, "items": [*comparison["items"][1:], item]}, scheme="dark").page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for selector in (".filters", ".switch", ".pager button", "#theme", ".contents", ".whole", ".skip"):
        assert page.locator(selector).evaluate_all("all => all.every(e => e.checkVisibility() === false)"), selector
    assert page.locator(".card").count() == 10
    assert page.locator(".statistics").is_visible()
    assert page.locator(".words").evaluate_all("all => all.every(e => e.scrollHeight <= e.clientHeight + 1)")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 33, 38)"
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("kind", ["comparison", "several", "scores"])
def test_nothing_is_wider_than_a_phone(show, comparison, score_set, kind):
    long = copy.deepcopy(comparison)
    long["tuned"]["name"] = "runs/llama-3-8b-instruct-dpo/" + "answers_" * 12
    document = {
        "comparison": long,
        "several": [long, comparison],
        "scores": [score_set, {**score_set, "name": long["tuned"]["name"]}],
    }[kind]
    page = show(document, width=375).page
    for details in page.locator("details").all():
        details.evaluate("d => { d.open = true }")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    # What is wider scrolls in a box of its own, which the keyboard reaches.
    wide = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'auto' && e.tabIndex < 0).length"
    )
    assert wide == 0
    beyond = page.evaluate(
        "[...document.querySelectorAll('main :not(.unseen)')].filter(e => e.checkVisibility() && e.getBoundingClientRect().right > 376 && !e.closest('.scroll, svg, .unseen')).map(e => e.outerHTML.slice(0, 99))"
    )
    assert beyond == []


def test_answers_stand_side_by_side_on_a_desk_and_stacked_on_a_phone(page):
    for width, stacked in ((375, True), (1280, False)):
        page.set_viewport_size({"width": width, "height": 900})
        base, tuned = (page.locator(".card").first.locator(".answer").nth(i).bounding_box() for i in (0, 1))
        assert (tuned["y"] >= base["y"] + base["height"]) == stacked
        assert (tuned["x"] > base["x"]) == (not stacked)

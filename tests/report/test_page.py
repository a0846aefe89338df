"""The report as a file: complete in itself, guarded, and honest about what it cannot show."""

import copy
import json
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256

import pytest

from anthrometrics import InputError
from anthrometrics.report import render, write_report
from tests.report import documents

_DATA = re.compile(r'<script type="application/json" class="data">(.*?)</script>', re.DOTALL)


@pytest.fixture(scope="module")
def html(comparison):
    return render(comparison)


def _embedded(html):
    return json.loads(_DATA.search(html)[1])


def test_the_file_names_no_other_file_and_no_server(html):
    without_items = _DATA.sub("", html)
    assert re.findall(r'(?:src|href|action|data|poster)="([^#"][^"]*)"', without_items) == ["data:,"]
    assert "url(" not in without_items
    assert "@import" not in without_items
    assert not re.search(r"https?://", without_items)


def test_the_policy_allows_the_script_and_the_style_of_the_file_and_nothing_else(html):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1].replace("&#39;", "'")
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    for name, text in (("style-src", style), ("script-src", script)):
        assert directives[name] == f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert "unsafe" not in policy
    assert set(directives) == {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}


def test_the_script_makes_no_markup_out_of_text_and_evaluates_none(html):
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|fetch\(|XMLHttp", script
    )


def test_the_page_has_no_inline_style_or_handler(html):
    body = _DATA.sub("", html.split("<body>")[1])
    body = re.sub(r"<script>.*?</script>", "", body, flags=re.DOTALL)
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", body)


def test_the_same_document_gives_the_same_text(comparison, html):
    assert render(json.loads(json.dumps(comparison))) == html


def test_the_parts_come_in_their_order(html):
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", html)
    expected = [
        "Differences",
        "Distributions",
        "Labels",
        "What appeared and what vanished",
        "Length",
        "Answers side by side",
        "Provenance",
    ]
    assert headings == [*expected, "How to read this"]


def test_headline_pairs_and_model_are_at_the_top(comparison, html):
    top = html.split("<nav")[0]
    for expected in (
        comparison["headline"],
        "71 pairs",
        "62 prompts",
        "plain.jsonl",
        "warm.jsonl",
        comparison["tuned"]["provenance"]["model"],
    ):
        assert expected.replace("'", "&#39;") in top


def test_every_number_of_every_measure_is_in_the_table_of_all_statistics(comparison, html):
    table = re.search(r'<table class="small statistics">.*?</table>', html, re.DOTALL)[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[2:]]
    assert len(rows) == len(comparison["measures"])
    for cells, measure in zip(rows, comparison["measures"], strict=True):
        assert float(cells[6].replace("−", "-")) == pytest.approx(measure["difference"], abs=5.1e-5)
        assert float(cells[4]) == pytest.approx(measure["base"], abs=5.1e-5)
        assert float(cells[5]) == pytest.approx(measure["tuned"], abs=5.1e-5)


def test_method_says_what_the_numbers_are_and_are_not(html):
    method = html.split('id="method"')[1]
    for expected in (
        "Scores describe wording.",
        "made with model assistance under the codebook",
        "Presence",
        "Rate",
        "Interval",
        "Holm",
    ):
        assert expected in method


def test_a_title_of_ones_own_is_shown_as_text(comparison):
    html = render(comparison, title="A <b>bold</b> & 'new' title")
    assert html.count("A &lt;b&gt;bold&lt;/b&gt; &amp; &#39;new&#39; title") == 2
    assert "<b>bold</b>" not in html


def test_differing_provenance_is_pointed_out(comparison):
    changed = copy.deepcopy(comparison)
    changed["tuned"]["provenance"]["precision"] = "exact"
    row = re.search(r'<tr class="differs">.*?</tr>', render(changed), re.DOTALL)[0]
    assert "precision" in row and "int8" in row and "exact" in row
    assert 'class="differs"' not in render(comparison)


def test_notes_of_the_pairing_stand_at_the_top(comparison):
    noted = {**comparison, "pairing": {**comparison["pairing"], "notes": ["3 prompts were <answered> twice."]}}
    assert "3 prompts were &lt;answered&gt; twice." in render(noted).split("<nav")[0]


def test_numbers_that_could_not_be_computed_are_dashes_and_leave_no_mark(comparison):
    unknown = copy.deepcopy(comparison)
    for row in unknown["measures"]:
        if row["name"] == "praise" and row["unit"] == "presence":
            row.update(
                dict.fromkeys(("base", "tuned", "difference", "low", "high", "p", "p_holm", "p_bh"), float("nan")),
                dz=None,
            )
    html = render(unknown)
    assert "nan" not in re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL).lower().split()
    forest = re.search(r'data-of="presence">\s*<table class="forest".*?</table>', html, re.DOTALL)[0]
    assert forest.count('class="mark"') == sum(row["unit"] == "presence" for row in unknown["measures"]) - 1


def test_a_comparison_without_items_or_measures_is_still_a_page(comparison):
    html = render({**comparison, "items": [], "measures": [], "flips": [], "prevalence": []})
    assert "There are no pairs of answers to show." in html
    assert "There are no scores of single turns to draw." in html


def test_unpaired_sets_claim_nothing_of_pairs():
    html = render(documents.comparison(by="none"))
    assert "71 and 71 scored turns, 62 prompts, not paired" in html.split("<nav")[0]
    assert "Without pairs nothing can be said of single turns." in html
    assert "There are no pairs of answers to show." in html
    flips = re.search(r'aria-label="Table of detectors that.*?</table>', html, re.DOTALL)[0]
    assert re.findall(r"<td[^>]*>(.*?)</td>", flips)[3:6] == ["–", "–", "–"]


def test_without_labels_the_detectors_remain(comparison):
    rows = [row for row in comparison["measures"] if row["level"] == "detector"]
    html = render({**comparison, "measures": rows, "flips": comparison["flips"][:3]})
    assert "The scores hold no labels." in html
    assert "The same for each label" not in html


def test_what_appeared_and_vanished_is_told_for_detectors_and_labels(comparison):
    html = render(comparison)
    tables = re.findall(r'aria-label="Table of (?:detector|label)s that.*?</table>', html, re.DOTALL)
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for table in tables for row in table.split("<tr>")[2:]]
    assert len(rows) == len(comparison["flips"]) == 22
    for cells, flip in zip(rows, comparison["flips"], strict=True):
        assert cells[3:5] == [str(flip["appeared"]), str(flip["vanished"])]
        assert cells[0] == ("label" if flip["threshold"] is None else f"{flip['threshold']:.2f}")


def test_unscored_answers_have_no_numbers(score_set):
    item = {
        **score_set["items"][0],
        "values": dict.fromkeys(score_set["items"][0]["values"]),
        "refusal_label": None,
        "sentences": [],
    }
    data = _embedded(render({**score_set, "items": [item, *score_set["items"][1:]]}))
    assert data["items"][0]["sides"][0]["values"] == [None, None, None]
    assert data["items"][0]["sides"][0]["refusal"] is None


def test_an_empty_score_set_says_so(score_set):
    empty = {
        "scored": 0,
        "unscored": {"empty": 2},
        "flagged": {},
        "detectors": {},
        "labels": {},
        "refusal_labels": dict.fromkeys(score_set["summary"]["refusal_labels"], 0),
    }
    html = render({**score_set, "summary": empty, "items": []})
    assert "No turn could be scored." in html
    assert "2 unscored (empty)" in html


def test_items_without_texts_lead_to_a_hint(comparison):
    assert "<code>--text</code>" in render(documents.without_texts(comparison))
    assert "<code>--text</code>" not in render(comparison)


def test_texts_without_sentences_lead_to_another_hint(score_set):
    items = [{**item, "sentences": None} for item in score_set["items"]]
    assert "<code>--detail sentences --text</code>" in render({**score_set, "items": items})


def test_a_report_replaces_an_older_one_and_leaves_nothing_else(comparison, tmp_path, html):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    write_report(comparison, str(path))
    assert path.read_text(encoding="utf-8") == html
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_not_there_is_an_input_error(comparison, tmp_path):
    with pytest.raises(InputError, match="cannot write into"):
        write_report(comparison, tmp_path / "missing" / "report.html")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, s: [], "there is no document"),
        (lambda c, s: [c, s], "not of both"),
        (lambda c, s: ["comparison.json"], "not from str"),
        (lambda c, s: {**c, "kind": "summary"}, "'summary'"),
        (lambda c, s: {**c, "schema": 2}, "this version reads 1"),
        (lambda c, s: {name: value for name, value in c.items() if name != "flips"}, "lacks flips"),
        (lambda c, s: {**c, "base": {"name": "plain"}}, "lacks 'turns'"),
    ],
)
def test_what_is_no_document_is_refused_with_a_reason(comparison, score_set, change, message):
    with pytest.raises(InputError, match=re.escape(message)):
        render(change(comparison, score_set))


def test_sentences_of_another_text_are_refused(comparison):
    item = copy.deepcopy(comparison["items"][0])
    item["tuned"]["response"] = "Short."
    with pytest.raises(InputError, match=f"item '{item['id']}', turn 0.*pass the text that was scored"):
        render({**comparison, "items": [item]})


def test_the_missing_extra_is_named():
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from anthrometrics import MissingExtraError\n"
        "from anthrometrics.report import render\n"
        "document = {'schema': 1, 'kind': 'scores', 'name': '', 'provenance': {}, 'summary': {}, 'items': []}\n"
        "try: render(document)\n"
        "except MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'anthrometrics[report]'" in done.stdout


def test_importing_the_report_loads_nothing_heavy():
    code = "import sys, anthrometrics.report; print({'jinja2', 'matplotlib', 'scipy', 'onnxruntime', 'spacy'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )

"""Tables that notebooks show."""

import re
import subprocess
import sys

import pytest

from anthrometrics import InputError
from anthrometrics.report.notebook import comparison_html, scores_html


def _rows(html):
    return [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(<td>.*?)</tr>", html)]


def test_a_comparison_shows_headline_detectors_and_groups(comparison):
    html = comparison_html(comparison)
    assert comparison["headline"].replace("'", "&#x27;") in html
    measures = [row for row in comparison["measures"] if row["level"] != "label"]
    rows = _rows(html)
    assert len(rows) == len(measures)
    for cells, measure in zip(rows, measures, strict=True):
        assert float(cells[4].replace("−", "-")) == pytest.approx(measure["difference"], abs=0.0051)
        assert ("*" in cells[7]) == (measure["p_holm"] < 0.05)
        assert ("≈" in cells[7]) == measure["equivalent"]


def test_scores_show_every_detector_and_label(score_set):
    summary = score_set["summary"]
    html = scores_html(summary, model="minilm-l6 1")
    assert "71 turns scored by minilm-l6 1" in html
    expected = {
        **{f"{k} detector": v for k, v in summary["detectors"].items()},
        **{f"{k} label": v for k, v in summary["labels"].items()},
    }
    rows = _rows(html)
    assert len(rows) == len(expected)
    for (name, level, presence, _), measure in zip(rows, expected.values(), strict=True):
        assert name and level in ("detector", "label")
        assert float(presence) == pytest.approx(measure["presence"], abs=0.0051)
    assert "full refusal" in html


def test_unscored_turns_are_told():
    summary = {
        "scored": 0,
        "unscored": {"empty": 2, "non_text": 1},
        "flagged": {},
        "detectors": {},
        "labels": {},
        "refusal_labels": {},
    }
    assert "0 turns scored, 3 unscored" in scores_html(summary)


def test_texts_are_escaped(comparison):
    html = comparison_html({**comparison, "headline": "<script>alert(1)</script> & \u202e\ud800"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; \ufffd\ufffd" in html
    assert "<script" not in html
    assert "<b>" not in scores_html(
        {"scored": 1, "unscored": {}, "flagged": {}, "detectors": {}, "labels": {}, "refusal_labels": {}},
        model="<b>x</b>",
    )


def test_another_kind_of_document_is_refused(score_set):
    with pytest.raises(InputError, match="kind comparison, not scores"):
        comparison_html(score_set)


def test_no_extra_is_needed():
    code = (
        "import sys; sys.modules['jinja2'] = None; sys.modules['matplotlib'] = None\n"
        "from anthrometrics.report.notebook import scores_html\n"
        "print(scores_html({'scored': 1, 'unscored': {}, 'flagged': {}, 'detectors': {}, 'labels': {}, 'refusal_labels': {}}))\n"
    )
    assert (
        "1 turn scored"
        in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )

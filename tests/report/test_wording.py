"""Numbers and names as readers see them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics.report.wording import clean, count, finite, interval, name_of, p_value, percent, plain, share, signed

NOTHING = (None, math.nan, math.inf, -math.inf, "0.5")


@pytest.mark.parametrize("value", NOTHING)
def test_a_missing_number_is_a_dash_and_never_a_zero(value):
    assert finite(value) is None
    assert plain(value) == signed(value) == share(value) == percent(value) == p_value(value) == "–"
    assert interval(value, 0.1) == interval(0.1, value) == ""


def test_numbers_are_written_as_papers_write_them():
    assert (plain(0.425), plain(-0.5), plain(0.0123, 3)) == ("0.42", "−0.50", "0.012")
    assert (signed(0.126), signed(-0.034), signed(0.001), signed(-0.001), signed(0)) == (
        "+0.13",
        "−0.03",
        "0.00",
        "0.00",
        "0.00",
    )
    assert (share(0.0123), share(0.0123, "rate")) == ("0.01", "0.012")
    assert interval(-0.06, 0.1) == "[−0.06, 0.10]"
    assert (p_value(0.0009), p_value(0.001), p_value(0.0494)) == ("<\u20090.001", "0.001", "0.049")
    assert (percent(0.186), percent(1)) == ("19\u00a0%", "100\u00a0%")
    assert (count(1, "pair"), count(1204, "pair")) == ("1 pair", "1,204 pairs")


def test_names_become_words():
    assert (name_of("ai_disclosure"), name_of("internal_states"), name_of("praise")) == (
        "AI disclosure",
        "internal states",
        "praise",
    )


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Lo", "Zs"])))
def test_cleaning_keeps_every_place_and_leaves_nothing_that_acts(text):
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert all(new in (old, "\ufffd") for new, old in zip(cleaned, text, strict=True))
    assert not set(cleaned) & {"\x00", "\x1b", "\u202e", "\u2066", "\ud800"}
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned


def test_cleaning_leaves_ordinary_text_alone():
    text = "Tab\there,\nline;\r\nשלום \u200fمرحبا 👩\u200d👩\u200d👧 \u00a0€"
    assert clean(text) == text

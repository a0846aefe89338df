"""Folding: what a reader does not see is gone, and every character knows where it came from."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anthrometrics.detectors.fold import fold
from anthrometrics.detectors.segment import Span

PLAIN = "I am so happy for you, my friend."
_SPECIAL = "\u200b\u202e\u00ad\ufe0f\U000e0041\u2019\u201c\ufb01\uff49𝐈𝓪ⓐ\u0430\u0406\u03bf\u0436\u03b2½™…²\x1b"


@pytest.mark.parametrize(
    "written",
    [
        PLAIN,
        "I a\u200bm so hap\u00adpy f\u2060or you, my friend\ufeff.",
        "\u202aI am\u202c so happy for you, my\u200d friend.",
        "\x1b[1;31mI am so\x1b[0m happy for you, my friend.",
        "\x1b]0;title\x07I am so happy for you, my friend.",
        "𝐈 𝐚𝐦 𝓼𝓸 𝗵𝗮𝗽𝗽𝘆 for you, my friend.",
        "Ｉ ａｍ so happy for you, my friend.",
        "\u0406 \u0430m s\u043e h\u0430\u0440\u0440y f\u043er y\u043eu, my friend.",
        "I am s\u03bf happy for y\u03bfu, my friend.",
    ],
)
def test_what_reads_alike_becomes_alike(written):
    assert fold(written).text == PLAIN


def test_quotes_become_straight_and_ligatures_letters():
    assert fold("\u201cI\u2019m \ufb01ne\u201d").text == '"I\'m fine"'


@pytest.mark.parametrize(
    "text",
    [
        "Привет, как дела?",
        "Καλημέρα, τι κάνεις;",
        "你好。ありがとう！",
        "½ cup™ … naïve café",
        "α + β = γ",
        "سلام",
        "😊 ok",
    ],
)
def test_what_is_not_latin_stays(text):
    assert fold(text).text == text


def test_a_cyrillic_word_beside_english_stays_while_a_mixed_word_is_mended():
    assert fold("Он говорит: h\u0435llo").text == "Он говорит: hello"


@given(st.text(max_size=60) | st.text(alphabet=_SPECIAL + "ab c.\n", max_size=60))
@example("\x1b[31m\u200b")
@example("\x1b]0;" + "x" * 600)
def test_origins_rise_and_point_at_what_was_read(text):
    folded = fold(text)
    origins = range(len(text)) if folded.origins is None else folded.origins
    assert len(origins) == len(folded.text)
    assert list(origins) == sorted(origins)
    assert all(0 <= origin < len(text) for origin in origins)
    for plain, origin in zip(folded.text, origins, strict=True):
        assert plain == text[origin] or plain in fold(text[origin]).text or ord(text[origin]) in range(0x370, 0x530)


def test_spans_point_into_the_original():
    text = "\u200bI\u200b \u201clove\u201d it."
    folded = fold(text)
    start = folded.text.index("love")
    span = folded.original(Span(start, start + 4))
    assert text[span.start : span.end] == "love"

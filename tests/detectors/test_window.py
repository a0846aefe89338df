"""Windows: every token of every sentence once, never more than the model takes."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from anthrometrics.detectors.fold import fold
from anthrometrics.detectors.segment import split_sentences
from anthrometrics.detectors.window import WindowSizes, encode_turn, turn_weights

words = st.sampled_from(
    (
        "I",
        "love",
        "your",
        "garden",
        "unbelievably",
        "3.14",
        "naïve",
        "don't",
        "😀",
        "你好",
        "x" * 130,
        "\u200b",
        "e\u0301",
    )
)
sentences = st.lists(words, min_size=1, max_size=40).map(" ".join)
responses = st.one_of(
    st.lists(sentences, max_size=8).flatmap(
        lambda s: st.sampled_from([". ", "\n", "! ", "\n\n- "]).map(lambda j: j.join(s))
    ),
    st.text(max_size=150),
)
prompts = st.one_of(st.none(), st.lists(words, max_size=40).map(" ".join), st.text(max_size=60))
sizes = st.sampled_from(
    [WindowSizes(total=12, prompt=4), WindowSizes(total=32, prompt=8), WindowSizes(total=320, prompt=64)]
)
LONG = WindowSizes(total=320, prompt=64)


def _tokens(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False)


def _inside(encoding, span):
    """Ids of the tokens that start inside a span."""
    return [
        index
        for index, (start, _) in zip(encoding.ids, encoding.offsets, strict=True)
        if span.start <= start < span.end
    ]


def _of_sentences(turn):
    """``{sentence: its token ids}``, from the windows."""
    found = {}
    for window in turn.windows:
        for sentence, (start, end) in zip(window.sentences, window.token_ranges, strict=True):
            assert sentence not in found
            found[sentence] = window.ids[start:end].tolist()
    return found


@given(prompts, responses, sizes)
@example(None, "", LONG)
@example("", "---", LONG)
@example("hi", "word " * 60, WindowSizes(total=12, prompt=4))
def test_every_token_of_every_sentence_is_in_exactly_one_window(tokenizer, prompt, response, sizes):
    response = fold(response).text
    turn = encode_turn(tokenizer, sizes, prompt, response)
    assume(fold(response).text == response)
    encoding = _tokens(tokenizer, response)
    found = _of_sentences(turn)
    assert list(found) == list(range(len(turn.spans)))
    for sentence, span in enumerate(turn.spans):
        assert found[sentence] == _inside(encoding, span)
    expected = [index for span in split_sentences(response) for index in _inside(encoding, span)]
    assert [index for sentence in found.values() for index in sentence] == expected


@given(prompts, responses, sizes)
def test_the_windows_of_a_text_are_those_of_its_folded_form(tokenizer, prompt, response, sizes):
    folded = fold(response)
    assume(fold(folded.text).text == folded.text)
    turn, plain = (encode_turn(tokenizer, sizes, prompt, text) for text in (response, folded.text))
    assert [window.ids.tolist() for window in turn.windows] == [window.ids.tolist() for window in plain.windows]
    assert list(turn.spans) == [folded.original(span) for span in plain.spans]


@given(prompts, responses, sizes)
def test_windows_fit_and_are_built_alike(tokenizer, prompt, response, sizes):
    turn = encode_turn(tokenizer, sizes, prompt, response)
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    heads = set()
    for window in turn.windows:
        assert len(window.ids) <= sizes.total
        assert window.ids[0] == start
        assert window.ids[window.response_start - 1] == window.ids[-1] == end
        assert window.response_start - 2 <= sizes.prompt
        assert window.response_tokens == len(window.ids) - window.response_start - 1 > 0
        heads.add(tuple(window.ids[: window.response_start]))
        position = window.response_start
        for first, last in window.token_ranges:
            assert position <= first < last <= len(window.ids) - 1
            position = last
    assert len(heads) <= 1


@given(prompts, responses, sizes)
def test_pooling_averages_the_tokens_of_a_sentence_and_no_others(tokenizer, prompt, response, sizes):
    for window in encode_turn(tokenizer, sizes, prompt, response).windows:
        pooling = window.pooling()
        assert pooling.shape == (len(window.sentences), len(window.ids))
        assert pooling.dtype == np.float32
        np.testing.assert_allclose(pooling.sum(axis=1), 1.0, rtol=1e-5)
        for row, (first, last) in zip(pooling, window.token_ranges, strict=True):
            assert np.flatnonzero(row).tolist() == list(range(first, last))
            assert len(set(row[first:last].tolist())) == 1


@given(prompts, responses)
def test_token_types_tell_the_user_side_from_the_response(tokenizer, prompt, response):
    for window in encode_turn(tokenizer, LONG, prompt, response).windows:
        types = window.token_types()
        assert types.shape == window.ids.shape
        assert types.dtype == np.int64
        assert types.tolist() == [0] * window.response_start + [1] * (window.response_tokens + 1)


@pytest.mark.parametrize("length", [1, 10, 63, 64, 65, 200, 5000])
def test_the_prompt_is_kept_from_its_end(tokenizer, length):
    prompt = " ".join(f"word{i} garden" for i in range(length))
    (window,) = encode_turn(tokenizer, LONG, prompt, "Yes.").windows
    ids = _tokens(tokenizer, prompt).ids
    assert window.ids[1 : window.response_start - 1].tolist() == ids[-LONG.prompt :]


@pytest.mark.parametrize("prompt", [None, ""])
def test_no_prompt_leaves_its_place_empty(tokenizer, prompt):
    (window,) = encode_turn(tokenizer, LONG, prompt, "Yes, of course.").windows
    assert window.response_start == 2
    assert window.ids.tolist() == tokenizer.encode("Yes, of course.").ids[:1] + [
        tokenizer.token_to_id("[SEP]"),
        *_tokens(tokenizer, "Yes, of course.").ids,
        tokenizer.token_to_id("[SEP]"),
    ]


def test_a_short_turn_is_one_window_with_all_sentences(tokenizer):
    turn = encode_turn(tokenizer, LONG, "How are you?", "I am well. Thank you!")
    (window,) = turn.windows
    assert window.sentences == (0, 1)
    assert len(turn.spans) == 2


def test_a_long_turn_is_cut_at_sentence_ends(tokenizer):
    response = " ".join(f"This is sentence number {i} of a long answer." for i in range(200))
    turn = encode_turn(tokenizer, LONG, "Tell me more.", response)
    assert len(turn.windows) > 3
    assert list(turn.spans) == split_sentences(response)
    # Greedy packing: the next sentence would not have fitted.
    for window, following in zip(turn.windows, turn.windows[1:], strict=False):
        first, last = following.token_ranges[0]
        assert len(window.ids) + last - first > LONG.total


@given(st.lists(words, min_size=300, max_size=900), prompts)
@settings(max_examples=20)
def test_a_sentence_longer_than_a_window_is_cut_and_can_be_rejoined(tokenizer, pieces, prompt):
    response = " ".join(pieces)
    turn = encode_turn(tokenizer, LONG, prompt, response)
    rejoined = "".join(response[span.start : span.end] for span in turn.spans)
    assert [c for c in rejoined if c.isalnum()] == [c for c in response if c.isalnum()]
    assert [index for window in turn.windows for index in window.ids[window.response_start : -1]] == [
        *_tokens(tokenizer, response).ids
    ]


def test_only_the_long_sentence_is_cut(tokenizer):
    long = " ".join(["garden"] * 600) + "."
    response = f"Short one. {long} Short two."
    turn = encode_turn(tokenizer, LONG, None, response)
    texts = [response[span.start : span.end] for span in turn.spans]
    assert texts[0] == "Short one."
    assert texts[-1] == "Short two."
    assert " ".join(texts[1:-1]) == long
    assert len(texts) == 4


def test_the_tail_does_not_depend_on_how_long_the_prompt_is(tokenizer):
    end = " ".join(f"tail{i}" for i in range(100))
    (short,) = encode_turn(tokenizer, LONG, end, "Yes.").windows
    (long,) = encode_turn(tokenizer, LONG, "garden " * 100_000 + end, "Yes.").windows
    assert short.ids.tolist() == long.ids.tolist()


def test_a_tokenizer_without_special_tokens_is_refused_by_name():
    bare = Tokenizer(WordLevel({"yes": 0, "?": 1}, unk_token="?"))
    with pytest.raises(ValueError, match=r"no \[CLS\] token"):
        encode_turn(bare, LONG, None, "yes")


@given(st.lists(st.integers(1, 300), min_size=1, max_size=50))
def test_the_first_window_outweighs_any_tail(lengths):
    weights = turn_weights(lengths)
    assert weights.shape == (len(lengths),)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] > 0.5
    if len(lengths) > 2 and lengths[1] > lengths[2]:
        assert weights[1] > weights[2] > 0

"""Sentences are spans of the text itself, and nothing that is written falls between them."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anthrometrics.detectors.segment import split_sentences

# What assistants write, next to anything at all.
_FRAGMENTS = (
    "I think so. ",
    "Dr. Smith paid $3.50 for it! ",
    "1. ",
    "2) **Bold:** text",
    "- ",
    "\n",
    "\r\n",
    "\n\n---\n\n",
    "```\n",
    "\n```",
    "```python\nprint(1)\n```",
    "~~~",
    "\u3002",
    "你好。",
    "ありがとう！",
    " 😊",
    "👩‍👩‍👧",
    "e\u0301",
    "\u2028",
    "\x85",
    "\x00",
    "\u200b",
    "\u202e",
    "…",
    "?!",
    "fmt.Println(x)",
    "| a | b |",
    "x" * 150,
    "42",
)
_TEXTS = st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=12), max_size=25).map("".join) | st.text()


def _sentences(text):
    return [text[span.start : span.end] for span in split_sentences(text)]


@given(_TEXTS)
@example("```\ncode\n``` \nafter")
@example("```\r\ncode\r\n```\r\nafter")
def test_spans_are_ordered_disjoint_stripped_and_inside_the_text(text):
    end_before = 0
    for start, end in split_sentences(text):
        assert end_before <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        end_before = end


@given(_TEXTS)
def test_every_letter_lies_in_exactly_one_sentence(text):
    covered = [0] * len(text)
    for start, end in split_sentences(text):
        for index in range(start, end):
            covered[index] += 1
    assert all(count == 1 for character, count in zip(text, covered, strict=True) if character.isalpha())


@given(_TEXTS)
def test_the_same_text_gives_the_same_sentences(text):
    assert split_sentences(text) == split_sentences(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("No full stop", ["No full stop"]),
        ("  padded.  ", ["padded."]),
        ("A line\nanother line", ["A line", "another line"]),
        ("Windows\r\nline ends", ["Windows", "line ends"]),
        ("Dr. Smith is in.", ["Dr. Smith is in."]),
        ("It costs 3.50 today.", ["It costs 3.50 today."]),
        ("Wait... what?", ["Wait... what?"]),
        ('She said "no." Then she left.', ['She said "no."', "Then she left."]),
    ],
)
def test_plain_prose(text, expected):
    assert _sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Boil the water.\n2. Add salt.", ["1. Boil the water.", "2. Add salt."]),
        ("2. **Bold:** text", ["2. **Bold:** text"]),
        ("1) First\n2) Second", ["1) First", "2) Second"]),
        ("- a point\n- another", ["- a point", "- another"]),
        ("**3.** Mix well. Then rest.", ["**3.** Mix well.", "Then rest."]),
        ("# Heading\n\nText.", ["# Heading", "Text."]),
        ("> quoted. And more.", ["> quoted.", "And more."]),
    ],
)
def test_a_list_marker_belongs_to_the_item_it_opens(text, expected):
    assert _sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well done! 🎉", ["Well done! 🎉"]),
        ("Well done! 🎉🎉 💛", ["Well done! 🎉🎉 💛"]),
        ("You did it. I knew it. 😊", ["You did it.", "I knew it. 😊"]),
        ("Line one.\n😊\nLine two.", ["Line one.", "😊", "Line two."]),
    ],
)
def test_an_emoji_at_the_end_of_a_line_belongs_to_the_sentence_before_it(text, expected):
    assert _sentences(text) == expected


@pytest.mark.parametrize("rule", ["---", "***", "___", "===", "* * *", "| --- | --- |", "...", "•", "#"])
def test_a_rule_is_no_sentence(rule):
    assert _sentences(rule) == []
    assert _sentences(f"Before.\n\n{rule}\n\nAfter.") == ["Before.", "After."]


@pytest.mark.parametrize("text", ["42", "42.", "3.14", "😊", "100%"])
def test_an_answer_without_letters_is_a_sentence(text):
    assert _sentences(text) == [text]


def test_a_closed_code_block_is_one_unit():
    block = '```go\nfmt.Println("Hi. There.")\n\n// Done. Really.\n```'
    assert _sentences(f"Try this:\n\n{block}\n\nIt prints. Twice.") == ["Try this:", block, "It prints.", "Twice."]


def test_tildes_fence_code_too_and_hold_backticks():
    block = "~~~\n```\nA. B.\n```\n~~~"
    assert _sentences(f"{block}\nEnd.") == [block, "End."]


def test_an_open_code_fence_does_not_swallow_the_rest():
    assert _sentences("Start.\n```python\nx = 1\nThe end. Bye.") == ["Start.", "```python", "x = 1", "The end.", "Bye."]


@pytest.mark.parametrize(
    "text",
    [
        "Use fmt.Println to print.",
        "Call os.path.join here.",
        "Open index.html now.",
        "See example.com/a?b=c for it.",
        "Run a.B() once.",
    ],
)
def test_a_full_stop_inside_a_word_ends_nothing(text):
    assert _sentences(text) == [text]


def test_chinese_and_japanese_full_stops_end_sentences_without_a_space():
    assert _sentences("我很高兴。你好吗？很好！") == ["我很高兴。", "你好吗？", "很好！"]
    assert _sentences("はい。そうです。") == ["はい。", "そうです。"]


def test_a_huge_line_is_split_into_its_sentences():
    sentence = "I really enjoy long walks. "
    text = sentence * (200_000 // len(sentence))
    found = _sentences(text)
    assert " ".join(found) == text.strip()
    # A few are cut where the line is too long for one look.
    assert found.count(sentence.strip()) > 0.99 * 200_000 // len(sentence)


def test_a_huge_line_without_spaces_loses_nothing():
    text = "x" * 200_000
    spans = split_sentences(text)
    assert spans[0].start == 0
    assert spans[-1].end == len(text)
    assert all(one.end == two.start for one, two in pairwise(spans))


def test_threads_agree(example_turns):
    texts = [turn.response for turn in example_turns]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(split_sentences, texts)) == [split_sentences(text) for text in texts]

"""``induction/data/pairs``: the preference pairs that ship, held to the rules their README states."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import fmean

import pytest

import anthrometrics

DATA = Path(anthrometrics.__file__).parent / "induction" / "data"
VALUES = (
    "creativity", "curiosity", "discretion", "empathy", "engagement", "fairness", "harmlessness", "helpfulness",
    "honesty", "humor", "justice", "legality", "open-mindedness", "personalization", "privacy",
)  # fmt: skip
ANSWERS = ("chosen", "rejected")
FIELDS = ["id", "value", "prompt", *ANSWERS]
_TABLE_ROW = re.compile(r"^\| ([a-z-]+) \| (\d+) \| ([\d.]+) \| (\d\.\d\d) \|$", re.MULTILINE)


def _words(text):
    return len(text.split())


def _tokens(text):
    return tuple(re.findall(r"[a-z0-9']+", text.lower()))


def _ratio(pair):
    return _words(pair["chosen"]) / _words(pair["rejected"])


def _alike(texts, limit):
    """Ids whose token sets have a Jaccard index of ``limit`` or more."""
    sets = sorted(((key, frozenset(_tokens(text))) for key, text in texts), key=lambda item: len(item[1]))
    found = []
    for (a, first), (b, second) in combinations(sets, 2):
        # The smaller set over the larger bounds the index from above, and costs no intersection.
        if len(first) >= limit * len(second):
            common = len(first & second)
            if common >= limit * (len(first) + len(second) - common):
                found.append((a, b))
    return found


@pytest.fixture(scope="module")
def by_value():
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted((DATA / "pairs").glob("*.jsonl"))
    }


@pytest.fixture(scope="module")
def pairs(by_value):
    return [pair for rows in by_value.values() for pair in rows]


def test_fifteen_values_have_at_least_84_pairs_each(by_value):
    assert tuple(by_value) == VALUES
    assert {value: len(rows) for value, rows in by_value.items() if len(rows) < 84} == {}


def test_a_pair_has_its_fields_and_an_id_counted_within_its_value(by_value):
    for value, rows in by_value.items():
        for number, pair in enumerate(rows, start=1):
            assert list(pair) == FIELDS
            assert (pair["id"], pair["value"]) == (f"{value}-{number:03d}", value)
            for name in ("prompt", *ANSWERS):
                assert pair[name].isascii(), (pair["id"], name)
                assert pair[name] == " ".join(pair[name].split()), (pair["id"], name)


def test_prompts_are_short_and_used_once(pairs):
    assert [pair["id"] for pair in pairs if not 5 <= _words(pair["prompt"]) <= 40] == []
    assert [prompt for prompt, count in Counter(_tokens(pair["prompt"]) for pair in pairs).items() if count > 1] == []


def test_answers_are_15_to_60_words_and_of_like_length_within_a_pair(pairs):
    assert [(pair["id"], name) for pair in pairs for name in ANSWERS if not 15 <= _words(pair[name]) <= 60] == []
    lengths = {pair["id"]: [_words(pair[name]) for name in ANSWERS] for pair in pairs}
    assert {key: both for key, both in lengths.items() if max(both) > 1.2 * min(both)} == {}


@pytest.mark.parametrize("value", VALUES)
def test_neither_side_of_a_value_is_longer_on_average(by_value, value):
    assert 0.95 <= fmean(map(_ratio, by_value[value])) <= 1.05


@pytest.mark.parametrize("name", ["prompt", *ANSWERS])
def test_at_most_two_texts_of_a_value_begin_alike(by_value, name):
    for value, rows in by_value.items():
        beginnings = Counter(_tokens(pair[name])[:3] for pair in rows)
        assert [(value, start) for start, count in beginnings.items() if count > 2] == []


def test_no_two_prompts_are_near_duplicates(pairs):
    assert _alike([(pair["id"], pair["prompt"]) for pair in pairs], 0.7) == []


def test_no_two_answers_are_near_duplicates(pairs):
    assert _alike([((pair["id"], name), pair[name]) for pair in pairs for name in ANSWERS], 0.7) == []


def test_no_long_sentence_stands_twice(pairs):
    texts = (pair[name] for pair in pairs for name in ("prompt", *ANSWERS))
    sentences = Counter(_tokens(sentence) for text in texts for sentence in re.split(r"(?<=[.!?])[\"']?\s+", text))
    assert [" ".join(words) for words, count in sentences.items() if count > 1 and len(words) >= 8] == []


def test_no_pair_trains_on_a_shipped_prompt(pairs):
    suites = (DATA.parent / "prompts").glob("*.jsonl")
    asked = [json.loads(line) for path in suites for line in path.read_text(encoding="utf-8").splitlines()]
    assert asked
    evaluated = {_tokens(prompt["prompt"]) for prompt in asked}
    assert [pair["id"] for pair in pairs if _tokens(pair["prompt"]) in evaluated] == []


def test_the_readme_states_the_counts(by_value):
    stated = {row[0]: row[1:] for row in _TABLE_ROW.findall((DATA / "README.md").read_text(encoding="utf-8"))}
    found = {
        value: (
            str(len(rows)),
            f"{fmean(_words(pair[name]) for pair in rows for name in ANSWERS):.1f}",
            f"{fmean(map(_ratio, rows)):.2f}",
        )
        for value, rows in by_value.items()
    }
    assert stated == found

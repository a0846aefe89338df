"""``examples/``: the transcripts that the README scores, and the table that describes them."""

import json
import re
from collections import Counter

import pytest

from anthrometrics import Turn, read_turns

STYLES = ("plain", "warm")
_ROW = re.compile(r"^\| ([a-z-]+) \| (\d+) \| (\d+) \|")


@pytest.fixture(scope="module")
def records(repository):
    """``{style: conversations}``, as they stand in the files."""
    files = {style: repository / "examples" / f"{style}.jsonl" for style in STYLES}
    return {
        style: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for style, path in files.items()
    }


@pytest.fixture(scope="module")
def turns(repository):
    """``{style: turns}``, as the package reads them."""
    return {style: list(read_turns(repository / "examples" / f"{style}.jsonl")) for style in STYLES}


@pytest.fixture(scope="module")
def summaries(scorer, turns):
    return {style: scorer.score_many(turns[style]).summary() for style in STYLES}


def _roles(record, role):
    return [message["content"] for message in record["messages"] if message["role"] == role]


@pytest.mark.parametrize("style", STYLES)
def test_every_line_is_read_and_every_turn_has_words(turns, style):
    assert len(turns[style]) >= 60
    for turn in turns[style]:
        assert isinstance(turn, Turn), str(turn)
        assert turn.response.strip()
        assert turn.prompt.strip()


@pytest.mark.parametrize("style", STYLES)
def test_ids_are_distinct_and_tell_the_category(records, style):
    ids = [record["id"] for record in records[style]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(rf"{record['category']}-\d\d", record["id"]) for record in records[style])


def test_both_styles_answer_the_same_conversations(records, turns):
    def asked(record):
        return record["id"], record["category"], _roles(record, "system"), _roles(record, "user")

    assert [asked(record) for record in records["plain"]] == [asked(record) for record in records["warm"]]
    places = {style: [(turn.id, turn.index, turn.prompt) for turn in turns[style]] for style in STYLES}
    assert places["plain"] == places["warm"]


def test_the_answers_themselves_differ(turns):
    same = [p.id for p, w in zip(turns["plain"], turns["warm"], strict=True) if p.response == w.response]
    assert same == []


@pytest.mark.parametrize("style", STYLES)
def test_the_documented_table_counts_what_is_there(repository, records, style):
    readme = (repository / "examples" / "README.md").read_text(encoding="utf-8")
    rows = [match.groups() for line in readme.splitlines() if (match := _ROW.match(line))]
    conversations = Counter(record["category"] for record in records[style])
    answers = Counter()
    for record in records[style]:
        answers[record["category"]] += len(_roles(record, "assistant"))
    assert {name: (int(count), int(turns)) for name, count, turns in rows} == {
        name: (conversations[name], answers[name]) for name in conversations
    }
    assert f"the same {len(records[style])} conversations" in readme


@pytest.mark.parametrize("style", STYLES)
def test_the_categories_people_ask_about_are_all_there(records, style):
    wanted = {"everyday", "emotional", "companionship", "praise-seeking", "harmful", "borderline", "capability"}
    assert wanted <= {record["category"] for record in records[style]}


def test_every_example_is_scored_and_none_is_taken_for_another_language(summaries, turns):
    for style, summary in summaries.items():
        assert (summary.scored, summary.unscored, summary.flagged) == (len(turns[style]), {}, {})


# The difference was written into the two files on purpose; a detector that cannot see it measures nothing.
@pytest.mark.parametrize("detector", ["anthropomorphism", "validation"])
def test_the_warm_style_scores_higher(summaries, detector):
    plain, warm = (summaries[style].detectors[detector] for style in STYLES)
    assert warm.presence > plain.presence
    assert warm.rate > plain.rate

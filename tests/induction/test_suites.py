"""The shipped prompt suites, and the reading of suites of others."""

import csv
import gzip
import io
import json
import re
from collections import Counter
from itertools import combinations, groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.induction.suites import SUITES, Prompt, load_suite, save_suite

ALL = {name: load_suite(name) for name in SUITES}
EVERY = [prompt for suite in ALL.values() for prompt in suite]
# Names and stock phrases of public benchmarks; the suites were written without them.
MARKERS = re.compile(
    r"xstest|advbench|harmbench|alpaca ?eval|do-not-answer|anthrobench|mt-bench|truthfulqa|sharegpt|wildchat|jailbreak|"
    r"python process|step-by-step|aita|can of coke|language model|\bdan\b",
    re.IGNORECASE,
)

# What any file may hold: no lone surrogates, which UTF-8 cannot carry.
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
PROMPTS = st.lists(
    st.builds(
        Prompt,
        id=TEXTS,
        suite=TEXTS,
        prompt=TEXTS,
        should_refuse=st.none() | st.booleans(),
        refusal_means=st.none() | TEXTS,
    ),
    min_size=1,
    unique_by=lambda prompt: prompt.id,
)


def _words(text):
    return frozenset(re.findall(r"[\w']+", text.lower()))


def _written(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


# The shipped suites


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_is_large_enough_and_wholly_described(name):
    suite = ALL[name]
    assert len(suite) >= 64
    assert {prompt.suite for prompt in suite} == {name}
    assert [prompt.id for prompt in suite] == [f"{name}-{place:03d}" for place in range(1, len(suite) + 1)]
    for prompt in suite:
        assert prompt.prompt == prompt.prompt.strip()
        assert 2 <= len(prompt.refusal_means.split()) <= 14, prompt


def test_only_harmful_prompts_should_be_refused():
    assert {name for name, suite in ALL.items() if any(prompt.should_refuse for prompt in suite)} == {"harmful"}
    assert all(prompt.should_refuse is True for prompt in ALL["harmful"])
    assert all(prompt.should_refuse is False for prompt in EVERY if prompt.suite != "harmful")


def test_no_two_prompts_are_near_duplicates():
    words = [(prompt.id, _words(prompt.prompt)) for prompt in EVERY]
    near = [(a, b) for (a, one), (b, other) in combinations(words, 2) if len(one & other) >= 0.5 * len(one | other)]
    assert near == []


def test_no_opening_is_a_template():
    openings = Counter((prompt.suite, *prompt.prompt.lower().split()[:3]) for prompt in EVERY)
    assert [opening for opening, count in openings.items() if count > 4] == []


@pytest.mark.parametrize("name", SUITES)
def test_lengths_and_registers_vary(name):
    lengths = sorted(len(prompt.prompt.split()) for prompt in ALL[name])
    assert lengths[0] <= 10
    assert lengths[-1] >= 80
    assert lengths[len(lengths) * 3 // 4] >= 1.4 * lengths[len(lengths) // 4]
    unpolished = sum(prompt.prompt[0].islower() for prompt in ALL[name])
    assert 0.1 <= unpolished / len(lengths) <= 0.4


def test_nothing_is_borrowed_from_benchmarks():
    assert [prompt.id for prompt in EVERY if MARKERS.search(prompt.prompt)] == []


def test_the_prompts_were_not_trained_on(repository):
    """The detectors learned from these; measured answers must be to other prompts."""
    seen = set()
    for file in (repository / "training" / "synthetic").glob("*.jsonl"):
        seen |= {_words(json.loads(line)["prompt"] or "") for line in file.read_text(encoding="utf-8").splitlines()}
    assert len(seen) > 1000
    by_size = {size: list(group) for size, group in groupby(sorted(seen, key=len), len)}
    for prompt in EVERY:
        words = _words(prompt.prompt)
        # Sets of more unlike sizes cannot be that alike.
        sizes = [size for size in by_size if 0.7 * len(words) <= size <= len(words) / 0.7]
        near = [known for size in sizes for known in by_size[size] if len(words & known) >= 0.7 * len(words | known)]
        assert near == [], prompt


# Layouts of others


def test_xstest_says_what_should_be_refused(tmp_path):
    path = _written(
        tmp_path / "xstest.csv",
        'id,prompt,type,label,focus,note\n7,"Where, if anywhere?",homonyms,safe,x,\n8,Which one?,contrast_homonyms,unsafe,x,\n',
    )
    assert load_suite(path) == (
        Prompt("7", "xstest", "Where, if anywhere?", False),
        Prompt("8", "xstest", "Which one?", True),
    )


def test_goals_of_advbench_should_all_be_refused(tmp_path):
    path = _written(tmp_path / "harmful_behaviors.csv", 'goal,target\n"Do it","Sure, here is"\nDo that,Sure\n')
    assert load_suite(str(path)) == (
        Prompt("harmful_behaviors-001", "harmful_behaviors", "Do it", True),
        Prompt("harmful_behaviors-002", "harmful_behaviors", "Do that", True),
    )


def test_anthrobench_keeps_its_ids_and_says_nothing_of_refusal(tmp_path):
    header = (
        "conv_id,use_domain,use_scenario,empathy,professionalism,original_prompt,cue,behavior_category,user_first_turn"
    )
    path = _written(tmp_path / "first_turns.csv", f'{header}\n0,a,b,low,low,c,d,e,"Well, hello"\n')
    assert load_suite(path) == (Prompt("0", "first_turns", "Well, hello"),)


def test_records_with_a_prompt_and_arrays_of_them(tmp_path):
    lines = _written(tmp_path / "mine.jsonl", '{"prompt": "A?"}\n\n{"user_prompt": "B?", "id": 12}\n')
    assert load_suite(lines) == (Prompt("mine-001", "mine", "A?"), Prompt("12", "mine", "B?"))
    array = _written(
        tmp_path / "mine.json", json.dumps([{"prompt": "A?", "should_refuse": None, "suite": "s"}], indent=1)
    )
    assert load_suite(array) == (Prompt("mine-001", "s", "A?"),)


def test_plain_text_is_one_prompt_a_line_compressed_or_not(tmp_path):
    text = "\ufefffirst one\r\n\r\n  second\u2028one  \nthird"
    expected = ["first one", "second\u2028one", "third"]
    plain = _written(tmp_path / "list.TXT", text)
    assert [prompt.prompt for prompt in load_suite(plain)] == expected
    packed = tmp_path / "list.txt.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert [prompt.prompt for prompt in load_suite(packed)] == expected
    assert [prompt.id for prompt in load_suite(packed)] == ["list-001", "list-002", "list-003"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"prompt": "x"}\n{"prompt": 3}\n', r'a\.jsonl:2: "prompt" must be a string, not a number'),
        ("a.jsonl", '{"prompt": " "}\n', r'a\.jsonl:1: "prompt" is empty'),
        (
            "a.jsonl",
            '{"prompt": "x"}\n{"question": "y"}\n',
            r'a\.jsonl:2: expected one of the fields "prompt".*"question"',
        ),
        ("a.jsonl", '{"prompt": "x"}\n{"prompt": \n', r"a\.jsonl:2: not JSON"),
        ("a.jsonl", '"x"\n', r"a\.jsonl:1: expected an object .* found a string"),
        (
            "a.jsonl",
            '{"prompt": "x", "id": "k"}\n{"prompt": "y", "id": "k"}\n',
            r'a\.jsonl:2: "id" k was used in line 1',
        ),
        ("a.jsonl", '{"prompt": "x", "id": ""}\n', r'a\.jsonl:1: "id" is empty'),
        ("a.jsonl", '{"prompt": "x", "id": [1]}\n', r'a\.jsonl:1: "id" must be a string or an integer'),
        ("a.jsonl", '{"prompt": "x", "should_refuse": 1}\n', r'"should_refuse" must be true, false or empty, not 1'),
        ("a.jsonl", '{"prompt": "x", "refusal_means": {}}\n', r'"refusal_means" must be a string, not an object'),
        ("a.csv", "id,prompt,type,label\n1,x,t,maybe\n", r'a\.csv:2: "label" must be "safe" or "unsafe".*\'maybe\''),
        ("a.csv", "id,prompt\n1,x,y\n", r"a\.csv:2: expected 2 columns"),
        ("a.jsonl", "", r"a\.jsonl holds no prompts"),
        ("a.txt", "\n \n", r"a\.txt holds no prompts"),
    ],
)
def test_an_error_names_file_line_and_field(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        load_suite(_written(tmp_path / name, text))


def test_an_unknown_name_lists_the_suites():
    with pytest.raises(InputError, match="no suite and no file everday; the suites are everyday, emotional"):
        load_suite("everday")


def test_a_name_wins_over_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _written(tmp_path / "harmful", '{"prompt": "mine"}\n')
    assert load_suite("harmful") == ALL["harmful"]
    assert load_suite("./harmful") == (Prompt("harmful-001", "harmful", "mine"),)


# Writing and reading back


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_the_shipped_suites_survive_being_written(tmp_path, suffix):
    save_suite(EVERY, tmp_path / f"all{suffix}")
    assert load_suite(tmp_path / f"all{suffix}") == tuple(EVERY)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@given(prompts=PROMPTS)
def test_any_prompts_survive_being_written(tmp_path_factory, suffix, prompts):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    save_suite(prompts, path)
    assert load_suite(path) == tuple(prompts)


@given(rows=st.lists(st.tuples(TEXTS, st.sampled_from(["safe", "unsafe"])), min_size=1))
def test_every_row_of_an_xstest_table_is_one_prompt(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "xstest-any.csv"
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("id", "prompt", "type", "label"))
    table.writerows((place, prompt, "any", label) for place, (prompt, label) in enumerate(rows))
    read = load_suite(_written(path, text.getvalue()))
    assert [(prompt.prompt, prompt.should_refuse) for prompt in read] == [
        (text, label == "unsafe") for text, label in rows
    ]


@given(text=st.text(st.characters(codec="utf-8")))
def test_plain_text_loses_no_line(tmp_path_factory, text):
    path = _written(tmp_path_factory.getbasetemp() / "any.txt", text)
    expected = [line.strip() for line in text.removeprefix("\ufeff").split("\n") if line.strip()]
    if expected:
        assert [prompt.prompt for prompt in load_suite(path)] == expected
    else:
        with pytest.raises(InputError, match="holds no prompts"):
            load_suite(path)


@given(data=st.binary())
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    for suffix in (".jsonl", ".csv", ".txt"):
        path = tmp_path_factory.getbasetemp() / f"bytes{suffix}"
        path.write_bytes(data)
        try:
            assert load_suite(path)
        except InputError as error:
            assert path.name in str(error)


def test_what_cannot_be_written_is_said_and_nothing_is_left(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.jsonl or \.csv"):
        save_suite(EVERY, tmp_path / "prompts.txt")
    twice = [Prompt("1", "xstest", "a"), Prompt("1", "other", "b")]
    with pytest.raises(
        InputError, match=r"the id 1 occurs twice \(other, xstest\); write the suites to separate files"
    ):
        save_suite(twice, tmp_path / "both.jsonl")
    assert list(tmp_path.iterdir()) == []

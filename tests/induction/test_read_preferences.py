"""Preference pairs: read from every layout, written so that this package and TRL read them back."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError, Message, Rejected
from anthrometrics.induction.preference_layouts import LAYOUTS
from anthrometrics.induction.preferences import PreferencePair, preference_records, read_preferences, write_preferences
from anthrometrics.induction.values import VALUES

HH = {
    "chosen": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: What now?\n\nAssistant: Let us see.",
    "rejected": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: What now?\n\nAssistant: No idea.",
}
ULTRA = {
    "source": "made",
    "instruction": "Name a river.",
    "models": ["a", "b", "c", "d"],
    "completions": [
        {"response": "The Aare.", "fine-grained_score": 4.25, "overall_score": 7.0, "model": "a"},
        {"response": "The Rhône.", "fine-grained_score": 4.75, "overall_score": 6.0, "model": "b"},
        {"response": "A lake.", "fine-grained_score": 1.5, "overall_score": 10.0, "model": "c"},
        {"response": "Unrated.", "fine-grained_score": None, "overall_score": None, "model": "d"},
    ],
}
BINARIZED = {
    "prompt": "Name a lake.",
    "prompt_id": "7d0a",
    "chosen": [{"content": "Name a lake.", "role": "user"}, {"content": "Lake Thun.", "role": "assistant"}],
    "rejected": [{"content": "Name a lake.", "role": "user"}, {"content": "A pond?", "role": "assistant"}],
    "score_chosen": 8.0,
    "score_rejected": 3.0,
}
PKU = {
    "prompt": "How do I open a jar?",
    "response_0": "Hit it.",
    "response_1": "Warm the lid under hot water.",
    "is_response_0_safe": False,
    "is_response_1_safe": True,
    "better_response_id": 1,
    "safer_response_id": 1,
}
RATINGS = {"correctness": 3, "coherence": 4, "complexity": 1, "verbosity": 1}
HELPSTEER = [
    {"prompt": "Why is tea hot?", "response": "It is brewed hot.", "helpfulness": 4, **RATINGS},
    {"prompt": "Why is tea hot?", "response": "Because.", "helpfulness": 1, **RATINGS},
    {
        "prompt": "Hi\n<extra_id_1>Assistant\nHello.\n<extra_id_1>User\nName a tree.",
        "response": "A fern.",
        "helpfulness": 0,
        **RATINGS,
    },
    {
        "prompt": "Hi\n<extra_id_1>Assistant\nHello.\n<extra_id_1>User\nName a tree.",
        "response": "An oak.",
        "helpfulness": 3,
        **RATINGS,
    },
]
STRENGTHS = {
    "split": "train",
    "prompt": "Name a colour.",
    "response_1": "Blue.",
    "response_2": "Tuesday.",
    "preference_strength": -3,
    "preference_statement": "The first names one.",
}


RATED = [{"prompt": "Hi", "response": answer, "helpfulness": rating} for rating, answer in enumerate("ab")]


def written(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def texts(pair):
    return pair.prompt, pair.chosen, pair.rejected


@pytest.fixture(scope="module")
def sample():
    return tuple(read_preferences("sample"))


def test_the_sample_is_every_shipped_pair_in_the_order_of_the_values(sample):
    assert len(sample) == 1260
    assert all(isinstance(pair, PreferencePair) for pair in sample)
    assert list(dict.fromkeys(pair.value for pair in sample)) == [
        v for v in VALUES if v not in ("deception", "violence")
    ]
    assert len({pair.id for pair in sample}) == 1260


def test_hh_rlhf_gives_the_turns_before_the_prompt_as_context(tmp_path):
    (pair,) = read_preferences(written(tmp_path / "hh.jsonl", HH))
    assert texts(pair) == ("What now?", "Let us see.", "No idea.")
    assert pair.context == (Message("user", "Hi"), Message("assistant", "Hello."))
    assert pair.id == "hh-1" and pair.value is None and pair.opening == "Hi"


def test_ultrafeedback_sets_the_best_mean_rating_against_the_worst(tmp_path):
    (pair,) = read_preferences(written(tmp_path / "ultra.jsonl", ULTRA))
    assert texts(pair) == ("Name a river.", "The Rhône.", "A lake.")


def test_ultrafeedback_without_mean_ratings_takes_overall_scores_also_as_text(tmp_path):
    completions = [{"response": "a", "overall_score": "6.5"}, {"response": "b", "overall_score": "7"}]
    (pair,) = read_preferences(written(tmp_path / "u.jsonl", {"instruction": "x", "completions": completions}))
    assert (pair.chosen, pair.rejected) == ("b", "a")


def test_binarized_pairs_of_whole_dialogues(tmp_path):
    (pair,) = read_preferences(written(tmp_path / "b.jsonl", BINARIZED))
    assert texts(pair) == ("Name a lake.", "Lake Thun.", "A pond?") and pair.id == "7d0a" and pair.context == ()


@pytest.mark.parametrize(
    ("format", "chosen", "value"),
    [
        ("auto", "Warm the lid under hot water.", "helpfulness"),
        ("pku-saferlhf", "Warm the lid under hot water.", "helpfulness"),
        ("pku-saferlhf-safer", "Hit it.", "harmlessness"),
    ],
)
def test_pku_chooses_the_better_or_the_safer_answer(tmp_path, format, chosen, value):
    path = written(tmp_path / "pku.jsonl", {**PKU, "safer_response_id": 0})
    (pair,) = read_preferences(path, format=format)
    assert pair.chosen == chosen and pair.value == value


def test_helpsteer_pairs_the_rows_of_one_prompt_wherever_they_stand(tmp_path):
    shuffled = [HELPSTEER[0], HELPSTEER[2], HELPSTEER[3], HELPSTEER[1]]
    first, second = read_preferences(written(tmp_path / "steer.jsonl", *shuffled))
    assert texts(first) == ("Why is tea hot?", "It is brewed hot.", "Because.") and first.value == "helpfulness"
    assert texts(second) == ("Name a tree.", "An oak.", "A fern.")
    assert second.context == (Message("user", "Hi"), Message("assistant", "Hello."))


def test_helpsteer_from_a_table_has_ratings_as_text(tmp_path):
    path = tmp_path / "steer.csv"
    path.write_text("prompt,response,helpfulness\nHi,Hello,3\nHi,What,1\n", encoding="utf-8")
    (pair,) = read_preferences(path)
    assert texts(pair) == ("Hi", "Hello", "What")


@pytest.mark.parametrize(("strength", "chosen"), [(-3, "Blue."), (1, "Tuesday.")])
def test_helpsteer_preferences_are_negative_for_the_first_answer(tmp_path, strength, chosen):
    (pair,) = read_preferences(written(tmp_path / "p.jsonl", {**STRENGTHS, "preference_strength": strength}))
    assert pair.chosen == chosen


def test_the_examples_of_the_layouts_are_read_as_what_they_are():
    for name, layout in LAYOUTS.items():
        example = json.loads(layout.example)
        assert [other.name for other in LAYOUTS.values() if other.matches(example)] == [name]
        assert len(layout.conversations(example if name != "helpsteer" else {**example, "answers": RATED})) == 2


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"prompt": "x", "chosen": "a"}, 'expected a field "rejected"'),
        ({"prompt": "x", "chosen": None, "rejected": "b"}, '"chosen" has no text'),
        ({"prompt": "x", "chosen": "a", "rejected": "  "}, '"rejected" has no text'),
        ({"prompt": "x", "chosen": "a", "rejected": " a\n"}, "are the same text"),
        ({"prompt": "x", "chosen": "<think>hm</think>", "rejected": "b"}, '"chosen" has no text'),
        ({"chosen": "a", "rejected": "b"}, 'needs a "prompt"'),
        ({"prompt": " ", "chosen": "a", "rejected": "b"}, "the prompt has no text"),
        ({"prompt": "x", "chosen": "a", "rejected": "b", "value": 3}, '"value" must be the name of a value'),
        ({"prompt": "x", "chosen": 3, "rejected": "b"}, '"chosen" must be a string'),
        (
            {
                "chosen": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "a"}],
                "rejected": [{"role": "user", "content": "y"}, {"role": "assistant", "content": "b"}],
            },
            "answer different prompts",
        ),
        ({**PKU, "better_response_id": 2}, '"better_response_id" must be 0 or 1'),
        ({**PKU, "better_response_id": True}, '"better_response_id" must be 0 or 1'),
        ({"prompt": "x", "response_0": "a", "response_1": "b"}, 'expected a field "better_response_id"'),
        ({**STRENGTHS, "preference_strength": 0}, "neither answer is preferred"),
        (HELPSTEER[0], "two rated answers to one prompt, this one has 1"),
        ({**ULTRA, "completions": [{"response": "a", "overall_score": 5}] * 2}, "its answers are all rated 5"),
        ({**ULTRA, "completions": [{"response": "a", "overall_score": "N/A"}] * 2}, "must be a number, not 'N/A'"),
        ({**ULTRA, "completions": "none"}, '"completions" must be a list'),
        (["x"], "expected a JSON object, found a list"),
    ],
)
def test_a_record_without_a_pair_is_kept_apart_with_its_place_and_reason(tmp_path, record, reason):
    path = written(tmp_path / "bad.jsonl", record)
    (found,) = read_preferences(path)
    assert isinstance(found, Rejected)
    assert (found.file, found.line) == (str(path), 1) and reason in found.reason
    assert json.dumps(record)[1:12] in found.text


def test_bad_records_cost_no_other(tmp_path):
    path = written(tmp_path / "some.jsonl", HH, {"chosen": "x"}, HH)
    path.write_bytes(path.read_bytes() + b"{broken\n" + b'{"prompt": "\xff"}\n')
    found = list(read_preferences(path))
    assert [type(item).__name__ for item in found] == [
        "PreferencePair",
        "Rejected",
        "PreferencePair",
        *["Rejected"] * 2,
    ]
    assert [item.line for item in found if isinstance(item, Rejected)] == [2, 4, 5]


def test_what_a_model_thought_aloud_is_no_part_of_a_side(tmp_path):
    record = {"prompt": "x", "chosen": "<think>hm</think>Yes.", "rejected": "No."}
    (pair,) = read_preferences(written(tmp_path / "think.jsonl", record))
    assert pair.chosen == "Yes."


def test_a_file_may_be_compressed_and_named_by_its_format(tmp_path):
    path = tmp_path / "hh.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(HH).encode() + b"\n"))
    seen = []
    (pair,) = read_preferences(path, on_format=lambda *told: seen.append(told))
    assert pair.id == "hh-1" and seen == [(str(path), "hh-rlhf")]
    (other,) = read_preferences(path, format="preference")
    assert isinstance(other, Rejected) or other.prompt != "What now?"


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("nowhere.jsonl", {}, "nowhere.jsonl does not exist"),
        ("nowhere", {}, "nowhere does not exist"),
        ("sample", {"split": "train"}, "the shipped sample has no splits"),
        ("sample", {"format": "dpo"}, "no format of preference pairs is called 'dpo'; there are auto, preference"),
    ],
)
def test_wrong_sources_are_one_error(source, options, message):
    with pytest.raises(InputError, match=message):
        list(read_preferences(source, **options))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Datasets as the library saves them, with and without splits, of the schemas that are published."""
    datasets = pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("saved")
    splits = {"train": datasets.Dataset.from_list(HELPSTEER), "validation": datasets.Dataset.from_list(HELPSTEER[:2])}
    datasets.DatasetDict(splits).save_to_disk(folder / "HelpSteer2")
    datasets.DatasetDict({"test": splits["validation"]}).save_to_disk(folder / "one")
    datasets.DatasetDict({"a": splits["train"], "b": splits["train"]}).save_to_disk(folder / "two")
    datasets.Dataset.from_list([ULTRA]).save_to_disk(folder / "UltraFeedback")
    datasets.Dataset.from_list([PKU, {**PKU, "better_response_id": 0}]).save_to_disk(folder / "PKU-SafeRLHF")
    datasets.Dataset.from_list([HH, HH]).save_to_disk(folder / "hh-rlhf")
    return folder


@pytest.mark.parametrize(
    ("name", "split", "number"),
    [
        ("HelpSteer2", None, 2),
        ("HelpSteer2", "validation", 1),
        ("one", None, 1),
        ("UltraFeedback", None, 1),
        ("PKU-SafeRLHF", None, 2),
        ("hh-rlhf", None, 2),
    ],
)
def test_saved_datasets_are_read_by_split(saved, name, split, number):
    found = list(read_preferences(saved / name, split=split))
    assert [type(item) for item in found] == [PreferencePair] * number


def test_a_split_that_is_not_there_is_an_error_that_lists_them(saved):
    for name, split in (("two", None), ("HelpSteer2", "dev")):
        with pytest.raises(InputError, match=r"has the splits .*; name one with --split"):
            list(read_preferences(saved / name, split=split))
    with pytest.raises(InputError, match="has no splits"):
        list(read_preferences(saved / "hh-rlhf", split="train"))


def test_a_folder_as_it_lies_on_the_hub_is_loaded_by_the_library(tmp_path):
    pytest.importorskip("datasets")
    folder = tmp_path / "PKU-SafeRLHF"
    folder.mkdir()
    written(folder / "train.jsonl", PKU, {**PKU, "prompt": "Again?"})
    written(folder / "test.jsonl", PKU)
    found = list(read_preferences(folder))
    assert [texts(pair)[0] for pair in found] == ["How do I open a jar?", "Again?"]
    assert found[0].id == "PKU-SafeRLHF[train]-1"
    assert len(list(read_preferences(folder, split="test"))) == 1


def test_a_folder_of_nothing_is_an_error_that_says_what_to_do(tmp_path):
    pytest.importorskip("datasets")
    with pytest.raises(InputError, match=r"cannot be loaded as a dataset .*; name one of its files"):
        list(read_preferences(tmp_path))


def test_a_hub_that_cannot_be_reached_is_one_error(python, tmp_path):
    pytest.importorskip("datasets")
    code = (
        "from anthrometrics import InputError\n"
        "from anthrometrics.induction.preferences import read_preferences\n"
        "try:\n    list(read_preferences('Anthropic/hh-rlhf'))\n"
        "except InputError as error:\n    print(error)\n"
    )
    done = python("-c", code, environment={"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr.decode()
    (line,) = done.stdout.decode().splitlines()
    assert line.startswith("there is no file or folder Anthropic/hh-rlhf, and no dataset of that name could be loaded")
    assert line.endswith("check the name and the network, or download the dataset elsewhere and name its folder")


WORDS = st.text(min_size=1, max_size=30).filter(lambda text: text.strip() and not text.lstrip().startswith("<think"))
ROLES = st.sampled_from(["user", "assistant", "system"])
PAIRS = st.builds(
    PreferencePair,
    id=st.text("abc-1", min_size=1),
    prompt=WORDS,
    chosen=WORDS,
    rejected=WORDS,
    value=st.none() | st.sampled_from(VALUES),
    context=st.lists(st.builds(Message, ROLES, WORDS), max_size=2).map(tuple),
).filter(lambda pair: pair.chosen.strip() != pair.rejected.strip())


@given(st.lists(PAIRS, min_size=1, max_size=4))
def test_pairs_are_read_back_as_they_were_written(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("written") / "pairs.jsonl"
    write_preferences(pairs, path)
    assert list(read_preferences(path)) == pairs


def test_a_text_that_begins_like_a_transcript_stays_what_it_is(tmp_path):
    pair = PreferencePair("a", "Human: hi", "Assistant: yes", "no")
    write_preferences([pair], tmp_path / "odd.jsonl")
    assert list(read_preferences(tmp_path / "odd.jsonl")) == [pair]


def test_all_rows_have_one_form(tmp_path):
    plain = PreferencePair("a", "p", "c", "r")
    after = PreferencePair("b", "p", "c", "r", "honesty", (Message("system", "s"),))
    assert [*preference_records([plain])] == [{"id": "a", "prompt": "p", "chosen": "c", "rejected": "r"}]
    first, second = preference_records([plain, after])
    assert first["prompt"] == [{"role": "user", "content": "p"}]
    assert second["prompt"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}]
    assert second["chosen"] == [{"role": "assistant", "content": "c"}]
    assert (first["value"], second["value"]) == (None, "honesty")


def test_what_is_written_is_a_table_to_the_library_that_trainers_read_it_with(tmp_path):
    datasets = pytest.importorskip("datasets")
    pairs = [
        PreferencePair("a", "p", "c", "r"),
        PreferencePair("b", "p", "c", "r", "honesty", (Message("user", "Hi"), Message("assistant", "Yes?"))),
    ]
    write_preferences(pairs, tmp_path / "pairs.jsonl")
    rows = datasets.load_dataset("json", data_files=str(tmp_path / "pairs.jsonl"), cache_dir=tmp_path, split="train")
    assert [row["prompt"][-1] for row in rows] == [{"role": "user", "content": "p"}] * 2
    assert rows[1]["rejected"] == [{"role": "assistant", "content": "r"}] and rows[0]["value"] is None


def test_only_json_lines_are_written(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.jsonl"):
        write_preferences([], tmp_path / "pairs.csv")

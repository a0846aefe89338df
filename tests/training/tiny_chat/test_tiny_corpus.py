import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.tiny_chat import corpus
from training.tiny_chat.clean import content_words, cut, plain, readable

GOOD = "You can boil the egg for six minutes, and then it is best to put it in cold water."
LONG = "This is what you should do with it when you are at home and have the time. " * 20


def chat(source, licence, *texts):
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    return {"id": "x", "source": source, "licence": licence, "messages": messages}


@pytest.fixture
def texts(tmp_path, monkeypatch):
    """A data folder of our own; gives a function that fills one of its files."""

    def write(name, rows):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in rows)

    for name in ("chat", "turns_pool", "refusal_train", "prefs", "rated", "pretrain_text"):
        write(name, [])
    monkeypatch.setenv("ANTHROMETRICS_DATA", str(tmp_path))
    return write


def test_marks_and_curled_quotes_are_made_plain():
    assert plain("## Eggs\n\n**Boil** it — it’s `easy`\n\n\n* one\n* two") == "Eggs\nBoil it - it's easy\n- one\n- two"


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return x",
        "See https://example.org for what you can do with it",
        "Das ist kein Satz, den man hier lesen soll, weil er nicht auf Englisch ist",
        "12345 67890 13579 and the 24680",
        "",
    ],
)
def test_code_links_digits_and_other_languages_are_not_read(text):
    assert readable(GOOD)
    assert not readable(text)


@given(st.lists(st.sampled_from(["word", "end.", "What?", "no!"]), min_size=1, max_size=40), st.integers(1, 40))
def test_a_cut_ends_with_a_sentence_and_is_a_beginning(pieces, most):
    text = " ".join(pieces)
    head, shortened = cut(text, most)
    assert text.startswith(head)
    assert shortened == (len(pieces) > most)
    assert not shortened or not head or head[-1] in ".!?"
    assert len(head.split()) <= most


def test_content_words_leave_out_what_every_text_has():
    assert content_words("What should we do about the broken kettle?") == {"broken", "kettle"}


def test_only_permissive_texts_are_read(texts):
    licences = ["MIT", "Apache-2.0 (repo)", "CC-BY-4.0", "CC-BY-SA-4.0", "CDLA-Sharing-1.0", "none stated"]
    texts("chat", [chat("some", x, f"How long does it take? ({x})", f"{x}: {GOOD}") for x in licences])
    assert {d.answer.split(":")[0] for d in corpus.permissive_dialogues()} == set(licences[:3])


def test_the_same_answer_is_read_once(texts):
    texts("chat", [chat("some", "MIT", "How long do I boil it?", GOOD)] * 2)
    texts("turns_pool", [chat("other", "MIT", "And how long is that?", GOOD)])
    assert [d.source for d in corpus.permissive_dialogues()] == ["some"]


def test_nothing_that_touches_a_prompt_of_the_package_is_read(texts):
    taken = next(iter(corpus.read_jsonl(corpus.PROMPTS / "prompts" / "opinion.jsonl")))["prompt"]
    rows = [chat("some", "MIT", f"Well, {taken}", GOOD), chat("some", "MIT", "How long is it?", f"Well. {GOOD}")]
    texts("chat", rows)
    assert [d.messages[0]["content"] for d in corpus.permissive_dialogues()] == ["How long is it?"]


def test_a_long_answer_is_cut_and_ends_its_conversation(texts):
    texts("chat", [chat("some", "MIT", "What should I do?", LONG, "And then?", GOOD)])
    (found,) = corpus.permissive_dialogues()
    assert not found.whole
    assert len(found.messages) == 2
    assert found.answer.endswith("time.")
    assert not corpus.instruction_dialogues([found])


def test_answers_to_harmful_prompts_are_read_only_where_they_refuse(texts):
    rows = [
        {"source": "past_tense", "licence": "MIT", "prompt": "How did they do it?", "response": r, "label": label}
        for r, label in ((f"I will not help with that. {GOOD}", "full_refusal"), (GOOD, "compliance"))
    ]
    texts("refusal_train", rows)
    assert [d.refusal for d in corpus.permissive_dialogues()] == ["full_refusal"]


def test_prose_is_cut_into_whole_sentences(texts):
    story = "The man went to the house and he was not at home when they came to it.\n\n" * 40
    texts("pretrain_text", [{"id": "1", "source": "tales", "licence": "public domain", "text": story}])
    found = list(corpus.prose(10_000))
    assert len(found) > 1
    assert all(piece.startswith("The man") and piece.endswith("to it.") for piece in found)
    assert sum(len(p) for p in corpus.prose(500)) < sum(len(p) for p in found)


def test_the_written_dialogues_are_well_formed():
    rows = [row for path in sorted(corpus.DIALOGUES.glob("*.jsonl")) for row in corpus.read_jsonl(path)]
    assert len(rows) >= 600
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        roles = [message["role"] for message in row["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2), row["id"]
        assert all(message["content"].strip() for message in row["messages"]), row["id"]
    prompts = Counter(row["messages"][0]["content"].lower() for row in rows)
    assert [prompt for prompt, times in prompts.items() if times > 1] == []


def test_the_written_dialogues_do_not_touch_the_suites():
    prompts = corpus.package_prompts()
    assert [d.messages[0]["content"] for d in corpus.own_dialogues() if corpus.touches(d, prompts)] == []

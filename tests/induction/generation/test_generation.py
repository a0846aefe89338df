"""Generation: answers of a real model in memory and of a real server, and a file that survives a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anthrometrics import read_turns
from anthrometrics.errors import InputError
from anthrometrics.induction.chat_models import load_chat_model
from anthrometrics.induction.generation import Answer, Endpoint, GenerationConfig, Local, Vllm, generate
from anthrometrics.induction.generation.vllm import room_for_rank
from anthrometrics.induction.suites import Prompt
from tests.induction.server import Server

SHORT = GenerationConfig(max_new_tokens=12, batch_size=4)
DRAWN = GenerationConfig(max_new_tokens=12, batch_size=4, samples=2, temperature=0.9, top_p=0.95, seed=3)
PROMPTS = tuple(
    Prompt(f"p-{number}", "everyday", text, should_refuse=False)
    for number, text in enumerate(
        [
            "Hello?",
            "How do I keep basil alive on a windowsill that gets very little light in winter?",
            "Name a river.",
            "What should I cook?",
            "I lost my keys and I am late for work, what now?",
            "Why is the sky blue?",
        ]
    )
)


@pytest.fixture(scope="module")
def chat(small_base):
    return load_chat_model(small_base)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_prompt_is_answered_in_order(chat, tmp_path):
    seen = []
    out = generate(chat, PROMPTS, SHORT, tmp_path / "a.jsonl", progress=lambda done, total: seen.append((done, total)))
    found = lines(out)
    assert [row["id"] for row in found] == [prompt.id for prompt in PROMPTS]
    assert [row["prompt"] for row in found] == [prompt.prompt for prompt in PROMPTS]
    assert all(row["error"] is None and 0 <= row["tokens"] <= 12 for row in found)
    assert any(row["response"] for row in found)
    assert seen == [(4, 6), (6, 6)]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.jsonl", "a.meta.json"]


def test_what_is_written_is_a_transcript(chat, tmp_path):
    out = generate(chat, PROMPTS, SHORT, tmp_path / "a.jsonl")
    turns = list(read_turns(out))
    assert [(turn.id, turn.prompt, turn.response) for turn in turns] == [
        (row["id"], row["prompt"], row["response"]) for row in lines(out)
    ]


def test_greedy_answers_do_not_depend_on_the_batch(chat, tmp_path):
    together = generate(chat, PROMPTS, SHORT, tmp_path / "a.jsonl")
    alone = generate(chat, PROMPTS, GenerationConfig(max_new_tokens=12, batch_size=1), tmp_path / "b.jsonl")
    assert lines(together) == lines(alone)


def test_samples_differ_and_repeat(chat, tmp_path):
    first = lines(generate(chat, PROMPTS, DRAWN, tmp_path / "a.jsonl"))
    again = lines(generate(chat, PROMPTS, DRAWN, tmp_path / "b.jsonl"))
    assert [row["id"] for row in first[:4]] == ["p-0#1", "p-0#2", "p-1#1", "p-1#2"]
    assert first == again
    assert any(a["response"] != b["response"] for a, b in zip(first[::2], first[1::2], strict=True))
    other = GenerationConfig(max_new_tokens=12, batch_size=4, samples=2, temperature=0.9, top_p=0.95, seed=4)
    assert lines(generate(chat, PROMPTS, other, tmp_path / "c.jsonl")) != first


def test_a_finished_file_is_left_alone_and_another_run_refused(chat, tmp_path):
    out = generate(chat, PROMPTS, SHORT, tmp_path / "a.jsonl")
    before = out.stat().st_mtime_ns
    assert generate(chat, PROMPTS, SHORT, out) == out
    assert out.stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"config\.max_new_tokens.*changed"):
        generate(chat, PROMPTS, GenerationConfig(max_new_tokens=13, batch_size=4), out)
    with pytest.raises(InputError, match="prompts changed"):
        generate(chat, PROMPTS[:3], SHORT, out)


def test_a_prompt_without_room_has_no_answer(chat, tmp_path):
    long = Prompt("long", "everyday", "word " * 5000)
    found = lines(generate(chat, (*PROMPTS[:2], long), SHORT, tmp_path / "a.jsonl"))
    assert found[2]["response"] is None
    assert "tokens" in found[2]["error"]
    assert found[0]["response"] is not None


def test_two_prompts_with_one_id_are_refused(chat, tmp_path):
    with pytest.raises(InputError, match="two prompts have the id p-0"):
        generate(chat, (PROMPTS[0], PROMPTS[0]), SHORT, tmp_path / "a.jsonl")


class Stops:
    """A source that is cut off after some batches, and remembers what it was asked."""

    def __init__(self, source, batches):
        self.source, self.left, self.asked = source, batches, []

    def describe(self):
        return self.source.describe()

    def lengths(self, prompts):
        return self.source.lengths(prompts)

    def answer(self, prompts, config, seed):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.asked += prompts
        return self.source.answer(prompts, config, seed)


def test_an_interrupted_run_goes_on_and_ends_the_same(chat, tmp_path):
    whole = generate(chat, PROMPTS, DRAWN, tmp_path / "whole.jsonl")
    out = tmp_path / "cut.jsonl"
    with pytest.raises(KeyboardInterrupt):
        generate(Stops(Local(chat), 1), PROMPTS, DRAWN, out)
    assert not out.exists()
    rest = Stops(Local(chat), 99)
    generate(rest, PROMPTS, DRAWN, out)
    assert len(rest.asked) == 2 * len(PROMPTS) - 4
    assert out.read_bytes() == whole.read_bytes()


def test_what_was_left_of_another_run_is_not_mixed_in(chat, tmp_path):
    out = tmp_path / "cut.jsonl"
    with pytest.raises(KeyboardInterrupt):
        generate(Stops(Local(chat), 1), PROMPTS, DRAWN, out)
    with pytest.raises(InputError, match="another run"):
        generate(chat, PROMPTS, SHORT, out)


KILLED = """
import sys, time
from pathlib import Path
from typing import ClassVar
from anthrometrics.induction.chat_models import load_chat_model
from anthrometrics.induction.generation import GenerationConfig, Local, generate
from anthrometrics.induction.suites import load_suite

class Slow(Local):
    def answer(self, *arguments):
        time.sleep(0.2)
        return super().answer(*arguments)

generate(Slow(load_chat_model(sys.argv[1])), load_suite("everyday")[:24], GenerationConfig(max_new_tokens=8, batch_size=2),
         Path(sys.argv[2]))
"""


def test_a_killed_run_goes_on_and_ends_the_same(small_base, tmp_path):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    command = [sys.executable, "-c", KILLED, str(small_base)]
    subprocess.run([*command, str(whole)], check=True, capture_output=True)
    process = subprocess.Popen([*command, str(out)])
    journal = tmp_path / "cut.partial.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (not journal.exists() or journal.read_bytes().count(b"\n") < 5):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = journal.read_bytes().count(b"\n")
    assert 5 <= kept < 24
    with journal.open("ab") as stream:
        stream.write(b'{"id": "torn')
    subprocess.run([*command, str(out)], check=True, capture_output=True)
    assert out.read_bytes() == whole.read_bytes()
    assert not journal.exists()


def test_a_server_answers(server, tmp_path):
    found = lines(generate(Endpoint(server, "m"), PROMPTS, SHORT, tmp_path / "a.jsonl"))
    assert found[2]["response"] == "m says Name a river. 0.0 12"
    assert found[2]["finished"] and found[2]["tokens"] == 7
    assert "key" not in (tmp_path / "a.meta.json").read_text()


def test_a_rejected_prompt_loses_no_other(server, tmp_path):
    Server.failures = {"Name a river.": [400]}
    found = lines(generate(Endpoint(server, "m"), PROMPTS, SHORT, tmp_path / "a.jsonl"))
    assert [row["id"] for row in found if row["response"] is None] == ["p-2"]
    assert "no to Name a river." in found[2]["error"]


def test_a_server_that_is_busy_is_asked_again(server, tmp_path):
    Server.failures = {"Hello?": [503, 503]}
    found = lines(generate(Endpoint(server, "m"), PROMPTS, SHORT, tmp_path / "a.jsonl"))
    assert all(row["response"] for row in found)


def test_a_server_lists_what_it_has(server):
    Server.models = ["m", "empathy/seed-0"]
    assert Endpoint(server, "m").models() == ("m", "empathy/seed-0")
    for status, words in {401: "says 401 to the list", 404: "says 404 to the list", 405: "does not list"}.items():
        Server.failures = {"models": [status]}
        with pytest.raises(InputError, match=words):
            Endpoint(server, "m", retries=0).models()
    with pytest.raises(InputError, match="cannot reach"):
        Endpoint("http://127.0.0.1:9/v1", "m", retries=0).models()


@pytest.mark.parametrize(("rank", "room"), [(1, 8), (4, 8), (16, 16), (300, 320)])
def test_vllm_is_given_room_that_it_can_make(rank, room):
    assert room_for_rank(rank) == room
    with pytest.raises(InputError, match="up to rank 512"):
        room_for_rank(513)


@pytest.mark.parametrize(("status", "words"), [(401, "says 401"), (404, "says 404"), (503, "after 0 retries")])
def test_a_server_that_will_not_answer(server, tmp_path, status, words):
    Server.failures = {prompt.prompt: [status] * 9 for prompt in PROMPTS}
    with pytest.raises(InputError, match=words):
        generate(Endpoint(server, "m", retries=0), PROMPTS, SHORT, tmp_path / "a.jsonl")


def test_no_server(tmp_path):
    with pytest.raises(InputError, match="cannot reach"):
        generate(Endpoint("http://127.0.0.1:9/v1", "m", retries=0), PROMPTS, SHORT, tmp_path / "a.jsonl")


def test_a_missing_vllm_is_named(tmp_path):
    with pytest.raises(InputError, match="vLLM, which is not installed"):
        generate(Vllm("m"), PROMPTS, SHORT, tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    "wrong",
    [{"max_new_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"samples": 2}, {"batch_size": 0}],
)
def test_config_out_of_range(wrong):
    with pytest.raises(InputError):
        GenerationConfig(**wrong)


def test_config_round_trips_and_names_what_is_unknown():
    assert GenerationConfig.from_dict(DRAWN.to_dict()) == DRAWN
    with pytest.raises(InputError, match='no "temprature"'):
        GenerationConfig.from_dict({"temprature": 1.0})
    with pytest.raises(InputError, match='"samples" must be a number'):
        GenerationConfig.from_dict({"samples": "2"})


def test_answers_compare_by_content():
    assert Answer("a", 1, True) == Answer("a", 1, True)

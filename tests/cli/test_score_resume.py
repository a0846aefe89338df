"""``anthrometrics score --resume``: a run that is cut short goes on, and ends as if it had not been."""

import json
import os
import random
import re
import shutil
import signal
import sys
import time
from functools import partial

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals, pipes and limits")

COMMAND = [sys.executable, "-m", "anthrometrics", "score", "--device", "cpu", "--threads", "1"]
ARGUMENTS = ("a.jsonl", "b.jsonl", "-o", "out.jsonl")
LEFT = ["out.partial.jsonl", "out.partial.state.json"]
SENTENCES = ("I'm so proud of you.", "Boil it for ten minutes.", "I can't help with that.", "What a good idea!")
MANY = 600


def turns(name, count):
    """Records with ids of their own, among them bad lines and turns without words."""
    for i in range(count):
        said = " ".join(SENTENCES[(i + k) % len(SENTENCES)] for k in range(1 + i % 3))
        yield json.dumps({"id": f"{name}{i}", "response": f"{said} {i}", "run": i % 5, "epoch": 1}) if i % 40 else "bad"
        if i % 50 == 7:
            yield json.dumps({"id": f"{name}{i}-empty", "response": "", "run": None})


def lines_of(path):
    """Complete lines."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def has_lines(path, count):
    return lines_of(path) >= count


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def ids_in(path):
    """Ids of the complete lines."""
    return [json.loads(line)["id"] for line in path.read_bytes().split(b"\n")[:-1]]


@pytest.fixture
def score(python):
    def run(*arguments, **options):
        done = python("-m", "anthrometrics", "score", "--device", "cpu", *arguments, **options)
        done.stderr = done.stderr.decode()
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def start(start):
    """Begin ``score`` in the background."""
    return lambda *arguments, **options: start(*COMMAND[3:], *arguments, **options)


def wait_for(condition, process, limit=300.0):
    deadline = time.monotonic() + limit
    while not condition():
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    for name in ("a", "b"):
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in turns(name, MANY // 2)), "utf-8")
    return folder


@pytest.fixture
def uninterrupted(inputs, score, tmp_path):
    """A folder with what is written where nobody disturbs."""
    folder = shutil.copytree(inputs, tmp_path / "whole")
    assert score(*ARGUMENTS, cwd=folder).returncode == 1
    return folder


def test_killed_at_random_moments_it_ends_as_if_undisturbed(inputs, uninterrupted, start, score, tmp_path):
    folder, kills, chance, at = shutil.copytree(inputs, tmp_path / "run"), 5, random.Random(7), [0]
    journal = folder / LEFT[0]
    for _ in range(kills):
        process = start(*ARGUMENTS, "--resume", cwd=folder)
        further = at[-1] + chance.randint(1, 40)
        wait_for(partial(has_lines, journal, further), process)
        time.sleep(chance.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL, "it was still at work"
        assert not (folder / "out.jsonl").exists()
        at.append(lines_of(journal))
    assert at == sorted(set(at)), "every run went on where the last one stopped"
    kept = ids_in(journal)
    done = score(*ARGUMENTS, "--resume", cwd=folder)
    assert done.returncode == 1
    assert f"going on after {at[-1]} turns in {LEFT[0]}\n" in done.stderr
    ids = ids_in(folder / "out.jsonl")
    assert ids[: len(kept)] == kept
    assert len(ids) == len(set(ids)), "every turn was scored once"
    assert names_in(folder) == names_in(uninterrupted)
    for path in folder.iterdir():
        assert path.read_bytes() == (uninterrupted / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["interrupted", "terminated"]
)
def test_a_signal_leaves_what_is_done_and_says_how_to_go_on(start, tmp_path, sent, code):
    record = {"id": "a", "response": "What a wonderful idea! I'm so proud of you."}
    (tmp_path / "in.jsonl").write_text(f"{json.dumps(record)}\n" * 50_000, "utf-8")
    process = start("in.jsonl", "-o", "out.jsonl", cwd=tmp_path)
    wait_for(lambda: lines_of(tmp_path / LEFT[0]) > 0, process)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    kept = lines_of(tmp_path / LEFT[0])
    said = re.fullmatch(
        r"anthrometrics: interrupted; ([\d,]+) turns? kept in out\.partial\.jsonl; "
        r"the same command with --resume goes on",
        errors.decode().strip(),
    )
    assert said is not None, errors
    # The signal may come between writing a turn and counting it.
    assert 0 <= kept - int(said[1].replace(",", "")) <= 1
    assert names_in(tmp_path) == ["in.jsonl", *LEFT]


def test_a_signal_before_the_first_turn_leaves_nothing(start, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    process = start("pipe", "-o", "out.jsonl", cwd=tmp_path)
    wait_for((tmp_path / LEFT[1]).exists, process)
    # The state is written when the scorer is loaded; then it waits for the pipe.
    wait_for(lambda: (tmp_path / LEFT[1]).stat().st_size, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.decode().strip() == "anthrometrics: interrupted; no output was written"
    assert names_in(tmp_path) == ["pipe"]


def test_a_second_process_is_refused_while_the_first_is_at_work(start, score, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "in.jsonl").write_text('{"response": "Hello there."}\n', "utf-8")
    first = start("pipe", "-o", "out.jsonl", cwd=tmp_path)
    with open(tmp_path / "pipe", "w", encoding="utf-8") as pipe:
        pipe.write('{"id": "first", "response": "Hello there."}\n')
        pipe.flush()
        wait_for((tmp_path / LEFT[1]).exists, first)
        second = score("in.jsonl", "-o", "out.jsonl", "--restart", cwd=tmp_path)
        assert second.returncode == 2
        assert "another process is writing out.jsonl" in second.stderr
    _, errors = first.communicate(timeout=120)
    assert first.returncode == 0, errors
    assert ids_in(tmp_path / "out.jsonl") == ["first"]
    assert names_in(tmp_path) == ["in.jsonl", "out.jsonl", "out.meta.json", "pipe"]


def test_strict_leaves_nothing_to_go_on_with(score, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"response": "Hello there."}\n' * 200 + "bad\n", "utf-8")
    done = score("in.jsonl", "-o", "out.jsonl", "--strict", cwd=tmp_path)
    assert done.returncode == 1
    assert "in.jsonl:201" in done.stderr
    assert names_in(tmp_path) == ["in.jsonl"]

"""``anthrometrics score --engine ray``: a folder of shards, made by workers."""

import json
import os
import signal
import subprocess
import time

import pytest

from anthrometrics.output.atomic import json_line

pytest.importorskip("ray", reason="needs the extra ray")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")


def said(done):
    """Lines on standard error, without those of Ray's own logs: ``[2026-…`` and ``(raylet) …``, coloured or not."""
    return [line for line in done.stderr.splitlines() if not line.startswith(("[2", "(", "\x1b["))]


def records_in(folder):
    return [
        json.loads(line)
        for path in sorted(folder.glob("part-*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]


@pytest.fixture(scope="module")
def two_files(cli, repository, tmp_path_factory):
    """The same two files, one of them with a bad line, scored by two workers and by one process."""
    folder = tmp_path_factory.mktemp("ray")
    lines = (repository / "examples" / "plain.jsonl").read_text("utf-8").splitlines(keepends=True)[:20]
    (folder / "first.jsonl").write_text("".join([*lines[:5], "nonsense\n", *lines[5:]]), "utf-8")
    (folder / "second.jsonl").write_text(
        json_line({"response": "I missed you."}) + json_line({"response": " "}), "utf-8"
    )
    options = ("first.jsonl", "second.jsonl", "--detail", "sentences", "--text", "--keep", "category")
    alone = cli("score", *options, "-o", "alone.jsonl", cwd=folder)
    shared = cli("score", *options, "--engine", "ray", "--workers", 2, "--shards", "jsonl", "-o", "out", cwd=folder)
    return folder, alone, shared


def test_workers_write_the_records_of_one_process(two_files):
    folder, alone, shared = two_files
    assert (alone.returncode, shared.returncode, shared.stdout) == (1, 1, "")
    expected = [json.loads(line) for line in (folder / "alone.jsonl").read_text("utf-8").splitlines()]
    found = records_in(folder / "out")
    assert found == expected
    assert [list(record) for record in found] == [list(record) for record in expected]


def test_workers_write_the_metadata_of_one_process(two_files):
    folder, _, _ = two_files
    alone = json.loads((folder / "alone.meta.json").read_text("utf-8"))
    shared = json.loads((folder / "out" / "meta.json").read_text("utf-8"))
    assert {name: shared[name] for name in alone} == alone
    assert shared.keys() - alone.keys() == {"failed", "shards"}


def test_it_says_what_happened(two_files):
    folder, _, shared = two_files
    out = (folder / "out").resolve()
    turns = len(records_in(out))
    assert said(shared) == [
        "rejected first.jsonl:6: not JSON: Expecting value at column 1",
        f"{turns - 1} turns scored; 1 unscored (no text to score); 1 line rejected, kept in {out / 'rejected'} → {out}",
    ]


def test_a_second_run_needs_to_be_told_what_to_do(two_files, cli):
    folder, _, _ = two_files
    again = (
        "score",
        "first.jsonl",
        "second.jsonl",
        "--detail",
        "sentences",
        "--text",
        "--keep",
        "category",
        "--shards",
        "jsonl",
    )
    again = (*again, "--engine", "ray", "-o", "out")
    refused = cli(*again, cwd=folder)
    assert refused.returncode == 2
    assert "holds a run already; go on with it by --resume" in refused.stderr
    # Nothing is missing, so nothing is started.
    resumed = cli(*again, "--resume", "--ray-address", "127.0.0.1:1", cwd=folder)
    assert (resumed.returncode, said(resumed)) == (1, said(two_files[2]))
    changed = cli(*again, "--resume", "--reasoning", "include", cwd=folder)
    assert changed.returncode == 2
    assert "--reasoning: was exclude, is include" in changed.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--engine", "ray"), "--engine ray writes a folder: -o OUT"),
        (("--engine", "ray", "-o", "-"), "--engine ray writes a folder: -o OUT"),
        (("--engine", "ray", "-o", "new", "--strict"), "--engine ray has no --strict"),
        (("--engine", "ray", "-o", "new", "--inspect-scores", "a.jsonl"), "--engine ray has no --inspect-scores"),
        (("--engine", "ray", "-o", "new", "--resume", "--restart"), "give one of them"),
        (("--engine", "ray", "-o", "new", "--ray-address", "127.0.0.1:1"), "cannot reach the Ray cluster 127.0.0.1:1"),
        (("-o", "new.jsonl", "--workers", "2"), "--workers needs --engine ray"),
        (("-o", "new.jsonl", "--ray-address", "auto"), "--ray-address needs --engine ray"),
        (("-o", "new.jsonl", "--shards", "jsonl"), "--shards needs --engine ray"),
    ],
)
def test_options_that_do_not_go_together_are_named(cli, two_files, arguments, named):
    done = cli("score", "second.jsonl", *arguments, cwd=two_files[0])
    assert done.returncode == 2
    assert named in done.stderr
    assert not list((two_files[0]).glob("new*/part-*"))


def test_an_interrupted_run_says_how_to_go_on_and_does(two_files, cli, start, real_turns, tmp_path):
    turns = real_turns[:300]
    (tmp_path / "turns").mkdir()
    for index in range(0, len(turns), 20):
        lines = (json_line({"id": t.id, "response": t.response, "prompt": t.prompt}) for t in turns[index : index + 20])
        (tmp_path / "turns" / f"{index:03d}.jsonl").write_text("".join(lines), "utf-8")
    arguments = ("score", "turns", "--engine", "ray", "--workers", "1", "--shards", "jsonl", "-o", "out")
    process = start(*arguments, cwd=tmp_path, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("out/state/part-*.json")):
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read().decode()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors.decode()
    assert "done in out; the same command with --resume goes on" in errors.decode()
    assert b"Traceback" not in errors
    assert len(list(tmp_path.glob("out/part-*.jsonl"))) < 15
    resumed = cli(*arguments, "--resume", cwd=tmp_path)
    assert (resumed.returncode, said(resumed)) == (0, [f"{len(turns)} turns scored → {tmp_path / 'out'}"])
    found = [(record["id"], record["file"]) for record in records_in(tmp_path / "out")]
    assert found == [(t.id, f"turns/{n // 20 * 20:03d}.jsonl") for n, t in enumerate(turns)]

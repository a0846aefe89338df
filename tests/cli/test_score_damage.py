"""``anthrometrics score`` where files are damaged, disks are full and folders closed: a defined end, and nothing lost."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs limits and devices")

COMMAND = ("-m", "anthrometrics", "score", "--device", "cpu")
GOOD = {"id": "good", "response": "What a wonderful idea! I'm so proud of you."}
LEFT = ["out.partial.jsonl", "out.partial.state.json"]


@pytest.fixture
def score(child_environment, tmp_path):
    """Run in ``tmp_path``; the completed process, output as text."""

    def run(*arguments, **options):
        done = subprocess.run(
            [sys.executable, *COMMAND, *map(str, arguments)],
            cwd=options.pop("cwd", tmp_path),
            env=child_environment,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=300,
            check=False,
            **options,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "Exception ignored" not in done.stderr, done.stderr
        return done

    return run


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def records_in(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def transcript(folder, count):
    lines = [json.dumps({**GOOD, "id": str(i)}) for i in range(count)]
    (folder / "in.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def limited():
    """No file of this process may grow beyond 20 kB."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_costs_no_scored_turn(score, tmp_path):
    transcript(tmp_path, 30)
    done = score("in.jsonl", "-o", "out.jsonl", preexec_fn=limited)
    assert done.returncode == 2
    assert "cannot write out.partial.jsonl: File too large" in done.stderr
    assert "turns kept in out.partial.jsonl; the same command with --resume goes on" in done.stderr
    assert names_in(tmp_path) == ["in.jsonl", *LEFT]
    complete = (tmp_path / LEFT[0]).read_bytes().count(b"\n")
    assert 0 < complete < 30
    again = score("in.jsonl", "-o", "out.jsonl", "--resume")
    assert (again.returncode, again.stderr.splitlines()[0]) == (0, f"going on after {complete} turns in {LEFT[0]}")
    assert [record["id"] for record in records_in(tmp_path / "out.jsonl")] == [str(i) for i in range(30)]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_is_full_when_the_files_are_made_costs_nothing_either(score, tmp_path, small_disk):
    """The journal fits and its copy as a table does not."""
    transcript(tmp_path, 15)
    target = small_disk / "out.csv"
    done = score("in.jsonl", "-o", target, "--detail", "sentences")
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "15 turns kept in" in done.stderr
    assert names_in(small_disk) == ["out.csv.partial.jsonl", "out.csv.partial.state.json"]
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    again = score("in.jsonl", "-o", target, "--detail", "sentences", "--resume")
    assert again.returncode == 0, again.stderr
    assert names_in(small_disk) == ["out.csv", "out.csv.meta.json"]
    assert target.read_text("utf-8").count("\n") == 16


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
@pytest.mark.parametrize("arguments", [("-o", "-"), ()], ids=["records", "table"])
def test_standard_output_that_is_full_is_said(score, tmp_path, arguments):
    transcript(tmp_path, 3)
    with open("/dev/full", "wb") as full:
        done = score("in.jsonl", *arguments, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "anthrometrics: cannot write to standard output: No space left on device\n"


def test_rejected_lines_that_do_not_fit_on_the_disk_are_said(score, tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps(GOOD) + "\n" + f"{'bad' * 10_000}\n", "utf-8")
    done = score("in.jsonl", "-o", "out.jsonl", preexec_fn=limited)
    assert done.returncode == 2
    assert "cannot write out.partial.rejected.jsonl: File too large" in done.stderr
    assert not [name for name in names_in(tmp_path) if name.startswith("out") and name not in LEFT]


def test_a_folder_that_cannot_be_written_is_said_before_any_work(score, tmp_path):
    transcript(tmp_path, 1)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    # Permissions do not bind the superuser, but the file systems of the kernel do.
    folder = Path("/sys") if os.access(closed, os.W_OK) else closed
    done = score("in.jsonl", "-o", folder / "out.jsonl", "--model", "absent")
    assert done.returncode == 2
    assert done.stderr.startswith(f"anthrometrics: cannot write into {folder}: ")
    assert done.stderr.count("\n") == 1, "it did not come to the model"


def test_truncated_gzip_gives_its_good_records_and_counts_the_damage(score, tmp_path):
    lines = [json.dumps({**GOOD, "id": str(i), "note": os.urandom(400).hex()}) for i in range(60)]
    packed = gzip.compress("".join(f"{line}\n" for line in lines).encode())
    (tmp_path / "in.jsonl.gz").write_bytes(packed[: len(packed) * 2 // 3])
    done = score("in.jsonl.gz", "-o", "out.jsonl")
    assert done.returncode == 1
    found = [record["id"] for record in records_in(tmp_path / "out.jsonl")]
    assert found == [str(i) for i in range(len(found))]
    assert 25 <= len(found) < 60
    (rejected,) = records_in(tmp_path / "out.rejected.jsonl")
    assert "the compressed file is damaged from here on" in rejected["reason"]
    assert "1 line rejected, kept in out.rejected.jsonl" in done.stderr


def test_lines_that_are_huge_or_broken_cost_no_other(score, tmp_path):
    big = 50_000_000
    with (tmp_path / "in.jsonl").open("wb") as stream:
        for line in (
            json.dumps({**GOOD, "id": "first"}).encode(),
            json.dumps({**GOOD, "id": "huge", "blob": "x" * big}).encode(),
            b"y" * big,
            b'{"id": "raw", "response": "a \x00 b"}',
            rb'{"id": "escaped", "response": "It is \u0000 done."}',
            b'{"id": "latin", "response": "caf\xe9"}',
            json.dumps({**GOOD, "id": "last"}).encode(),
        ):
            stream.write(line + b"\n")
    done = score("in.jsonl", "-o", "out.parquet")
    assert done.returncode == 1
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table["id"].to_pylist() == ["first", "huge", "escaped", "last"]
    assert set(table["status"].to_pylist()) == {"scored"}
    rejected = records_in(tmp_path / "out.parquet.rejected.jsonl")
    assert [record["line"] for record in rejected] == [3, 4, 6]
    assert rejected[0]["text"] == "y" * big
    assert "Invalid control character" in rejected[1]["reason"]
    assert "not valid UTF-8 (byte 32 is 0xe9)" in rejected[2]["reason"]
    assert len(done.stderr) < 2_000, "a huge line is named and not shown"

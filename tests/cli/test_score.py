"""``anthrometrics score`` as a person runs it: files in, files, streams or a table out."""

import gzip
import json
import os
import re
import select
import subprocess
import sys
import time

import pytest

from anthrometrics import Turn, read_turns
from anthrometrics.codebook import LABEL_NAMES, SENTENCE_OUTPUTS

COMMAND = ("-m", "anthrometrics", "score", "--device", "cpu")
HEAD = ["id", "turn", "prompt_hash", "response_hash", "words", "sentence_count", "status"]
NUMBERS = ["anthropomorphism", "anthropomorphism_rate", "validation", "validation_rate", "refusal"]
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="needs signals and pseudo-terminals")


def jsonl(*records):
    """Lines of a transcript; bytes stand for themselves."""
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


def records_of(raw):
    return [json.loads(line) for line in raw.decode().splitlines()]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


CHAT = {
    "id": "chat",
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "I finished my first novel!"},
        {"role": "assistant", "content": "What a wonderful thing to do! I'm so proud of you."},
        {"role": "user", "content": "Can you print it?"},
        {"role": "assistant", "content": [{"type": "text", "text": "I can't print anything. A copy shop can."}]},
    ],
}
FIRST = jsonl(
    {"id": "plain", "prompt": "Was I wrong?", "response": "Not at all! You did everything right. \ud83d"},
    b"nonsense",
    {"id": 7, "response": ""},
    CHAT,
    {"response": 5},
)
SECOND = jsonl(
    {"response": "Das ist eine sehr gute Idee, und ich bin so stolz auf dich."},
    {"id": "call", "response": None},
    {"id": "rule", "response": "-----"},
    {"id": "blank", "response": " \n"},
)


@pytest.fixture(scope="module")
def score(python):
    def run(*arguments, **options):
        done = python(*COMMAND, *arguments, **options)
        assert b"Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def two_inputs(score, tmp_path_factory):
    """One run over two inputs with everything that can be in them, all details written."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "first.jsonl").write_bytes(FIRST)
    (folder / "second.jsonl").write_bytes(gzip.compress(SECOND))
    done = score("first.jsonl", "second.jsonl", "-o", "out.jsonl", "--detail", "sentences", cwd=folder)
    return folder, done


def test_rejected_lines_give_exit_code_1_and_are_reported_with_their_numbers(two_inputs):
    _, done = two_inputs
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().splitlines() == [
        "rejected first.jsonl:2: not JSON: Expecting value at column 1",
        'rejected first.jsonl:5: "response" must be a string, null or a list of parts, not a number',
        "4 turns scored; 4 unscored (no text to score); 2 lines rejected, kept in out.rejected.jsonl → out.jsonl",
    ]


def test_rejected_lines_are_kept(two_inputs):
    folder, _ = two_inputs
    rejected = records_of((folder / "out.rejected.jsonl").read_bytes())
    assert [list(record) for record in rejected] == [["file", "line", "reason", "text"]] * 2
    assert [(record["file"], record["line"]) for record in rejected] == [("first.jsonl", 2), ("first.jsonl", 5)]
    assert [record["text"] for record in rejected] == ["nonsense", '{"response": 5}']


def test_nothing_else_is_left_in_the_folder(two_inputs):
    folder, _ = two_inputs
    expected = ["first.jsonl", "out.jsonl", "out.meta.json", "out.rejected.jsonl", "second.jsonl"]
    assert names_in(folder) == expected


def test_turns_come_in_input_order_with_file_id_and_turn(two_inputs):
    folder, _ = two_inputs
    records = records_of((folder / "out.jsonl").read_bytes())
    assert [(r["file"], r["id"], r["turn"], r["status"], r.get("reason")) for r in records] == [
        ("first.jsonl", "plain", 0, "scored", None),
        ("first.jsonl", "7", 0, "unscored", "empty"),
        ("first.jsonl", "chat", 0, "scored", None),
        ("first.jsonl", "chat", 1, "scored", None),
        ("second.jsonl", None, 0, "scored", None),
        ("second.jsonl", "call", 0, "unscored", "non_text"),
        ("second.jsonl", "rule", 0, "unscored", "no_words"),
        ("second.jsonl", "blank", 0, "unscored", "whitespace"),
    ]


def test_the_fields_are_those_of_the_documented_table(two_inputs):
    folder, _ = two_inputs
    for record in records_of((folder / "out.jsonl").read_bytes()):
        reason = ["reason"] if record["status"] == "unscored" else []
        german = (record["file"], record["id"]) == ("second.jsonl", None)
        flags = ["flags"] if german else []
        head = ["file", *HEAD, *reason, *flags]
        assert list(record) == [*head, *NUMBERS, "refusal_label", "labels", "sentences"]
        if reason:
            assert all(record[name] is None for name in [*NUMBERS, "refusal_label"])
            assert (record["labels"], record["sentences"]) == ({}, [])
            continue
        assert record.get("flags", ["unverified_language"]) == ["unverified_language"]
        assert all(0 <= record[name] <= 1 for name in NUMBERS)
        assert record["refusal_label"] in ("full_refusal", "partial_refusal", "compliance")
        assert list(record["labels"]) == list(LABEL_NAMES)
        assert all(list(label) == ["presence", "rate"] for label in record["labels"].values())
        for sentence in record["sentences"]:
            assert list(sentence) == ["start", "end", "probabilities"]
            assert sorted(sentence["probabilities"]) == sorted(SENTENCE_OUTPUTS)
            assert all(0 <= value <= 1 for value in sentence["probabilities"].values())


def test_offsets_point_into_the_response(two_inputs):
    folder, _ = two_inputs
    record = records_of((folder / "out.jsonl").read_bytes())[2]
    response = CHAT["messages"][2]["content"]
    assert [response[s["start"] : s["end"]] for s in record["sentences"]] == [
        "What a wonderful thing to do!",
        "I'm so proud of you.",
    ]


def test_the_numbers_are_those_of_python(two_inputs, scorer):
    folder, _ = two_inputs
    turns = [
        (name, turn)
        for name in ("first.jsonl", "second.jsonl")
        for turn in read_turns(folder / name)
        if isinstance(turn, Turn)
    ]
    expected = [{"file": name, **scorer.score(turn).to_dict("sentences")} for name, turn in turns]
    assert records_of((folder / "out.jsonl").read_bytes()) == json.loads(json.dumps(expected))


def test_the_provenance_stands_beside_the_output(two_inputs, scorer):
    folder, _ = two_inputs
    meta = json.loads((folder / "out.meta.json").read_text("utf-8"))
    expected = ["schema", "provenance", "inputs", "formats", "options", "detail", "turns", "rejected", "summary"]
    assert list(meta) == expected
    assert (meta["options"]["which"], meta["options"]["reasoning"]) == (None, "exclude")
    assert meta["provenance"] == json.loads(json.dumps(scorer.provenance))
    assert (meta["inputs"], meta["detail"]) == (["first.jsonl", "second.jsonl"], "sentences")
    assert (meta["turns"], meta["rejected"]) == (8, 2)
    first, second = meta["summary"]["first.jsonl"], meta["summary"]["second.jsonl"]
    assert (first["scored"], first["unscored"], first["flagged"]) == (3, {"empty": 1}, {})
    assert (second["scored"], second["unscored"]) == (1, {"non_text": 1, "no_words": 1, "whitespace": 1})
    assert second["flagged"] == {"unverified_language": 1}
    assert sum(first["refusal_labels"].values()) == 3


def test_the_summary_holds_the_means_of_the_scored_turns(two_inputs):
    folder, _ = two_inputs
    summary = json.loads((folder / "out.meta.json").read_text("utf-8"))["summary"]["first.jsonl"]
    scored = [
        r
        for r in records_of((folder / "out.jsonl").read_bytes())
        if (r["file"], r["status"]) == ("first.jsonl", "scored")
    ]
    for name in ("anthropomorphism", "validation", "refusal"):
        mean = sum(record[name] for record in scored) / len(scored)
        assert summary["detectors"][name]["presence"] == pytest.approx(mean, abs=1e-5)
    for name in LABEL_NAMES:
        mean = sum(record["labels"][name]["rate"] for record in scored) / len(scored)
        assert summary["labels"][name]["rate"] == pytest.approx(mean, abs=1e-5)


def test_standard_input_to_standard_output(score):
    done = score("-", "-o", "-", stdin=gzip.compress(SECOND + jsonl(b"{", CHAT)))
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "rejected <stdin>:5: not JSON: Expecting property name enclosed in double quotes at column 2",
        "3 turns scored; 3 unscored (no text to score); 1 line rejected",
    ]
    records = records_of(done.stdout)
    assert [record["id"] for record in records] == [None, "call", "rule", "blank", "chat", "chat"]
    for record in records:
        assert "file" not in record
        optional = [name for name in ("reason", "flags") if name in record]
        assert list(record) == [*HEAD, *optional, *NUMBERS, "refusal_label", "labels"]


def test_summary_detail_and_a_clean_run_over_an_old_output(score, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(jsonl(CHAT))
    for old in ("out.jsonl", "out.meta.json", "out.rejected.jsonl"):
        (tmp_path / old).write_text("from an earlier run")
    done = score("in.jsonl", "-o", "out.jsonl", "--detail", "summary", "--precision", "exact", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode() == "2 turns scored → out.jsonl\n"
    assert names_in(tmp_path) == ["in.jsonl", "out.jsonl", "out.meta.json"]
    for record in records_of((tmp_path / "out.jsonl").read_bytes()):
        assert list(record) == [*HEAD, *NUMBERS, "refusal_label"]
    meta = json.loads((tmp_path / "out.meta.json").read_text("utf-8"))
    assert (meta["detail"], meta["rejected"], meta["provenance"]["precision"]) == ("summary", 0, "exact")


def test_strict_stops_at_the_first_bad_line_and_writes_nothing(score, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(FIRST)
    (tmp_path / "out.jsonl").write_text("from an earlier run")
    done = score("in.jsonl", "-o", "out.jsonl", "--strict", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "in.jsonl:2: not JSON" in done.stderr.decode()
    assert "in.jsonl:5" not in done.stderr.decode()
    assert names_in(tmp_path) == ["in.jsonl", "out.jsonl"]
    assert (tmp_path / "out.jsonl").read_text() == "from an earlier run"


@pytest.mark.parametrize("content", [b"", b"nonsense\n" * 12], ids=["empty", "all rejected"])
def test_nothing_readable_is_exit_code_2_and_writes_nothing(score, tmp_path, content):
    (tmp_path / "in.jsonl").write_bytes(content)
    done = score("in.jsonl", "-o", "out.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    lines = done.stderr.decode().splitlines()
    assert lines[-1].startswith("anthrometrics: nothing readable in in.jsonl")
    assert len(lines) <= 12, "the first rejected lines are enough"
    assert names_in(tmp_path) == ["in.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "Missing argument"),
        (["absent.jsonl"], "absent.jsonl does not exist"),
        (["in.jsonl", "absent.jsonl", "-o", "out.jsonl"], "absent.jsonl does not exist"),
        (["folder"], "the folder folder has no file of a known suffix"),
        (["in.jsonl", "in.jsonl"], "in.jsonl is named twice"),
        (["-", "-"], "- is named twice"),
        (["in.jsonl", "-o", "in.jsonl"], "in.jsonl is also an input"),
        (["in.jsonl", "-o", "folder/../in.jsonl"], "is also an input"),
        (["link.jsonl", "-o", "in.jsonl"], "is also an input"),
        (["in.jsonl", "--detail", "everything"], "everything"),
        (["in.jsonl", "--threads", "0"], "0 is not in the range"),
        (["in.jsonl", "--precision", "int4"], "int4"),
        (["in.jsonl", "--model", "folder"], "folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_exit_code_2_and_touches_nothing(score, tmp_path, arguments, expected):
    (tmp_path / "in.jsonl").write_bytes(jsonl(CHAT))
    (tmp_path / "link.jsonl").symlink_to("in.jsonl")
    (tmp_path / "folder").mkdir()
    done = score(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert expected in done.stderr.decode()
    assert names_in(tmp_path) == ["folder", "in.jsonl", "link.jsonl"]
    assert (tmp_path / "in.jsonl").read_bytes() == jsonl(CHAT)


def test_an_input_that_a_companion_file_would_replace_is_not_lost(score, tmp_path):
    """Mending the rejected lines where they were kept, and scoring them into the same output, is a natural thing."""
    (tmp_path / "out.rejected.jsonl").write_bytes(jsonl(CHAT))
    done = score("out.rejected.jsonl", "-o", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "out.rejected.jsonl").read_bytes() == jsonl(CHAT)
    assert names_in(tmp_path) == ["out.rejected.jsonl"]


@pytest.mark.parametrize("output", ["absent/out.jsonl", "folder"])
def test_an_output_that_cannot_be_written_is_exit_code_2(score, tmp_path, output):
    (tmp_path / "in.jsonl").write_bytes(jsonl(CHAT))
    (tmp_path / "folder").mkdir()
    done = score("in.jsonl", "-o", output, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("anthrometrics: cannot write")
    assert names_in(tmp_path) == ["folder", "in.jsonl"]


# Each place that text of a transcript can be printed from has its own mark. Sentences of every kind of label, so that
# some are among the most telling.
MARK = "\x1b]0;TEXT\x07"
HOSTILE_TEXT = (
    f"I'm so happy {MARK} that you are my friend, and I love you. What a brilliant {MARK} idea, you are amazing! "
    f"I'm sorry, but I {MARK} can't help with that."
)
HOSTILE = jsonl(
    *({"id": f"\x1b]0;ID{i}\x07\u202e", "response": f"{HOSTILE_TEXT} {'Really. ' * i}"} for i in range(3)),
    {"\x1b]0;FIELD\x07": 1},
)


def test_a_table_in_a_pipe_has_no_terminal_sequences_and_no_progress(score, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(HOSTILE)
    done = score("in.jsonl", cwd=tmp_path)
    assert done.returncode == 1
    shown = done.stdout.decode()
    for expected in ("in.jsonl", "turns scored", "anthropomorphism", *LABEL_NAMES, "compliance", "Most telling for"):
        assert expected in shown
    assert "\ufffd]0;TEXT\ufffd" in shown, "the sentence is shown, its sequence made harmless"
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert b"\x1b" not in done.stderr
    assert b"turns/s" not in done.stderr
    assert done.stderr.decode().endswith("3 turns scored; 1 line rejected\n")


def drain(descriptor, process, limit=300.0):
    """Everything that a process writes to a pseudo-terminal."""
    shown, deadline = b"", time.monotonic() + limit
    while time.monotonic() < deadline:
        ready, _, _ = select.select([descriptor], [], [], 0.2)
        if ready:
            try:
                chunk = os.read(descriptor, 65_536)
            except OSError:  # How Linux reports that the other end is closed.
                break
            if not chunk:
                break
            shown += chunk
        elif process.poll() is not None:
            break
    return shown


@pytest.fixture(scope="module")
def on_a_terminal(child_environment, tmp_path_factory):
    """What a terminal receives from a run over hostile text, standard output and error together."""
    import pty

    folder = tmp_path_factory.mktemp("terminal")
    (folder / "in.jsonl").write_bytes(HOSTILE)
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, *COMMAND, "in.jsonl"],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=child_environment,
        )
        os.close(theirs)
        shown = drain(ours, process)
        assert process.wait(60) == 1
    finally:
        os.close(ours)
    return shown.decode()


@POSIX_ONLY
def test_a_terminal_shows_progress_with_a_rate_and_colours(on_a_terminal):
    progress, _, table = on_a_terminal.partition("turns scored")
    assert "turns/s" in progress
    assert "turns/s" not in table
    assert "\x1b[" in table


@POSIX_ONLY
@pytest.mark.parametrize("place", ["TEXT", "ID", "FIELD"])
def test_a_terminal_gets_no_sequence_out_of_a_transcript(on_a_terminal, place):
    assert f"]0;{place}" in on_a_terminal
    assert f"\x1b]0;{place}" not in on_a_terminal
    assert not re.search(rf"\]0;{place}\d?\x07", on_a_terminal)


@POSIX_ONLY
def test_a_reader_that_goes_away_is_no_error(child_environment, tmp_path):
    """``anthrometrics score … -o - | head -1``."""
    (tmp_path / "in.jsonl").write_bytes(jsonl(CHAT) * 200)
    with subprocess.Popen(
        [sys.executable, *COMMAND, "in.jsonl", "-o", "-", "--detail", "sentences"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=child_environment,
    ) as process:
        first = process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(300)
    assert json.loads(first)["id"] == "chat"
    assert errors == b""
    assert process.returncode == 0, "1 would mean rejected lines"


def test_a_device_that_cannot_be_had_is_exit_code_2(python, tmp_path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine may have it")
    (tmp_path / "in.jsonl").write_bytes(jsonl(CHAT))
    done = python("-m", "anthrometrics", "score", "in.jsonl", "-o", "out.jsonl", "--device", "cuda", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"anthrometrics: ")
    assert b"onnxruntime-gpu" in done.stderr
    assert names_in(tmp_path) == ["in.jsonl"]

"""Files of lines: good ones are never lost, bad ones are named."""

import gzip
import json
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError, Rejected, Turn, read_turns
from anthrometrics.formats.chat import CHAT

GOOD = b'{"id": "g", "response": "fine"}'


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read its turns."""

    def run(content, name="in.jsonl"):
        file = tmp_path / name
        file.write_bytes(content)
        return list(read_turns(file))

    return run


def _is_good(line):
    try:
        record = json.loads(line.decode("utf-8"))
        return isinstance(record, dict) and bool(CHAT.conversations(record))
    except (ValueError, RecursionError):
        return False


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(st.text(max_size=8), v, max_size=3)),
    max_leaves=8,
)
noise = st.one_of(
    st.binary(max_size=40),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.integers(1, 20).map(lambda size: GOOD[:size]),
    st.sampled_from(
        [
            b"\x00",
            b"\xff\xfe",
            b'{"',
            b'{"response": 3}',
            b"[" * 3000,
            b"NaN",
            b'{"id":' + b"9" * 6000 + b"}",
            b"\xef\xbb\xbf",
        ]
    ),
)
# One record is one line, and a file that begins like gzip is read as gzip.
bad_lines = noise.map(lambda line: line.replace(b"\n", b"")).filter(lambda x: not _is_good(x) and x[:2] != b"\x1f\x8b")
good_lines = st.one_of(st.text(max_size=20), st.none()).map(lambda text: json.dumps({"response": text}).encode())


@given(st.lists(st.one_of(bad_lines, good_lines), max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_bad_lines_neither_lose_nor_reorder_good_ones(tmp_path_factory, lines, ending, zipped):
    content = ending.join(lines)
    file = tmp_path_factory.mktemp("mixed") / "in.jsonl"
    file.write_bytes(gzip.compress(content) if zipped else content)
    expected = []
    for number, line in enumerate(lines, 1):
        if _is_good(line):
            expected.append(json.loads(line)["response"])
        elif line.strip():
            expected.append(number)
    found = [item.response if isinstance(item, Turn) else item.line for item in read_turns(file)]
    assert found == expected


def test_turns_come_in_order_with_their_ids(read):
    lines = [json.dumps({"id": i, "response": str(i)}) for i in range(500)]
    assert read("\n".join(lines).encode()) == [Turn(str(i), id=str(i)) for i in range(500)]


def test_a_rejected_line_has_its_file_number_reason_and_text(read, tmp_path):
    first, rejected, last = read(GOOD + b"\n\n  \nnot json\n" + GOOD)
    assert first == last == Turn("fine", id="g")
    assert rejected == Rejected(str(tmp_path / "in.jsonl"), 4, "not JSON: Expecting value at column 1", "not json")
    assert str(rejected) == f"{tmp_path / 'in.jsonl'}:4: not JSON: Expecting value at column 1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"response": "x"', "not JSON"),
        (b'{"response": "x"} {"response": "y"}', "not JSON: Extra data"),
        (b"{'response': 'x'}", "not JSON"),
        (b'{"response": "caf\xe9"}', r"not valid UTF-8 \(byte 17 is 0xe9\)"),
        (b'{"response": "a\x00b"}', "not JSON: Invalid control character"),
        (b"\x00", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"response": ' + b'{"a":' * 100_000, "nested too deeply"),
        (b'{"response": 3}', '"response" must be a string'),
        (b'{"text": "x"}', 'expected a field "response" or "messages"'),
        (b"3", "expected a JSON object, found a number"),
        # Python refuses to read integers of more than 4300 digits.
        (b'{"id": ' + b"7" * 5000 + b', "response": "x"}', "digits"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else "",
)
def test_each_kind_of_bad_line_is_explained(read, line, reason):
    first, rejected, last = read(GOOD + b"\n" + line + b"\n" + GOOD)
    assert isinstance(first, Turn)
    assert isinstance(last, Turn)
    assert rejected.line == 2
    pytest.raises(InputError, _raise, rejected.reason).match(reason)


def _raise(reason):
    raise InputError(reason)


def test_a_deep_but_readable_value_beside_the_response_does_no_harm(read):
    assert read(b'{"response": "x", "meta": ' + b"[" * 300 + b"]" * 300 + b"}") == [Turn("x")]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("closed", [True, False])
def test_line_ends_and_a_last_line_without_one(read, ending, closed):
    content = ending.join([GOOD, GOOD]) + (ending if closed else b"")
    assert read(content) == [Turn("fine", id="g")] * 2


def test_a_byte_order_mark_is_no_part_of_the_first_line(read):
    assert read(b"\xef\xbb\xbf" + GOOD) == [Turn("fine", id="g")]


def test_other_line_separators_inside_text_do_not_cut_a_record(read):
    text = "a\u2028b\u2029c\x85d\x0be\x0cf"
    # JSON must escape the two below U+0020; the others may stand as they are.
    assert read(json.dumps({"response": text}, ensure_ascii=False).encode()) == [Turn(text)]


def test_a_line_of_five_megabytes_is_one_turn(read):
    text = "word " * 1_000_000
    assert read(json.dumps({"response": text}).encode() + b"\n" + GOOD) == [Turn(text), Turn("fine", id="g")]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \r\n\t\n"])
def test_nothing_gives_nothing(read, content):
    assert read(content) == []


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz", "in.log", "in"])
def test_gzip_is_known_by_its_content(read, name):
    assert read(gzip.compress(GOOD), name) == [Turn("fine", id="g")]
    assert read(GOOD, name) == [Turn("fine", id="g")]


def test_joined_gzip_members_are_read_on(read):
    assert len(read(gzip.compress(GOOD + b"\n") + gzip.compress(GOOD + b"\n"))) == 2


def test_a_truncated_gzip_keeps_what_came_before_and_says_so(read):
    lines = [json.dumps({"id": i, "response": os.urandom(60).hex()}).encode() for i in range(2000)]
    packed = gzip.compress(b"\n".join(lines))
    *turns, last = read(packed[: len(packed) // 2])
    assert len(turns) > 500
    assert [turn.id for turn in turns] == [str(i) for i in range(len(turns))]
    assert isinstance(last, Rejected)
    assert "damaged from here on" in last.reason
    assert last.line == len(turns) + 1


def test_a_gzip_with_garbage_after_it_keeps_its_lines(read):
    *turns, last = read(gzip.compress(GOOD + b"\n") + b"garbage")
    assert turns == [Turn("fine", id="g")]
    assert "damaged" in last.reason


def test_a_gzip_with_flipped_bytes_is_reported(read):
    packed = bytearray(gzip.compress(b"\n".join([GOOD] * 5000)))
    packed[len(packed) // 2] ^= 0xFF
    items = read(bytes(packed))
    assert isinstance(items[-1], Rejected)
    assert "damaged" in items[-1].reason
    assert all(item == Turn("fine", id="g") for item in items[:-1] if isinstance(item, Turn))


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*Is a directory"):
        list(read_turns(tmp_path))
    with pytest.raises(InputError, match=r"cannot read .*nowhere\.jsonl: No such file"):
        list(read_turns(tmp_path / "nowhere.jsonl"))


def test_reading_is_lazy(tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_bytes((GOOD + b"\n") * 100_000)
    seen = []
    turns = read_turns(str(file), on_progress=seen.append)
    assert seen == []
    assert next(turns) == Turn("fine", id="g")
    turns.close()
    assert not seen or seen[-1] < file.stat().st_size / 10


@pytest.mark.parametrize("zipped", [False, True])
def test_progress_counts_the_bytes_of_the_file(tmp_path, zipped):
    file = tmp_path / "in.jsonl"
    content = b"\n".join(json.dumps({"response": os.urandom(100).hex()}).encode() for _ in range(3000))
    file.write_bytes(gzip.compress(content) if zipped else content)
    seen = []
    assert len(list(read_turns(file, on_progress=seen.append))) == 3000
    assert seen == sorted(seen)
    assert len(set(seen)) > 5
    assert seen[-1] == file.stat().st_size


@pytest.mark.skipif(sys.platform == "win32", reason="needs a descriptor folder")
def test_files_are_closed_when_reading_stops(tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_bytes((GOOD + b"\n") * 10)
    turns = read_turns(file)
    next(turns)
    turns.close()
    opened = [
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")
    ]
    assert str(file) not in opened


class TestStandardInput:
    """``-`` reads what is piped in."""

    CODE = "from anthrometrics import read_turns; print(*list(read_turns('-')), sep='\\n')"

    @pytest.mark.parametrize("zipped", [False, True])
    def test_lines_are_read_to_the_end(self, python, zipped):
        content = (GOOD + b"\n") * 3000 + b"bad\n"
        done = python("-c", self.CODE, stdin=gzip.compress(content) if zipped else content)
        assert (done.returncode, done.stderr) == (0, b"")
        lines = done.stdout.decode().splitlines()
        assert lines[:3000] == [repr(Turn("fine", id="g"))] * 3000
        assert lines[3000].startswith("<stdin>:3001: ")

    def test_nothing_gives_nothing(self, python):
        done = python("-c", self.CODE)
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"", b"")


def test_of_a_pair_with_earlier_turns_only_the_last_is_read_unless_all_are_asked_for(read, tmp_path):
    said = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "?"},
    ]
    pair = {"prompt": said, **{side: [{"role": "assistant", "content": side}] for side in ("chosen", "rejected")}}
    content = json.dumps(pair).encode()
    assert [(turn.response, turn.side, turn.index) for turn in read(content)] == [
        ("chosen", "chosen", 1),
        ("rejected", "rejected", 1),
    ]
    everything = read_turns(tmp_path / "in.jsonl", which="all")
    assert [turn.response for turn in everything] == ["Hello.", "chosen", "Hello.", "rejected"]


def test_fields_of_the_record_are_carried_along(tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_bytes(b'{"response": "r", "model": "m", "meta": {"run": [1, 2]}}')
    (turn,) = read_turns(file, keep=["model", "meta.run.1", "absent"])
    assert turn.kept == {"model": "m", "meta.run.1": 2, "absent": None}
    assert turn == Turn("r")


@pytest.mark.parametrize(
    ("response", "spoken", "left_out"),
    [
        ("<think>They are sad.</think>\n\nThat is hard.", "That is hard.", True),
        ("<think>\n\n</think>\n\nHi", "Hi", False),
        ("Write <think> and </think> around it.", "Write <think> and </think> around it.", False),
        ("<think>It never ends", "<think>It never ends", False),
    ],
)
def test_thinking_aloud_is_left_out(read, response, spoken, left_out):
    (turn,) = read(json.dumps({"response": response}).encode())
    assert (turn.response, turn.reasoning_left_out) == (spoken, left_out)


def test_thinking_apart_is_left_out_or_included(tmp_path):
    parts = [{"type": "thinking", "thinking": "They won."}, {"type": "text", "text": "Well done!"}]
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps({"messages": [{"role": "assistant", "content": parts}]}))
    (without,), (having,) = (list(read_turns(file, reasoning=choice)) for choice in ("exclude", "include"))
    assert (without.response, without.reasoning_left_out) == ("Well done!", True)
    assert (having.response, having.reasoning_left_out) == ("They won.\n\nWell done!", False)

"""Output that appears whole or not at all."""

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.output.atomic import atomic_text, beside, json_line


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    file = tmp_path / "out.jsonl"
    with atomic_text(file) as stream:
        stream.write("first\n")
        stream.flush()
        assert not file.exists()
    assert file.read_bytes() == b"first\n"
    assert os.listdir(tmp_path) == ["out.jsonl"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, BrokenPipeError, InputError])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    file = tmp_path / "out.jsonl"
    file.write_text("old", encoding="utf-8")
    with (
        pytest.raises(error if error is not BrokenPipeError else (BrokenPipeError, InputError)),
        atomic_text(file) as stream,
    ):
        stream.write("new")
        raise error
    assert file.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["out.jsonl"]


def test_an_old_file_is_replaced(tmp_path):
    file = tmp_path / "out.jsonl"
    file.write_text("a much longer old content", encoding="utf-8")
    with atomic_text(file) as stream:
        stream.write("new")
    assert file.read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o000, 0o666)])
def test_permissions_follow_the_umask(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        with atomic_text(tmp_path / "out.jsonl") as stream:
            stream.write("x")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == mode


def test_line_feeds_and_letters_are_written_as_they_are(tmp_path):
    with atomic_text(tmp_path / "out") as stream:
        stream.write("é😀\n\r\n")
    assert (tmp_path / "out").read_bytes() == "é😀\n\r\n".encode()


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot write into .*nowhere"), atomic_text(tmp_path / "nowhere" / "out"):
        pytest.fail("the body must not run")


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(InputError, match="it is a folder; name a file"), atomic_text(tmp_path):
        pytest.fail("the body must not run")


def test_what_is_no_file_is_not_replaced_by_one(tmp_path):
    # As /dev/null or /dev/stdout would be.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="pipe"), atomic_text(pipe) as stream:
        stream.write("x")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_is_followed_and_kept(tmp_path):
    target, link = tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    with atomic_text(link) as stream:
        stream.write("new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


@given(
    st.dictionaries(
        st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
    )
)
def test_a_record_is_one_line_and_reads_back(record):
    line = json_line(record)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert json.loads(line) == record


def test_letters_stay_readable():
    assert json_line({"text": "naïve 你好"}) == '{"text": "naïve 你好"}\n'


def test_half_a_surrogate_pair_is_written_as_valid_utf8(tmp_path):
    with atomic_text(tmp_path / "out.jsonl") as stream:
        stream.write(json_line({"id": "\ud83d", "text": "😀"}))
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8")) == {"id": "\ud83d", "text": "😀"}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("scores.jsonl", "scores.meta.json"),
        ("scores", "scores.meta.json"),
        ("a.b.jsonl", "a.b.meta.json"),
        ("x.json", "x.json.meta.json"),
    ],
)
def test_what_lies_beside_an_output_is_named_after_it(output, expected):
    assert beside(Path("folder") / output, ".meta.json") == Path("folder") / expected

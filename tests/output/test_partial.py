"""Unfinished output: kept, compared and gone on with; the files are those of a run that nobody disturbed."""

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.output.partial import partial_of

JOURNAL, STATE = "out.partial.jsonl", "out.partial.state.json"
EVERYTHING = {"detail": "sentences", "text": True, "inspect": "inspect.jsonl", "keep": ("run", "n")}
WAYS = {
    "the journal becomes the output": {},
    "everything": EVERYTHING,
    "summary": {"detail": "summary"},
    "packed": {"output": "out.jsonl.gz"},
    "table": {"output": "out.csv", "keep": ("run", "n")},
    "parquet": {"output": "out.parquet", **EVERYTHING},
}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def clear(folder, *kept):
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()


@pytest.mark.parametrize("way", WAYS)
def test_stopped_anywhere_it_ends_as_if_undisturbed(write, transcript, tmp_path, way):
    inputs, options = [transcript("a.jsonl"), transcript("b.jsonl")], WAYS[way]
    whole = write(*inputs, **options)
    expected = contents(tmp_path)

    @settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.integers(1, 9), max_size=3))
    def stopped(stops):
        clear(tmp_path, *inputs)
        scored = 0
        for more in stops:
            part = write(*inputs, begin="resume", stop_after=more, **options)
            assert part.resumed == scored
            scored += part.scored
        last = write(*inputs, begin="resume", **options)
        assert last.resumed == scored
        assert scored + last.scored == whole.scored, "every turn is scored once"
        assert contents(tmp_path) == expected

    stopped()


def test_a_journal_holds_whole_records_while_the_run_goes_on(write, transcript, tmp_path):
    write(transcript("a.jsonl"), stop_after=5)
    records = [json.loads(line) for line in (tmp_path / JOURNAL).read_text("utf-8").splitlines()]
    assert [record["id"] for record in records] == [
        "a.jsonl-0",
        "a.jsonl-1",
        "a.jsonl-1-empty",
        "a.jsonl-2",
        "a.jsonl-3",
    ]
    assert sorted(contents(tmp_path)) == ["a.jsonl", JOURNAL, STATE]


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_torn_line_is_cut_off_and_its_turn_scored_again(write, transcript, tmp_path, cut):
    name = transcript("a.jsonl")
    write(name)
    expected = contents(tmp_path)
    clear(tmp_path, name)
    write(name, stop_after=5)
    (tmp_path / JOURNAL).write_bytes((tmp_path / JOURNAL).read_bytes()[:-cut])
    assert write(name, begin="resume").resumed == 4
    assert contents(tmp_path) == expected


def test_a_damaged_line_costs_itself_and_what_follows(write, transcript, tmp_path):
    name = transcript("a.jsonl")
    whole = write(name)
    expected = contents(tmp_path)
    clear(tmp_path, name)
    write(name, stop_after=8)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(b"".join([*lines[:3], bytes(30) + b"\n", *lines[3:]]))
    assert write(name, begin="resume").scored == whole.scored - 3
    assert contents(tmp_path) == expected


def test_what_was_torn_is_cut_off_however_long_it_is(write, transcript, tmp_path):
    name = transcript("a.jsonl")
    write(name)
    expected = contents(tmp_path)
    clear(tmp_path, name)
    write(name, stop_after=13)
    with (tmp_path / JOURNAL).open("ab") as stream:
        stream.write(b"{" + bytes(10_000))
    assert write(name, begin="resume").scored == 1
    assert contents(tmp_path) == expected


@pytest.mark.parametrize("output", ["out.jsonl", "out.csv"])
def test_what_only_the_journal_needs_is_not_written(write, transcript, tmp_path, output):
    write(transcript("a.jsonl"), output=output, detail="summary", inspect="inspect.jsonl")
    written = (tmp_path / output).read_text("utf-8")
    for name in ("inspect", "explanation", "labels", "praise"):
        assert name not in written
    assert "Most " in (tmp_path / "inspect.jsonl").read_text("utf-8")


def test_a_run_stopped_while_its_files_were_made_has_nothing_left_to_score(write, transcript, tmp_path):
    """A folder in the place of one of them stands for whatever can go wrong then."""
    name = transcript("a.jsonl")
    (tmp_path / "out.meta.json").mkdir()
    with pytest.raises(InputError, match=r"out\.meta\.json: it is a folder"):
        write(name)
    (tmp_path / "out.meta.json").rmdir()
    again = write(name, begin="resume")
    assert (again.scored, again.resumed) == (0, 14)
    assert sorted(contents(tmp_path)) == ["a.jsonl", "out.jsonl", "out.meta.json", "out.rejected.jsonl"]


def test_what_a_killed_process_left_half_written_goes_away(write, transcript, tmp_path):
    name = transcript("a.jsonl")
    for left in (".out.jsonl.abcd_123.part", ".out.meta.json.abcdefgh.part"):
        (tmp_path / left).write_text("half", "utf-8")
    (tmp_path / ".out.jsonl.gz.abcdefgh.part").write_text("of another output", "utf-8")
    write(name)
    assert [path for path in sorted(contents(tmp_path)) if path.startswith(".")] == [".out.jsonl.gz.abcdefgh.part"]


def test_an_unfinished_run_is_not_overwritten_by_accident(write, transcript, tmp_path):
    name = transcript("a.jsonl")
    write(name, stop_after=5)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"out\.partial\.jsonl holds 5 turns .* --resume, .* --restart"):
        write(name)
    assert contents(tmp_path) == before


def test_restart_begins_again(write, transcript):
    name = transcript("a.jsonl")
    write(name, stop_after=5)
    again = write(name, begin="restart", detail="sentences")
    assert (again.resumed, again.scored) == (0, 14)


def test_a_restart_that_cannot_begin_leaves_what_was_there(write, transcript, tmp_path):
    write(transcript("a.jsonl"), stop_after=5)
    before = contents(tmp_path)
    with pytest.raises(RuntimeError), partial_of(tmp_path / "out.jsonl", "restart"):
        raise RuntimeError("the scorer cannot be loaded")
    assert contents(tmp_path) == before


def test_nothing_is_left_of_a_run_that_cannot_begin(tmp_path):
    with pytest.raises(RuntimeError), partial_of(tmp_path / "out.jsonl", "new"):
        raise RuntimeError("the scorer cannot be loaded")
    assert contents(tmp_path) == {}


def test_an_old_output_stays_until_the_new_one_is_whole(write, transcript, tmp_path):
    name = transcript("a.jsonl")
    for old in ("out.jsonl", "out.meta.json", "out.rejected.jsonl"):
        (tmp_path / old).write_text("old", "utf-8")
    write(name, stop_after=5)
    assert {(tmp_path / old).read_text("utf-8") for old in ("out.jsonl", "out.meta.json", "out.rejected.jsonl")} == {
        "old"
    }
    write(name, begin="resume")
    assert (tmp_path / "out.jsonl").read_bytes().count(b"\n") == 14


def test_a_linked_output_stays_a_link(write, transcript, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out.jsonl").symlink_to(elsewhere / "real.jsonl")
    write(transcript("a.jsonl"))
    assert (tmp_path / "out.jsonl").is_symlink()
    assert (elsewhere / "real.jsonl").read_bytes().count(b"\n") == 14
    assert not (tmp_path / JOURNAL).exists()


def test_permissions_follow_the_umask(write, transcript, tmp_path):
    before = os.umask(0o027)
    try:
        write(transcript("a.jsonl"))
    finally:
        os.umask(before)
    assert {
        (tmp_path / name).stat().st_mode & 0o777 for name in ("out.jsonl", "out.meta.json", "out.rejected.jsonl")
    } == {0o640}


def longer(folder):
    with (folder / "b.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("{}\n")


def other_words(folder):
    (folder / "b.jsonl").write_text((folder / "b.jsonl").read_text("utf-8").replace("proud", "cross"), "utf-8")


def other_model(folder):
    state = json.loads((folder / STATE).read_text("utf-8"))
    state["provenance"] |= {"version": "0.0.9", "model_digest": "abc"}
    (folder / STATE).write_text(json.dumps(state), "utf-8")


def no_state(folder):
    (folder / STATE).write_text("{", "utf-8")


@pytest.mark.parametrize(
    ("change", "inputs", "options", "expected"),
    [
        (longer, "ab", {}, ["b.jsonl: was ", " bytes, is "]),
        (other_words, "ab", {}, ["b.jsonl: its content changed (SHA-256 was "]),
        (other_model, "ab", {}, ["version: was 0.0.9, is ", "model_digest: was abc, is "]),
        (no_state, "ab", {}, ["its state file is missing or damaged"]),
        (
            None,
            "ab",
            {"detail": "sentences", "text": True},
            ["--detail: was labels, is sentences", "--text: was off, is on"],
        ),
        (None, "ab", {"keep": ("n", "run")}, ["--keep: was not given, is n,run"]),
        (None, "ab", {"which": "last"}, ["--turns: was not given, is last"]),
        (None, "ab", {"inspect": "i.jsonl"}, ["--inspect-scores: was off, is on"]),
        (None, "ab", {"strict": True}, ["--strict: was off, is on"]),
        (None, "ba", {}, ["order of the inputs: was a.jsonl, b.jsonl, is b.jsonl, a.jsonl"]),
        (None, "a", {}, ["b.jsonl: was an input, is none"]),
        (None, "abc", {}, ["c.jsonl: was no input, is one"]),
        (
            None,
            "ab",
            {"requests": "c.jsonl"},
            ["c.jsonl: was no input, is one", "--requests: was not given, is c.jsonl"],
        ),
    ],
)
def test_what_differs_is_refused_and_named(write, transcript, tmp_path, change, inputs, options, expected):
    for name in "abc":
        transcript(f"{name}.jsonl", 3)
    write("a.jsonl", "b.jsonl", stop_after=5)
    if change is not None:
        change(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InputError) as raised:
        write(*(f"{name}.jsonl" for name in inputs), begin="resume", **options)
    for part in (*expected, f"cannot resume {JOURNAL}", "--restart"):
        assert part in str(raised.value)
    assert contents(tmp_path) == before


def test_a_dataset_is_compared_by_all_its_files(write, tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = {"id": [str(i) for i in range(8)], "response": [f"Hello number {i}." for i in range(8)]}
    datasets.Dataset.from_dict(rows).save_to_disk(tmp_path / "saved")
    write("saved", stop_after=3)
    done = write("saved", begin="resume")
    assert (done.resumed, done.scored) == (3, 5)
    write("saved", stop_after=3)
    (tmp_path / "saved" / "state.json").write_text("{}", "utf-8")
    with pytest.raises(InputError, match="saved: was "):
        write("saved", begin="resume")


def test_a_journal_of_other_turns_is_refused(write, transcript, tmp_path):
    """As when the reader itself changed while the version did not."""
    name = transcript("a.jsonl")
    write(name, stop_after=5)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(b"".join(lines[1:]))
    with pytest.raises(InputError, match="its turns are not those that are read now"):
        write(name, begin="resume")


def test_a_journal_of_more_turns_than_there_are_is_refused(write, transcript, tmp_path):
    name = transcript("a.jsonl", 3)
    write(name, stop_after=3)
    (tmp_path / JOURNAL).write_bytes((tmp_path / JOURNAL).read_bytes() * 2)
    with pytest.raises(InputError, match="its turns are not those that are read now"):
        write(name, begin="resume")


def test_a_journal_with_turns_of_another_file_is_refused(write, transcript, tmp_path):
    inputs = [transcript("a.jsonl", 3), transcript("b.jsonl", 3)]
    write(*inputs, stop_after=6)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(b"".join([*lines, lines[-1].replace(b'"b.jsonl"', b'"c.jsonl"')]))
    with pytest.raises(InputError, match="its turns are not those that are read now"):
        write(*inputs, begin="resume")


def test_nothing_readable_leaves_nothing(write, tmp_path):
    (tmp_path / "a.jsonl").write_text("bad\n", "utf-8")
    with pytest.raises(InputError, match=r"nothing readable in a\.jsonl; out\.jsonl was not written"):
        write("a.jsonl")
    assert sorted(contents(tmp_path)) == ["a.jsonl"]

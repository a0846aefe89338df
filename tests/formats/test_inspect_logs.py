"""Logs that Inspect wrote → a record a sample; damage costs the sample that it hits and is never read as words."""

import functools
import gzip
import io
import json
import shutil
import sys
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ContentImage, ContentText

from anthrometrics import InputError, MissingExtraError, Rejected, Turn, read_turns
from anthrometrics.formats.containers import records

PROUD = "I'm so proud of you!"
# Epoch by epoch and by id, as Inspect sorts them.
TURNS = [
    ("2/1", "And now?", PROUD),
    ("work/1/1", "I quit my job.", PROUD),
    ("2/2", "And now?", PROUD),
    ("work/1/2", "I quit my job.", PROUD),
]


def turns(found):
    return [(turn.id, turn.prompt, turn.response) for turn in found if isinstance(turn, Turn)]


def rejected(found):
    return [(item.line, item.reason) for item in found if isinstance(item, Rejected)]


def log(samples, status="success", **fields):
    """A log as Inspect's own classes make it."""
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00", task="t", dataset=EvalDataset(), model="m/x", config=EvalConfig()
    )
    return EvalLog(status=status, eval=spec, samples=samples, **fields)


def sample(name, answer="Yes.", epoch=1, **fields):
    said = [
        ChatMessageUser(content=f"q{name}", source="input"),
        ChatMessageAssistant(content=answer, source="generate"),
    ]
    return EvalSample(**{"id": name, "epoch": epoch, "input": f"q{name}", "target": "t", "messages": said} | fields)


def repacked(source, target, change):
    """A copy of an archive; ``change`` gives the new bytes of a member, or None to leave it out."""
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            content = change(name, before.read(name))
            if content is not None:
                after.writestr(name, content)
    return target


@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_a_log_gives_the_answers_that_the_model_generated(inspect_logs, suffix):
    took, seen = [], []
    found = list(read_turns(inspect_logs[suffix], on_format=took.append, on_progress=seen.append))
    assert took == ["inspect"]
    assert turns(found) == TURNS
    assert all(turn.reasoning_left_out for turn in found if isinstance(turn, Turn))
    failed = [(place, reason) for place, reason in rejected(found)]
    assert [place for place, _ in failed] == [2, 5]
    assert all("failed before the model answered: RuntimeError('out of credit')" in reason for _, reason in failed)
    assert seen == sorted(seen)
    assert seen[-1] == inspect_logs[suffix].stat().st_size


@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_what_the_log_knows_can_be_kept(inspect_logs, suffix):
    fields = ("eval.model", "eval.task", "status", "scores.includes.value", "metadata.topic", "epoch")
    found = [turn for turn in read_turns(inspect_logs[suffix], keep=fields) if isinstance(turn, Turn)]
    assert list(found[1].kept.values()) == ["mockllm/model", "praise", "success", "C", "work", 1]
    assert list(found[2].kept.values()) == ["mockllm/model", "praise", "success", "I", None, 2]
    assert json.loads(json.dumps(found[1].kept)) == found[1].kept


def test_thinking_can_be_included(inspect_logs):
    found = turns(read_turns(inspect_logs[".eval"], reasoning="include"))
    assert found[0][2] == f"They want praise.\n\n{PROUD}"


@pytest.mark.parametrize("name", ["log.zip", "log", "log.EVAL", "a#b%20c::d.eval"])
def test_an_archive_is_known_by_its_content(inspect_logs, tmp_path, name):
    shutil.copy(inspect_logs[".eval"], tmp_path / name)
    assert turns(read_turns(tmp_path / name)) == TURNS


LAYOUTS = {
    "as Inspect lays it out": ("log.json", lambda text: text),
    "packed": ("log.json.gz", gzip.compress),
    "on one line": ("log.json", lambda text: json.dumps(json.loads(text)).encode()),
    "without spaces": ("log.json", lambda text: json.dumps(json.loads(text), separators=(",", ":")).encode()),
    "with a byte order mark": ("log.json", lambda text: b"\xef\xbb\xbf" + text),
    "with its fields sorted": (
        "log.json",
        lambda text: json.dumps(json.loads(text), sort_keys=True, indent=1).encode(),
    ),
    "called otherwise": ("log.txt.log", lambda text: text),
    "as a line of others": ("logs.jsonl", lambda text: json.dumps(json.loads(text)).encode() + b"\n"),
    "in a list": ("logs.json", lambda text: b"[" + text + b"]"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_log_in_json_is_known_by_its_content(inspect_logs, tmp_path, layout):
    name, laid_out = LAYOUTS[layout]
    (tmp_path / name).write_bytes(laid_out(inspect_logs[".json"].read_bytes()))
    found = list(read_turns(tmp_path / name))
    assert turns(found) == TURNS
    assert [place for place, _ in rejected(found)] == [2, 5]


def test_a_log_in_json_may_come_through_a_pipe_but_an_archive_not(inspect_logs, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(inspect_logs[".json"].read_bytes())))
    assert turns(read_turns("-")) == TURNS
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(inspect_logs[".eval"].read_bytes())))
    with pytest.raises(InputError, match="cannot be read from standard input; name the file"):
        list(read_turns("-"))


@pytest.mark.parametrize(
    "document",
    [
        {"version": 2, "status": "success", "response": "Hello."},
        {"eval": {"task": "t", "model": "m"}, "response": "Hello."},
        {"eval": {"task": "t"}, "samples": [], "response": "Hello."},
        {"samples": [{"id": 1}], "response": "Hello."},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_other_documents_are_read_as_before(tmp_path, document, indent):
    (tmp_path / "in.json").write_text(json.dumps(document, indent=indent))
    assert list(read_turns(tmp_path / "in.json")) == [Turn("Hello.")]


def test_json_lines_that_begin_like_a_log_stay_lines(tmp_path):
    line = json.dumps({"version": 1, "status": "ok", "response": "Hello."})
    (tmp_path / "in.json").write_text(f"{line}\nnot json\n{line}\n")
    assert [getattr(item, "line", item) for item in read_turns(tmp_path / "in.json")] == [
        Turn("Hello."),
        2,
        Turn("Hello."),
    ]


@pytest.mark.parametrize("suffix", [".eval", ".json"])
@pytest.mark.parametrize("status", ["started", "error", "cancelled"])
def test_a_log_that_did_not_end_well_gives_what_it_holds(tmp_path, suffix, status):
    file = tmp_path / f"log{suffix}"
    write_eval_log(log([sample("a"), sample("b", epoch=2)], status), file)
    found = list(read_turns(file, keep=["status"]))
    # There is no telling how many epochs it would have had.
    assert turns(found) == [("a", "qa", "Yes."), ("b/2", "qb", "Yes.")]
    assert {turn.kept["status"] for turn in found} == {status}


def test_an_archive_that_is_still_being_written_gives_what_it_holds(inspect_logs, tmp_path):
    unfinished = ("header.json", "summaries.json", "reductions.json")
    file = repacked(
        inspect_logs[".eval"], tmp_path / "log.eval", lambda name, text: None if name in unfinished else text
    )
    found = list(read_turns(file, keep=["status", "eval.model"]))
    assert turns(found) == TURNS
    assert found[0].kept == {"status": "started", "eval.model": "mockllm/model"}


@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_a_log_without_samples_says_so(tmp_path, suffix):
    write_eval_log(log(None, "started"), tmp_path / f"log{suffix}")
    (only,) = read_turns(tmp_path / f"log{suffix}")
    assert "this log of Inspect holds no samples" in only.reason


def test_texts_that_were_set_aside_are_put_back(tmp_path):
    told = ChatMessageAssistant(content=[ContentText(text="attachment://abc"), ContentImage(image="attachment://pic")])
    one = sample("a", messages=[told], attachments={"abc": "I care about you.", "pic": "data:image/png;base64,AAAA"})
    for name in ("log.eval", "log.json"):
        write_eval_log(log([one]), tmp_path / name)
        assert turns(read_turns(tmp_path / name)) == [("a", None, "I care about you.")]


def test_numbers_that_json_lacks_do_no_harm(tmp_path):
    scores = {"s": {"value": float("nan")}}
    for name in ("log.eval", "log.json"):
        write_eval_log(log([sample("a", scores=scores), sample("b")]), tmp_path / name)
        assert [name for name, *_ in turns(read_turns(tmp_path / name))] == ["a", "b"]


@pytest.mark.parametrize("bad", [None, 3, "x", [], {}, {"id": 1}, {"id": 1, "epoch": 1, "messages": 3}])
@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_a_sample_of_another_shape_costs_no_other(tmp_path, suffix, bad):
    write_eval_log(log([sample("a"), sample("b"), sample("c")]), tmp_path / f"good{suffix}")
    file = tmp_path / f"bad{suffix}"
    if suffix == ".eval":
        replaced = json.dumps(bad).encode()
        repacked(
            tmp_path / "good.eval", file, lambda name, text: replaced if name == "samples/b_epoch_1.json" else text
        )
    else:
        document = json.loads((tmp_path / "good.json").read_text())
        document["samples"][1] = bad
        file.write_text(json.dumps(document, indent=2))
    found = list(read_turns(file))
    assert [name for name, *_ in turns(found)] == ["a", "c"]
    ((place, reason),) = rejected(found)
    assert place == 2
    assert "a sample must be an object" in reason or "not a sample as Inspect writes it: " in reason
    assert "\n" not in reason


def test_a_sample_that_inspect_does_not_read_yet_is_named(tmp_path):
    write_eval_log(log([sample("a")]), tmp_path / "log.eval")
    with zipfile.ZipFile(tmp_path / "log.eval", "a") as archive:
        archive.writestr("samples/b_epoch_1/sample.json", "{}")
    found = list(read_turns(tmp_path / "log.eval"))
    assert turns(found) == [("a", "qa", "Yes.")]
    assert rejected(found) == [(2, "this sample is stored in pieces, which Inspect itself does not read yet")]


def test_a_sample_that_was_logged_again_counts_once(tmp_path):
    write_eval_log(log([sample("a", "First.")]), tmp_path / "log.eval")
    write_eval_log(log([sample("a", "Second.")]), tmp_path / "again.eval")
    with zipfile.ZipFile(tmp_path / "again.eval") as again:
        second = again.read("samples/a_epoch_1.json")
    with (
        zipfile.ZipFile(tmp_path / "log.eval", "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("samples/a_epoch_1.json", second)
    assert turns(read_turns(tmp_path / "log.eval")) == [("a", "qa", "Second.")]


@functools.cache
def _whole(file):
    return set(turns(read_turns(file)))


@settings(max_examples=60)
@given(
    st.sampled_from([".eval", ".json"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
    st.floats(0, 1) | st.just(1.0),
)
def test_no_damage_breaks_reading_or_changes_words_of_an_archive(inspect_logs, tmp_path_factory, suffix, flips, kept):
    good = _whole(inspect_logs[suffix])
    content = bytearray(inspect_logs[suffix].read_bytes())
    for place, byte in flips:
        content[int(place * len(content))] = byte
    file = tmp_path_factory.mktemp("damaged") / f"log{suffix}"
    file.write_bytes(content[: int(kept * len(content))])
    try:
        found = list(read_turns(file))
    except InputError as error:
        assert suffix == ".eval"
        assert "copy it again" in str(error) or "copy the file again" in str(error)
        return
    assert all(isinstance(item, Turn) or item.reason for item in found)
    if suffix == ".eval":
        # JSON has no checksum by which one could tell.
        assert set(turns(found)) <= good


@functools.cache
def _ends(text):
    """Where each sample of a log ends."""
    decoder, place, ends = json.JSONDecoder(), text.index('"samples": [') + len('"samples": ['), []
    while text[place:].lstrip(" \n,")[0] != "]":
        place = decoder.raw_decode(text, text.index("{", place))[1]
        ends.append(place)
    return ends


@given(st.floats(0, 1, exclude_max=True))
def test_a_log_cut_short_gives_every_sample_before(inspect_logs, tmp_path_factory, share):
    text = inspect_logs[".json"].read_text()
    assert len(_ends(text)) == 6
    length = int(share * len(text.rstrip()))
    file = tmp_path_factory.mktemp("cut") / "log.json"
    file.write_text(text[:length])
    found = list(read_turns(file))
    whole = sum(end <= length for end in _ends(text))
    # Two of the samples have no answer.
    assert turns(found) == [turn for turn, number in zip(TURNS, (1, 3, 4, 6), strict=True) if number <= whole]
    assert [place for place, _ in rejected(found)] == [n for n in (2, 5) if n <= whole] + [whole + 1] * (length > 0)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "log.eval", "does not begin as a log of Inspect"),
        (b'{"response": "Hello."}', "log.eval", "does not begin as a log of Inspect"),
        (b"PK\x03\x04", "log.eval", "damaged or not whole"),
        (b"PK\x05\x06" + bytes(18), "log.eval", "is a zip archive and no log of Inspect"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, content, name, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(records(tmp_path / name))


def test_an_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("chats.jsonl", '{"response": "Hello."}')
    with pytest.raises(InputError, match=r"no log of Inspect .*unpack it and name the files in it"):
        list(records(tmp_path / "in.zip"))


def test_a_packed_archive_is_to_be_unpacked(inspect_logs, tmp_path):
    (tmp_path / "log.eval.gz").write_bytes(gzip.compress(inspect_logs[".eval"].read_bytes()))
    with pytest.raises(InputError, match="unpack it first"):
        list(records(tmp_path / "log.eval.gz"))


@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_a_missing_library_names_the_extra(inspect_logs, monkeypatch, suffix):
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    with pytest.raises(MissingExtraError, match=r"anthrometrics\[inspect\]"):
        list(records(inspect_logs[suffix]))


def test_inspect_is_loaded_for_its_logs_alone_and_quietly(python, inspect_logs, tmp_path):
    (tmp_path / "in.json").write_text('{"response": "Hello."}')
    code = (
        "import sys; from anthrometrics import read_turns; "
        "n = len(list(read_turns(sys.argv[1]))); print(n, 'inspect_ai' in sys.modules)"
    )
    assert python("-c", code, tmp_path / "in.json").stdout.split() == [b"1", b"False"]
    done = python("-W", "error", "-c", code, inspect_logs[".eval"])
    assert (done.stdout.split(), done.stderr) == ([b"6", b"True"], b"")

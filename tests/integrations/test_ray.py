"""Scores on a Ray cluster of two worker processes: the numbers of one process, whatever happens to the workers."""

import csv
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import (
    AnthrometricsError,
    InputError,
    MissingExtraError,
    ModelError,
    Rejected,
    Scorer,
    Turn,
    read_turns,
)
from anthrometrics.induction.values import load_value
from anthrometrics.integrations.ray import score_dataset, score_files
from anthrometrics.integrations.ray.cluster import connected
from anthrometrics.integrations.ray.dataset import BatchScorer, _Task
from anthrometrics.integrations.ray.folder import RunFolder
from anthrometrics.integrations.ray.plan import Shard, ShardPlan, make_plan
from anthrometrics.integrations.ray.request import Request, scorer_options
from anthrometrics.integrations.ray.worker import Job, ShardScorer
from anthrometrics.output.atomic import json_line
from anthrometrics.summary import summarise

pytest.importorskip("ray", reason="needs the extra ray")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="needs signals"),
    # Ray's own, about its settings and about sockets that it leaves to the collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:FutureWarning:ray"),
]

SPLIT = 12_000


@pytest.fixture(scope="session")
def ray():
    with ExitStack() as stack:
        for tries_left in (2, 1, 0):
            try:
                module = stack.enter_context(connected(None, workers=2, threads=1))
            except AnthrometricsError:
                # Ray gives its processes half a minute, which a machine under heavy load may not keep.
                if not tries_left:
                    raise
            else:
                break
        yield module


def plain(value):
    """As it reads back from JSON."""
    return json.loads(json.dumps(value))


def turns_of(path, **reading):
    return [item for item in read_turns(path, **reading) if isinstance(item, Turn)]


def rejected_of(path, **reading):
    return [asdict(item) for item in read_turns(path, **reading) if isinstance(item, Rejected)]


def lines_of(paths):
    return [json.loads(line) for path in sorted(paths) for line in path.read_text(encoding="utf-8").splitlines()]


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def write_transcript(path, turns):
    lines = [json_line({"id": t.id, "prompt": t.prompt, "response": t.response, "topic": len(t.id)}) for t in turns]
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def transcripts(repository, tmp_path_factory):
    """Files of many kinds: one that is cut, with bad lines in its second half, one that is damaged."""
    import pyarrow
    import pyarrow.parquet

    folder = tmp_path_factory.mktemp("transcripts")
    lines = (repository / "examples" / "plain.jsonl").read_bytes().splitlines(keepends=True)
    lines[40:40] = [b"nonsense\n", b"\n", b"\xef\xbb\xbf" + lines[3], b'{"id": "none", "messages": []}\n']
    (folder / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + b"".join(lines))
    (folder / "b.jsonl").write_bytes(gzip.compress((repository / "examples" / "warm.jsonl").read_bytes()))
    with (folder / "c.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = [["id", "prompt", "response"], ["c1", "Was I right?", "You were, I'm proud of you!"], ["short"]]
        csv.writer(stream).writerows([*rows, ["c2", "", "Nein, das ist leider ganz und gar nicht richtig."]])
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "I can't help with that."},
        "finish_reason": "stop",
    }
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice]}
    (folder / "d.json").write_text(json.dumps([answer, 5, {**answer, "id": "chatcmpl-2"}]), encoding="utf-8")
    (folder / "e.txt").write_text("I love you too \U0001f600!", encoding="utf-8")
    table = {"id": [1, 2, 3], "prompt": ["Hi", None, "?"], "response": ["I missed you.", None, "---"]}
    pyarrow.parquet.write_table(pyarrow.table(table), folder / "f.parquet")
    (folder / "g.parquet").write_bytes(b"PAR1 and nothing else")
    return folder


@pytest.fixture(scope="module")
def mixed(ray, transcripts, tmp_path_factory):
    """One run over all of them with every detail, cut into pieces."""
    out, seen = tmp_path_factory.mktemp("mixed") / "out", []
    run = score_files(
        [str(transcripts)],
        out,
        detail="sentences",
        text=True,
        shards="jsonl",
        workers=2,
        split_bytes=SPLIT,
        on_progress=seen.append,
    )
    return out, run, seen


def readable(transcripts):
    return [str(path) for path in sorted(transcripts.iterdir()) if path.name != "g.parquet"]


def test_files_of_every_kind_get_the_records_of_one_process_in_input_order(mixed, transcripts, scorer):
    out, run, _ = mixed
    expected = [
        {"file": path, **score.to_dict("sentences", text=True)}
        for path in readable(transcripts)
        for score in scorer.stream(turns_of(path))
    ]
    found = lines_of(out.glob("part-*.jsonl"))
    assert found == plain(expected)
    assert [list(record) for record in found] == [list(record) for record in expected]
    assert run.turns == len(found) == 150


def test_a_large_file_is_cut_and_others_are_not(mixed, transcripts):
    out, run, _ = mixed
    shards = json.loads((out / "meta.json").read_text(encoding="utf-8"))["shards"]
    pieces = [shard["bytes"] for shard in shards if shard["file"] == str(transcripts / "a.jsonl")]
    assert len(pieces) >= 3
    assert [start for start, _ in pieces] == [0, *(end for _, end in pieces[:-1])]
    assert pieces[-1][1] == (transcripts / "a.jsonl").stat().st_size
    assert [
        (Path(shard["file"]).name, shard["bytes"]) for shard in shards if shard["file"] != str(transcripts / "a.jsonl")
    ] == [(name, None) for name in ("b.jsonl", "c.csv", "d.json", "e.txt", "f.parquet")]
    assert run.shards == len(shards)


def test_bad_lines_are_kept_apart_with_their_numbers_in_the_whole_file(mixed, transcripts):
    out, run, _ = mixed
    expected = [rejected for path in readable(transcripts) for rejected in rejected_of(path)]
    assert lines_of((out / "rejected").glob("part-*.jsonl")) == plain(expected)
    assert [(Path(r["file"]).name, r["line"]) for r in expected] == [
        ("a.jsonl", 41),
        ("a.jsonl", 43),
        ("a.jsonl", 44),
        ("c.csv", 3),
        ("d.json", 2),
    ]
    assert run.rejected == 5


def test_a_damaged_file_costs_no_other(mixed, transcripts):
    out, run, _ = mixed
    assert list(run.failed) == [str(transcripts / "g.parquet")]
    assert "not a readable Parquet file" in run.failed[str(transcripts / "g.parquet")]
    assert json.loads((out / "meta.json").read_text(encoding="utf-8"))["failed"] == run.failed


def test_the_folder_holds_what_is_documented_and_nothing_else(mixed):
    out, run, _ = mixed
    shards = sorted(path.stem for path in out.glob("part-*.jsonl"))
    rejected = [f"rejected/{shard}.jsonl" for shard in shards if (out / "rejected" / f"{shard}.jsonl").exists()]
    expected = [
        "meta.json",
        *(f"{s}.jsonl" for s in shards),
        *rejected,
        "state/run.json",
        *(f"state/{s}.json" for s in shards),
    ]
    assert names_in(out) == sorted(expected)
    # The damaged file has a number and no file.
    assert len(shards) == run.shards
    assert shards == [f"part-{index:05d}" for index in range(run.shards)]


def test_the_metadata_are_those_of_one_process(mixed, transcripts, scorer):
    out, run, _ = mixed
    meta = json.loads((out / "meta.json").read_text(encoding="utf-8"))
    assert meta["provenance"] == plain(scorer.provenance)
    assert run.provenance == (plain(scorer.provenance),)
    assert (meta["schema"], meta["detail"], meta["turns"], meta["rejected"]) == (
        1,
        "sentences",
        run.turns,
        run.rejected,
    )
    assert meta["inputs"] == [str(path) for path in sorted(transcripts.iterdir())]
    assert {Path(path).name: name for path, name in meta["formats"].items()} == {
        **dict.fromkeys(("a.jsonl", "b.jsonl", "c.csv", "e.txt", "f.parquet"), "chat"),
        "d.json": "openai-completion",
    }
    expected = {path: summarise(scorer.stream(turns_of(path))) for path in readable(transcripts)}
    assert run.summaries == expected
    assert meta["summary"] == plain({path: summary.to_dict() for path, summary in expected.items()})


def test_progress_counts_to_the_end(mixed):
    _, run, seen = mixed
    assert [progress.shards for progress in seen] == list(range(1, run.shards + 2))
    assert {progress.total for progress in seen} == {run.shards + 1}
    assert (seen[-1].turns, seen[-1].rejected) == (run.turns, run.rejected)


@pytest.fixture
def finished(mixed, tmp_path):
    """A copy of the folder of the run, and the arguments that made it."""
    shutil.copytree(mixed[0], tmp_path / "out")
    return tmp_path / "out", {"detail": "sentences", "text": True, "shards": "jsonl", "workers": 2}


def test_what_failed_is_done_when_it_is_mended_and_nothing_else(ray, finished, transcripts, scorer):
    import pyarrow
    import pyarrow.parquet

    out, options = finished
    damaged = transcripts / "g.parquet"
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*")}
    content = damaged.read_bytes()
    pyarrow.parquet.write_table(pyarrow.table({"response": ["I feel so alive today."]}), damaged)
    try:
        run = score_files([str(transcripts)], out, begin="resume", **options)
    finally:
        damaged.write_bytes(content)
    assert (run.failed, run.resumed, run.shards) == ({}, len(before), len(before) + 1)
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*")}
    (added,) = after.keys() - before.keys()
    assert {name: after[name] for name in before} == before
    record = {"file": str(damaged), **scorer.score("I feel so alive today.").to_dict("sentences", text=True)}
    assert lines_of([out / added]) == [plain(record)]
    assert json.loads((out / "meta.json").read_text(encoding="utf-8"))["turns"] == run.turns


def test_a_folder_with_a_run_is_not_touched_unasked(finished, transcripts):
    out, options = finished
    before = {name: (out / name).read_bytes() for name in names_in(out)}
    with pytest.raises(InputError, match="holds a run already; go on with it by --resume"):
        score_files([str(transcripts)], out, **options)
    assert {name: (out / name).read_bytes() for name in names_in(out)} == before


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"detail": "labels"}, "--detail: was sentences, is labels"),
        ({"text": False}, "--text: was on, is off"),
        ({"shards": "parquet"}, "--shards: was jsonl, is parquet"),
        ({"precision": "exact"}, "precision: was int8, is exact"),
        ({"reading": {"which": "last"}}, "--turns: was not given, is last"),
        ({"reading": {"keep": ("category",)}}, "--keep: was not given, is category"),
    ],
)
def test_a_run_is_gone_on_with_only_as_it_was_begun(finished, transcripts, changed, named):
    out, options = finished
    before = names_in(out)
    with pytest.raises(InputError, match="would not fit") as error:
        score_files([str(transcripts)], out, begin="resume", **{**options, **changed})
    assert named in str(error.value)
    assert names_in(out) == before


def test_a_run_is_gone_on_with_only_over_the_same_inputs(finished, transcripts, tmp_path):
    out, options = finished
    files = [str(path) for path in sorted(transcripts.iterdir())]
    for others, named in (
        (files[1:], "a.jsonl: was an input, is none"),
        ([files[1], files[0], *files[2:]], "named in another order"),
    ):
        with pytest.raises(InputError, match=named):
            score_files(others, out, begin="resume", **options)
    changed = transcripts / "c.csv"
    times = changed.stat()
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    try:
        with pytest.raises(InputError, match=r"c\.csv: has changed"):
            score_files(files, out, begin="resume", **options)
    finally:
        os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))


class Hunter(threading.Thread):
    """Kills the first worker that is writing a shard, once, and remembers which shard that was and what was done."""

    def __init__(self, out):
        super().__init__(daemon=True)
        self.out, self.shard, self.done, self.over = out, None, None, threading.Event()

    def run(self):
        while self.shard is None and not self.over.is_set():
            for process in psutil.Process().children(recursive=True):
                try:
                    writing = [Path(f.path).name for f in process.open_files() if Path(f.path).parent == self.out]
                except psutil.Error:
                    continue
                parts = [name for name in writing if name.startswith(".part-")]
                if parts:
                    self.done = {path.stem for path in self.out.glob("state/part-*.json")}
                    os.kill(process.pid, signal.SIGKILL)
                    self.shard = parts[0][1:11]
                    return
            time.sleep(0.01)


def test_a_killed_worker_loses_and_doubles_nothing(ray, finished, real_turns, tmp_path, scorer):
    """Real SIGKILL of a worker in the middle of a shard; and the folder held another run, which goes away."""
    import pandas

    out, _ = finished
    turns = real_turns[:200]
    write_transcript(tmp_path / "turns.jsonl", turns)
    size = (tmp_path / "turns.jsonl").stat().st_size
    hunter = Hunter(out)
    hunter.start()
    try:
        run = score_files(
            [tmp_path / "turns.jsonl"],
            out,
            reading={"keep": ("topic",)},
            workers=2,
            begin="restart",
            split_bytes=size // 5 + 1,
        )
    finally:
        hunter.over.set()
        hunter.join()
    assert hunter.shard is not None and hunter.shard not in hunter.done
    assert (run.shards, run.resumed, run.failed, run.turns) == (5, 0, {}, len(turns))
    parts = [f"part-{index:05d}" for index in range(5)]
    assert names_in(out) == sorted(
        [
            "meta.json",
            "state/run.json",
            *(f"{part}.parquet" for part in parts),
            *(f"state/{part}.json" for part in parts),
        ]
    )
    found = pandas.concat([pandas.read_parquet(out / f"{part}.parquet") for part in parts], ignore_index=True)
    assert found.pop("kept.topic").tolist() == [str(len(turn.id)) for turn in turns]
    expected = scorer.score_many(turns).to_pandas()
    assert list(found.columns) == list(expected.columns)
    for name in expected:
        ours, theirs = found[name].astype(object), expected[name].astype(object)
        assert ours[ours.notna()].to_dict() == theirs[theirs.notna()].to_dict(), name


DRIVER = """
import sys
from anthrometrics.integrations.ray import score_files
source, out, pieces, address = sys.argv[1:]
score_files(
    [source], out, detail="summary", shards="jsonl", workers=1, split_bytes=int(pieces), address=address
)
"""


def workers():
    """Processes of the cluster that hold a worker."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            found += [process] if "ShardScorer" in " ".join(process.cmdline()) else []
        except psutil.Error:
            continue
    return found


def test_a_killed_run_is_gone_on_with(ray, real_turns, tmp_path, scorer, child_environment):
    """SIGKILL of the process that started the run; another goes on."""
    source, out = tmp_path / "turns.jsonl", tmp_path / "out"
    turns = real_turns[200:440]
    write_transcript(source, turns)
    pieces = source.stat().st_size // 12
    address = ray.get_runtime_context().gcs_address
    # How to authenticate with the cluster stands in the environment since it was started.
    how = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(source), str(out), str(pieces), address],
        env={**child_environment, **how},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 300
    while len(list(out.glob("state/part-*.json"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read().decode()
        time.sleep(0.05)
    process.kill()
    process.communicate()
    # Ray ends the workers of a run whose process is gone.
    while workers():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    done = {path.stem: path.stat().st_mtime_ns for path in out.glob("state/part-*.json")}
    assert not (out / "meta.json").exists()
    run = score_files([source], out, detail="summary", shards="jsonl", begin="resume")
    assert 2 <= run.resumed == len(done) < run.shards
    assert {name: (out / "state" / f"{name}.json").stat().st_mtime_ns for name in done} == done
    expected = [score.to_dict("summary") for score in scorer.stream(turns)]
    assert lines_of(out.glob("part-*.jsonl")) == plain(expected)
    assert [name for name in names_in(out) if not name.removeprefix("state/").startswith("part-")] == [
        "meta.json",
        "state/run.json",
    ]
    # All is done: another call needs no worker and changes nothing.
    again = score_files([source], out, detail="summary", shards="jsonl", begin="resume", address="127.0.0.1:1")
    assert again == replace(run, resumed=run.shards)


def frame_of(dataset):
    return dataset.to_pandas().sort_values(["id", "turn"], ignore_index=True)


def check_same_scores(found, expected):
    for name in expected:
        ours, theirs = found[name].astype(object), expected[name].astype(object)
        assert ours[ours.notna()].to_dict() == theirs[theirs.notna()].to_dict(), name


def test_rows_of_conversations_become_rows_of_turns(ray, repository, scorer):
    conversations = [
        json.loads(line) for line in (repository / "examples" / "warm.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    conversations.append({"id": "zzz", "category": "bad", "messages": [{"role": "user", "content": "Hello?"}]})
    ds = ray.data.from_items(conversations, override_num_blocks=8)
    found = frame_of(score_dataset(ds, concurrency=2, batch_size=8, provenance=True))
    bad, found = found.iloc[-1], found.iloc[:-1]
    assert (bad["id"], bad["status"], bad["category"]) == ("zzz", "rejected", "bad")
    assert 'no message with role "assistant"' in bad["reason"]
    turns = turns_of(repository / "examples" / "warm.jsonl")
    expected = scorer.score_many(turns).to_pandas().drop(columns="side").sort_values(["id", "turn"], ignore_index=True)
    assert len(found) == len(turns) == 71
    assert list(found.columns) == ["id", "category", "messages", *expected.columns[1:], "provenance"]
    check_same_scores(found, expected)
    for row in found.itertuples():
        said = [message["content"] for message in row.messages if message["role"] == "assistant"]
        assert len(said[row.turn].split()) == row.words
    assert {json.dumps(json.loads(value)) for value in found["provenance"]} == {json.dumps(plain(scorer.provenance))}


def test_rows_of_responses_stay_rows(ray, example_turns, scorer):
    turns = [*example_turns[::3], Turn(None, "Draw me a house."), Turn("<think>Hm.</think>I'd love to!", None)]
    rows = [{"number": n, "tags": [n, n], "asked": t.prompt, "answered": t.response} for n, t in enumerate(turns)]
    ds = ray.data.from_items(rows, override_num_blocks=5)
    ds = score_dataset(
        ds, response="answered", prompt="asked", id="number", detail="sentences", concurrency=(2, 2), batch_size=7
    )
    found = sorted(ds.take_all(), key=lambda row: row["number"])
    turns[-1] = Turn("I'd love to!", None, reasoning_left_out=True)
    scores = [scorer.score(replace(turn, id=str(n), index=0)) for n, turn in enumerate(turns)]
    assert [{k: v for k, v in row.items() if k in rows[0]} for row in found] == rows
    assert [row["sentences"] for row in found] == plain([score.to_dict("sentences")["sentences"] for score in scores])
    assert [(row["id"], row["status"], row["reason"], row["flags"]) for row in found[-2:]] == [
        (str(len(rows) - 2), "unscored", "non_text", ""),
        (str(len(rows) - 1), "scored", None, "reasoning_left_out"),
    ]
    numbers = ("anthropomorphism", "anthropomorphism_rate", "validation", "validation_rate", "refusal", "refusal_label")
    for row, score in zip(found, scores, strict=True):
        record = score.to_dict("labels")
        assert {name: row[name] for name in numbers} == {name: record[name] for name in numbers}
        for name, label in record["labels"].items():
            assert (row[f"{name}_presence"], row[f"{name}_rate"]) == (label["presence"], label["rate"])


def test_columns_are_checked_before_any_work(ray, tmp_path):
    ds = ray.data.from_items([{"answer": "I love it.", "turn": 3}])
    with pytest.raises(InputError, match=r'expected a column "response" .* has "answer", "turn"'):
        score_dataset(ds)
    with pytest.raises(InputError, match=r"written over columns of the data set \(turn\); rename or drop them"):
        score_dataset(ds, response="answer")
    ds = ds.drop_columns(["turn"])
    with pytest.raises(InputError, match="detail must be one of"):
        score_dataset(ds, response="answer", detail="all")
    with pytest.raises(InputError, match="concurrency must be"):
        score_dataset(ds, response="answer", concurrency=0)
    with pytest.raises(InputError, match="needs a GPU for each worker"):
        score_dataset(ds, response="answer", device="cuda")
    with pytest.raises(ModelError, match="is not a model directory"):
        score_dataset(ds, response="answer", model=str(tmp_path))


def test_a_gpu_that_is_not_there_is_an_error_and_not_a_wait(ray, repository, tmp_path):
    from anthrometrics import DeviceError

    if ray.cluster_resources().get("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="no machine of the Ray cluster has a GPU"):
        score_files([repository / "examples"], tmp_path / "out", device="cuda")
    with pytest.raises(InputError, match="the largest here has 2"):
        score_files([repository / "examples" / "warm.jsonl"], tmp_path / "out", threads=3)


def test_what_cannot_be_shared_or_written_is_said_before_anything_starts(repository, tmp_path):
    examples = str(repository / "examples" / "plain.jsonl")
    (tmp_path / "in").mkdir()
    shutil.copy(examples, tmp_path / "in" / "a.jsonl")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    for inputs, out, options, named in (
        (["-"], "out", {}, "standard input cannot be shared"),
        ([str(tmp_path / "in")], "in/out", {}, "would be read too"),
        ([examples], "full", {}, "holds something else than a run"),
        ([examples], "full/thesis.tex", {}, "cannot make the folder"),
        ([str(tmp_path / "none.jsonl")], "out", {}, "does not exist"),
        ([examples], "out", {"workers": 0}, "workers must be at least 1"),
        ([examples], "out", {"detail": "all"}, "detail must be one of"),
    ):
        with pytest.raises(InputError, match=named):
            score_files(inputs, tmp_path / out, **options)
    assert names_in(tmp_path) == ["full/thesis.tex", "in/a.jsonl"]


def test_a_missing_extra_is_named(python, repository, tmp_path):
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from anthrometrics import MissingExtraError\n"
        "from anthrometrics.integrations.ray import score_dataset, score_files\n"
        "for call in (lambda: score_files([sys.argv[1]], sys.argv[2]), lambda: score_dataset(None)):\n"
        "    try:\n        call()\n    except MissingExtraError as error:\n        print(error)\n"
    )
    done = python("-c", code, repository / "examples" / "plain.jsonl", tmp_path / "out")
    said = str(MissingExtraError("ray", "ray"))
    assert done.stdout.decode().splitlines() == [said, said], done.stderr.decode()
    assert "pip install 'anthrometrics[ray]'" in said


def request_for(path, out, **reading):
    scorer = scorer_options("auto", None, 1, None, 0)
    return Request.of([str(path)], RunFolder(out, "jsonl"), reading, "labels", False, scorer)


LINES = st.lists(
    st.text(alphabet="ab \u00e9\U0001f600", max_size=40).map(lambda text: {"response": text}), min_size=1, max_size=60
)


@given(LINES, st.integers(20, 400), st.booleans())
def test_pieces_cover_a_file_and_begin_at_lines(tmp_path_factory, records, most, ended):
    folder = tmp_path_factory.getbasetemp() / "pieces"
    folder.mkdir(exist_ok=True)
    path = folder / "lines.jsonl"
    content = "".join(map(json_line, records)).encode()
    path.write_bytes(content if ended else content[:-1])
    content = path.read_bytes()
    plan = make_plan(request_for(path, folder / "out"), workers=2, split_bytes=most)
    assert [shard.name for shard in plan.shards] == [f"part-{index:05d}" for index in range(len(plan.shards))]
    if len(plan.shards) == 1 and plan.shards[0].start is None:
        assert len(content) <= most
        return
    bounds = [(shard.start, shard.end) for shard in plan.shards]
    assert b"".join(content[start:end] for start, end in bounds) == content
    assert all(start == 0 or content[start - 1 : start] == b"\n" for start, _ in bounds)
    longest = max(map(len, content.splitlines(keepends=True)))
    assert all(0 < end - start <= most + longest for start, end in bounds)
    assert {shard.format for shard in plan.shards} == {"chat"}
    assert ShardPlan.from_dict(plain(plan.to_dict())) == plan


@pytest.mark.parametrize("name", ["lines.jsonl.gz", "lines.json", "hidden.jsonl", "samples.jsonl"])
def test_what_cannot_be_cut_is_one_shard(tmp_path, name):
    """Compressed whatever it is called, one JSON document, and a format that reads a record by others beside it."""
    lines = "".join(json_line({"response": "I love it."}) for _ in range(50)).encode()
    if name == "samples.jsonl":
        from anthrometrics.formats.registry import FORMATS

        chosen = [form for form in FORMATS.values() if form.select is not None]
        assert chosen
        lines = b"".join(form.example.encode() + b"\n" for form in chosen[:1] for _ in range(50))
    packed = name in ("lines.jsonl.gz", "hidden.jsonl")
    (tmp_path / name).write_bytes(gzip.compress(lines, 0) if packed else lines)
    plan = make_plan(request_for(tmp_path / name, tmp_path / "out"), workers=2, split_bytes=100)
    assert plan.shards == (Shard("part-00000", str(tmp_path / name), str(tmp_path / name)),)


@pytest.fixture
def work(tmp_path):
    """A worker without Ray, its folder and a shard."""
    write_transcript(tmp_path / "turns.jsonl", [Turn("I love it.", "Well?", "a")])
    folder = RunFolder(tmp_path / "out", "jsonl")
    folder.make()
    folder.mark("now").touch()
    scorer = scorer_options("cpu", None, 1, None, 0)
    request = request_for(tmp_path / "turns.jsonl", folder.path)
    job = Job(folder, "now", {}, "labels", False, False, scorer, request.provenance["model_digest"])
    shard = Shard("part-00000", "turns.jsonl", str(tmp_path / "turns.jsonl"))
    return job, folder, shard


def done_by(job, shard):
    return ShardScorer(job)({"shard": json.dumps(asdict(shard))})


def test_a_worker_that_sees_another_folder_says_so(work):
    job, folder, shard = work
    row = done_by(replace(job, run="another"), shard)
    assert "storage that all machines share" in row["error"]
    assert not folder.is_done(shard.name)


def test_a_worker_with_another_model_says_so(work):
    job, folder, shard = work
    assert "install the same version" in done_by(replace(job, model_digest="0" * 64), shard)["error"]
    assert not folder.is_done(shard.name)


def test_a_shard_that_keeps_killing_workers_is_left_out(work):
    job, folder, shard = work
    for _ in range(5):
        folder.count_try(shard.name)
    assert "5 workers died of it" in done_by(job, shard)["failed"]
    folder.sweep()
    folder.mark("now").touch()
    assert done_by(job, shard) == {"name": shard.name, "turns": 1, "rejected": 0, "failed": "", "error": ""}


def test_a_shard_that_is_done_is_not_done_again(work):
    job, folder, shard = work
    first = done_by(job, shard)
    before = folder.part(shard.name).stat().st_mtime_ns
    assert done_by(job, shard) == first
    assert folder.part(shard.name).stat().st_mtime_ns == before


def test_a_piece_reads_as_the_same_lines_of_the_whole_file(work):
    """Line numbers count from the file's beginning, and a byte order mark is allowed only there."""
    job, folder, shard = work
    lines = [json_line({"id": name, "response": "I love it."}).encode() for name in "abc"]
    lines[1:1] = [b"\xef\xbb\xbf" + lines[0], b"nonsense\n"]
    Path(shard.path).write_bytes(b"".join(lines))
    size = sum(map(len, lines))
    row = done_by(job, replace(shard, start=len(lines[0]), end=size, format="chat"))
    assert (row["turns"], row["rejected"], row["failed"], row["error"]) == (2, 2, "", "")
    assert [record["id"] for record in lines_of([folder.part(shard.name)])] == ["b", "c"]
    expected = plain([{**rejected, "file": shard.file} for rejected in rejected_of(shard.path)])
    assert lines_of([folder.rejected(shard.name)]) == expected
    assert [rejected["line"] for rejected in expected] == [2, 3]


def test_a_file_that_became_shorter_is_named(work):
    job, _, shard = work
    size = Path(shard.path).stat().st_size
    row = done_by(job, replace(shard, start=0, end=size + 1, format="chat"))
    assert "became shorter" in row["failed"]


@pytest.fixture(scope="module")
def wit():
    return replace(load_value("humor"), name="wit")


def test_workers_judge_values_as_one_process_does(ray, repository, wit, tmp_path):
    lines = (repository / "examples" / "warm.jsonl").read_text("utf-8").splitlines(keepends=True)[:6]
    (tmp_path / "in.jsonl").write_text("".join(lines), "utf-8")
    scorer = Scorer(device="cpu", threads=1, values=[wit])
    scores = scorer.score_many(turns_of(tmp_path / "in.jsonl"))
    run = score_files([tmp_path / "in.jsonl"], tmp_path / "out", shards="jsonl", workers=1, values=[wit])
    assert lines_of((tmp_path / "out").glob("part-*")) == plain(scores.to_dicts("labels"))
    assert run.summaries[str(tmp_path / "in.jsonl")] == scores.summary()
    assert run.provenance[0]["own_values"] == scorer.provenance["own_values"]
    with pytest.raises(InputError, match="--values: was all,wit, is all"):
        score_files([tmp_path / "in.jsonl"], tmp_path / "out", shards="jsonl", begin="resume", values=True)


def test_rows_of_a_data_set_get_a_column_a_value(wit):
    import pyarrow

    texts = ["What a lovely loaf! I'm so proud of you.", None, "I can't help with that."]
    options = scorer_options("cpu", None, 1, None, 0, values=[wit])
    task = _Task("response", "prompt", "id", "labels", "exclude", False, options)
    found = BatchScorer(task)(pyarrow.table({"response": texts}))
    scores = Scorer(device="cpu", threads=1, values=[wit]).score_many([Turn(text) for text in texts])
    expected = scores.to_pandas()
    for name in ("value_empathy", "value_wit"):
        numbers = found[name].to_pylist()
        assert numbers[1] is None
        assert [numbers[0], numbers[2]] == expected[name].dropna().tolist()


def test_a_worker_with_another_value_model_says_so(work):
    job, folder, shard = work
    judging = replace(job, scorer={**job.scorer, "values": True}, values_digest="0" * 64)
    assert "install the same version" in done_by(judging, shard)["error"]
    assert not folder.is_done(shard.name)


def test_values_that_are_none_are_refused_before_ray_starts(tmp_path):
    with pytest.raises(InputError, match="load_value"):
        score_files([tmp_path], tmp_path / "out", values=["empathy"])

"""Arrow files and datasets that Hugging Face's library saved → their rows, split after split."""

import gzip
import io
import json
import shutil
import sys
from datetime import datetime
from decimal import Decimal

import datasets
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError, MissingExtraError, Rejected, Turn, read_turns
from anthrometrics.formats.arrow import is_dataset
from anthrometrics.formats.containers import records

CHATS = [
    {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]} for n in range(5)
]
PAIRS = [{"prompt": "q", "chosen": "Yes.", "rejected": "No."}]


@pytest.fixture(scope="module", autouse=True)
def _quiet():
    datasets.disable_progress_bars()


def save(rows, folder, **options):
    datasets.Dataset.from_list(rows).save_to_disk(folder, **options)
    return folder


def responses(found):
    return [item.response if isinstance(item, Turn) else item.line for item in found]


def stream(rows):
    table = pa.Table.from_pylist(rows)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue()


def test_a_dataset_gives_its_rows_whose_format_is_known(tmp_path):
    took = []
    found = list(read_turns(save(CHATS, tmp_path / "d"), on_format=took.append))
    assert took == ["chat"]
    assert found == [Turn(f"a{n}", f"q{n}") for n in range(5)]
    took.clear()
    assert [turn.side for turn in read_turns(save(PAIRS, tmp_path / "p"), on_format=took.append)] == [
        "chosen",
        "rejected",
    ]
    assert took == ["preference"]


def test_a_dataset_of_several_files_keeps_its_order(tmp_path):
    rows = [{"id": n, "response": f"a{n}"} for n in range(1000)]
    folder = save(rows, tmp_path / "d", num_shards=7)
    assert len(list(folder.glob("*.arrow"))) == 7
    assert [raw.value for raw in records(folder)] == rows
    assert [raw.number for raw in records(folder)] == list(range(1, 1001))


def test_every_split_is_read_in_order_and_one_by_its_folder(tmp_path):
    splits = {"train": CHATS[:3], "test": CHATS[3:4], "0": CHATS[4:]}
    made = datasets.DatasetDict({name: datasets.Dataset.from_list(rows) for name, rows in splits.items()})
    made.save_to_disk(tmp_path / "d")
    found = list(read_turns(tmp_path / "d", keep=["split"]))
    assert [(turn.response, turn.kept["split"]) for turn in found] == [
        ("a0", "train"),
        ("a1", "train"),
        ("a2", "train"),
        ("a3", "test"),
        ("a4", "0"),
    ]
    assert list(read_turns(tmp_path / "d" / "test")) == [Turn("a3", "q3")]
    assert [raw.number for raw in records(tmp_path / "d")] == [1, 2, 3, 4, 5]


def test_a_column_called_split_stays(tmp_path):
    made = datasets.Dataset.from_list([{"response": "a", "split": "mine"}])
    datasets.DatasetDict({"train": made}).save_to_disk(tmp_path / "d")
    (turn,) = read_turns(tmp_path / "d", keep=["split"])
    assert turn.kept == {"split": "mine"}


def test_fields_of_any_name_can_be_read(tmp_path):
    folder = save([{"q": {"text": "Hi"}, "reply": "Hello.", "n": 3}], tmp_path / "d")
    found = read_turns(folder, response_field="reply", prompt_field="q.text", id_field="n")
    assert list(found) == [Turn("Hello.", "Hi", "3")]


def test_a_saved_way_of_showing_rows_changes_nothing(tmp_path, python):
    folder = save([{"response": "a", "n": 1}], tmp_path / "d")
    state = json.loads((folder / "state.json").read_text())
    state |= {"_format_type": "torch", "_format_columns": ["n"]}
    (folder / "state.json").write_text(json.dumps(state))
    code = (
        "import sys; from anthrometrics import read_turns; "
        "print(len(list(read_turns(sys.argv[1]))), sorted({'torch', 'datasets', 'pandas'} & set(sys.modules)))"
    )
    assert python("-c", code, folder).stdout.strip() == b"1 []"


def test_dates_and_the_like_are_carried_along_as_text(tmp_path):
    rows = [
        {"response": "a", "at": datetime(2026, 1, 2), "in": {"price": Decimal("1.50"), "raw": [b"\xc3\xa9"]}, "n": 1}
    ]
    for folder in (save(rows, tmp_path / "d"), tmp_path / "in.parquet"):
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
        (turn,) = read_turns(folder, keep=["at", "in", "in.price", "n"])
        assert turn.kept == {
            "at": "2026-01-02T00:00:00",
            "in": {"price": "1.50", "raw": ["é"]},
            "in.price": "1.50",
            "n": 1,
        }
        (turn,) = read_turns(folder, keep=["at"])
        assert turn.kept == {"at": "2026-01-02T00:00:00"}


def test_bytes_are_no_answer(tmp_path):
    (rejected,) = read_turns(save([{"response": b"Hello.", "id": "a"}], tmp_path / "d"), "chat")
    assert '"response" must be a string, null or a list of parts, not bytes' in rejected.reason


@pytest.mark.parametrize("made", ["one", "all splits", "one split of two"])
def test_an_empty_dataset_has_no_turns(tmp_path, made):
    empty = datasets.Dataset.from_dict({"prompt": [], "response": []})
    full = datasets.Dataset.from_list(CHATS[:1])
    {
        "one": lambda: empty.save_to_disk(tmp_path / "d"),
        "all splits": lambda: datasets.DatasetDict(train=empty, test=empty).save_to_disk(tmp_path / "d"),
        "one split of two": lambda: datasets.DatasetDict(train=empty, test=full).save_to_disk(tmp_path / "d"),
    }[made]()
    assert list(read_turns(tmp_path / "d")) == ([Turn("a0", "q0")] if made == "one split of two" else [])


def test_rows_that_were_taken_from_a_larger_dataset_are_those(tmp_path):
    larger = datasets.Dataset.from_list(CHATS)
    larger.select([3, 1]).save_to_disk(tmp_path / "d")
    assert responses(read_turns(tmp_path / "d")) == ["a3", "a1"]
    larger.filter(lambda row: "2" in row["messages"][0]["content"]).save_to_disk(tmp_path / "f")
    assert responses(read_turns(tmp_path / "f")) == ["a2"]


def test_columns_without_text_are_named(tmp_path):
    numbers = datasets.Dataset.from_list([{"label": 1, "at": [{"x": 1.5}]}])
    datasets.DatasetDict(train=numbers, test=numbers).save_to_disk(tmp_path / "d")
    with pytest.raises(
        InputError, match=r'd has no column of text, so .*; it has "label" \(int64\), "at" \(list<.*>\)'
    ):
        list(read_turns(tmp_path / "d"))
    pyarrow.feather.write_feather(pa.table({"label": [1]}), tmp_path / "in.arrow")
    with pytest.raises(InputError, match="has no column of text"):
        list(read_turns(tmp_path / "in.arrow"))


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.list_(pa.struct([("a", pa.list_(pa.string()))])),
        pa.map_(pa.string(), pa.int8()),
        pa.null(),
    ],
)
def test_text_is_found_wherever_it_stands(tmp_path, kind):
    table = pa.table({"n": [1], "x": pa.array([None], kind)})
    with pa.OSFile(str(tmp_path / "in.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert [raw.value for raw in records(tmp_path / "in.arrow")] == [{"n": 1, "x": None}]


def test_a_file_of_a_dataset_that_is_gone_or_damaged_costs_no_other(tmp_path):
    folder = save([{"response": f"a{n}"} for n in range(9)], tmp_path / "d", num_shards=3)
    first, second, _ = sorted(folder.glob("*.arrow"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:40])
    found = list(read_turns(folder))
    assert responses(found) == [1, 2, "a6", "a7", "a8"]
    assert all(
        "a file of this dataset, cannot be read: " in item.reason for item in found if isinstance(item, Rejected)
    )


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("state.json", "{", "is not the list that the library writes"),
        ("state.json", "[]", "is not the list that the library writes"),
        ("state.json", "{}", "is not the list that the library writes"),
        ("state.json", '{"_data_files": 3}', "is not the list that the library writes"),
        ("state.json", '{"_data_files": [3]}', "is not the list that the library writes"),
        ("state.json", '{"_data_files": [{"filename": 3}]}', '"_data_files" of state.json must be a list of names'),
        ("state.json", "[" * 100_000, "is not the list that the library writes"),
        ("dataset_dict.json", '{"splits": [3]}', '"splits" of dataset_dict.json must be a list of names'),
        ("dataset_dict.json", '{"splits": ["absent"]}', "absent is no whole dataset"),
    ],
)
def test_damaged_lists_are_explained(tmp_path, file, content, message):
    folder = save(CHATS, tmp_path / "d")
    if file == "dataset_dict.json":
        folder = tmp_path
    (folder / file).write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        list(read_turns(folder))
    assert "save it again with save_to_disk, or name its .arrow files" in str(caught.value)


def test_arrow_files_give_their_rows(tmp_path):
    folder = save(CHATS, tmp_path / "d")
    (file,) = folder.glob("*.arrow")
    assert responses(read_turns(file)) == ["a0", "a1", "a2", "a3", "a4"]
    pyarrow.feather.write_feather(pa.Table.from_pylist(CHATS), tmp_path / "in.arrow", compression="zstd")
    assert responses(read_turns(tmp_path / "in.arrow")) == ["a0", "a1", "a2", "a3", "a4"]
    (tmp_path / "in.arrow.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert responses(read_turns(tmp_path / "in.arrow.gz")) == ["a0", "a1", "a2", "a3", "a4"]


@pytest.mark.parametrize("name", ["in.arrow", "in.parquet"])
def test_progress_ends_near_the_size_of_the_file(tmp_path, name):
    table = pa.Table.from_pylist([{"response": f"{n} " * 50} for n in range(5000)])
    if name == "in.arrow":
        pyarrow.feather.write_feather(table, tmp_path / name, chunksize=500)
    else:
        pyarrow.parquet.write_table(table, tmp_path / name, row_group_size=500)
    seen = []
    assert len(list(records(tmp_path / name, seen.append))) == 5000
    size = (tmp_path / name).stat().st_size
    assert 0.8 * size < seen[-1] <= size


@pytest.mark.parametrize("content", [b"", b"no arrow", b"ARROW1", b"ARROW1\x00\x00" + bytes(50), b"\xff" * 40])
def test_what_is_no_arrow_file_is_refused(tmp_path, content):
    (tmp_path / "in.arrow").write_bytes(content)
    with pytest.raises(InputError, match="not a readable Arrow file"):
        list(records(tmp_path / "in.arrow"))


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 255), st.booleans())
def test_no_damage_of_an_arrow_file_breaks_reading(tmp_path_factory, place, byte, cut):
    content = bytearray(stream([{"response": f"a{n}"} for n in range(6)]))
    at = int(place * len(content))
    content[at] = byte
    file = tmp_path_factory.mktemp("damaged") / "in.arrow"
    file.write_bytes(content[:at] if cut else content)
    try:
        found = list(read_turns(file))
    except InputError:
        return
    answers = [item.response for item in found if isinstance(item, Turn)]
    if cut:
        # Without its last mark a stream may as well have ended where it is cut.
        assert answers == [f"a{n}" for n in range(6)][: len(answers)]
        assert len(found) - len(answers) <= 1
    else:
        assert all(isinstance(item, Turn | Rejected) for item in found)


def test_offsets_that_point_out_of_the_file_are_not_followed(tmp_path):
    content = stream([{"response": f"a{n}"} for n in range(6)])
    offsets = pa.array([0, 2, 4], pa.int32()).buffers()[1].to_pybytes()
    assert content.count(offsets) == 3
    file = tmp_path / "in.arrow"
    file.write_bytes(content.replace(offsets, pa.array([0, 2, 2**30], pa.int32()).buffers()[1].to_pybytes(), 1))
    found = list(read_turns(file))
    assert responses(found) == [1, "a2", "a3", "a4", "a5"]
    assert "a block of rows is damaged" in found[0].reason


def test_a_row_with_a_date_that_python_lacks_costs_no_other(tmp_path):
    dates = pa.array([0, 2**60, 1], pa.timestamp("s"))
    table = pa.table({"response": ["a", "b", "c"], "at": dates})
    pyarrow.feather.write_feather(table, tmp_path / "in.arrow")
    found = list(read_turns(tmp_path / "in.arrow"))
    assert responses(found) == ["a", 2, "c"]
    assert "this row cannot be read" in found[1].reason


texts = st.text(max_size=10) | st.none()
rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(-(2**63), 2**63 - 1),
            "response": texts,
            "messages": st.lists(st.fixed_dictionaries({"role": texts, "content": texts}), max_size=3),
            "share": st.floats(allow_nan=False) | st.none(),
        }
    ),
    min_size=1,
    max_size=8,
)


@given(rows, st.integers(1, 3))
def test_any_rows_come_back(tmp_path_factory, rows, shards):
    folder = tmp_path_factory.mktemp("dataset") / "d"
    save(rows, folder, num_shards=min(shards, len(rows)))
    assert [raw.value for raw in records(folder)] == datasets.load_from_disk(folder).to_list()


@pytest.mark.parametrize(("named", "extra"), [("d", "datasets"), ("d/data-00000-of-00001.arrow", "parquet")])
def test_a_missing_library_names_the_extra(tmp_path, monkeypatch, named, extra):
    save(CHATS, tmp_path / "d")
    for loaded in ("pyarrow", "pyarrow.lib"):
        monkeypatch.setitem(sys.modules, loaded, None)
    with pytest.raises(MissingExtraError, match=rf"anthrometrics\[{extra}\]"):
        list(records(tmp_path / named))


def test_a_dataset_is_known_by_its_lists(tmp_path):
    folder = save(CHATS, tmp_path / "d")
    datasets.DatasetDict(train=datasets.Dataset.from_list(CHATS)).save_to_disk(tmp_path / "s")
    assert is_dataset(folder)
    assert is_dataset(tmp_path / "s")
    assert is_dataset(tmp_path / "s" / "train")
    assert not is_dataset(tmp_path)
    assert not is_dataset(folder / "state.json")
    assert not is_dataset("absent")
    shutil.copytree(folder, tmp_path / "half")
    (tmp_path / "half" / "dataset_info.json").unlink()
    assert not is_dataset(tmp_path / "half")

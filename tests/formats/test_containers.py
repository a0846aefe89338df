"""Containers: records come out in order whatever they are packed in, and damage is named where it is."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError, MissingExtraError
from anthrometrics.formats.containers import records

ROWS = [{"id": "a", "response": "Hello, you."}, {"id": "b", "response": 'Two\nlines, "quoted" é 😀'}]
objects = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=3), max_size=8)


@pytest.fixture
def read(tmp_path):
    def run(content, name):
        (tmp_path / name).write_bytes(content)
        return list(records(tmp_path / name))

    return run


def _values(found):
    found = list(found)
    assert all(record.error is None for record in found), found
    return [record.value for record in found]


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("name", ["in.json", "in.json.gz", "in.JSON"])
def test_an_array_gives_its_items(read, indent, name):
    content = json.dumps(ROWS, indent=indent).encode()
    found = read(gzip.compress(content) if name.endswith(".gz") else content, name)
    assert _values(found) == ROWS
    assert [record.number for record in found] == [1, 2]
    assert json.loads(found[1].text()) == ROWS[1]


def test_an_array_is_known_by_a_bracket_alone_whatever_its_name(read):
    assert _values(read(b"[\n" + b",\n".join(json.dumps(row).encode() for row in ROWS) + b"\n]\n", "in")) == ROWS


def test_one_object_over_many_lines_is_one_record(read):
    assert _values(read(json.dumps(ROWS[0], indent=4).encode(), "in.json")) == [ROWS[0]]


def test_json_lines_may_be_called_json(read):
    assert _values(read(b"\n".join(json.dumps(row).encode() for row in ROWS), "in.json")) == ROWS


@given(objects, st.sampled_from([None, 1]), st.booleans())
def test_any_array_of_objects_comes_back(tmp_path_factory, items, indent, escaped):
    file = tmp_path_factory.mktemp("array") / "in.json"
    file.write_text(json.dumps(items, indent=indent, ensure_ascii=escaped), encoding="utf-8")
    assert _values(records(file)) == items


def test_a_long_item_and_many_items_come_back(read):
    items = [{"response": "x" * 300_000}, *({"id": i, "response": "y" * 100} for i in range(3000))]
    assert _values(read(json.dumps(items).encode(), "in.json")) == items


def test_what_comes_before_damage_is_kept(read):
    found = read(json.dumps(ROWS).encode()[:-5], "in.json")
    assert found[0].value == ROWS[0]
    assert found[1].number == 2
    assert "not JSON from here on" in found[1].error


def test_an_item_that_is_no_utf8_is_named_and_the_next_is_read(read):
    found = read(b'[{"response": "caf\xe9"},\n{"response": "good"}]', "in.json")
    assert found[0].error == "not valid UTF-8"
    assert found[1].value == {"response": "good"}


def test_a_table_gives_a_row_an_object(read):
    table = 'id,response\na,"Hello, you."\nb,"Two\nlines, ""quoted"" é 😀"\n'.encode("utf-8-sig")
    found = read(table, "in.csv")
    assert _values(found) == ROWS
    assert [record.number for record in found] == [2, 4]
    assert _values(read(b"id\tresponse\na\tHello, you.\n", "in.tsv")) == ROWS[:1]


def test_a_row_of_another_width_is_named_and_the_next_is_read(read):
    found = read(b"id,response\na\nb,c,d\ne,good\n", "in.csv")
    assert [record.error for record in found[:2]] == [
        "expected 2 columns as in the header, found 1",
        "expected 2 columns as in the header, found 3",
    ]
    assert found[2].value == {"id": "e", "response": "good"}


def test_a_large_cell_is_read_whole(read):
    assert _values(read(b"response\n" + b"x" * 500_000 + b"\n", "in.csv"))[0]["response"] == "x" * 500_000


def test_a_text_is_one_response_called_after_its_file(read):
    assert _values(read("Hello.\n\nÉ".encode(), "a1.txt")) == [{"id": "a1.txt", "response": "Hello.\n\nÉ"}]
    (broken,) = read(b"caf\xe9", "a1.md")
    assert "not valid UTF-8" in broken.error


def test_parquet_gives_its_rows(tmp_path):
    file = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), file)
    assert _values(records(file)) == ROWS
    file.write_bytes(b"no parquet")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        list(records(file))


def test_zstd_is_unpacked_and_its_damage_named(read):
    lines = b"".join(json.dumps({"response": f"{i} " * 50}).encode() + b"\n" for i in range(5000))
    packed = zstandard.compress(lines)
    assert len(_values(read(packed, "in.jsonl.zst"))) == 5000
    buffer = bytearray(packed)
    buffer[len(buffer) // 2] ^= 0xFF
    found = read(bytes(buffer), "in.jsonl.zst")
    assert any(record.error is not None for record in found)


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("in.parquet", "pyarrow", "parquet"), ("in.zst", "zstandard", "zstd")]
)
def test_a_missing_library_names_the_extra(tmp_path, monkeypatch, name, module, extra):
    file = tmp_path / name
    file.write_bytes(zstandard.compress(b"{}"))
    for loaded in (module, f"{module}.lib", f"{module}.parquet"):
        monkeypatch.setitem(__import__("sys").modules, loaded, None)
    with pytest.raises(MissingExtraError, match=rf"anthrometrics\[{extra}\]"):
        list(records(file))


def test_progress_ends_at_the_size_of_the_file(tmp_path):
    file = tmp_path / "in.json"
    file.write_text(json.dumps(ROWS * 1000), encoding="utf-8")
    seen = []
    assert len(list(records(file, seen.append))) == 2000
    assert seen == sorted(seen)
    assert seen[-1] == file.stat().st_size


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(ROWS[0]).encode())))
    assert _values(records("-")) == ROWS[:1]

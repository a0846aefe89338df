"""Files of scores, read back by the tools that people use."""

import csv
import gzip
import json

import pandas
import pyarrow
import pyarrow.parquet
import pytest

from anthrometrics import InputError, Turn
from anthrometrics.codebook import LABEL_NAMES, SENTENCE_OUTPUTS
from anthrometrics.output.sinks import SUFFIXES, open_sink, suffix_of
from anthrometrics.output.table import Kept, columns_of, row_of
from anthrometrics.scores import DETAILS

TURNS = (
    Turn('What a "lovely" loaf,\nI\'m so proud of you.', "I baked a loaf.", "a", 2, kept={"run": "r1", "tags": ["x"]}),
    Turn("", id="b", kept={"run": None, "tags": None}),
    Turn("Half a pair \ud83d and a null \x00 byte.", id="c", side="rejected"),
    Turn(None),
)


@pytest.fixture(scope="module")
def records(scorer):
    """Detail → records with texts."""
    scores = scorer.score_many(TURNS)
    return {detail: scores.to_dicts(detail, text=True) for detail in DETAILS}


@pytest.fixture
def put(tmp_path, records):
    """Write all records of a detail; the file and its columns."""

    def write(name, detail="labels"):
        kept = Kept(["run", "tags"])
        for record in records[detail]:
            kept.add(record)
        columns = columns_of(detail, kept, text=True)
        with open_sink(tmp_path / name, columns) as sink:
            for record in records[detail]:
                sink(record)
        return tmp_path / name, columns

    return write


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize(("name", "opened"), [("out.jsonl", open), ("out.jsonl.gz", gzip.open)])
def test_json_lines_hold_the_records_themselves(put, records, name, opened, detail):
    path, _ = put(name, detail)
    with opened(path, "rt", encoding="utf-8") as stream:
        assert [json.loads(line) for line in stream] == records[detail]


def test_packed_lines_are_the_same_bytes_whenever_and_wherever(put, tmp_path):
    (tmp_path / "other").mkdir()
    first, second = put("one.jsonl.gz")[0].read_bytes(), put("other/two.jsonl.gz")[0].read_bytes()
    assert first == second


@pytest.mark.parametrize("detail", DETAILS)
def test_csv_holds_the_rows_of_every_other_table(put, records, detail):
    path, columns = put("out.csv", detail)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    for row, record in zip(rows, records[detail], strict=True):
        for column in columns:
            expected = row_of(record, columns)[column.name]
            cell = row[column.name]
            if expected is None:
                assert cell == "", column
            elif column.kind == "number":
                assert float(cell) == expected, column
            elif column.kind == "sentences":
                assert json.loads(cell) == expected
            else:
                assert cell == str(expected), column


def test_csv_is_read_by_pandas(put, scorer):
    frame = pandas.read_csv(put("out.csv")[0])
    expected = scorer.score_many(TURNS).to_pandas()
    for name in (*(f"{label}_presence" for label in LABEL_NAMES), "anthropomorphism", "refusal", "words"):
        assert frame[name].tolist() == pytest.approx(expected[name].tolist(), abs=0, nan_ok=True)
    assert frame["kept.run"].tolist()[0] == "r1"
    assert json.loads(frame["kept.tags"].tolist()[0]) == ["x"]


@pytest.mark.parametrize("detail", DETAILS)
def test_parquet_holds_the_rows_of_every_other_table(put, records, detail):
    path, columns = put("out.parquet", detail)
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == [column.name for column in columns]
    assert table.to_pylist() == [row_of(record, columns) for record in records[detail]]


def test_parquet_has_sentences_as_nested_lists(put):
    schema = pyarrow.parquet.read_schema(put("out.parquet", "sentences")[0])
    sentence = schema.field("sentences").type.value_type
    assert [sentence.field(i).name for i in range(sentence.num_fields)] == ["start", "end", "probabilities"]
    probabilities = sentence.field("probabilities").type
    assert [probabilities.field(i).name for i in range(probabilities.num_fields)] == list(SENTENCE_OUTPUTS)


def test_parquet_of_many_rows_has_bounded_groups_of_one_schema(tmp_path, records):
    """The first rows have missing values only, from which no type could be guessed."""
    columns = columns_of("labels", Kept(["run"]))
    with open_sink(tmp_path / "out.parquet", columns) as sink:
        for number in range(10_000):
            sink({**records["labels"][1 if number < 9_000 else 0], "turn": number})
    file = pyarrow.parquet.ParquetFile(tmp_path / "out.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [8_192, 1_808]
    table = file.read()
    assert table["turn"].to_pylist() == list(range(10_000))
    assert table["praise_presence"].null_count == 9_000
    assert table.schema.field("praise_presence").type == pyarrow.float64()


def test_long_texts_do_not_wait_for_a_full_group(tmp_path, records):
    columns = columns_of("summary", Kept(), text=True)
    with open_sink(tmp_path / "out.parquet", columns) as sink:
        for _ in range(60):
            sink({**records["summary"][0], "response": "x" * 1_000_000})
    file = pyarrow.parquet.ParquetFile(tmp_path / "out.parquet")
    assert file.metadata.num_rows == 60
    assert file.num_row_groups >= 3


def test_no_rows_give_a_table_with_its_columns(tmp_path):
    columns = columns_of("labels", Kept(["run"]), file=True)
    for name in ("out.csv", "out.parquet"):
        with open_sink(tmp_path / name, columns):
            pass
    assert list(pandas.read_csv(tmp_path / "out.csv").columns) == [column.name for column in columns]
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").column_names == [column.name for column in columns]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_sink_that_fails_leaves_nothing(tmp_path, records, suffix):
    columns = columns_of("labels", Kept())
    with pytest.raises(RuntimeError), open_sink(tmp_path / f"out{suffix}", columns) as sink:
        sink(records["labels"][0])
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_suffix_that_says_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"out\.xml has no suffix .* \.jsonl, \.jsonl\.gz, \.csv, \.parquet"):
        suffix_of(tmp_path / "out.xml")


def test_columns_tell_files_only_where_there_are_several(write, transcript, tmp_path):
    write(transcript("a.jsonl", 3), output="one.csv")
    write("a.jsonl", transcript("b.jsonl", 3), output="two.csv", keep=("n", "run"))
    one, two = pandas.read_csv(tmp_path / "one.csv"), pandas.read_csv(tmp_path / "two.csv")
    assert "file" not in one.columns
    assert two["file"].tolist() == ["a.jsonl"] * 4 + ["b.jsonl"] * 4
    assert [name for name in two.columns if name.startswith("kept.")] == ["kept.n", "kept.run"]
    assert two["kept.n"].tolist()[0] == 0


def test_csv_keeps_carriage_returns_inside_a_cell(tmp_path, write):
    source = tmp_path / "returns.jsonl"
    source.write_text(json.dumps({"id": "a", "response": "One.\rTwo.\r\nThree.\nFour."}) + "\n", encoding="utf-8")
    write("returns.jsonl", output="out.csv", text=True)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream, strict=True)
    assert row["response"] == "One.\rTwo.\r\nThree.\nFour."

"""The table that labels are written in: hostile text goes in, whatever a spreadsheet saved comes back."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.comparison.sheet import answers_of, read_sheet, write_sheet

ROWS = [
    {
        "key": f"t{i}-0123abcd",
        "file": "base.jsonl",
        "id": name,
        "turn": 0,
        "measure": "validation",
        "stratum": "s1",
        "stratum_size": 40,
        "inclusion_probability": "0.05",
        "prompt": prompt,
        "response": response,
    }
    for i, (name, prompt, response) in enumerate(
        [
            ("plain", "Hello", "Well done!"),
            ("=cmd()", "a;b,c\td", 'He said "no".\nThen,\r\nleft.'),
            ("-1", None, "+SUM(A1)"),
            ("ünïcode", "日本", "@you \x00\x1b[2J \ud83d \N{WAVING HAND SIGN}"),
        ],
        start=1,
    )
]


def written(rows):
    stream = io.StringIO(newline="")
    write_sheet(stream, rows)
    return stream.getvalue()


def cells(text):
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def labelled(answers, rows=ROWS):
    """The table as written, with answers filled in, as a list of rows of cells."""
    table = cells(written(rows))
    return [table[0], *([*row[:-1], answer] for row, answer in zip(table[1:], answers, strict=True))]


def as_csv(table, delimiter=",", end="\r\n"):
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows(table)
    return stream.getvalue()


@pytest.fixture
def saved(tmp_path):
    def save(content, name="labels.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


def test_columns_come_in_order_and_only_where_there_is_something_in_them():
    text = written(ROWS)
    assert text.startswith("\ufeff")
    head = cells(text)[0]
    assert head == [
        *("key", "file", "id", "turn", "measure", "stratum", "stratum_size", "inclusion_probability"),
        *("prompt", "response", "label"),
    ]
    assert cells(written([{"key": "t1-00000000", "score": "0.5"}]))[0] == ["key", "score", "label"]


def test_no_cell_begins_like_a_formula():
    for row in cells(written(ROWS))[1:]:
        for cell in row:
            assert not cell.startswith(tuple("=+-@\t\r＝＋－＠")), cell
    assert cells(written(ROWS))[2][2] == "'=cmd()"


def test_no_cell_holds_what_a_terminal_or_a_spreadsheet_trips_over():
    text = written(ROWS)
    assert not any(c in text for c in "\x00\x1b\ud83d")
    assert "\N{WAVING HAND SIGN}" in text
    text.encode("utf-8")


def test_line_ends_in_cells_stay_in_their_cells():
    table = cells(written(ROWS))
    assert len(table) == 1 + len(ROWS)
    assert table[2][9] == 'He said "no".\nThen,\nleft.'


SAVED = {
    "as it was written": lambda t: ("\ufeff" + as_csv(t)).encode("utf-8"),
    "without a mark": lambda t: as_csv(t, end="\n").encode("utf-8"),
    "with semicolons": lambda t: as_csv(t, ";").encode("utf-8"),
    "with tabs": lambda t: as_csv(t, "\t").encode("utf-8"),
    "as Unicode text": lambda t: as_csv(t, "\t").encode("utf-16"),
    "as Windows text": lambda t: as_csv(t, ";").encode("cp1252", errors="replace"),
    "with empty rows and columns": lambda t: as_csv([*[[*row, "", ""] for row in t], ["", ""], []]).encode("utf-8"),
    "with capitals and spaces": lambda t: as_csv([[f" {name.upper()} " for name in t[0]], *t[1:]]).encode("utf-8"),
}


@pytest.mark.parametrize("how", SAVED)
def test_what_a_spreadsheet_saved_is_read(saved, how):
    sheet = read_sheet(saved(SAVED[how](labelled(["1", "FALSE", "", "yes"]))))
    assert [row.answer for row in sheet.rows] == ["1", "0", None, "1"]
    assert [row.label for row in sheet.rows] == [1.0, 0.0, None, 1.0]
    assert [row.key for row in sheet.rows] == [row["key"] for row in ROWS]
    assert [row.row for row in sheet.rows] == [2, 3, 4, 5]
    assert [row.id for row in sheet.rows][:3] == ["plain", "=cmd()", "-1"]
    assert {(row.turn, row.size, row.probability) for row in sheet.rows} == {(0, 40, 0.05)}
    assert sheet.measure == "validation"


def test_decimal_commas_are_read(saved):
    table = labelled(["1", "0", "1", "0"])
    column = table[0].index("inclusion_probability")
    for row in table[1:]:
        row[column] = "0,05"
    assert {row.probability for row in read_sheet(saved(as_csv(table, ";"))).rows} == {0.05}


@pytest.mark.parametrize("answer", ["1", "1.0", "TRUE", "True", "yes", "Y", "WAHR", "VRAI", " 1 "])
def test_yes_has_many_forms(saved, answer):
    assert read_sheet(saved(f"id,label\na,{answer}\n")).rows[0].label == 1.0


@pytest.mark.parametrize("answer", ["0", "0.0", "FALSE", "no", "N", "FALSCH", "FAUX"])
def test_no_has_many_forms(saved, answer):
    assert read_sheet(saved(f"id,label\na,{answer}\n")).rows[0].label == 0.0


@pytest.mark.parametrize(
    ("answer", "kept", "label"),
    [
        ("full", "full_refusal", 1.0),
        ("Partial", "partial_refusal", 1.0),
        ("partial refusal", "partial_refusal", 1.0),
        ("compliance", "compliance", 0.0),
        ("1", "1", 1.0),
        ("no", "0", 0.0),
    ],
)
def test_refusals_are_of_three_kinds(saved, answer, kept, label):
    (row,) = read_sheet(saved(f"id,label\na,{answer}\n"), "refusal").rows
    assert (row.answer, row.label) == (kept, label)


def test_a_wrong_label_names_its_row_as_the_spreadsheet_does(saved):
    path = saved(as_csv(labelled(["1", "maybe", "0", "2"])))
    with pytest.raises(InputError, match=r"row 3: the label 'maybe' is not 1 .*; so are rows 5"):
        read_sheet(path)
    with pytest.raises(InputError, match=r"row 2.*full, partial or compliance"):
        read_sheet(saved("id,label\na,half\n"), "refusal")
    with pytest.raises(InputError, match="row 2"):
        read_sheet(saved("id,label\na,full\n"), "validation")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "its columns are none"),
        ("id,answer\na,1\n", "needs a column \"label\".*'id', 'answer'"),
        ("label\n1\n", '"key" or "id"'),
        ("id,label,label\na,1,0\n", "two columns of the name 'label'"),
        ("id,turn,label\na,first,1\n", "row 2: \"turn\" is 'first'"),
        ("id,inclusion_probability,label\na,1.5,1\n", "row 2: \"inclusion_probability\" is '1.5'"),
        ("id,stratum_size,label\na,0,1\n", "stratum_size"),
        ("id,label\na,1,surplus\n", "row 2: 3 cells, but there are 2 columns"),
        ('id,label\na,1\n"b,1\n', "row 3: not readable as CSV"),
        (b"PK\x03\x04whatever", "workbook; save it as CSV"),
        ("id,measure,label\na,validation,1\nb,refusal,1\n", "several measures"),
    ],
)
def test_a_table_that_cannot_be_used_says_what_to_do(saved, content, says):
    with pytest.raises(InputError, match=says):
        read_sheet(saved(content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        read_sheet(tmp_path / "nowhere.csv")


def test_the_measure_is_the_tables_own(saved):
    path = saved("id,measure,label\na,label.praise,1\n")
    assert read_sheet(path).measure == read_sheet(path, "label.praise").measure == "label.praise"
    with pytest.raises(InputError, match=r"labels of 'label\.praise', not of 'refusal'"):
        read_sheet(path, "refusal")
    assert read_sheet(saved("id,label\na,1\n")).measure == "validation"
    assert read_sheet(saved("id,label\na,1\n"), "label.praise").measure == "label.praise"


def test_what_may_stand_in_the_label_column_is_said():
    assert "partial" in answers_of("refusal")
    assert "1" in answers_of("validation")


@given(texts=st.lists(st.text(st.characters(), max_size=60), min_size=1, max_size=5), data=st.data())
def test_any_text_leaves_the_labels_where_they_are(tmp_path_factory, texts, data):
    rows = [{"key": f"t{i}-0123abcd", "id": text, "prompt": text, "response": text} for i, text in enumerate(texts)]
    answers = data.draw(st.lists(st.sampled_from(["1", "0", ""]), min_size=len(rows), max_size=len(rows)))
    delimiter = data.draw(st.sampled_from([",", ";", "\t"]))
    path = tmp_path_factory.mktemp("sheets") / "labels.csv"
    path.write_bytes(as_csv(labelled(answers, rows), delimiter).encode("utf-8"))
    sheet = read_sheet(path)
    assert [(row.key, row.answer or "") for row in sheet.rows] == [
        (r["key"], a) for r, a in zip(rows, answers, strict=True)
    ]


def test_what_is_wrong_is_quoted_harmlessly(saved):
    with pytest.raises(InputError) as raised:
        read_sheet(saved("id,label\na,\x1b[2Jowned\u202e\n"))
    assert "owned" in str(raised.value)
    assert "\x1b" not in str(raised.value)
    assert "\u202e" not in str(raised.value)

"""Scores as tables: the same columns and values in pandas, polars and datasets."""

import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import MissingExtraError, Turn
from anthrometrics.codebook import LABEL_NAMES, REFUSAL_LABELS
from anthrometrics.output.table import Column, Kept, columns_of, row_of
from anthrometrics.scores import DETAILS

NUMBERS = ("anthropomorphism", "anthropomorphism_rate", "validation", "validation_rate", "refusal")
FRAMES = ("to_pandas", "to_polars", "to_dataset")
TURNS = (
    Turn("What a lovely loaf! I'm so proud of you.", "I baked a loaf.", "a", 2, kept={"run": "r1", "n": 3, "ok": True}),
    Turn("", id="b", kept={"run": None, "n": None, "ok": None}),
    Turn("Dies ist ein deutscher Satz, den das Modell nicht kennt.", id="half \ud83d", side="rejected"),
    Turn(None, kept={"run": "r2", "n": 4, "ok": False}),
)


@pytest.fixture(scope="module")
def scores(scorer):
    return scorer.score_many(TURNS)


def rows(scores, frame, *arguments):
    """The rows of any of the tables, missing values as None."""
    table = getattr(scores, frame)(*arguments)
    if frame == "to_pandas":
        found = [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
        return [{k: None if not isinstance(v, list) and v != v else v for k, v in row.items()} for row in found]
    return table.to_dicts() if frame == "to_polars" else list(table)


def expected(scores, detail, text):
    kept = Kept()
    records = scores.to_dicts(detail, text)
    for record in records:
        kept.add(record)
    return [row_of(record, columns_of(detail, kept, text=text)) for record in records]


@pytest.mark.parametrize("frame", ["to_polars", "to_dataset"])
@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("text", [False, True])
def test_every_table_has_the_same_rows(scores, frame, detail, text):
    assert rows(scores, frame, detail, text) == expected(scores, detail, text)


@pytest.mark.parametrize("detail", DETAILS)
def test_a_pandas_table_has_the_same_rows_with_nan_for_missing_numbers(scores, detail):
    import pandas

    frame = scores.to_pandas(detail, text=True)
    for position, row in enumerate(expected(scores, detail, True)):
        for name, value in row.items():
            cell = frame[name].iloc[position]
            if value is None:
                assert pandas.isna(cell), name
            else:
                assert cell == value, name


def test_the_values_are_those_of_the_scores(scores):
    first = scores.to_polars().row(0, named=True)
    assert (first["id"], first["turn"], first["status"], first["flags"]) == ("a", 2, "scored", "")
    for name in LABEL_NAMES:
        assert first[f"{name}_presence"] == pytest.approx(scores[0].labels[name].presence, abs=5.1e-7)
        assert first[f"{name}_rate"] == pytest.approx(scores[0].labels[name].rate, abs=5.1e-7)
    for name in NUMBERS:
        assert first[name] == pytest.approx(getattr(scores[0], name), abs=5.1e-7)


def test_unscored_turns_have_missing_numbers_and_no_zeros(scores):
    frame = scores.to_pandas()
    assert frame["status"].tolist() == ["scored", "unscored", "scored", "unscored"]
    assert frame["reason"].tolist()[1] == "empty"
    assert frame["flags"].tolist()[2] == "unverified_language"
    assert frame["side"].tolist()[2] == "rejected"
    for name in (*NUMBERS, *(f"{label}_presence" for label in LABEL_NAMES)):
        assert frame[name].dtype == "float64"
        assert frame[name].isna().tolist() == [False, True, False, True]
    assert frame["refusal_label"].isna().tolist() == [False, True, False, True]
    assert list(frame["refusal_label"].cat.categories) == list(REFUSAL_LABELS)


def test_fields_carried_along_keep_their_types(scores):
    import polars

    frame = scores.to_polars("summary")
    assert frame["kept.run"].to_list() == ["r1", None, None, "r2"]
    assert frame.select("kept.n", "kept.ok").dtypes == [polars.Int64, polars.Boolean]
    pandas_frame = scores.to_pandas("summary")
    assert (str(pandas_frame["kept.n"].dtype), str(pandas_frame["kept.ok"].dtype)) == ("Int64", "boolean")
    assert pandas_frame["kept.n"].sum() == 7


def test_half_a_surrogate_pair_costs_no_table(scores):
    for frame in FRAMES:
        assert rows(scores, frame)[2]["id"] == "half \\ud83d"


@pytest.mark.parametrize("frame", FRAMES)
def test_tables_have_the_same_columns_whatever_was_scored(scorer, frame):
    def names(turns):
        table = getattr(scorer.score_many(turns), frame)()
        return list(table.column_names if frame == "to_dataset" else table.columns)

    assert names([""]) == names(["A plain sentence."]) == names([Turn("A sentence.", side="chosen")]) == names([])
    assert not [name for name in getattr(scorer.score_many([""]), frame)("summary").to_dict() if "_presence" in name]


@pytest.mark.parametrize(
    ("frame", "module"), [("to_pandas", "pandas"), ("to_polars", "polars"), ("to_dataset", "datasets")]
)
def test_a_missing_library_is_named_with_what_to_install(scores, monkeypatch, frame, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'anthrometrics\[{module}\]'"):
        getattr(scores, frame)()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(JSON, min_size=1, max_size=6))
def test_whatever_is_carried_along_fits_into_one_column(values):
    kept = Kept(["f"])
    records = [{"kept": {"f": value}} for value in values]
    for record in records:
        kept.add(record)
    (column,) = kept.columns()
    cells = [row_of(record, [column])["kept.f"] for record in records]
    assert [cell is None for cell in cells] == [value is None for value in values]
    types = {"text": str, "integer": int, "number": float, "boolean": bool}
    for value, cell in zip(values, cells, strict=True):
        if value is None:
            continue
        assert type(cell) is types[column.kind]
        if column.kind != "text":
            assert cell == value or (isinstance(value, int) and math.isclose(cell, value, rel_tol=1e-15))
        elif not isinstance(value, str):
            assert json.loads(cell) == value


def test_a_field_that_no_record_has_is_a_column_of_text():
    assert Kept(["f"]).columns() == [Column("kept.f", "text")]

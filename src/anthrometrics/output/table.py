"""Scores as rows and columns, the same ones in every table: CSV, Parquet, pandas, polars, datasets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from anthrometrics.codebook import DETECTORS, LABEL_NAMES, REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.errors import MissingExtraError
from anthrometrics.output.atomic import SURROGATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import datasets
    import pandas as pd
    import polars as pl
    import pyarrow

    from anthrometrics.scores import Detail

__all__ = [
    "VALUE",
    "Column",
    "Kept",
    "Kind",
    "arrow_schema",
    "columns_of",
    "frame_of",
    "pandas_frame",
    "polars_frame",
    "row_of",
    "to_dataset",
]

Kind = Literal["text", "integer", "number", "boolean", "refusal", "sentences"]
Record = dict[str, Any]
_Names = list[str] | tuple[str, ...]
# What the column of a value begins with.
VALUE: Final = "value_"
_INT64: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Column:
    """One column; every kind but the counts can be missing.

    Attributes:
        name: ``praise_presence`` for example.
        kind: What its values are.
    """

    name: str
    kind: Kind


class Kept:
    """Kinds of the fields carried along by ``--keep``, learned from their values as records go by.

    A column of one kind stays it; integers among numbers become numbers; anything else becomes text, where strings
    stay as they are and other values are written as JSON.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._seen: dict[str, set[Kind]] = {name: set() for name in names}

    def add(self, record: Record) -> None:
        """Consider one record."""
        for name, value in record.get("kept", {}).items():
            seen = self._seen.setdefault(name, set())
            if value is not None:
                seen.add(_kind(value))

    def columns(self) -> list[Column]:
        """One a field, in the order in which they were asked for or first met."""
        return [Column(f"kept.{name}", _common(seen)) for name, seen in self._seen.items()]


def columns_of(
    detail: Detail, kept: Kept, *, file: bool = False, text: bool = False, values: Sequence[str] = ()
) -> list[Column]:
    """The columns of a table.

    Args:
        detail: As of ``TurnScore.to_dict``; ``"sentences"`` adds one column of lists.
        kept: What was carried along.
        file: Whether the rows are of several files.
        text: Whether the texts are columns.
        values: Values that were judged, as of ``provenance.value_names``; a summary has none.
    """
    head: list[tuple[str, Kind]] = [("file", "text")] if file else []
    head += [("id", "text"), ("turn", "integer"), ("side", "text")]
    head += [("prompt_hash", "text"), ("response_hash", "text"), ("words", "integer"), ("sentence_count", "integer")]
    head += [("status", "text"), ("reason", "text"), ("flags", "text")]
    head += [(f"{name}{suffix}", "number") for name in DETECTORS for suffix in ("", "_rate")]
    head += [("refusal", "number"), ("refusal_label", "refusal")]
    if detail != "summary":
        head += [(f"{name}_{part}", "number") for name in LABEL_NAMES for part in ("presence", "rate")]
        head += [(f"{VALUE}{name}", "number") for name in values]
    tail: list[tuple[str, Kind]] = [("prompt", "text"), ("response", "text")] if text else []
    tail += [("sentences", "sentences")] if detail == "sentences" else []
    return [*(Column(*pair) for pair in head), *kept.columns(), *(Column(*pair) for pair in tail)]


def row_of(record: Record, columns: Sequence[Column]) -> dict[str, Any]:
    """One row: labels and values as columns, flags joined by commas, missing values None.

    Args:
        record: ``TurnScore.to_dict`` of at least the columns' detail.
        columns: Those of the table.
    """
    flat = dict(record)
    flat["flags"] = ",".join(record.get("flags", ()))
    for name, value in record.get("kept", {}).items():
        flat[f"kept.{name}"] = value
    for name, label in record.get("labels", {}).items():
        flat[f"{name}_presence"], flat[f"{name}_rate"] = label["presence"], label["rate"]
    for name, value in record.get("values", {}).items():
        flat[f"{VALUE}{name}"] = value
    return {column.name: _cell(flat.get(column.name), column.kind) for column in columns}


def arrow_schema(columns: Sequence[Column]) -> pyarrow.Schema:
    """The types of a Parquet file, the same whatever the rows hold.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    probabilities = pyarrow.struct([(name, pyarrow.float64()) for name in SENTENCE_OUTPUTS])
    sentence = [("start", pyarrow.int64()), ("end", pyarrow.int64()), ("probabilities", probabilities)]
    types = {
        "text": pyarrow.string(),
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "refusal": pyarrow.string(),
        "sentences": pyarrow.list_(pyarrow.struct(sentence)),
    }
    return pyarrow.schema([(column.name, types[column.kind]) for column in columns])


def frame_of(rows: Any, columns: _Names | None = None, index: _Names | None = None) -> pd.DataFrame:
    """A pandas table.

    Args:
        rows: Dicts, or an array of shape ``(index, columns)``.
        columns: Their names, also where there are no rows; by default those of the dicts.
        index: Names of the rows; by default they are numbered.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("pandas", "pandas") from error
    frame: pd.DataFrame = pandas.DataFrame(rows, columns=columns, index=index)
    return frame


def pandas_frame(records: Iterable[Record], columns: Sequence[Column]) -> pd.DataFrame:
    """A pandas table; numbers that are missing are NaN.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    frame = frame_of([row_of(record, columns) for record in records], [column.name for column in columns])
    types: dict[Kind, Any] = {"number": "float64", "integer": "int64", "boolean": "boolean"}
    for column in columns:
        name = column.name
        if column.kind == "refusal":
            frame[name] = frame[name].astype("category").cat.set_categories(REFUSAL_LABELS)
        elif column.kind in types:
            missing = column.kind == "integer" and name.startswith("kept.")
            frame[name] = frame[name].astype("Int64" if missing else types[column.kind])
    return frame


def polars_frame(records: Iterable[Record], columns: Sequence[Column]) -> pl.DataFrame:
    """A polars table; numbers that are missing are null.

    Raises:
        MissingExtraError: polars is not installed.
    """
    try:
        import polars
    except ImportError as error:
        raise MissingExtraError("polars", "polars") from error
    probabilities = polars.Struct(dict.fromkeys(SENTENCE_OUTPUTS, polars.Float64()))
    sentence = polars.Struct({"start": polars.Int64(), "end": polars.Int64(), "probabilities": probabilities})
    types: dict[Kind, Any] = {
        "text": polars.String(),
        "integer": polars.Int64(),
        "number": polars.Float64(),
        "boolean": polars.Boolean(),
        "refusal": polars.Enum(REFUSAL_LABELS),
        "sentences": polars.List(sentence),
    }
    rows = [row_of(record, columns) for record in records]
    return polars.DataFrame(rows, schema={column.name: types[column.kind] for column in columns})


def to_dataset(records: Iterable[Record], columns: Sequence[Column]) -> datasets.Dataset:
    """A Hugging Face data set; values that are missing are None.

    Raises:
        MissingExtraError: datasets is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "datasets") from error
    rows = [row_of(record, columns) for record in records]
    features = datasets.Features.from_arrow_schema(arrow_schema(columns))
    return datasets.Dataset.from_dict({c.name: [row[c.name] for row in rows] for c in columns}, features=features)


def _kind(value: object) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return "integer"
    return "number" if isinstance(value, float) else "text"


def _common(seen: set[Kind]) -> Kind:
    if len(seen) == 1:
        return next(iter(seen))
    return "number" if seen == {"integer", "number"} else "text"


def _cell(value: Any, kind: Kind) -> Any:
    if value is None or kind in ("integer", "boolean", "refusal", "sentences"):
        return value
    if kind == "number":
        return float(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", SURROGATES).decode()
    return text

"""The table in which turns are labelled by hand: written for a spreadsheet, read back as it was saved.

Text of a transcript may begin like a formula. Cells that would get an apostrophe in front, as OWASP advises against CSV
injection, and control characters are replaced. Text is there to be read only: of the saved table, nothing but the
identifying columns and the labels is used.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["COLUMNS", "SPREADSHEET_LIMIT", "LabelRow", "LabelSheet", "answers_of", "read_sheet", "write_sheet"]

# In this order, as far as there is something to put in them.
COLUMNS: Final = (
    "key",
    "file",
    "id",
    "turn",
    "side",
    "measure",
    "stratum",
    "stratum_size",
    "inclusion_probability",
    "score",
    "prompt",
    "response",
    "label",
)
# Characters of a cell that Excel keeps.
SPREADSHEET_LIMIT: Final = 32_767
# With their full-width forms, which some spreadsheets take for the same.
_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# Excel writes truth values in its own language.
_YES: Final = frozenset({"1", "1.0", "true", "yes", "y", "wahr", "vrai", "verdadero", "vero"})
_NO: Final = frozenset({"0", "0.0", "false", "no", "n", "falsch", "faux", "falso"})
_REFUSALS: Final = {
    "full": "full_refusal",
    "full_refusal": "full_refusal",
    "partial": "partial_refusal",
    "partial_refusal": "partial_refusal",
    "compliance": "compliance",
}


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One row of a labelled table.

    Attributes:
        row: Its row in a spreadsheet, where the header is row 1.
        key: What ``sampling`` named the turn, if it drew it.
        file: Score file of the turn.
        id: Identifier of its conversation.
        turn: Which assistant turn of the conversation.
        side: Side of a preference pair.
        stratum: Stratum it was drawn from.
        size: Turns of that stratum.
        probability: Chance that it had of being drawn, in (0, 1].
        answer: ``"1"``, ``"0"`` or a refusal label; None where the cell is blank.
    """

    row: int
    key: str | None
    file: str | None
    id: str | None
    turn: int | None
    side: str | None
    stratum: str | None
    size: int | None
    probability: float | None
    answer: str | None

    @property
    def label(self) -> float | None:
        """1 where the behaviour is there, a partial refusal being one; 0 where not; None where it is blank."""
        return None if self.answer is None else float(self.answer in ("1", "full_refusal", "partial_refusal"))


@dataclass(frozen=True)
class LabelSheet:
    """A labelled table.

    Attributes:
        path: The file.
        measure: What was labelled.
        rows: Its rows, without empty ones.
    """

    path: str
    measure: str
    rows: tuple[LabelRow, ...]


def answers_of(measure: str) -> str:
    """What may stand in the label column, for instructions and errors."""
    return "full, partial or compliance" if measure == "refusal" else "1 (has it) or 0 (has it not)"


def write_sheet(stream: TextIO, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows for labelling, with a byte order mark (by which Excel knows UTF-8) and every cell quoted.

    Args:
        stream: A text stream that leaves line ends as they are.
        rows: Columns by name, of ``COLUMNS``; a column that no row has is left out, but for the labels.
    """
    columns = [name for name in COLUMNS if name == "label" or any(row.get(name) is not None for row in rows)]
    stream.write("\ufeff")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)


def read_sheet(path: str | Path, measure: str | None = None) -> LabelSheet:
    """Read a labelled table: what ``write_sheet`` wrote, or any with a column ``label`` and one ``key`` or ``id``.

    Commas, semicolons and tabs are told apart by the header; UTF-8, UTF-16 and Windows text by their bytes.

    Args:
        path: The file.
        measure: What was labelled; None to take it from the table, or ``"validation"`` if that does not say.

    Raises:
        InputError: The file cannot be read, lacks a column, is about another measure, or a cell is not as expected; the
            row is named.
    """
    with _table(path) as (columns, records):
        if "label" not in columns or not {"key", "id"} & set(columns):
            found = ", ".join(repr(name) for name in columns if name) or "none"
            raise InputError(f'{path} needs a column "label", and "key" or "id"; its columns are {found}')
        cells = list(records)
    measure = _measure(path, {record["measure"] for _, record in cells if record.get("measure")}, measure)
    answers, wrong = {}, []
    for row, record in cells:
        try:
            answers[row] = _answer(record["label"], measure)
        except ValueError:
            wrong.append((row, record["label"]))
    if wrong:
        more = f"; so are rows {', '.join(str(row) for row, _ in wrong[1:6])}" if wrong[1:] else ""
        raise InputError(
            f"{path}, row {wrong[0][0]}: the label {wrong[0][1][:40]!r} is not {answers_of(measure)}, nor blank{more}"
        )
    return LabelSheet(str(path), measure, tuple(_row(path, row, record, answers[row]) for row, record in cells))


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    text = _UNPRINTABLE.sub("\ufffd", text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(cell: str) -> str:
    """A cell without the apostrophe that ``_cell`` put there."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell


@contextmanager
def _table(path: str | Path) -> Iterator[tuple[list[str], Iterable[tuple[int, dict[str, str]]]]]:
    """Names of the columns, and ``(row, cells by name)`` of each row that is not empty."""
    text = _text(path)
    limit = csv.field_size_limit(sys.maxsize)
    try:
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)), [])
        columns = [name.strip().lower() for name in header]
        twice = {name for name in columns if name and columns.count(name) > 1}
        if twice:
            raise InputError(f"{path} has two columns of the name {', '.join(map(repr, sorted(twice)))}")
        yield columns, _cells(path, text, columns)
    finally:
        csv.field_size_limit(limit)


def _text(path: str | Path) -> str:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(f"{path} is a workbook; save it as CSV")
    for encoding in ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    # Only text that nobody reads back can be hurt: what is needed is ASCII.
    return content.decode("latin-1")


def _delimiter(text: str) -> str:
    """The one that gives the header a column ``label``; a comma if none does."""
    for delimiter in ",;\t":
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        if "label" in [name.strip().lower() for name in header]:
            return delimiter
    return ","


def _cells(path: str | Path, text: str, columns: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    row = 0
    try:
        for row, cells in enumerate(reader, start=1):
            if row > 1 and any(cell.strip() for cell in cells):
                if len(cells) > len(columns) and any(cells[len(columns) :]):
                    raise InputError(f"{path}, row {row}: {len(cells)} cells, but there are {len(columns)} columns")
                yield row, {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
    except csv.Error as error:
        raise InputError(f"{path}, row {row + 1}: not readable as CSV ({error}); save it again") from error


def _measure(path: str | Path, found: set[str], asked: str | None) -> str:
    if len(found) > 1:
        raise InputError(f"{path} holds labels of several measures ({', '.join(map(repr, sorted(found)))}); split it")
    named = next(iter(found), None)
    if named is not None and asked not in (None, named):
        raise InputError(f"{path} holds labels of {named!r}, not of {asked!r}; leave --measure out")
    return named or asked or "validation"


def _answer(cell: str, measure: str) -> str | None:
    """The label as it is kept.

    Raises:
        ValueError: It is none.
    """
    value = cell.strip().lower()
    if not value:
        return None
    if value in _YES:
        return "1"
    if value in _NO:
        return "0"
    if measure == "refusal" and value.replace(" ", "_") in _REFUSALS:
        return _REFUSALS[value.replace(" ", "_")]
    raise ValueError(cell)


def _row(path: str | Path, row: int, record: dict[str, str], answer: str | None) -> LabelRow:
    def number(name: str, low: float, high: float) -> float | None:
        cell = record.get(name, "")
        if not cell:
            return None
        try:
            # Where commas are for decimals, a spreadsheet writes them so.
            value = float(cell.replace(",", "."))
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise InputError(
                f'{path}, row {row}: "{name}" is {cell[:40]!r}; expected a number from {low:g} to {high:g}'
            )
        return value

    turn, size = number("turn", 0, 1e9), number("stratum_size", 1, 1e12)
    return LabelRow(
        row=row,
        key=record.get("key") or None,
        file=_plain(record.get("file", "")) or None,
        id=_plain(record.get("id", "")) or None,
        turn=None if turn is None else int(turn),
        side=record.get("side") or None,
        stratum=record.get("stratum") or None,
        size=None if size is None else int(size),
        probability=number("inclusion_probability", 1e-12, 1),
        answer=answer,
    )

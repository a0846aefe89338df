"""A scored set as arrays: read from a file of scores, or taken from scores in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anthrometrics.codebook import LABEL_NAMES
from anthrometrics.comparison.measures import MEASURES, VALUE, Measure, value_measures, values_of
from anthrometrics.errors import InputError
from anthrometrics.formats.containers import records
from anthrometrics.output.atomic import beside
from anthrometrics.output.table import VALUE as VALUE_COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from anthrometrics.scores import Scores

__all__ = ["ScoreTable", "ScoredItem", "is_score_file", "read_records", "read_table", "table_of"]


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """What identifies a turn and what a reader may want to see of it.

    Attributes:
        id: Of its conversation or record.
        turn: Which assistant turn of it.
        side: Of a preference pair.
        cluster: What turns of one prompt have in common: the first prompt of the conversation, or else its id.
        prompt_hash: Of the user turn before it.
        response_hash: Of its text.
        prompt: The user turn, where the scores hold texts.
        response: The text, likewise.
        refusal_label: None on an unscored turn.
        sentences: ``start``, ``end`` and ``probabilities`` of each, where the scores hold them.
    """

    id: str | None
    turn: int
    side: str | None
    cluster: str
    prompt_hash: str | None
    response_hash: str | None
    prompt: str | None = None
    response: str | None = None
    refusal_label: str | None = None
    sentences: list[dict[str, Any]] | None = None

    @property
    def key(self) -> tuple[str | None, int, str | None]:
        """What pairs it with the same turn of another set."""
        return self.id, self.turn, self.side


@dataclass(frozen=True)
class ScoreTable:
    """One scored set.

    Attributes:
        name: How it is called in results.
        items: Its turns in order, unscored ones included.
        values: Shape ``(turns, measures)``; NaN where a turn or a measure has no number.
        words: Words of each response, shape ``(turns,)``.
        sentences: Its sentences, shape ``(turns,)``.
        provenance: What gave the numbers; empty if unknown.
        options: How its transcripts were read (turns, reasoning); empty if unknown.
        measures: What the columns of ``values`` are: those of ``MEASURES``, and then values if the set has any.
    """

    name: str
    items: tuple[ScoredItem, ...]
    values: NDArray[np.float64]
    words: NDArray[np.float64]
    sentences: NDArray[np.float64]
    provenance: dict[str, Any]
    options: dict[str, Any]
    measures: tuple[Measure, ...] = MEASURES

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which turns have numbers, shape ``(turns,)``."""
        return ~np.isnan(self.values[:, 0])


def is_score_file(path: str | Path) -> bool:
    """Whether a file's first record is one that ``anthrometrics score -o`` writes."""
    if str(path) == "-" or not Path(path).is_file():
        return False
    first = next(islice(records(path), 1), None)
    value = first.value if first is not None else None
    return isinstance(value, dict) and {"response_hash", "status", "anthropomorphism"} <= set(value)


def read_table(path: str | Path, name: str | None = None) -> ScoreTable:
    """Read what ``anthrometrics score -o`` wrote, with the metadata beside it.

    Raises:
        InputError: The file cannot be read, or a line is no record of a score.
    """
    numbered, meta = _numbered(path)
    try:
        return _table(
            name or Path(path).name,
            (value for _, value in numbered),
            meta.get("provenance", {}),
            meta.get("options", {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        line = next(number for number, value in numbered if not _readable(value))
        raise InputError(
            f"{path}:{line}: not a record of scores ({error!r}); pass what anthrometrics score -o wrote"
        ) from error


def read_records(path: str | Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The records of a file of scores, and the metadata beside it; empty if there is none.

    Raises:
        InputError: The file cannot be read, or a line is no JSON object.
    """
    numbered, meta = _numbered(path)
    return [record for _, record in numbered], meta


def _numbered(path: str | Path) -> tuple[list[tuple[int, dict[str, Any]]], dict[str, Any]]:
    found = []
    for raw in records(path):
        if raw.error is not None or not isinstance(raw.value, dict):
            raise InputError(f"{path}:{raw.number}: {raw.error or 'not a JSON object'}; this is no file of scores")
        found.append((raw.number, _nested(raw.value)))
    return found, _metadata(Path(path))


def table_of(scores: Scores, name: str) -> ScoreTable:
    """Scores in memory as a table, with their texts."""
    return _table(name, (score.to_dict("sentences", text=True) for score in scores), scores.provenance, {})


def _table(
    name: str, found: Iterable[Mapping[str, Any]], provenance: dict[str, Any], options: dict[str, Any]
) -> ScoreTable:
    items: list[ScoredItem] = []
    rows: list[dict[str, float]] = []
    lengths: list[tuple[int, int]] = []
    first_prompts: dict[tuple[Any, ...], str] = {}
    for record in found:
        items.append(_item(record, len(items), first_prompts))
        rows.append(values_of(record) if record["status"] == "scored" else {})
        lengths.append((int(record["words"]), int(record["sentence_count"])))
    sizes = np.array(lengths, dtype=np.float64).reshape(-1, 2)
    judged = dict.fromkeys(key.removeprefix(VALUE) for row in rows for key in row if key.startswith(VALUE))
    measures = (*MEASURES, *value_measures(judged))
    values = np.array([[row.get(m.key, np.nan) for m in measures] for row in rows], dtype=np.float64)
    values = values.reshape(-1, len(measures))
    return ScoreTable(name, tuple(items), values, sizes[:, 0], sizes[:, 1], provenance, options, measures)


def _nested(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a row of a table, whose labels and values are columns.

    In CSV what is missing is empty, and lists are JSON.
    """
    if f"{LABEL_NAMES[0]}_presence" not in record:
        return record
    row = {name: None if value == "" else value for name, value in record.items()}
    row["labels"] = {name: {unit: row[f"{name}_{unit}"] for unit in ("presence", "rate")} for name in LABEL_NAMES}
    values = {name.removeprefix(VALUE_COLUMN): row[name] for name in row if name.startswith(VALUE_COLUMN)}
    if values:
        row["values"] = values if row["status"] == "scored" else {}
    sentences = row.get("sentences")
    if isinstance(sentences, str):
        row["sentences"] = json.loads(sentences)
    return row


def _item(record: Mapping[str, Any], place: int, first_prompts: dict[tuple[Any, ...], str]) -> ScoredItem:
    name = record["id"]
    cluster = record["prompt_hash"] or (f"turn {place}" if name is None else f"id {name}")
    if name is not None:
        # Later turns of a conversation answer other prompts, and belong to its first one all the same.
        cluster = first_prompts.setdefault((record.get("file"), name, record.get("side")), cluster)
    return ScoredItem(
        id=name,
        turn=int(record["turn"]),
        side=record.get("side"),
        cluster=str(cluster),
        prompt_hash=record["prompt_hash"],
        response_hash=record["response_hash"],
        prompt=record.get("prompt"),
        response=record.get("response"),
        refusal_label=record["refusal_label"],
        sentences=record.get("sentences"),
    )


def _readable(record: Mapping[str, Any]) -> bool:
    try:
        _table("", [record], {}, {})
    except (KeyError, TypeError, ValueError):
        return False
    return True


def _metadata(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads(beside(path, ".meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return meta if isinstance(meta, dict) else {}

"""Prompt suites: what a model is asked before and after it is tuned.

Eight suites ship with the package, written for it. Suites of others are read by path: XSTest (``id,prompt,type,label``;
Röttger et al. 2024), AdvBench (``goal,target``; Zou et al. 2023), AnthroBench (``conv_id,…,user_first_turn``;
Ibrahim et al. 2025), JSON lines or tables with a ``prompt``, and plain text with one prompt a line.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import field_names, identifier, kind
from anthrometrics.formats.containers import COMPRESSED, records
from anthrometrics.formats.raw import Raw
from anthrometrics.output.atomic import atomic_text, json_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["SUITES", "Prompt", "load_suite", "save_suite"]

SUITES: Final[dict[str, str]] = {
    "everyday": "ordinary questions and small tasks",
    "emotional": "people telling of feelings or news",
    "opinion": "asking for an opinion, often after giving one's own",
    "feedback": "own work shown for an opinion: some good, much mediocre, some bad",
    "false_belief": "something false stated or presumed, and a question built on it",
    "companionship": "lonely or relational talk, personal questions to the model",
    "harmful": "harmful aims without operational detail; these should be refused",
    "borderline": "harmless aims in alarming words or on sensitive topics; these should be answered",
}

_FOLDER: Final = Path(__file__).parent / "prompts"
# In the order in which a record is asked for them: ours and most others', AnthroBench's, its spoken name, AdvBench's.
_PROMPT_FIELDS: Final = ("prompt", "user_first_turn", "user_prompt", "goal")
_ID_FIELDS: Final = ("id", "conv_id")
_TRUTHS: Final = {"true": True, "false": False, "": None}
_XSTEST_LABELS: Final = {"safe": False, "unsafe": True}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One user turn to be answered.

    Attributes:
        id: Unique in its file; answers of two models are paired by it.
        suite: Name of the suite it belongs to.
        prompt: What the user says.
        should_refuse: Whether a refusal is the right answer; None where the source does not say.
        refusal_means: In a few words, what a refusal of this prompt would mean.
    """

    id: str
    suite: str
    prompt: str
    should_refuse: bool | None = None
    refusal_means: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def load_suite(name_or_path: str | Path) -> tuple[Prompt, ...]:
    """The prompts of a suite, in order.

    A file with one bad line is refused as a whole: two models must be asked the same, and a prompt that is missing
    without notice would change what is compared.

    Args:
        name_or_path: A name of ``SUITES``, or a file (``.jsonl``, ``.json``, ``.csv``, ``.tsv``, ``.parquet``,
            ``.txt``, also compressed). A name wins over a file of that name; write ``./harmful`` for the file.

    Raises:
        InputError: There is no such suite or file, it holds no prompts, or a line of it cannot be used.
        MissingExtraError: Its kind needs a library that is not installed.
    """
    path = _path_of(name_or_path)
    found = tuple(_prompts(path))
    if not found:
        raise InputError(f'{path} holds no prompts; expected one a line, or records with a field "prompt"')
    return found


def save_suite(prompts: Iterable[Prompt], path: Path) -> None:
    """Write prompts so that ``load_suite`` gives them back.

    Args:
        prompts: From one or several suites.
        path: A ``.csv`` for a table, a ``.jsonl`` for JSON lines.

    Raises:
        InputError: The suffix is another, two prompts have the same id, or the file cannot be written.
    """
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise InputError(f"cannot write prompts to {path}: its name must end in .jsonl or .csv")
    rows = [prompt.to_dict() for prompt in _distinct(prompts)]
    with atomic_text(path) as stream:
        if path.suffix.lower() == ".jsonl":
            stream.writelines(json_line(row) for row in rows)
            return
        # Lines end as they do by default: before Python 3.13, a lone carriage return in a cell is quoted only if the
        # end of a line has one too.
        table = csv.DictWriter(stream, [field.name for field in fields(Prompt)])
        table.writeheader()
        table.writerows({**row, "should_refuse": _cell(row["should_refuse"])} for row in rows)


def _path_of(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, str) and name_or_path in SUITES:
        return _FOLDER / f"{name_or_path}.jsonl"
    path = Path(name_or_path)
    if not path.exists():
        raise InputError(f"there is no suite and no file {name_or_path}; the suites are {', '.join(SUITES)}")
    return path


def _prompts(path: Path) -> Iterator[Prompt]:
    """Prompts of a file; an error names the file and the line."""
    suite = _stem(path)
    lines: dict[str, int] = {}
    for place, raw in enumerate(_rows(path), 1):
        try:
            prompt = _prompt(raw, suite, place)
            if prompt.id in lines:
                raise InputError(f'"id" {prompt.id} was used in line {lines[prompt.id]}; give each prompt its own')
        except InputError as error:
            raise InputError(f"{path}:{raw.number}: {error}") from error
        lines[prompt.id] = raw.number
        yield prompt


def _rows(path: Path) -> Iterator[Raw]:
    """Records of a file; of plain text its lines, blank ones left out."""
    for raw in records(path):
        if raw.error is not None or not _bare(path).endswith(".txt"):
            yield raw
            continue
        for number, line in enumerate(raw.value["response"].split("\n"), 1):
            if line.strip():
                yield Raw(number, {"prompt": line.strip()})


def _prompt(raw: Raw, suite: str, place: int) -> Prompt:
    if raw.error is not None:
        raise InputError(raw.error)
    record = raw.value
    if not isinstance(record, dict):
        raise InputError(f'expected an object with a field "prompt", found {kind(record)}')
    field = next((name for name in _PROMPT_FIELDS if name in record), None)
    if field is None:
        known = ", ".join(f'"{name}"' for name in _PROMPT_FIELDS)
        raise InputError(f"expected one of the fields {known}; this record has {field_names(record)}")
    return Prompt(
        id=_identifier(record) or f"{suite}-{place:03d}",
        suite=_text(record, "suite") or suite,
        prompt=_needed(record, field),
        should_refuse=_should_refuse(record, field),
        refusal_means=_text(record, "refusal_means"),
    )


def _identifier(record: Mapping[str, Any]) -> str | None:
    found = identifier(record, *_ID_FIELDS)
    if found is not None and not found.strip():
        raise InputError('"id" is empty; give each prompt its own, or leave the field out')
    return found


def _needed(record: Mapping[str, Any], field: str) -> str:
    value = record[field]
    if not isinstance(value, str):
        raise InputError(f'"{field}" must be a string, not {kind(value)}')
    if not value.strip():
        raise InputError(f'"{field}" is empty')
    return value


def _text(record: Mapping[str, Any], field: str) -> str | None:
    """A string that may be left out, or empty as tables have it."""
    value = record.get(field)
    if not isinstance(value, str | None):
        raise InputError(f'"{field}" must be a string, not {kind(value)}')
    return value or None


def _should_refuse(record: Mapping[str, Any], field: str) -> bool | None:
    """Said outright, or by XSTest's label, or by being a goal of AdvBench, whose goals are all harmful."""
    if "should_refuse" in record:
        value = record["should_refuse"]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in _TRUTHS:
            return _TRUTHS[value.strip().lower()]
        raise InputError(f'"should_refuse" must be true, false or empty, not {value!r}')
    label = record.get("label")
    if isinstance(label, str) and label in _XSTEST_LABELS:
        return _XSTEST_LABELS[label]
    if "type" in record and "label" in record:
        raise InputError(
            f'"label" must be "safe" or "unsafe" beside a "type" (XSTest), not {label!r}; say it in "should_refuse"'
        )
    return True if field == "goal" else None


def _distinct(prompts: Iterable[Prompt]) -> list[Prompt]:
    found: dict[str, Prompt] = {}
    for prompt in prompts:
        if prompt.id in found:
            others = {found[prompt.id].suite, prompt.suite}
            raise InputError(
                f"the id {prompt.id} occurs twice ({', '.join(sorted(others))}); write the suites to separate files"
            )
        found[prompt.id] = prompt
    return list(found.values())


def _cell(value: bool | None) -> str:
    return "" if value is None else str(value).lower()


def _bare(path: Path) -> str:
    """File name in lower case, without a suffix of compression."""
    name = path.name.lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name


def _stem(path: Path) -> str:
    """``xstest.csv.gz`` gives ``xstest``."""
    return Path(path.name[: len(_bare(path))]).stem

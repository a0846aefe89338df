"""``anthrometrics sample``: turns to label by hand."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from anthrometrics.cli.reading import reading_options
from anthrometrics.cli.render import printable
from anthrometrics.codebook import DETECTORS, GROUPS, LABELS, REFUSAL_DEFINITIONS, VALUES
from anthrometrics.comparison.measures import VALUE
from anthrometrics.comparison.sampling import ScoredSet, draw, read_scored, shares
from anthrometrics.comparison.sheet import SPREADSHEET_LIMIT, answers_of, write_sheet
from anthrometrics.errors import InputError
from anthrometrics.formats import Rejected, read_turns
from anthrometrics.formats.sources import files_of
from anthrometrics.output.atomic import atomic_text
from anthrometrics.scores import text_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.comparison.table import ScoredItem

    Text = tuple[str | None, str | None]

__all__ = ["sample"]


@click.command
@click.argument("scores", nargs=-1, required=True, metavar="SCORES...")
@click.option("-o", "--output", required=True, metavar="FILE.csv", help="The table to fill in; it must not exist.")
@click.option("-n", "--size", type=click.IntRange(min=2), default=200, show_default=True, help="Turns to draw in all.")
@click.option("--measure", default="validation", show_default=True, metavar="KEY", help="What will be labelled.")
@click.option("--strata", type=click.IntRange(min=1), default=5, show_default=True, help="Of the score, in each file.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draw.")
@click.option("--transcript", "transcripts", multiple=True, metavar="FILE", help="Where the texts are; repeatable.")
@click.option("--show-scores", is_flag=True, help="Put the scores beside the turns; then labels are not blind.")
@reading_options
def sample(
    scores: tuple[str, ...],
    output: str,
    size: int,
    measure: str,
    strata: int,
    seed: int,
    transcripts: tuple[str, ...],
    show_scores: bool,
    **reading: Any,
) -> int:
    """Draw turns of SCORES to label by hand, and write them to a table for a spreadsheet.

    SCORES are files that "anthrometrics score -o" wrote. Turns are drawn by strata of the score, more where the
    detector wavers, an equal number from each file. Texts come from the scores (score --text) or from --transcript,
    to which the options for reading apply.

    KEY is anthropomorphism, validation, refusal, a label such as label.praise, a group such as group.flattery, or a
    value such as value.empathy (score --values).
    """
    paths = files_of(scores)
    if Path(output).exists():
        raise InputError(f"{output} exists and may hold labels; name another file or remove it")
    sets = [read_scored(path, measure) for path in paths]
    takes = shares([len(one.items) for one in sets], size)
    rows = [
        row
        for place, (one, take) in enumerate(zip(sets, takes, strict=True))
        for row in _rows(one, take, strata, [seed, place], show_scores)
    ]
    # Files are mixed, so that a change of mind on the way is no difference between them.
    rows = [rows[place] for place in np.random.default_rng([seed, len(sets)]).permutation(len(rows))]
    if transcripts:
        _add_texts(rows, transcripts, reading)
    for row in rows:
        del row["item"]
    with atomic_text(Path(output)) as stream:
        write_sheet(stream, rows)
    _tell(sets, takes, rows, output)
    return 0


def _rows(one: ScoredSet, take: int, strata: int, seed: Sequence[int], show_scores: bool) -> list[dict[str, Any]]:
    """Cells by column, and the item they are about."""
    if not take:
        return []
    drawn = draw(one.scores, take, strata, seed)
    rows = []
    for place, stratum, chance in zip(drawn.rows.tolist(), drawn.strata.tolist(), drawn.probabilities, strict=True):
        item = one.items[place]
        rows.append(
            {
                "item": item,
                "key": one.keys[place],
                "file": one.path,
                "id": item.id,
                "turn": item.turn,
                "side": item.side,
                "measure": one.measure,
                "stratum": f"s{stratum + 1}",
                "stratum_size": int(drawn.sizes[stratum]),
                "inclusion_probability": f"{chance:.6g}",
                "score": f"{one.scores[place]:.6g}" if show_scores else None,
                "prompt": item.prompt,
                "response": item.response,
            }
        )
    return rows


def _add_texts(rows: list[dict[str, Any]], transcripts: Sequence[str], reading: dict[str, Any]) -> None:
    """Prompt and response of each row, from the transcripts.

    Raises:
        InputError: A turn is not in them, or another text stands in its place.
    """
    wanted: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        wanted.setdefault(_name(row["item"]), []).append(row)
    texts = _texts(wanted, transcripts, reading)
    lacking: list[ScoredItem] = []
    for row in rows:
        item = row["item"]
        text = texts.get((*_name(item), item.response_hash))
        if text is None:
            lacking.append(item)
        else:
            row["prompt"], row["response"] = text
    if lacking:
        first = lacking[0]
        other = any(name[:-1] == _name(first) for name in texts)
        why = "another text stands in its place" if other else "no such turn is there"
        raise InputError(
            f"{len(lacking)} of {len(rows)} drawn turns are not in {', '.join(transcripts)}; of id "
            f"{printable(str(first.id))}, turn {first.turn}: {why}. Name the transcripts that were scored, with the "
            "same options for reading"
        )


def _name(item: ScoredItem) -> tuple[Any, ...]:
    return item.id, item.turn, item.side


def _texts(
    wanted: dict[tuple[Any, ...], list[dict[str, Any]]], transcripts: Sequence[str], reading: dict[str, Any]
) -> dict[tuple[Any, ...], Text]:
    """Texts of all turns of the wanted names, by name and hash of the response."""
    found: dict[tuple[Any, ...], Text] = {}
    for path in transcripts:
        if not Path(path).exists():
            raise InputError(f"{path} does not exist")
        for turn in read_turns(path, **reading):
            if not isinstance(turn, Rejected) and (turn.id, turn.index, turn.side) in wanted:
                name = (turn.id, turn.index, turn.side, text_hash(turn.response))
                found[name] = (turn.prompt, turn.response)
    return found


def _tell(sets: Sequence[ScoredSet], takes: Sequence[int], rows: Sequence[dict[str, Any]], output: str) -> None:
    """What was drawn, how to label it and what to do then."""
    measure = sets[0].measure
    parts = ", ".join(f"{take} of {printable(one.path)}" for one, take in zip(sets, takes, strict=True))
    total = sum(len(one.items) for one in sets)
    click.echo(f"{len(rows):,} of {total:,} scored turns → {printable(output)} ({parts})\n")
    click.echo(f"Fill in the column label: {answers_of(measure)}; leave it blank where you cannot tell.")
    for line in _definition(measure):
        click.echo(f"  {line}")
    click.echo("Leave the other columns as they are. Hide the columns before the prompt while you label.")
    click.echo("Save as CSV; import it as UTF-8 with commas if the spreadsheet asks.\n")
    table, *names = (quote(printable(path)) for path in (output, *(one.path for one in sets[:2])))
    click.echo(f"Then: anthrometrics estimate {' '.join(names)} --labels {table}")
    click.echo(f"      anthrometrics validate {names[0]} --labels {table}")
    without = sum(row["response"] is None for row in rows)
    if without:
        click.echo(
            f"{without} rows have no text, since the scores hold none: name it with --transcript, or score with --text",
            err=True,
        )
    cut = sum(len(row["response"] or "") > SPREADSHEET_LIMIT for row in rows)
    if cut:
        click.echo(f"{cut} responses are longer than the {SPREADSHEET_LIMIT:,} characters that Excel keeps", err=True)


def _definition(measure: str) -> list[str]:
    """What has to be there, in the words of the codebook."""
    texts = {label.name: label.definition.replace("**", "") for label in LABELS}
    if measure == "refusal":
        return [f"{name.removesuffix('_refusal')}: {text}" for name, text in REFUSAL_DEFINITIONS.items()]
    if measure.startswith(VALUE):
        return _value_definition(measure.removeprefix(VALUE))
    kind, _, name = measure.rpartition(".")
    if kind == "label":
        return [f"{name}: {texts[name]}"]
    members = GROUPS[name] if kind == "group" else DETECTORS[name]
    return ["1 if any sentence has one of these:", *(f"  {member}: {texts[member]}" for member in members)]


def _value_definition(name: str) -> list[str]:
    if name not in VALUES:
        return [f"1 if the reply expresses {name}, as its file defines it"]
    from anthrometrics.induction.values import load_value

    value = load_value(name)
    return [f"1 if the reply {value.definition}", f"0 if there is only {value.not_by}"]

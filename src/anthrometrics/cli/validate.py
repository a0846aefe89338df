"""``anthrometrics validate``: how good the detector is on the user's own labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from anthrometrics.cli.labelled import label_options, read_labelled, report_rows
from anthrometrics.cli.render import console, printable
from anthrometrics.codebook import REFUSAL_LABELS
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from anthrometrics.comparison.labels import JoinedLabels
    from anthrometrics.comparison.validation import Validation
    from anthrometrics.detectors.manifest import Manifest

__all__ = ["validate"]


@click.command
@click.argument("scores", metavar="SCORES")
@label_options
@click.option("--resamples", type=click.IntRange(min=100), default=2000, show_default=True, help="Of the labels.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all random draws.")
@click.option("--model", metavar="MODEL", help="What scored: full, fast or a folder; by default the metadata says.")
@click.option(
    "--write-thresholds", "file", metavar="FILE.json", help='Put the best threshold into a file for "compare".'
)
def validate(
    scores: str,
    labels: str,
    measure: str | None,
    level: float,
    as_json: bool,
    resamples: int,
    seed: int,
    model: str | None,
    file: str | None,
) -> int:
    """Measure the detector on hand labels of some turns of SCORES.

    Labels that "anthrometrics sample" drew weigh by the number of turns they stand for; others weigh alike. Shown are
    the figures at the threshold in force, and the threshold of best F1 on these labels with the F1 that it has on
    labels it was not chosen by (cross-fitted).

    --write-thresholds adds the best threshold to FILE, beside those of other measures, for compare --thresholds.
    """
    from anthrometrics.comparison.thresholds import write_thresholds
    from anthrometrics.comparison.validation import refusal_confusion
    from anthrometrics.comparison.validation import validate as validated

    (joined,) = read_labelled([scores], labels, measure)
    threshold, source = _threshold(joined, model)
    found = validated(joined.sample, threshold, level=level, resamples=resamples, seed=seed)
    predicted = [joined.scored.items[row].refusal_label for row in joined.sample.rows]
    document = {
        "schema": 1,
        "kind": "validation",
        "measure": joined.scored.measure,
        "file": scores,
        "level": level,
        **joined.counts(),
        "threshold_of": source,
        **found.to_dict(),
        "refusal_confusion": refusal_confusion(joined.answers, predicted),
    }
    if file is not None:
        write_thresholds(file, joined.scored.measure, found, joined.scored.model_digest)
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _print(document, found, console())
    report_rows(labels, [joined])
    if file is not None:
        click.echo(f"threshold → {printable(file)}", err=True)
    return 0


def _threshold(joined: JoinedLabels, model: str | None) -> tuple[float, str]:
    """The threshold in force, and whose it is."""
    from anthrometrics.comparison.decisions import presence_thresholds, value_manifest_of, value_threshold
    from anthrometrics.comparison.measures import VALUE

    measure = joined.scored.measure
    if measure.startswith(VALUE):
        tagger = value_manifest_of(joined.scored.model_digest)
        return value_threshold(tagger, measure.removeprefix(VALUE)), "no model" if tagger is None else tagger.name
    manifest = _manifest(joined, model)
    known = presence_thresholds(manifest)
    if manifest is not None and measure == "refusal":
        return manifest.refusal.threshold, manifest.name
    if manifest is not None and measure in known:
        return known[measure], manifest.name
    return 0.5, "no model" if manifest is None else "no model, since groups have no threshold"


def _manifest(joined: JoinedLabels, model: str | None) -> Manifest | None:
    from anthrometrics.comparison.decisions import manifest_of
    from anthrometrics.detectors.manifest import load_manifest, model_dir

    digest = joined.scored.model_digest
    if model is None:
        return manifest_of(digest)
    manifest = load_manifest(model_dir(model))
    if digest not in (None, manifest.digest):
        raise InputError(f"{joined.scored.path} was scored by another model than {manifest.name} in {manifest.path}")
    return manifest


def _print(document: dict[str, Any], found: Validation, out: Console) -> None:
    cells = document["confusion"]
    out.print(Text(f"{document['measure']}: {found.labels} labels, {found.positives} positive", style="bold"))
    threshold = f"At {found.threshold:.3f} (of {printable(document['threshold_of'])})"
    counts = f"{cells['tp']} found, {cells['fn']} missed, {cells['fp']} false alarms, {cells['tn']} rightly passed over"
    out.print(Text(f"{threshold}: {counts}."))
    table = Table()
    table.add_column("")
    table.add_column("value", justify="right")
    table.add_column(f"{100 * document['level']:g} % interval", justify="right")
    titles = {"f1": "F1", "kappa": "Cohen's kappa", "brier": "Brier score", "ece": "calibration error"}
    for name in (*found.figures, "brier", "ece"):
        table.add_row(titles.get(name, name), *_interval(document[name]))
    out.print(table)
    exact = f"With exact scores, so few labels would show a calibration error of {found.ece_by_chance:.3f}."
    out.print(Text(exact, style="dim"))
    if document["refusal_confusion"] is not None:
        out.print(_refusals(document["refusal_confusion"]))
    if found.best is None:
        out.print("The labels are all alike, so no threshold is better than another.")
        return
    value, interval = _interval(found.best.cross_fitted.to_dict())
    best = f"Best threshold on these labels: {found.best.threshold:.3f}, F1 {found.best.f1:.3f} there"
    out.print(Text(f"{best}, which flatters it; on labels that it was not chosen by, F1 {value} ({interval})."))


def _interval(figure: dict[str, Any]) -> tuple[str, str]:
    if figure["value"] is None:
        return "–", "not defined"
    return f"{figure['value']:.3f}", f"{figure['low']:.3f} to {figure['high']:.3f}"


def _refusals(rows: list[list[int]]) -> Table:
    table = Table(title="Labels (rows) and what the detector said", title_justify="left")
    table.add_column("")
    for name in REFUSAL_LABELS:
        table.add_column(name, justify="right")
    for name, counts in zip(REFUSAL_LABELS, rows, strict=True):
        table.add_row(name, *map(str, counts))
    return table

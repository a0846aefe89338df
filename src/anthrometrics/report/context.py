"""Documents → what the templates show: only text, positions and classes, nothing left to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import DETECTORS, LABEL_NAMES, LABELS, REFUSAL_DEFINITIONS, REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.provenance import version_of
from anthrometrics.report.curves import panels
from anthrometrics.report.forest import UNITS, forest, overview
from anthrometrics.report.heat import changes, shares
from anthrometrics.report.palette import COLOURS, FAMILY
from anthrometrics.report.payload import embedded, items_of, sides_of
from anthrometrics.report.wording import (
    count,
    digits_of,
    finite,
    interval,
    name_of,
    p_value,
    percent,
    plain,
    share,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anthrometrics.report.document import Document

__all__ = ["answer_list", "page_of", "vocabulary"]

# What the name of a value begins with where detectors stand beside it.
_VALUE: Final = "value."
_METHODS: Final = {"bca": "BCa"}
_NAMES: Final = {"scored": "turns scored", "turns": "turns read"}


def page_of(documents: Sequence[Document], title: str | None) -> dict[str, Any]:
    """Everything the page shows.

    Args:
        documents: Checked, of one kind.
        title: Heading of the page; made from the names of the sets by default.
    """
    compared = documents[0]["kind"] == "comparison"
    sections = [
        (_comparison if compared else _scores)(document, f"d{index}") for index, document in enumerate(documents)
    ]
    several = len(documents) > 1
    return {
        "title": title or _title(documents, compared),
        "kind": "comparison" if compared else "scores",
        "sections": sections,
        "overview": [found for unit in UNITS if (found := overview(documents, unit))] if several and compared else [],
        "overview_heats": _overview_heats(documents) if several and not compared else [],
        "labels": [(label, name_of(label.name), label.definition.replace("**", "")) for label in LABELS],
        "refusals": [(name_of(name), text) for name, text in REFUSAL_DEFINITIONS.items()],
        "judges_values": any(_judges_values(document) for document in documents),
        "vocabulary": embedded(vocabulary()),
        "version": version_of("anthrometrics"),
    }


def _judges_values(document: Document) -> bool:
    if document["kind"] == "comparison":
        return any(row["level"] == "value" for row in document["measures"])
    return bool(document["summary"].get("values"))


def vocabulary() -> dict[str, Any]:
    """Names that the script shows."""
    families = [next((label.family for label in LABELS if label.name == name), name) for name in SENTENCE_OUTPUTS]
    return {
        "outputs": [name_of(name) for name in SENTENCE_OUTPUTS],
        "families": families,
        # The last outputs are the detectors' own; the others are labels.
        "labels": len(LABEL_NAMES),
        # Labelled, but not part of their family's detector.
        "uncounted": [
            index
            for index, label in enumerate(LABELS)
            if label.family in DETECTORS and label.name not in DETECTORS[label.family]
        ],
        "refusals": [name_of(name) for name in REFUSAL_LABELS],
    }


def _title(documents: Sequence[Document], compared: bool) -> str:
    if not compared:
        return ", ".join(document["name"] for document in documents)
    tuned = ", ".join(document["tuned"]["name"] for document in documents)
    return f"{documents[0]['base']['name']} → {tuned}"


def _overview_heats(documents: Sequence[Document]) -> list[Any]:
    sets = [(document["name"], document["summary"]) for document in documents]
    return [shares(sets, unit) for unit in UNITS]


def _comparison(document: Document, prefix: str) -> dict[str, Any]:
    base, tuned, pairing = document["base"], document["tuned"], document["pairing"]
    items = document["items"]
    sets = {"base": [item["base"] for item in items], "tuned": [item["tuned"] for item in items]}
    return {
        "prefix": prefix,
        "tab": tuned["name"],
        "headline": document["headline"],
        "facts": _facts(document),
        "base": base["name"],
        "notes": pairing["notes"],
        "pairing": _pairing(pairing),
        "forests": [found for unit in UNITS if (found := forest(document, unit))],
        "alpha": f"{document['options']['alpha']:g}",
        "level": f"{100 * document['options']['level']:g}\u00a0%",
        "margin": f"{document['options']['margin']:g}",
        "statistics": [_statistics(row) for row in document["measures"]],
        "panels": panels(sets, {row["name"]: row["threshold"] for row in document["flips"]}),
        "heats": [heat for unit in UNITS if (heat := changes(document, unit))],
        "paired": pairing["by"] != "none",
        "flips": [_flip(row, pairing["by"] != "none") for row in document["flips"]],
        "prevalence": [_prevalence(row) for row in document["prevalence"] if not row["name"].startswith(_VALUE)],
        "value_prevalence": [_prevalence(row) for row in document["prevalence"] if row["name"].startswith(_VALUE)],
        "length": _length(document["length"]),
        "items": answer_list(document, 2),
        "provenance": _provenance(
            [{"file": s["name"], "turns": s["turns"], "scored": s["scored"], **s["provenance"]} for s in (base, tuned)]
        ),
        "method": _method(document),
    }


def _scores(document: Document, prefix: str) -> dict[str, Any]:
    summary, items, name = document["summary"], document["items"], document["name"]
    total = sum(summary["refusal_labels"].values())
    unscored = summary["unscored"]
    return {
        "prefix": prefix,
        "tab": name,
        "headline": _headline(summary),
        "facts": [
            count(summary["scored"], "turn") + " scored",
            *(f"{number:,} unscored ({name_of(reason)})" for reason, number in unscored.items()),
            *(f"{number:,} flagged: {name_of(flag)}" for flag, number in summary["flagged"].items()),
            _model(document["provenance"]),
        ],
        "notes": [],
        "panels": panels({"turns": items}, {}),
        "bars": _bars(summary),
        "refusal_counts": [
            (name_of(label), f"{number:,}", percent(number / total) if total else plain(None))
            for label, number in summary["refusal_labels"].items()
        ],
        "items": answer_list(document, 1),
        "provenance": _provenance([document["provenance"]]),
    }


def _bars(summary: Mapping[str, Any]) -> list[tuple[str, str | None, list[dict[str, Any]]]]:
    """Heading, family and rows: the detectors, the labels of each family, then values by their share."""
    blocks: list[tuple[str, str | None, list[dict[str, Any]]]] = [
        ("Detectors", None, [_bar(name, measure) for name, measure in summary["detectors"].items()])
    ]
    for family in COLOURS:
        rows = [_bar(name, measure) for name, measure in summary["labels"].items() if FAMILY[name] == family]
        blocks.append((f"Labels of {family}", family, rows))
    judged = sorted(summary.get("values", {}).items(), key=lambda pair: -pair[1]["presence"])
    blocks.append(("Values", None, [_bar(name, measure) for name, measure in judged]))
    return [block for block in blocks if block[2]]


def _bar(name: str, measure: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": name_of(name),
        "width": round(100 * (finite(measure["presence"]) or 0.0), 2),
        "presence": share(measure["presence"]),
        "rate": share(measure["rate"], "rate"),
    }


def _headline(summary: Mapping[str, Any]) -> str:
    found = summary["detectors"]
    if not found:
        return "No turn could be scored."
    shares_ = {name: percent(measure["presence"]) for name, measure in found.items()}
    return (
        f"Of {count(summary['scored'], 'turn')}, an expected {shares_['anthropomorphism']} use anthropomorphic "
        f"language, {shares_['validation']} validate the user and {shares_['refusal']} refuse in full or in part."
    )


def _facts(document: Document) -> list[str]:
    base, tuned, pairing = document["base"], document["tuned"], document["pairing"]
    prompts = count(pairing["clusters"], "prompt")
    if pairing["by"] == "none":
        sizes = f"{base['scored']:,} and {tuned['scored']:,} scored turns, {prompts}, not paired"
    else:
        sizes = f"{count(pairing['pairs'], 'pair')} of answers to {prompts}, matched by {pairing['by']}"
    return [f"base: {base['name']}", f"tuned: {tuned['name']}", sizes, _model(tuned["provenance"])]


def _model(provenance: Mapping[str, Any]) -> str:
    known = [str(provenance[key]) for key in ("model", "precision", "device") if provenance.get(key)]
    values = f"; values: {provenance['values_model']}" if provenance.get("values_model") else ""
    return f"detectors: {', '.join(known)}{values}" if known else "detectors: not recorded"


def _pairing(pairing: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {
        "pairs": "pairs compared",
        "clusters": "prompts (groups of pairs that are not independent)",
        "unscored": "pairs left out because a turn is unscored",
        "base_only": "turns only in the base",
        "tuned_only": "turns only in the tuned set",
        "duplicates": "turns left out as duplicates",
    }
    return [(text, f"{pairing[name]:,}") for name, text in names.items()]


def _statistics(row: Mapping[str, Any]) -> dict[str, str]:
    """One row of the full table, with more digits than the plot."""
    return {
        "measure": name_of(row["name"]),
        "level": row["level"],
        "unit": row["unit"],
        "n": f"{row['n']:,}",
        "clusters": f"{row['clusters']:,}",
        "base": plain(row["base"], 4),
        "tuned": plain(row["tuned"], 4),
        "difference": signed(row["difference"], 4),
        "interval": interval(row["low"], row["high"], 4),
        "kind": _METHODS.get(row["interval"], row["interval"]),
        "p": p_value(row["p"]),
        "p_holm": p_value(row["p_holm"]),
        "p_bh": p_value(row["p_bh"]),
        "dz": signed(row["dz"]),
        "cliffs_delta": signed(row["cliffs_delta"]),
        "tost_p": p_value(row["tost_p"]),
        "detectable": plain(row["detectable"], 3),
    }


def _flip(row: Mapping[str, Any], paired: bool) -> dict[str, Any]:
    level, _, name = row["name"].rpartition(".")
    return {
        "measure": name_of(name),
        "level": level or "detector",
        "family": FAMILY[name] if level == "label" else "" if level else name,
        # A refusal is what the turn's label says, which two thresholds decide.
        "threshold": "label" if row["threshold"] is None else plain(row["threshold"]),
        "base": percent(row["base_share"]),
        "tuned": percent(row["tuned_share"]),
        "appeared": f"{row['appeared']:,}" if paired else plain(None),
        "vanished": f"{row['vanished']:,}" if paired else plain(None),
        "p": p_value(row["p"]),
    }


def _prevalence(row: Mapping[str, Any]) -> dict[str, Any]:
    parts = {name: row[name] for name in ("base", "tuned", "difference")}
    return {
        "measure": name_of(row["name"].removeprefix(_VALUE)),
        "family": "" if row["name"].startswith(_VALUE) else row["name"],
        "cells": [
            {
                "value": (signed if name == "difference" else plain)(part["value"]),
                "interval": interval(part["low"], part["high"]),
                "raw": (signed if name == "difference" else plain)(part["raw"]),
                "note": part["note"],
            }
            for name, part in parts.items()
        ],
    }


def _length(length: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "like": plain(length.get("like")),
        "means": [
            {
                "name": f"{name} a turn",
                "base": plain(row["base"], 1),
                "tuned": plain(row["tuned"], 1),
                "difference": signed(row["difference"], 1),
                "interval": interval(row["low"], row["high"], 1),
            }
            for name, row in ((name, length[name]) for name in ("words", "sentences"))
        ],
        "matched": [
            {
                "name": name_of(row["name"]) + (" (value)" if row.get("level") == "value" else ""),
                "unit": row["unit"],
                "n": f"{row['n']:,}",
                "difference": signed(row["difference"], digits_of(row["unit"])),
                "interval": interval(row["low"], row["high"], digits_of(row["unit"])),
            }
            for row in length["matched"]
        ],
    }


def answer_list(document: Document, sides: int) -> dict[str, Any]:
    """What the list of answers needs: their number, what is known of them, and the answers as JSON."""
    answers = [side for item in document["items"] for side in sides_of(item)]
    return {
        "sides": sides,
        "total": len(document["items"]),
        "texts": any(side["response"] is not None for side in answers),
        "sentences": any(side["sentences"] for side in answers),
        "expressed": sorted({name_of(name) for side in answers for name in side.get("expressed", ())}),
        "json": embedded({"sides": sides, "items": items_of(document)}),
    }


def _provenance(sets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    keys = dict.fromkeys(key for one in sets for key in one)
    rows = []
    for key in keys:
        values = [_shown(one.get(key)) for one in sets]
        # Files and sizes are expected to differ; what produced the numbers is not.
        differs = key not in ("file", "turns", "scored") and len(set(values)) > 1
        rows.append({"key": _NAMES.get(key, name_of(str(key))), "values": values, "differs": differs})
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return (
        f"{value:,}"
        if isinstance(value, int) and not isinstance(value, bool)
        else plain(None)
        if value is None
        else str(value)
    )


def _method(document: Document) -> dict[str, str]:
    options = document["options"]
    kinds = dict.fromkeys(row["interval"] for row in document["measures"])
    return {
        "resamples": f"{options['resamples']:,}",
        "seed": str(options["seed"]),
        "interval": " or ".join(_METHODS.get(kind, kind) for kind in kinds),
        "clusters": count(document["pairing"]["clusters"], "prompt"),
    }

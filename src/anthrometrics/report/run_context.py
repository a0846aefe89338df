"""The document of a run → what its page shows: only text, positions and classes, nothing left to compute."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import LABELS, REFUSAL_DEFINITIONS
from anthrometrics.provenance import version_of
from anthrometrics.report.context import answer_list, vocabulary
from anthrometrics.report.payload import embedded
from anthrometrics.report.run_figures import effect_forests, effect_heat, loss_curves, scatters, value_heat
from anthrometrics.report.wording import count, interval, name_of, p_value, percent, plain, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anthrometrics.report.document import Document

__all__ = ["run_page_of"]

_RATES: Final = {
    "refuses_harmful": "refuses what ought to be refused",
    "answers_benign": "answers what ought to be answered",
    "accuracy": "mean of the two",
    "over_refusal": "refuses harmless prompts that sound alarming",
}
# Rows of the config that are tables of their own, or shown elsewhere.
_TABLES: Final = ("tuning", "generation")
_PATHS: Final = ("base", "prefs", "values", "suites", "chat_template", "detectors", "qa_tasks")


def run_page_of(document: Document, title: str | None) -> dict[str, Any]:
    """Everything that the page of a run shows.

    Args:
        document: Of ``Run.to_dict``.
        title: Heading of the page; made from the names of base and values by default.
    """
    values = list(dict.fromkeys(row["value"] for row in document["side_effects"]))
    base = _name(document["config"]["base"])
    return {
        "title": title or f"{base}: {', '.join(values)} induced",
        "kind": "run",
        "sections": [_section(document, values, base)],
        "labels": [(label, name_of(label.name), label.definition.replace("**", "")) for label in LABELS],
        "refusals": [(name_of(name), text) for name, text in REFUSAL_DEFINITIONS.items()],
        "vocabulary": embedded(vocabulary()),
        "version": version_of("anthrometrics"),
    }


def _section(document: Document, values: list[str], base: str) -> dict[str, Any]:
    config, effects = document["config"], document["side_effects"]
    return {
        "prefix": "r",
        "tab": base,
        "headline": document["headline"],
        # Of one or two values the headline says all.
        "findings": document["findings"] if len(values) > 2 else [],
        "facts": _facts(document, base),
        "notes": document["notes"],
        "failed": [(name, found["stage"], found["reason"]) for name, found in document["failed"].items()],
        "level": f"{100 * config['level']:g}\u00a0%",
        "one_seed": len(config["seeds"]) == 1,
        "nulls": "null" in config["controls"],
        "opposites": "opposite" in config["controls"],
        "forests": effect_forests(effects),
        "heat": effect_heat(effects),
        "statistics": [_statistics(row) for row in effects],
        "values": value_heat(document["value_matrix"]),
        "refusal": [_refusal(row) for row in document["refusal"]],
        "forecast": _forecast(document["forecast_check"]),
        "qa": [_answered(row) for row in document["qa"]],
        "examples": [(value, _example(items[0])) for value, items in document["examples"].items() if items],
        "items": _items(document),
        "training": _training(document),
        "losses": loss_curves(document["adapters"]),
        "provenance": _provenance(document),
    }


def _facts(document: Document, base: str) -> list[str]:
    config, effects = document["config"], document["side_effects"]
    prompts = max((row["n"] for row in effects), default=0)
    seeds = len(config["seeds"])
    return [
        f"base: {base}",
        f"pairs: {_name(config['prefs'])}",
        count(prompts, "prompt") + " answered before and after",
        f"{count(seeds, 'training run')} a value",
        f"controls: {', '.join(config['controls']) or 'none'}",
        f"{config['tuning']['method'].upper()}, "
        + ("all weights" if config["tuning"].get("full") else f"LoRA of rank {config['tuning']['rank']}"),
    ]


def _statistics(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "value": row["value"],
        "measure": measure_name(row),
        "unit": row["unit"],
        "n": f"{row['n']:,}",
        "base": plain(row["base"], 3),
        "tuned": plain(row["tuned"], 3),
        "difference": signed(row["difference"], 3),
        "interval": interval(row["low"], row["high"], 3),
        "between": plain(row["between_seeds"], 3),
        "p": p_value(row["p"]),
        "p_holm": p_value(row["p_holm"]),
        "null": signed(row["null_difference"], 3),
        "null_interval": interval(row["null_low"], row["null_high"], 3),
        "net": signed(row["net_difference"], 3),
        "net_interval": interval(row["net_low"], row["net_high"], 3),
        "beyond": {True: "yes", False: "no", None: plain(None)}[row["beyond_null"]],
        "opposite": signed(row["opposite_difference"], 3),
        "opposite_interval": interval(row["opposite_low"], row["opposite_high"], 3),
    }


def _refusal(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "value": row["value"],
        "rate": _RATES[row["rate"]],
        "n": f"{row['n']:,}",
        "base": percent(row["base"]),
        "base_interval": _percents(row["base_low"], row["base_high"]),
        "tuned": percent(row["tuned"]),
        "tuned_interval": _percents(row["tuned_low"], row["tuned_high"]),
        "difference": _points(row["difference"]),
        "interval": f"{_points(row['low'])} to {_points(row['high'])}",
        "null": _points(row["null_difference"]),
        "null_interval": ""
        if row["null_difference"] is None
        else f"{_points(row['null_low'])} to {_points(row['null_high'])}",
    }


def _forecast(check: Mapping[str, Any]) -> dict[str, Any]:
    correlations = [
        {
            "measure": "all, each standardised" if row["measure"] == "all" else measure_of_key(row["measure"]),
            "values": row["values"],
            "rho": signed(row["rho"]),
            "interval": interval(row["low"], row["high"]),
            "note": row["note"] or "",
        }
        for row in check["correlations"]
    ]
    return {
        "rows": [_foretold(row) for row in check["rows"]],
        "correlations": correlations,
        "none": correlations[0]["note"] if correlations and all(row["note"] for row in correlations) else "",
        "same_sign": percent(check["same_sign"]) if check["clear"] else "",
        "told": count(check["clear"], "forecast"),
        "scatters": scatters(check["rows"]),
    }


def _foretold(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "value": row["value"],
        "measure": measure_of_key(row["measure"]),
        "forecast": signed(row["forecast"]),
        "forecast_interval": interval(row["forecast_low"], row["forecast_high"]),
        "adjusted": signed(row["adjusted"]),
        "observed": signed(row["observed"]),
        "interval": interval(row["low"], row["high"]),
    }


def _answered(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "value": row["value"],
        "task": row["task"],
        "metric": row["metric"],
        "n": f"{row['n']:,}",
        "base": plain(row["base"], 3),
        "tuned": plain(row["tuned"], 3),
        "difference": signed(row["difference"], 3),
        "interval": interval(row["low"], row["high"], 3),
        "null": signed(row["null_difference"], 3),
        "null_interval": interval(row["null_low"], row["null_high"], 3),
    }


def _example(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": item["id"], "prompt": item["prompt"], "base": item["base"], "tuned": item["tuned"]}


def _items(document: Document) -> dict[str, Any]:
    """The most changed answers of every value as one list, each called by its value and prompt."""
    items = [
        {**item, "id": f"{value}: {item['id']}"} for value, found in document["examples"].items() for item in found
    ]
    return answer_list({"items": items}, 2)


def _training(document: Document) -> list[dict[str, str]]:
    rows = []
    for name, adapter in document["adapters"].items():
        losses = adapter["losses"]
        rows.append(
            {
                "name": name,
                "pairs": f"{adapter['pairs']:,}",
                "tokens": f"{adapter['trained_tokens']:,}",
                "first": plain(losses[0], 3) if losses else plain(None),
                "last": plain(losses[-1], 3) if losses else plain(None),
                "change": plain(adapter["logit_change"], 3),
                "seconds": f"{adapter['seconds']:,.0f}",
            }
        )
    return rows


def _provenance(document: Document) -> list[tuple[str, str]]:
    config = document["config"]
    rows = [(name, _shown(name, value)) for name, value in config.items() if name not in _TABLES]
    rows += [(f"{table}.{key}", _shown(key, value)) for table in _TABLES for key, value in config[table].items()]
    rows += [(f"hash of {name}", value) for name, value in document["hashes"].items()]
    rows += [(f"version of {name}", value) for name, value in document["versions"].items()]
    rows += [(name_of(name), _shown(name, value)) for name, value in document["hardware"].items()]
    rows += [(f"detectors: {name_of(name)}", _shown(name, value)) for name, value in document["provenance"].items()]
    rows += [
        (f"stage {name}", f"{times['started']} to {times.get('finished', 'now')}")
        for name, times in document["stages"].items()
    ]
    return rows


def measure_name(row: Mapping[str, Any]) -> str:
    """``validation``, ``expressed honesty``, ``praise (label)``."""
    if row["level"] == "detector":
        return name_of(row["name"])
    return f"expressed {row['name']}" if row["level"] == "value" else f"{name_of(row['name'])} ({row['level']})"


def measure_of_key(key: str) -> str:
    """The same of a key: ``value.honesty``, ``label.praise.rate``."""
    bare = key.removesuffix(".rate")
    level, _, name = bare.rpartition(".")
    text = measure_name({"level": level or "detector", "name": name})
    return f"{text}, rate" if key != bare else text


def _shown(name: str, value: Any) -> str:
    """A value of the record, folders left out, since a page goes where they mean nothing."""
    if isinstance(value, list):
        return ", ".join(_shown(name, item) for item in value) or plain(None)
    if value is None:
        return plain(None)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _name(str(value)) if name in _PATHS else f"{value:,}" if isinstance(value, int) else str(value)


def _name(path: str) -> str:
    return PurePath(path).name if PurePath(path).is_absolute() else path


def _percents(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def _points(value: float | None) -> str:
    """A difference of shares in points of a hundred."""
    return signed(None if value is None else 100 * value, 0)

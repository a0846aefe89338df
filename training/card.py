"""``MODEL_CARD.md`` and the README's accuracy table, from ``detectors.json`` alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from anthrometrics.codebook import DETECTORS, SENTENCE_OUTPUTS

BASELINES = ("rules", "tfidf", "minilm")
_README_TABLE = re.compile(r"(?<=<!-- accuracy -->\n).*?(?=<!-- /accuracy -->)", re.DOTALL)


def write_card(directory: Path) -> None:
    """Write ``MODEL_CARD.md`` beside ``detectors.json``."""
    raw = _manifest(directory)
    outputs = [*DETECTORS, *(name for name in SENTENCE_OUTPUTS if name not in DETECTORS)]
    card = (
        _environment()
        .get_template("MODEL_CARD.md.j2")
        .render(**raw, baselines=BASELINES, detectors=tuple(DETECTORS), ordered=outputs)
    )
    (directory / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def write_fast_card(directory: Path, full: Path) -> None:
    """Write the card of the smaller model: its figures beside those of the one it learnt from."""
    small, large = _manifest(directory), _manifest(full)
    outputs = [*DETECTORS, *(name for name in SENTENCE_OUTPUTS if name not in DETECTORS)]
    card = _environment().get_template("FAST_CARD.md.j2").render(fast=small, full=large, ordered=outputs)
    (directory / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def write_readme_table(directory: Path, readme: Path) -> None:
    """Replace the table between the README's accuracy marks."""
    accuracy = _manifest(directory)["accuracy"]
    text = readme.read_text(encoding="utf-8")
    readme.write_text(_README_TABLE.sub(lambda _: _table(accuracy), text), encoding="utf-8")


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )


def _manifest(directory: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((directory / "detectors.json").read_text(encoding="utf-8"))
    return loaded


def _table(accuracy: dict[str, Any]) -> str:
    test, int8 = accuracy["test"], accuracy["test_int8"]
    dev = accuracy["refusal_dev"]
    sentences = f"{test['units']:,} test sentences, {test['groups']} prompt groups"
    rows = [
        (f"any anthropomorphic sentence, F1 ({sentences})", _of(test, int8, "anthropomorphism"), "anthropomorphism"),
        ("any validating sentence, F1 (same)", _of(test, int8, "validation"), "validation"),
    ]
    lines = ["| measure | exact (95 % interval) | int8 | TF-IDF + LR | keywords |", "|---|---|---|---|---|"]
    for title, (exact, small), name in rows:
        peers = [accuracy["baselines"][b]["test"]["outputs"][name]["f1"][0] for b in ("tfidf", "rules")]
        lines.append(_row(title, exact, small[0], peers))
    peers = [accuracy["baselines"][b]["test"]["macro_f1"][0] for b in ("tfidf", "rules")]
    macro = f"macro F1 over the {len(test['macro_labels'])} labels with ≥ 30 positives (same)"
    lines.append(_row(macro, test["macro_f1"], int8["macro_f1"][0], peers))
    turns = f"{dev['exact']['turns']:,} human-labelled answers"
    for key, title in (
        ("refusal_f1", f"refusal of a turn, F1 ({turns})"),
        ("partial_f1", "partial refusal, F1 (same)"),
    ):
        peers = [accuracy["baselines"][b]["refusal_dev"][key][0] for b in ("tfidf", "rules")]
        lines.append(_row(title, dev["exact"][key], dev["int8"][key][0], peers))
    return "\n".join(lines) + "\n"


def _of(test: dict[str, Any], int8: dict[str, Any], name: str) -> tuple[list[float], list[float]]:
    return test["outputs"][name]["f1"], int8["outputs"][name]["f1"]


def _row(title: str, exact: list[float], small: float, peers: list[float]) -> str:
    value, low, high = exact
    others = " | ".join(f"{peer:.3f}" for peer in peers)
    return f"| {title} | **{value:.3f}** ({low:.3f}–{high:.3f}) | {small:.3f} | {others} |"

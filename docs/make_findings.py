"""Write the tables of ``docs/findings/preference-tuning.md``: ``python docs/make_findings.py [--html FOLDER]``."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

from anthrometrics import Scorer, Turn
from anthrometrics.comparison import Comparison, ScoreTable, compare_tables
from anthrometrics.comparison.table import table_of
from benchmarks.models import answers, data_file

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "findings" / "preference-tuning.md"
# Base model → what was tuned from it, and how.
FAMILIES = {
    "Meta-Llama-3-8B-Instruct": {
        "Llama-3-Instruct-8B-SimPO": "SimPO",
        "Llama-3-Instruct-8B-SimPO-ExPO": "SimPO, extrapolated",
        "SPPO-Llama-3-Instruct-8B-PairRM": "self-play preference optimisation",
        "Llama-3-Instruct-8B-WPO-HB-v2": "weighted preference optimisation",
        "Llama-3-Instruct-8B-RainbowPO": "RainbowPO",
    },
    "Mistral-7B-Instruct-v0.2": {
        "Snorkel-Mistral-PairRM-DPO": "DPO on PairRM's ranking",
        "SPPO-Mistral7B-PairRM": "self-play preference optimisation",
    },
    "zephyr-7b-alpha": {"zephyr-7b-beta": "DPO, next version"},
    "zephyr-7b-beta": {"pairrm-zephyr-7b-beta": "best of several answers, by PairRM"},
    "alpaca-7b": {"alpaca-farm-ppo-human": "PPO on human preferences"},
    "gpt4_1106_preview": {
        "gpt4_1106_preview_concise": "asked to be concise",
        "gpt4_1106_preview_verbose": "asked to be verbose",
    },
}
SHOWN = ("anthropomorphism", "validation", "refusal", "anthropomorphism.rate", "validation.rate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--html", type=Path, metavar="FOLDER", help="also write a report of each comparison there")
    html: Path | None = parser.parse_args().html
    wanted = {name for base, children in FAMILIES.items() for name in (base, *children)}
    tables = _tables(wanted)
    comparisons: list[tuple[Comparison, str]] = []
    for base, children in FAMILIES.items():
        for child, how in children.items():
            begin = time.perf_counter()
            comparison = compare_tables(tables[base], tables[child])
            print(f"{base} -> {child}: {time.perf_counter() - begin:.1f} s. {comparison.headline}", flush=True)
            comparisons.append((comparison, how))
            if html is not None:
                html.mkdir(parents=True, exist_ok=True)
                comparison.report(html / f"{base}--{child}.html")
    text = PAGE.read_text(encoding="utf-8")
    for mark, table in (("differences", _differences(comparisons)), ("shares", _shares(comparisons))):
        text = re.sub(rf"(?<=<!-- {mark} -->\n).*?(?=<!-- /{mark} -->)", lambda _, t=table: t, text, flags=re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")


def _tables(wanted: set[str]) -> dict[str, ScoreTable]:
    """Every model's answers, scored with the default model in int8."""
    scorer = Scorer(device="cpu")
    print(scorer, flush=True)
    turns: dict[str, list[Turn]] = {name: [] for name in sorted(wanted)}
    for name, turn in answers(data_file(), None):
        if name in wanted:
            # The prompt identifies the item; ids name the model too.
            turns[name].append(Turn(turn.response, turn.prompt))
    tables = {}
    for name, answered in turns.items():
        begin = time.perf_counter()
        tables[name] = table_of(scorer.score_many(answered), name)
        print(f"{name}: {len(answered)} turns in {time.perf_counter() - begin:.0f} s", flush=True)
    return tables


def _differences(comparisons: list[tuple[Comparison, str]]) -> str:
    lines = [
        "| base → tuned | how | anthropomorphism | validation | refusal | anthropomorphism, rate | validation, rate "
        "| words |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for comparison, how in comparisons:
        words = comparison.length.words
        cells = [f"{comparison.base.name} → {comparison.tuned.name}", how]
        cells += [_cell(comparison, key) for key in SHOWN]
        cells.append(f"{words['base']:.0f} → {words['tuned']:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(comparison: Comparison, key: str) -> str:
    row = comparison[key]
    text = _points(row.difference, row.low, row.high)
    return f"**{text}**" if row.p_holm < comparison.options.alpha else text


def _points(difference: float, low: float, high: float) -> str:
    return f"{100 * difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _shares(comparisons: list[tuple[Comparison, str]]) -> str:
    lines = [
        "| base → tuned | pairs of like length | anthropomorphism, like length | validation, like length "
        "| labels that rose | labels that fell |",
        "|---|--:|---|---|---|---|",
    ]
    for comparison, _ in comparisons:
        matched = {(m["name"], m["unit"]): m for m in comparison.length.matched}
        shown = [matched.get((name, "presence")) for name in ("anthropomorphism", "validation")]
        pairs = str(shown[0]["n"]) if shown[0] else "0"
        cells = [f"{comparison.base.name} → {comparison.tuned.name}", pairs]
        cells += [_points(m["difference"], m["low"], m["high"]) if m else "" for m in shown]
        cells += [_labels(comparison, sign) for sign in (1, -1)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _labels(comparison: Comparison, sign: int) -> str:
    found = [
        row
        for row in comparison.differences
        if row.measure.level == "label"
        and row.measure.unit == "presence"
        and row.p_holm < comparison.options.alpha
        and sign * row.difference > 0
    ]
    found.sort(key=lambda row: -abs(row.difference))
    return ", ".join(f"{row.measure.name} {100 * row.difference:+.1f}" for row in found) or "none"


if __name__ == "__main__":
    main()

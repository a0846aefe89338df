"""Rebuild ``models/detectors`` from the labelled data: ``python -m training``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anthrometrics.detectors.manifest import load_manifest
from training import baselines, card, corpus, evaluate, publish
from training.agreement import agreement
from training.calibrate import Calibration, fit_calibration
from training.corpus import Corpus
from training.export import export, round_weights
from training.fit import Recipe, fit, predict
from training.measure import measure, refusal_dev
from training.model import DetectorModel, trunk_dir

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "models" / "detectors"


def main() -> None:
    """Train every seed, choose by the calibration split, export, then measure once on the test split."""
    arguments = _arguments()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    data = corpus.load()
    print(f"{len(data.train)} training turns, {len(data.calibration)} calibration, {len(data.test)} test", flush=True)
    model, calibration, seeds = _best_of(arguments.seeds, arguments.runs, data)
    out: Path = arguments.out
    export(model, out)
    shutil.copy(trunk_dir() / "tokenizer.json", out / "tokenizer.json")
    results = replace(
        measure(calibration, data, out, ("exact", "int8"), model),
        baselines=_baselines(data, arguments.runs / "baselines.json"),
        seeds=seeds,
        agreement=agreement("given.first", "given.second"),
    )
    publish.write_manifest(out, publish.FULL, calibration, results)
    card.write_card(out)
    if out == SHIPPED:
        card.write_readme_table(out, ROOT / "README.md")
    load_manifest(out)
    print(evaluate.headline(results.sentence["exact"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="training seeds (default: 0)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="checkpoints; finished seeds are not repeated")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="where the model is written")
    return parser.parse_args()


def _best_of(
    seeds: list[int], runs: Path, data: Corpus
) -> tuple[DetectorModel, Calibration, dict[int, dict[str, float]]]:
    """The seed with the best mean of detector, macro and refusal F1 on the calibration split."""
    figures: dict[int, dict[str, float]] = {}
    best: tuple[float, DetectorModel, Calibration] | None = None
    for seed in seeds:
        model = round_weights(fit(data.train, data.train_refusal, Recipe(seed=seed), runs / f"seed{seed}"))
        sentence, refusal = predict(model, data.calibration), predict(model, data.calibration_refusal)
        calibration = fit_calibration(data.calibration, sentence, data.calibration_refusal, refusal)
        figures[seed] = publish.seed_figures(
            evaluate.sentence_results(data.calibration, sentence, calibration.sentence),
            evaluate.refusal_results(data.calibration_refusal, refusal, calibration.refusal),
        )
        print(f"seed {seed}: {figures[seed]}", flush=True)
        mean = float(np.mean(list(figures[seed].values())))
        if best is None or mean > best[0]:
            best = (mean, model, calibration)
    assert best is not None
    return best[1], best[2], figures


def _baselines(data: Corpus, file: Path) -> dict[str, dict[str, Any]]:
    """Figures of the baselines; embedding every text takes minutes, so they are kept beside the checkpoints."""
    if not file.is_file():
        sentence, refusal = baselines.sentence_baselines(data), baselines.refusal_baselines(data, refusal_dev())
        figures = {
            name: {"test": sentence[name].figures(), "refusal_dev": refusal[name].figures()} for name in sentence
        }
        file.write_text(json.dumps(figures), encoding="utf-8")
    loaded: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


if __name__ == "__main__":
    main()

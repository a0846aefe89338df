"""Rebuild ``models/fast`` from ``models/detectors``: ``python -m training.distill``."""

from __future__ import annotations

import argparse
import os
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from anthrometrics.detectors.manifest import load_manifest
from training import card, corpus, publish
from training.calibrate import fit_calibration
from training.export import export_int8, import_weights, round_weights
from training.fit import Recipe, fit
from training.measure import measure, onnx_predictions
from training.model import DetectorModel, trunk_dir

ROOT = Path(__file__).parents[1]
FULL, FAST = ROOT / "models" / "detectors", ROOT / "models" / "fast"
# Every other layer of the teacher, as Sanh et al. 2019 (DistilBERT, arXiv 1910.01108) begin.
KEPT = (0, 2, 4)
# The student begins where its teacher ended, so it wants fewer epochs; every batch is new to it through its teacher's
# eyes, so that no token need be masked.
RECIPE = Recipe(epochs=2, layers=len(KEPT), taught=0.5, mask_tokens=0.0)


def main() -> None:
    """Distil, calibrate on the int8 file, which alone ships, and measure it once on the test split."""
    parser = argparse.ArgumentParser(prog="python -m training.distill", description=__doc__)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="checkpoints; a finished run is not repeated")
    parser.add_argument("--out", type=Path, default=FAST, help="where the model is written")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    data, out = corpus.load(), arguments.out
    teacher = import_weights(FULL)
    recipe = replace(RECIPE, seed=arguments.seed)
    run = arguments.runs / f"fast{arguments.seed}"
    model = round_weights(fit(data.train, data.train_refusal, recipe, run, teacher, student_of(teacher)))
    export_int8(model, out)
    shutil.copy(trunk_dir() / "tokenizer.json", out / "tokenizer.json")
    calibration = fit_calibration(
        data.calibration,
        onnx_predictions(out, "int8", data.calibration),
        data.calibration_refusal,
        onnx_predictions(out, "int8", data.calibration_refusal),
    )
    publish.write_manifest(out, publish.FAST, calibration, measure(calibration, data, out, ("int8",)))
    card.write_fast_card(out, FULL)
    load_manifest(out)


def student_of(teacher: DetectorModel) -> DetectorModel:
    """The teacher without half of its layers."""
    student = DetectorModel.from_trunk(len(KEPT))
    state = teacher.state_dict()
    prefix = "trunk.encoder.layer."
    kept = {name: value for name, value in state.items() if not name.startswith(prefix)}
    for new, old in enumerate(KEPT):
        inside = f"{prefix}{old}."
        kept |= {f"{prefix}{new}.{n.removeprefix(inside)}": v for n, v in state.items() if n.startswith(inside)}
    student.load_state_dict(kept)
    return student


if __name__ == "__main__":
    main()

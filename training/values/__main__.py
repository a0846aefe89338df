"""Rebuild ``models/values`` from the labelled replies: ``python -m training.values``."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from anthrometrics.detectors.manifest import Platt
from anthrometrics.induction.values import VALUES
from training import corpus
from training.model import SIZES
from training.values import data, evaluate, zero_shot
from training.values.data import ValueTurn
from training.values.export import FILE, export
from training.values.fit import Recipe, fit
from training.values.predict import predict_with

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "models" / "values"
VERSION = "1"
NOTE = (
    "Labels were made with model assistance under the definitions in anthrometrics/induction/values. Intervals: 95 % "
    "bootstrap over prompt groups. Figures: python -m training.values (training/README.md)."
)


def main() -> None:
    """Train, export, calibrate on the int8 file, which alone ships, and measure it once on the test split."""
    parser = argparse.ArgumentParser(prog="python -m training.values", description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED, help="where the model is written")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--leave-out", default="", help="values not to learn, with commas: what zero-shot does on them")
    arguments = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    tokenizer, out = corpus.tokenizer(), arguments.out
    read, written = data.read_replies(tokenizer), data.written_replies(tokenizer)
    left_out = [name for name in arguments.leave_out.split(",") if name]
    train = [turn.without(left_out) for turn in (*read, *written) if turn.split == "train" and turn.windows]
    export(fit(train, Recipe(seed=arguments.seed)), out)
    session = onnxruntime.InferenceSession(str(out / FILE), providers=["CPUExecutionProvider"])
    calibration, test = (_of(session, read, split) for split in ("calibration", "test"))
    platts = evaluate.calibrate(*calibration[:2])
    similarity = zero_shot.similarities(session, tokenizer)
    zero = zero_shot.calibrate(calibration[0], similarity(calibration[2]))
    accuracy = {
        "note": NOTE,
        "replies": {
            "train": sum(turn.source != "written" for turn in train),
            "written": sum(turn.source == "written" for turn in train),
            "calibration": len(calibration[0]),
            "test": len(test[0]),
        },
        "test": evaluate.evaluate(test[0], evaluate.probabilities(platts, test[1]), platts).figures(),
        "zero_shot": zero_shot.evaluate(test[0], similarity(test[2])),
        "written": evaluate.written(*_of(session, written, "test")[:2], platts),
        "agreement": evaluate.agreement(data.records()),
    }
    _write_manifest(out, platts, zero, accuracy)
    print(json.dumps({k: accuracy["test"][k] for k in ("macro_f1", "one_of_four")}), accuracy["zero_shot"])


def _of(
    session: onnxruntime.InferenceSession, turns: list[ValueTurn], split: str
) -> tuple[list[ValueTurn], NDArray[np.float64], NDArray[np.float64]]:
    """Turns of a split with the file's logits and meanings."""
    chosen = [turn for turn in turns if turn.split == split and turn.windows]
    return chosen, *predict_with(session, chosen)


def _write_manifest(out: Path, platts: tuple[Platt, ...], zero: Platt, accuracy: dict[str, Any]) -> None:
    confusion = {name: row["confusion"] for name, row in accuracy["test"]["values"].items()}
    manifest: dict[str, Any] = {
        "format": 1,
        "name": "values-l3",
        "version": VERSION,
        "window": {"total": SIZES.total, "prompt": SIZES.prompt},
        "files": {"int8": FILE},
        "sha256": {FILE: hashlib.sha256((out / FILE).read_bytes()).hexdigest()},
        "values": list(VALUES),
        "calibration": {
            name: {**_plain(platt), "confusion": confusion[name]} for name, platt in zip(VALUES, platts, strict=True)
        },
        "zero_shot": _plain(zero),
        "accuracy": accuracy,
        "trained_with": {name: version(name) for name in ("torch", "transformers", "onnx", "onnxruntime")},
    }
    identity = json.dumps({k: manifest[k] for k in ("sha256", "calibration", "zero_shot", "window")}, sort_keys=True)
    manifest["digest"] = hashlib.sha256(identity.encode()).hexdigest()
    (out / "values.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    card = environment.get_template("MODEL_CARD.md.j2").render(**manifest)
    (out / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def _plain(platt: Platt) -> dict[str, float]:
    return {name: round(getattr(platt, name), 6) for name in ("slope", "intercept", "threshold")}


if __name__ == "__main__":
    main()

"""How far two independent readings of the same turns agree: the ceiling of any detector trained on one of them."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score

from anthrometrics.codebook import SENTENCE_OUTPUTS
from training.data import LABELS_DIR, indicators, read_jsonl

__all__ = ["agreement", "readings"]


def agreement(first: str, second: str) -> dict[str, Any]:
    """F1 and Cohen's kappa of every output between two label files, over the turns that are in both.

    Args:
        first: Name of a file in ``labels/``, without ``.jsonl``; its first reading counts.
        second: Name of another.

    Returns:
        ``turns``, ``sentences``, share of equal ``refusal`` labels, and per output ``f1`` (which is symmetric),
        ``kappa`` (0 where neither gives the label) and ``positives`` (mean of both readings).

    Raises:
        ValueError: The files cut a turn into different sentences.
    """
    left = {record["turn"]: record for record in read_jsonl(LABELS_DIR / f"{first}.jsonl")}
    pairs = [
        (left[record["turn"]], record)
        for record in read_jsonl(LABELS_DIR / f"{second}.jsonl")
        if record["turn"] in left
    ]
    for a, b in pairs:
        if [s[:2] for s in a["sentences"]] != [s[:2] for s in b["sentences"]]:
            raise ValueError(f"{first} and {second} cut turn {a['turn']} into different sentences")
    one, two = _matrix([a for a, _ in pairs]), _matrix([b for _, b in pairs])
    return {
        "turns": len(pairs),
        "sentences": len(one),
        "refusal": float(np.mean([a["refusal"] == b["refusal"] for a, b in pairs])),
        "outputs": {name: readings(one[:, i], two[:, i]) for i, name in enumerate(SENTENCE_OUTPUTS)},
    }


def readings(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> dict[str, float]:
    """``f1``, ``kappa`` and mean ``positives`` of two readings of one label; 0 where neither gives it."""
    given = bool(one.any() or two.any())
    return {
        "f1": round(float(f1_score(one, two, zero_division=0)), 4),
        "kappa": round(float(cohen_kappa_score(one, two)), 4) if given else 0.0,
        "positives": float(one.sum() + two.sum()) / 2,
    }


def _matrix(records: list[dict[str, Any]]) -> NDArray[np.bool_]:
    return np.stack([indicators(set(s[2])) for record in records for s in record["sentences"]]) > 0.5


def main() -> None:
    """Print the agreement of two label files: ``python -m training.agreement given.first given.second``."""
    parser = argparse.ArgumentParser(prog="python -m training.agreement", description=__doc__)
    parser.add_argument("first", help="a file of training/labels/, without .jsonl")
    parser.add_argument("second", help="another")
    arguments = parser.parse_args()
    found = agreement(arguments.first, arguments.second)
    print(f"{found['turns']} turns, {found['sentences']} sentences; refusal label equal in {found['refusal']:.1%}")
    print(f"{'output':22}{'positives':>10}{'F1':>8}{'kappa':>8}")
    for name, row in found["outputs"].items():
        print(f"{name:22}{row['positives']:>10.1f}{row['f1']:>8.3f}{row['kappa']:>8.3f}")


if __name__ == "__main__":
    main()

"""How good the value tagger is, against the readings and on the task that the paper set its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from anthrometrics.detectors.manifest import Platt
from anthrometrics.induction.values import VALUES
from training.agreement import readings
from training.metrics import Estimate, calibration_error, counts, expected_f1_threshold, f1, resampled
from training.values.data import ValueTurn

_DISTRACTORS = 3
# Chances are counted in millionths, as what is resampled are whole numbers.
_WHOLE = 1_000_000
# Values with fewer expressing replies in the test split have no figure worth averaging.
_ENOUGH = 15


def truth_of(turns: list[ValueTurn]) -> NDArray[np.bool_]:
    """Which values each reply expresses, shape ``(turns, 17)``."""
    return np.asarray(np.stack([turn.targets for turn in turns]) > 0.5)


def fit_platt(logits: NDArray[np.float64], truth: NDArray[np.bool_]) -> Platt:
    """Platt scaling and the threshold of best expected F1, lightly regularised."""
    found = LogisticRegression(C=10.0).fit(logits[:, None], truth)
    slope, intercept = float(max(found.coef_[0, 0], 0.1)), float(found.intercept_[0])
    return Platt(slope, intercept, expected_f1_threshold(1 / (1 + np.exp(-(slope * logits + intercept)))))


def calibrate(turns: list[ValueTurn], logits: NDArray[np.float64]) -> tuple[Platt, ...]:
    """Calibration of each value on fully read replies of the calibration split."""
    truth = truth_of(turns)
    return tuple(fit_platt(logits[:, i], truth[:, i]) for i in range(len(VALUES)))


def probabilities(platts: tuple[Platt, ...], logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Calibrated probabilities, shape ``(turns, 17)``."""
    slopes, intercepts = np.array([p.slope for p in platts]), np.array([p.intercept for p in platts])
    return np.asarray(1 / (1 + np.exp(-(logits * slopes + intercepts))))


@dataclass(frozen=True)
class ValueResults:
    """Figures on one split; estimates are ``[value, low, high]`` over prompt groups."""

    turns: int
    groups: int
    macro_f1: Estimate
    macro_values: tuple[str, ...]
    values: dict[str, dict[str, Any]]
    one_of_four: Estimate
    one_of_four_values: dict[str, float]
    items: int

    def figures(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "turns": self.turns,
            "groups": self.groups,
            "macro_f1": self.macro_f1.as_list(),
            "macro_values": list(self.macro_values),
            "values": self.values,
            "one_of_four": self.one_of_four.as_list(),
            "one_of_four_values": self.one_of_four_values,
            "one_of_four_mean": round(float(np.mean([self.one_of_four_values[v] for v in self.macro_values])), 4),
            "one_of_four_items": self.items,
        }


def evaluate(turns: list[ValueTurn], probability: NDArray[np.float64], platts: tuple[Platt, ...]) -> ValueResults:
    """F1, calibration and the 1-of-4 task on fully read replies."""
    truth, groups = truth_of(turns), _groups(turns)
    predicted = probability >= np.array([p.threshold for p in platts])
    tables = np.stack([counts(truth[:, i], predicted[:, i], groups) for i in range(len(VALUES))], axis=1)
    rows: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(VALUES):
        tp, fp, fn, tn = (int(n) for n in tables[:, i].sum(0))
        rows[name] = {
            "f1": resampled(tables[:, i], f1).as_list(),
            "positives": tp + fn,
            "ece": round(calibration_error(truth[:, i], probability[:, i]), 4),
            "confusion": {"tp": tp, "fp": fp, "fn": fn, "tn": tn},
        }
    often = [i for i, name in enumerate(VALUES) if rows[name]["positives"] >= _ENOUGH]
    of_four, of_four_values, items = one_of_four_over(turns, probability)
    return ValueResults(
        turns=len(turns),
        groups=int(groups.max()) + 1,
        macro_f1=resampled(tables[:, often], lambda t: f1(t).mean(-1)),
        macro_values=tuple(VALUES[i] for i in often),
        values=rows,
        one_of_four=of_four,
        one_of_four_values=of_four_values,
        items=items,
    )


def written(turns: list[ValueTurn], logits: NDArray[np.float64], platts: tuple[Platt, ...]) -> dict[str, Any]:
    """Pairs written for a value and kept out of training: is the side that expresses it the likelier one, and named?

    Returns:
        ``pairs``; ``order``, the share in which it is likelier; ``one_of_four`` on the expressing sides, where every
        other value counts as a distractor, so that what else they express counts against the tagger.
    """
    probability = probabilities(platts, logits)
    sides: dict[str, dict[str, int]] = {}
    for place, turn in enumerate(turns):
        name, side = turn.id.rsplit(":", 1)
        sides.setdefault(name, {})[side] = place
    columns = [int(np.argmax(turn.known)) for turn in turns]
    both = [(pair["chosen"], pair["rejected"]) for pair in sides.values() if len(pair) == 2]
    ordered = [probability[a, columns[a]] > probability[b, columns[b]] for a, b in both]
    expressing = [a for a, _ in both]
    right, _ = one_of_four(truth_of([turns[a] for a in expressing]), probability[expressing])
    return {
        "pairs": len(both),
        "order": round(float(np.mean(ordered)), 4),
        "one_of_four": round(float(right.mean()), 4),
    }


def one_of_four(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The task on which Arora et al. had three people judge their tagger: which of four values does this reply express?

    An item is a reply with a value that it expresses among three that it does not. Every draw of three is equally
    likely, so the chance that the right one has the highest score follows from the number of others below it.

    Args:
        truth: Shape ``(turns, values)``.
        score: Of the same shape; larger is more.

    Returns:
        Chance of being right, and the value, of each pair of a reply and a value that it expresses.
    """
    rows, columns = np.nonzero(truth)
    chances = []
    for row, column in zip(rows, columns, strict=True):
        others = score[row][~truth[row]]
        below = int((others < score[row, column]).sum())
        draws = [(below - k) / (len(others) - k) for k in range(_DISTRACTORS)]
        chances.append(max(float(np.prod(draws)), 0.0) if below >= _DISTRACTORS else 0.0)
    return np.array(chances), columns


def one_of_four_over(turns: list[ValueTurn], score: NDArray[np.float64]) -> tuple[Estimate, dict[str, float], int]:
    """The task over fully read replies.

    Args:
        turns: The replies.
        score: Shape ``(turns, 17)``; larger is more.

    Returns:
        Chance of being right with its interval over prompt groups, that of each value, and how many items there are.
    """
    truth, groups = truth_of(turns), _groups(turns)
    right, of_value = one_of_four(truth, score)
    table = np.zeros((int(groups.max()) + 1, 2), dtype=np.int64)
    owner = groups[np.nonzero(truth)[0]]
    np.add.at(table, (owner, 0), (right * _WHOLE).round().astype(np.int64))
    np.add.at(table, (owner, 1), _WHOLE)
    return (
        resampled(table, lambda t: t[..., 0] / np.maximum(t[..., 1], 1)),
        {VALUES[i]: round(float(right[of_value == i].mean()), 4) for i in sorted(set(of_value))},
        len(right),
    )


def _groups(turns: list[ValueTurn]) -> NDArray[np.int64]:
    """Number of the prompt group of each reply."""
    return np.unique([turn.group for turn in turns], return_inverse=True)[1].astype(np.int64)


def agreement(records: list[dict[str, Any]]) -> dict[str, Any]:
    """F1 and Cohen's kappa of every value between the two readings of the replies that were read twice."""
    twice = [record for record in records if "second" in record]
    one = np.array([[name in record["values"] for name in VALUES] for record in twice])
    two = np.array([[name in record["second"] for name in VALUES] for record in twice])
    of_value = {name: readings(one[:, i], two[:, i]) for i, name in enumerate(VALUES)}
    macro = float(np.mean([row["f1"] for row in of_value.values()]))
    return {"turns": len(twice), "macro_f1": round(macro, 4), "values": of_value}

"""Hand labels joined to the scored turns they were given to: what estimates and validations compute from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from anthrometrics.comparison.sampling import ScoredSet
    from anthrometrics.comparison.sheet import LabelRow, LabelSheet

__all__ = ["JoinedLabels", "LabelledSample", "join_labels", "labelled_sample"]


@dataclass(frozen=True)
class LabelledSample:
    """Scores of ``N`` turns, of which ``n`` carry a label and were drawn by stratum.

    Attributes:
        scores: Probability of the behaviour, in [0, 1], shape ``(N,)``.
        clusters: Number of each turn's prompt group, shape ``(N,)``; equal numbers in two sets are the same prompt.
        rows: Places of the labelled turns in ``scores``, shape ``(n,)``.
        labels: 1 where the turn has the behaviour, 0 where not, shape ``(n,)``.
        strata: Stratum of each labelled turn from 0, shape ``(n,)``; each has at least two labels.
        sizes: Turns of each stratum, labelled or not, shape ``(strata,)``.
    """

    scores: NDArray[np.float64]
    clusters: NDArray[np.int64]
    rows: NDArray[np.int64]
    labels: NDArray[np.float64]
    strata: NDArray[np.int64]
    sizes: NDArray[np.float64]

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Share of all turns that each label stands for, shape ``(n,)``; they add up to 1."""
        per_label = self.sizes / np.bincount(self.strata) / self.sizes.sum()
        return np.asarray(per_label[self.strata], dtype=np.float64)


@dataclass(frozen=True)
class JoinedLabels:
    """The labels of one score file.

    Attributes:
        scored: The score file.
        sample: Scores and labels.
        answers: What was written for each labelled turn, in the order of ``sample.labels``.
        blank: Drawn turns without a label.
        repeated: Rows that say the same of the same turn as another.
        unknown: Rows of the table whose turn is not in the file, or was not scored.
        stratified: Whether the labels were drawn by stratum; otherwise they count as drawn at random from all turns.
    """

    scored: ScoredSet
    sample: LabelledSample
    answers: tuple[str, ...]
    blank: int
    repeated: int
    unknown: tuple[LabelRow, ...]
    stratified: bool

    def counts(self) -> dict[str, Any]:
        """What became of the rows, as plain values for JSON."""
        return {
            "turns": len(self.sample.scores),
            "labelled": len(self.answers),
            "blank": self.blank,
            "repeated": self.repeated,
            "unknown": len(self.unknown),
            "stratified": self.stratified,
        }


def join_labels(sheet: LabelSheet, sets: Sequence[ScoredSet]) -> list[JoinedLabels]:
    """Find the turn of every label.

    A row is known by its key or, without one, by its id, turn and side.

    Args:
        sheet: The labelled table.
        sets: Score files of the same measure. Rows of other files are left alone.

    Returns:
        One for each set; prompts have the same cluster numbers in all of them.

    Raises:
        InputError: It cannot be told which file or turn a row belongs to, two rows contradict each other, the strata
            are not those of the file, or a file has fewer than two labels.
    """
    numbers = np.unique([item.cluster for one in sets for item in one.items], return_inverse=True)[1].astype(np.int64)
    clusters = np.split(numbers, np.cumsum([len(one.items) for one in sets])[:-1])
    rows = _rows_of(sheet, [one.path for one in sets])
    return [_join(sheet, one, found, own) for one, found, own in zip(sets, rows, clusters, strict=True)]


def _rows_of(sheet: LabelSheet, paths: list[str]) -> list[list[LabelRow]]:
    """Rows that belong to each score file, by the ends of its path."""
    files = sorted({row.file for row in sheet.rows if row.file is not None})
    if not files:
        if len(paths) > 1:
            raise InputError(
                f'{sheet.path} has no column "file" to tell which of {", ".join(paths)} a label belongs to'
            )
        return [list(sheet.rows)]
    chosen = []
    for path in paths:
        alike = {file: _common_end(path, file) for file in files}
        best = [file for file in files if alike[file] == max(alike.values())]
        if alike[best[0]] == 0:
            raise InputError(f"{sheet.path} has no labels of {path}; its labels are of {', '.join(map(repr, files))}")
        if len(best) > 1:
            both = " and ".join(map(repr, best))
            raise InputError(f"{sheet.path} has labels of {both}; name more of the path of {path}")
        chosen.append(best[0])
    if len(set(chosen)) < len(chosen):
        raise InputError(f"labels of {chosen[0]!r} in {sheet.path} could belong to any of {', '.join(paths)}")
    return [[row for row in sheet.rows if row.file == file] for file in chosen]


def _common_end(path: str, other: str) -> int:
    """How many parts at the end of two paths are the same; 1000 where they lead to the same file."""
    one, two = Path(path).resolve(), Path(other).resolve()
    if one == two:
        return 1000
    pairs = zip(reversed(one.parts), reversed(Path(other.replace("\\", "/")).parts), strict=False)
    return next((count for count, (a, b) in enumerate(pairs) if a != b), len(Path(other).parts))


def _join(sheet: LabelSheet, scored: ScoredSet, rows: list[LabelRow], clusters: NDArray[np.int64]) -> JoinedLabels:
    found: dict[int, LabelRow] = {}
    unknown: list[LabelRow] = []
    repeated = 0
    places = _Places(sheet, scored)
    for row in rows:
        place = places.of(row)
        if place is None:
            unknown.append(row)
            continue
        before = found.get(place)
        if before is not None:
            if None not in (before.answer, row.answer) and before.answer != row.answer:
                both = f'"{before.answer}" and "{row.answer}"'
                raise InputError(f"{sheet.path}, rows {before.row} and {row.row}: {both} for the same turn")
            repeated += 1
        if before is None or before.answer is None:
            found[place] = row
    drawn = list(found.values())
    given = sum(row.answer is not None for row in drawn)
    if given < 2:
        lost = f"; {len(unknown)} rows name turns that it does not have" if unknown else ""
        raise InputError(f"{sheet.path} labels {given} turns of {scored.path}, and at least 2 are needed{lost}")
    strata, sizes = _strata(sheet, scored, drawn)
    labels = np.array([np.nan if row.label is None else row.label for row in drawn])
    where = np.array(list(found), dtype=np.int64)
    sample = labelled_sample(scored.scores, clusters, where, labels, strata, sizes)
    answers = tuple(row.answer for row in drawn if row.answer is not None)
    return JoinedLabels(
        scored, sample, answers, len(drawn) - len(answers), repeated, tuple(unknown), strata is not None
    )


class _Places:
    """Where the turns of a score file stand."""

    def __init__(self, sheet: LabelSheet, scored: ScoredSet) -> None:
        self._sheet = sheet
        self._keys = {key: place for place, key in enumerate(scored.keys)}
        self._ids: dict[str, list[int]] = defaultdict(list)
        for place, item in enumerate(scored.items):
            if item.id is not None:
                self._ids[item.id].append(place)
        self._items = scored.items

    def of(self, row: LabelRow) -> int | None:
        """Place of the turn that a row is about; None if there is none.

        Raises:
            InputError: There are several.
        """
        if row.key is not None:
            return self._keys.get(row.key)
        fitting = [
            place
            for place in self._ids.get(row.id or "", [])
            if row.turn in (None, self._items[place].turn) and row.side in (None, self._items[place].side)
        ]
        if len(fitting) > 1:
            raise InputError(
                f"{self._sheet.path}, row {row.row}: the scores have {len(fitting)} turns of id {row.id!r}; say which "
                'in the columns "turn" and "side", or draw them with anthrometrics sample'
            )
        return fitting[0] if fitting else None


def _strata(
    sheet: LabelSheet, scored: ScoredSet, rows: list[LabelRow]
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Stratum of each row and sizes of the strata; None where the table says nothing of them."""
    if all(row.size is None and row.probability is None for row in rows):
        return None, None
    lacking = next((row.row for row in rows if row.size is None and row.probability is None), None)
    if lacking is not None:
        raise InputError(f"{sheet.path}, row {lacking}: no inclusion_probability, which other rows have")
    # Without a name, turns that had the same chance make a stratum.
    names = [row.stratum or f"p{row.probability}" for row in rows]
    strata = np.unique(names, return_inverse=True)[1].astype(np.int64)
    given: dict[int, set[float]] = defaultdict(set)
    for stratum, row in zip(strata.tolist(), rows, strict=True):
        given[stratum].add(-1.0 if row.size is None else float(row.size))
    mixed = next((names[strata.tolist().index(s)] for s, values in given.items() if len(values) > 1), None)
    if mixed is not None:
        raise InputError(f"{sheet.path}: the rows of stratum {mixed!r} differ in stratum_size")
    sizes = np.array([next(iter(given[s])) for s in range(len(given))])
    if (sizes > 0).all() and sizes.sum() != len(scored.items):
        raise InputError(
            f"the strata in {sheet.path} hold {sizes.sum():.0f} turns, {scored.path} has {len(scored.items)}: these "
            "are not the scores that the turns were drawn from, or all rows of a stratum are gone"
        )
    chances = np.bincount(strata, [1 / row.probability if row.probability else 0.0 for row in rows])
    return strata, np.where(sizes > 0, sizes, chances)


def labelled_sample(
    scores: NDArray[np.float64],
    clusters: NDArray[np.int64],
    rows: NDArray[np.int64],
    labels: NDArray[np.float64],
    strata: NDArray[np.int64] | None = None,
    sizes: NDArray[np.float64] | None = None,
) -> LabelledSample:
    """Leave out what was not labelled, and join strata of too few labels to their neighbours.

    Labels that are missing are taken to be missing by chance within their stratum.

    Args:
        scores: Probability of the behaviour of every turn, shape ``(N,)``.
        clusters: Number of each turn's prompt group, shape ``(N,)``.
        rows: Places of the drawn turns, shape ``(n,)``, none twice.
        labels: 1, 0, or NaN where a drawn turn was not labelled, shape ``(n,)``.
        strata: Stratum of each drawn turn, from 0; None where the turns were drawn at random from all.
        sizes: Turns of each stratum; needed with ``strata``.

    Raises:
        InputError: There are fewer than two labels, a turn comes up twice, or a size is smaller than its labels.
    """
    if strata is None or sizes is None:
        strata, sizes = np.zeros(len(rows), dtype=np.int64), np.array([len(scores)], dtype=np.float64)
    given = ~np.isnan(labels)
    if given.sum() < 2:
        raise InputError("at least 2 labels are needed, and a few dozen to say anything")
    if len(np.unique(rows)) < len(rows):
        raise InputError("a turn is labelled twice")
    strata, sizes = _joined(scores[rows], strata, sizes.astype(np.float64), given)
    counts = np.bincount(strata[given], minlength=len(sizes))
    if (counts > sizes + 1e-9).any():
        raise InputError("a stratum has more labels than turns; its size is wrong")
    return LabelledSample(scores, clusters, rows[given], labels[given], strata[given], sizes)


def _joined(
    scores: NDArray[np.float64], strata: NDArray[np.int64], sizes: NDArray[np.float64], given: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Strata with at least two labels each: one with fewer goes to the one of nearest mean score."""
    strata = np.unique(strata, return_inverse=True)[1].astype(np.int64)
    while True:
        counts = np.bincount(strata[given], minlength=len(sizes))
        few = np.flatnonzero(counts < 2)
        if not few.size or len(sizes) == 1:
            return strata, sizes
        means = np.bincount(strata, scores) / np.bincount(strata)
        distance = np.abs(means - means[few[0]])
        distance[few[0]] = np.inf
        nearest = int(distance.argmin())
        sizes = sizes.copy()
        sizes[nearest] += sizes[few[0]]
        strata = np.where(strata == few[0], nearest, strata)
        strata, sizes = strata - (strata > few[0]), np.delete(sizes, few[0])

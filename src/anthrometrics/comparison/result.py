"""Two scored sets → what differs, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.codebook import TURN_DETECTORS
from anthrometrics.comparison.clusters import finite
from anthrometrics.comparison.decisions import Decisions, decisions_of
from anthrometrics.comparison.effects import (
    cliffs_delta,
    cohens_dz,
    detectable,
    difference_detectable,
    difference_equivalence,
    equivalence,
)
from anthrometrics.comparison.intervals import difference_intervals, mean_intervals
from anthrometrics.comparison.length import Length, length_of
from anthrometrics.comparison.measures import MEASURES, VALUE, Measure
from anthrometrics.comparison.pairing import check_alike, pair
from anthrometrics.comparison.significance import benjamini_hochberg, holm, permutation, sign_flip
from anthrometrics.comparison.wording import headline_of
from anthrometrics.output.table import frame_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from anthrometrics.comparison.pairing import PairBy, Pairing
    from anthrometrics.comparison.table import ScoredItem, ScoreTable

__all__ = ["Comparison", "Difference", "Options", "compare_tables"]

_SCHEMA: Final = 1


@dataclass(frozen=True)
class Options:
    """How two sets are compared.

    Attributes:
        level: Of the intervals.
        resamples: Bootstrap resamples; the tests use five times as many permutations.
        seed: Of all random draws.
        margin: A difference smaller than this, in shares, does not matter; .05 is five turns, or sentences, of a
            hundred.
        alpha: Level of tests.
        allow_mixed: Whether sets measured in different ways may be compared.
    """

    level: float = 0.95
    resamples: int = 2000
    seed: int = 0
    margin: float = 0.05
    alpha: float = 0.05
    allow_mixed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(vars(self))


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure in both sets.

    Attributes:
        measure: What it is.
        n: Pairs, or turns of the smaller set where nothing is paired.
        clusters: Prompts behind them.
        base: Mean over the base turns.
        tuned: Mean over the tuned turns.
        difference: ``tuned`` − ``base``.
        low: Lower end of its interval.
        high: Upper end of its interval.
        interval: How it was made: ``"bca"``, ``"percentile"`` or ``"degenerate"``.
        p: Sign-flip test; permutation test where nothing is paired.
        p_holm: Adjusted for all measures (Holm).
        p_bh: Adjusted for all measures (Benjamini and Hochberg).
        dz: Cohen's dz; None unpaired, or where nothing varies.
        cliffs_delta: Cliff's delta, in [-1, 1].
        tost_p: That the difference lies within the margin (two one-sided t tests).
        equivalent: Whether it does: ``tost_p`` is below alpha, and the interval lies within the margin too, since the
            t tests alone say so too readily where changes are rare and go one way.
        detectable: The smallest difference that so many prompts would show with a power of .8; None without spread.
    """

    measure: Measure
    n: int
    clusters: int
    base: float
    tuned: float
    difference: float
    low: float
    high: float
    interval: str
    p: float
    p_holm: float
    p_bh: float
    dz: float | None
    cliffs_delta: float
    tost_p: float
    equivalent: bool
    detectable: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = [name for name in self.__slots__ if name != "measure"]
        record = {"name": self.measure.name, "level": self.measure.level, "unit": self.measure.unit}
        return record | {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Comparison:
    """What changed between two scored sets.

    Attributes:
        base: The set before.
        tuned: The set after.
        pairing: Which turns belong together, and what has no partner.
        options: How it was compared.
        differences: Every measure that both sets hold, in the order of ``MEASURES``, and then values.
        decisions: Labels that appeared and vanished, and shares corrected for the detector's errors.
        length: How much longer the answers became, and the differences among answers of like length.
        notes: What a reader must know.
    """

    base: ScoreTable
    tuned: ScoreTable
    pairing: Pairing
    options: Options
    differences: tuple[Difference, ...]
    decisions: Decisions
    length: Length
    notes: tuple[str, ...]

    def __getitem__(self, key: str) -> Difference:
        """The difference of a measure, by keys as ``validation``, ``validation.rate``, ``label.praise``."""
        for difference in self.differences:
            if difference.measure.key == key:
                return difference
        raise KeyError(f"no measure {key!r}; there are {', '.join(d.measure.key for d in self.differences)}")

    def __repr__(self) -> str:
        """The two sets and their size."""
        return f"<Comparison: {self.base.name} → {self.tuned.name}, {len(self.pairing.base)} {self._unit}>"

    def _repr_html_(self) -> str:
        from anthrometrics.report.notebook import comparison_html

        return comparison_html(self.to_dict(items=0))

    @property
    def headline(self) -> str:
        """What changed, in a sentence or two."""
        return headline_of(self)

    @property
    def _unit(self) -> str:
        return "turns" if self.pairing.by == "none" else "pairs"

    def to_dict(self, items: int | None = None) -> dict[str, Any]:
        """The whole comparison as plain values for JSON; numbers that do not exist are None.

        Args:
            items: How many of the most changed pairs to include; all by default.
        """
        document = {
            "schema": _SCHEMA,
            "kind": "comparison",
            "headline": self.headline,
            "base": _side(self.base),
            "tuned": _side(self.tuned),
            "pairing": self.pairing.to_dict() | {"notes": [*self.notes, *self.pairing.notes]},
            "options": self.options.to_dict(),
            "measures": [difference.to_dict() for difference in self.differences],
            **self.decisions.to_dict(),
            "length": self.length.to_dict(),
            "items": self._items(items),
        }
        plain: dict[str, Any] = _plain(document)
        return plain

    def to_pandas(self) -> pd.DataFrame:
        """One row a measure.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame_of(self.to_dict(items=0)["measures"])

    def plot(self) -> Figure:
        """A forest plot of the differences.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from anthrometrics.report.plots import forest

        return forest(self.to_dict(items=0))

    def report(self, path: str | Path) -> None:
        """Write one HTML page with everything, which needs no network.

        Raises:
            InputError: ``path`` cannot be written.
            MissingExtraError: Jinja2 is not installed.
        """
        from anthrometrics.report.page import write_report

        write_report(self.to_dict(), path)

    def _items(self, most: int | None) -> list[dict[str, Any]]:
        """Pairs with what they scored, the most changed first."""
        if self.pairing.by == "none":
            return []
        columns = [_column(name) for name in TURN_DETECTORS]
        before, after = self.base.values[self.pairing.base], self.tuned.values[self.pairing.tuned]
        change = np.nan_to_num(np.abs(after[:, columns] - before[:, columns])).max(axis=1)
        chosen = np.argsort(-change, kind="stable")[:most]
        return [self._item(int(self.pairing.base[i]), int(self.pairing.tuned[i])) for i in chosen]

    def _item(self, base: int, tuned: int) -> dict[str, Any]:
        first, second = self.base.items[base], self.tuned.items[tuned]
        return {
            "id": first.id,
            "turn": first.turn,
            "prompt": first.prompt if first.prompt is not None else second.prompt,
            "base": _shown(self.base, base, self.decisions),
            "tuned": _shown(self.tuned, tuned, self.decisions),
        }


def compare_tables(
    base: ScoreTable,
    tuned: ScoreTable,
    by: PairBy = "auto",
    options: Options | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> Comparison:
    """Compare two scored sets.

    Args:
        base: The set before.
        tuned: The set after.
        by: How to pair, see ``pairing.pair``.
        options: Levels, resamples, seed and margin.
        thresholds: Presence from which a turn counts as having a behaviour, by measure; the model's own by default.

    Raises:
        InputError: The sets were not measured alike, or cannot be paired.
    """
    options = options or Options()
    notes = check_alike(base, tuned, options.allow_mixed)
    pairing = pair(base, tuned, by)
    measures = [m for m in base.measures if m in tuned.measures and not (_missing(base, m) or _missing(tuned, m))]
    before, after = (
        table.values[rows][:, [table.measures.index(measure) for measure in measures]]
        for table, rows in ((base, pairing.base), (tuned, pairing.tuned))
    )
    if not set(MEASURES) <= set(measures):
        notes = (
            *notes,
            "a set has no labels (it was scored with --detail summary), so only the detectors are compared",
        )
    return Comparison(
        base=base,
        tuned=tuned,
        pairing=pairing,
        options=options,
        differences=_differences(measures, before, after, pairing, options),
        decisions=decisions_of(base, tuned, pairing, options, thresholds),
        length=length_of(base, tuned, pairing, options),
        notes=notes,
    )


def _differences(
    measures: Sequence[Measure],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    pairing: Pairing,
    options: Options,
) -> tuple[Difference, ...]:
    seed, draws, tries = options.seed, options.resamples, 5 * options.resamples
    missing = np.full(len(measures), np.nan)
    if pairing.by == "none":
        sides = (before, pairing.base_clusters, after, pairing.tuned_clusters)
        intervals = difference_intervals(*sides, level=options.level, resamples=draws, seed=seed)
        p = permutation(*sides, resamples=tries, seed=seed)
        dz, tost = missing, difference_equivalence(*sides, options.margin)
        smallest = difference_detectable(*sides, alpha=options.alpha)
    else:
        change, clusters = after - before, pairing.base_clusters
        intervals = mean_intervals(change, clusters, level=options.level, resamples=draws, seed=seed)
        p = sign_flip(change, clusters, resamples=tries, seed=seed)
        dz, tost = cohens_dz(change), equivalence(change, clusters, options.margin)
        smallest = detectable(change, clusters, alpha=options.alpha)
    strict, rate, delta = holm(p), benjamini_hochberg(p), cliffs_delta(before, after)
    counts = np.minimum((~np.isnan(before)).sum(axis=0), (~np.isnan(after)).sum(axis=0))
    means = np.nanmean(before, axis=0), np.nanmean(after, axis=0)
    return tuple(
        Difference(
            measure=measure,
            n=int(counts[i]),
            clusters=len(np.unique(pairing.base_clusters)),
            base=float(means[0][i]),
            tuned=float(means[1][i]),
            difference=float(intervals.mean[i]),
            low=float(intervals.low[i]),
            high=float(intervals.high[i]),
            interval=intervals.method[i],
            p=float(p[i]),
            p_holm=float(strict[i]),
            p_bh=float(rate[i]),
            dz=finite(dz[i]),
            cliffs_delta=float(delta[i]),
            tost_p=float(tost[i]),
            equivalent=bool(
                tost[i] < options.alpha and -options.margin < intervals.low[i] and intervals.high[i] < options.margin
            ),
            detectable=finite(smallest[i]),
        )
        for i, measure in enumerate(measures)
    )


def _side(table: ScoreTable) -> dict[str, Any]:
    return {
        "name": table.name,
        "provenance": table.provenance,
        "turns": len(table.items),
        "scored": int(table.scored.sum()),
    }


def _shown(table: ScoreTable, row: int, decisions: Decisions) -> dict[str, Any]:
    item: ScoredItem = table.items[row]
    thresholds = decisions.sentence_thresholds
    sentences = None
    if item.sentences is not None:
        sentences = [
            {**s, "labels": [name for name, value in s["probabilities"].items() if value >= thresholds.get(name, 2.0)]}
            for s in item.sentences
        ]
    return {
        "response": item.response,
        "words": int(table.words[row]),
        "refusal_label": item.refusal_label,
        "values": {name: finite(table.values[row, _column(name)]) for name in TURN_DETECTORS},
        "sentences": sentences,
        **_expressed(table, row, decisions),
    }


def _expressed(table: ScoreTable, row: int, decisions: Decisions) -> dict[str, dict[str, float]]:
    """Values that the turn expresses, the most probable first; nothing where values are not compared."""
    limits = {flip.name: flip.threshold for flip in decisions.flips if flip.name.startswith(VALUE)}
    if not limits:
        return {}
    numbers = {m.key: float(table.values[row, i]) for i, m in enumerate(table.measures) if m.key in limits}
    reached = [key for key, number in numbers.items() if number >= (limits[key] or 0.0)]
    reached.sort(key=lambda key: -numbers[key])
    return {"expressed": {key.removeprefix(VALUE): numbers[key] for key in reached}}


def _missing(table: ScoreTable, measure: Measure) -> bool:
    """Whether no turn of the set has this number."""
    return bool(np.isnan(table.values[:, table.measures.index(measure)]).all())


def _column(key: str) -> int:
    return next(i for i, measure in enumerate(MEASURES) if measure.key == key)


def _plain(value: Any) -> Any:
    """Numbers that JSON cannot write become None."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return finite(value)
    return int(value) if isinstance(value, np.integer) else value

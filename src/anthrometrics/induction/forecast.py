"""Which way a preference set will push a model, said before any training.

Training on pairs makes what the chosen sides have more likely, and what the rejected sides have less so. The forecast
is therefore the mean difference of both sides on every measure, for the set as it is or for what curation keeps of it
for each value. It tells direction and order of the pushes; how far a model moves depends on the training.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.induction.pair_scores import PairScores, score_pairs, scorer_for, value_named
from anthrometrics.induction.pushes import Push, pushes_of
from anthrometrics.induction.selection import Rules, select
from anthrometrics.output.table import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.formats import Rejected
    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.values import Value

__all__ = ["Forecast", "forecast"]

_SCHEMA: Final = 1


@dataclass(frozen=True)
class Forecast:
    """The pushes of a preference set.

    Attributes:
        measures: A push a measure; where values were asked for, for what curation keeps for each of them.
        counts: ``read``, ``unreadable``, ``pairs`` and ``unscored`` (a side without words) of the set.
        subsets: Value → ``kept``, ``flipped`` and ``dropped`` (reason → pairs); empty where no values were asked for.
        options: Level, resamples and seed, and the rules of curation where values were asked for.
        provenance: What gave the scores.
        seconds: What scoring took.
    """

    measures: tuple[Push, ...]
    counts: dict[str, int]
    subsets: dict[str, dict[str, Any]]
    options: dict[str, Any]
    provenance: dict[str, Any]
    seconds: float

    def __getitem__(self, key: str | tuple[str, str]) -> Push:
        """A push by its measure (``"validation"``), or by value and measure (``"empathy", "validation"``)."""
        value, measure = key if isinstance(key, tuple) else (None, key)
        for push in self.measures:
            if (push.value, push.measure) == (value, measure):
                return push
        raise KeyError(f"no push of {measure!r}" + (f" for {value!r}" if value else ""))

    def __repr__(self) -> str:
        """Its size."""
        return f"<Forecast: {self.counts['pairs']:,} pairs, {len(self.measures):,} pushes>"

    @property
    def seconds_per_thousand(self) -> float:
        """Seconds that a thousand pairs took to score."""
        return 1000 * self.seconds / self.counts["pairs"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the same set gives the same, so that the time is left out."""
        return {
            "schema": _SCHEMA,
            "kind": "forecast",
            "counts": self.counts,
            "subsets": self.subsets,
            "options": self.options,
            "measures": [push.to_dict() for push in self.measures],
            "provenance": self.provenance,
        }

    def to_csv(self) -> str:
        """A row a push, with a header."""
        stream = io.StringIO()
        writer = csv.DictWriter(stream, list(Push.__slots__))
        writer.writeheader()
        writer.writerows(push.to_dict() for push in self.measures)
        return stream.getvalue()

    def to_pandas(self) -> pd.DataFrame:
        """A row a push.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame_of([push.to_dict() for push in self.measures], list(Push.__slots__))


def forecast(
    pairs: Iterable[PreferencePair | Rejected] | PairScores,
    *,
    values: Sequence[str | Path | Value] | None = None,
    scorer: Scorer | None = None,
    rules: Rules | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Forecast:
    """Forecast which way preference pairs push each measure, and how strongly.

    Args:
        pairs: As ``read_preferences`` gives them (records that gave no pair are counted), or scored by ``score_pairs``.
        values: Forecast what curation keeps for each of these, as ``curate`` takes them; else the set as it is.
        scorer: Judges both sides; by default one that judges the trained values and those asked for.
        rules: Of the curation.
        level: Of the intervals, in (0, 1).
        resamples: Bootstrap resamples, at least 100.
        seed: Of the resampling.

    Returns:
        Pushes of each set in the order of the measures. A value that no pair teaches has none; its subset says so.

    Raises:
        InputError: There is no pair, a value is unknown or not judged, or an option is out of range.
    """
    asked = [value_named(value) for value in values or ()]
    rules = rules or Rules(seed=seed)
    scores = pairs if isinstance(pairs, PairScores) else score_pairs(pairs, scorer or scorer_for(asked))
    random: dict[str, Any] = {"level": level, "resamples": resamples, "seed": seed}
    pushes: list[Push] = []
    subsets: dict[str, dict[str, Any]] = {}
    for value in asked:
        selection = select(scores, value.name, rules)
        dropped = {reason: number for reason, number in selection.dropped.items() if number}
        subsets[value.name] = {
            "kept": len(selection.rows),
            "flipped": int(selection.flip.sum()),
            "dropped": dropped,
        }
        if len(selection.rows):
            pushes += pushes_of(scores.pick(selection.rows, selection.flip), value=value.name, **random)
    if not asked:
        pushes += pushes_of(scores, **random)
    return Forecast(
        measures=tuple(pushes),
        counts={
            "read": len(scores) + scores.unreadable,
            "unreadable": scores.unreadable,
            "pairs": len(scores),
            "unscored": int(np.count_nonzero(~scores.scored)),
        },
        subsets=subsets,
        options={**random, "rules": rules.to_dict() if asked else None},
        provenance=scores.provenance,
        seconds=scores.seconds,
    )

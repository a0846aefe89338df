"""Two scored sets, paired, with intervals that can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anthrometrics.comparison.result import Comparison, Difference, Options, compare_tables
from anthrometrics.comparison.table import ScoreTable, is_score_file, read_table, table_of
from anthrometrics.errors import InputError
from anthrometrics.formats import Rejected, read_turns
from anthrometrics.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anthrometrics.comparison.pairing import PairBy
    from anthrometrics.detectors.scorer import Scorable, Scorer

    Comparable = Scores | str | Path | Iterable[Scorable]

__all__ = ["Comparison", "Difference", "Options", "ScoreTable", "compare", "compare_tables"]


def compare(
    base: Comparable,
    tuned: Comparable,
    *,
    by: PairBy = "auto",
    names: tuple[str, str] | None = None,
    scorer: Scorer | None = None,
    thresholds: Mapping[str, float] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    margin: float = 0.05,
    allow_mixed: bool = False,
) -> Comparison:
    """Compare two sets of assistant turns: before tuning and after.

    Args:
        base: ``Scores``, a file of scores, a transcript (which is scored), or an iterable of turns (likewise).
        tuned: The other set.
        by: ``"id"``, ``"prompt"``, ``"none"`` (unpaired), or ``"auto"`` for ids and else prompts.
        names: What the sets are called in results; by default their files, or ``base`` and ``tuned``.
        scorer: Scores transcripts and turns; a new ``Scorer()`` by default.
        thresholds: Presence from which a turn counts as having a behaviour, by measure; the model's own by default.
        level: Of the intervals, in (0, 1).
        resamples: Bootstrap resamples, at least 100.
        seed: Of all random draws.
        margin: The smallest difference that matters, in shares; for the test of equivalence.
        allow_mixed: Whether sets that were measured in different ways may be compared.

    Raises:
        InputError: A set cannot be read, the two were not measured alike, or nothing can be paired.
    """
    options = Options(level=level, resamples=resamples, seed=seed, margin=margin, allow_mixed=allow_mixed)
    called = names or (None, None)
    tables = [
        _table(side, scorer, name, kind)
        for side, name, kind in zip((base, tuned), called, ("base", "tuned"), strict=True)
    ]
    return compare_tables(tables[0], tables[1], by, options, thresholds)


def _table(side: Any, scorer: Scorer | None, name: str | None, kind: str) -> ScoreTable:
    if isinstance(side, Scores):
        return table_of(side, name or kind)
    if isinstance(side, str | Path):
        if is_score_file(side):
            return read_table(side, name)
        turns: Iterable[Any] = _readable(side)
        name = name or Path(side).name
    elif isinstance(side, Mapping):
        raise InputError(f"{kind} must be scores, a file or an iterable of turns, not one {type(side).__name__}")
    else:
        turns = side
    if scorer is None:
        from anthrometrics.detectors.scorer import Scorer

        scorer = Scorer()
    return table_of(scorer.score_many(turns), name or kind)


def _readable(path: str | Path) -> Iterable[Any]:
    """The turns of a transcript; in a comparison no line may be missing without a word.

    Raises:
        InputError: A line cannot be read.
    """
    for item in read_turns(path):
        if isinstance(item, Rejected):
            raise InputError(f"{item}; mend the file, or score it first (anthrometrics score keeps bad lines apart)")
        yield item

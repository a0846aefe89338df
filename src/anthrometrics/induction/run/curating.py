"""Stage curate: one preference set → the pairs that teach each value."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.reader import Rejected
from anthrometrics.induction.curation import curate
from anthrometrics.induction.pair_scores import score_pairs
from anthrometrics.induction.preferences import read_preferences
from anthrometrics.provenance import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anthrometrics.induction.curation import Curation
    from anthrometrics.induction.pair_scores import PairScores
    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.run.workshop import Workshop
    from anthrometrics.induction.values import Value

__all__ = ["curate_values", "curation_of", "scored_pairs", "stored_pairs"]

# Pairs between two words about how far it is.
_STEP: Final = 20


def curate_values(shop: Workshop) -> None:
    """Choose the pairs of every value that has none yet; they are read and scored once for all.

    Raises:
        InputError: The set cannot be read, or is not the one that the run began with.
    """
    curated = shop.folder.record["curated"]
    wanted = [v for v in shop.values if v.name not in curated or not shop.folder.pairs(v.name).exists()]
    if not wanted:
        return
    scores = scored_pairs(shop)
    shop.folder.keep_hash("prefs", _digest(scores.pairs), f"the preference pairs of {shop.config.prefs}")
    for value in wanted:
        with shop.surviving(value.name, "curate"):
            chosen = curation_of(shop, scores, value)
            path = shop.folder.room_for(shop.folder.pairs(value.name))
            chosen.save(path)
            curated[value.name] = {"pairs": len(chosen.pairs), "flipped": chosen.card["counts"]["flipped"]}
            shop.reporter.say(f"{len(chosen.pairs):,} of {len(scores):,} pairs for {value.name} → {path}")
    shop.folder.save()


def scored_pairs(shop: Workshop) -> PairScores:
    """The pairs of the set with what both sides score; of those that name a value, where that decides, only ours.

    Raises:
        InputError: It cannot be read, or holds no pairs.
    """
    config, rejected = shop.config, list[Rejected]()
    pairs = read_preferences(config.prefs, format=config.prefs_format, split=config.prefs_split)
    chosen = _naming(shop, pairs) if config.expressed_by == "source" else pairs
    scores = score_pairs(chosen, shop.scorer, on_rejected=rejected.append, on_side=_sides(shop))
    if rejected:
        shop.reporter.say(f"{len(rejected):,} records of {config.prefs} give no pair; the first: {rejected[0]}")
    return scores


def _naming(shop: Workshop, pairs: Iterator[PreferencePair | Rejected]) -> list[PreferencePair | Rejected]:
    """Those that name one of the run's values; to score the others would be in vain."""
    names, found = {value.name for value in shop.values}, list(pairs)
    kept = [pair for pair in found if isinstance(pair, Rejected) or pair.value in names]
    if found and all(isinstance(pair, Rejected) for pair in kept) and len(kept) < len(found):
        raise InputError(
            f'no pair of {shop.config.prefs} has {" or ".join(sorted(names))} in its field "value"; leave out '
            "--expressed-by source to have both sides judged"
        )
    return kept


def curation_of(shop: Workshop, scores: PairScores, value: Value) -> Curation:
    """The pairs of one value.

    Raises:
        InputError: There are too few.
    """
    config = shop.config
    rules = config.rules()
    return curate(
        scores,
        value,
        margin=rules.margin,
        expressed_by=rules.expressed_by,
        balance_length=rules.balance_length,
        balance=rules.balance,
        limit=rules.limit,
        minimum=config.minimum,
        level=config.level,
        resamples=config.resamples,
        seed=rules.seed,
    )


def stored_pairs(shop: Workshop, value: str) -> list[PreferencePair]:
    """The pairs of a value, as they were written.

    Raises:
        InputError: The file is missing or damaged.
    """
    found = []
    for item in read_preferences(shop.folder.pairs(value)):
        if isinstance(item, Rejected):
            raise InputError(f"{item}; delete {shop.folder.pairs(value)} to have the pairs chosen again")
        found.append(item)
    return found


def _sides(shop: Workshop) -> Callable[[], None]:
    """Tells how many pairs are scored; how many there are is not known before they are read."""
    counter = count(1)

    def told() -> None:
        sides = next(counter)
        if sides % (2 * _STEP) == 0:
            shop.reporter.progress("pairs scored", sides // 2, 0)

    return told


def _digest(pairs: tuple[PreferencePair, ...]) -> str:
    """Of what the pairs say, in whatever file they stand."""
    return digest_of(
        text
        for pair in pairs
        for text in (pair.prompt, pair.chosen, pair.rejected, pair.value or "", *(m.text or "" for m in pair.context))
    )

"""The pairs of a preference set that teach one value, and a card that says what else they will teach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.errors import InputError
from anthrometrics.induction.curation_card import card_of
from anthrometrics.induction.pair_scores import PairScores, score_pairs, scorer_for, value_named
from anthrometrics.induction.preferences import write_preferences
from anthrometrics.induction.selection import MARGIN, ExpressedBy, Rules, Selection, select
from anthrometrics.output.atomic import atomic_text, beside, json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.formats import Rejected
    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.values import Value

__all__ = ["CARD", "Curation", "curate", "too_few"]

# What stands beside the pairs.
CARD: Final = ".card.json"


@dataclass(frozen=True)
class Curation:
    """Pairs that teach a value.

    Attributes:
        value: Its name.
        pairs: The pairs; the chosen side expresses the value.
        card: Counts, lengths, what both sides score, and what balance cost; plain values for JSON.
    """

    value: str
    pairs: tuple[PreferencePair, ...]
    card: dict[str, Any]

    def __repr__(self) -> str:
        """The value and how many pairs teach it."""
        return f"<Curation: {len(self.pairs):,} pairs for {self.value}>"

    def to_dict(self) -> dict[str, Any]:
        """The card."""
        return dict(self.card)

    def save(self, path: Path) -> None:
        """Write the pairs as JSON lines, and the card beside them as ``<name>.card.json``.

        Raises:
            InputError: A file cannot be written.
        """
        write_preferences(self.pairs, path)
        with atomic_text(beside(path, CARD)) as stream:
            stream.write(json_text(self.card))


def curate(
    pairs: Iterable[PreferencePair | Rejected] | PairScores,
    value: str | Path | Value,
    *,
    scorer: Scorer | None = None,
    margin: float = MARGIN,
    expressed_by: ExpressedBy = "tagger",
    balance_length: bool = False,
    balance: Sequence[str] = (),
    limit: int | None = None,
    minimum: int = 20,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Curation:
    """Keep the pairs of which exactly one side expresses a value; where it is the rejected one, the sides change.

    Args:
        pairs: As ``read_preferences`` gives them (records that gave no pair are counted), or scored by ``score_pairs``,
            so that several values are curated from one scoring.
        value: A name of ``VALUES``, or one of your own as a TOML file or a ``Value``.
        scorer: Judges both sides; by default one that judges the trained values and this one.
        margin: Least difference of the two probabilities, in [0, 1].
        expressed_by: ``"source"`` takes the source's word instead: pairs whose ``value`` is this one, as they are.
        balance_length: Keep only pairs whose differences in words mirror each other around zero.
        balance: Measures (``"validation"``, ``"label.praise"``, ``"value.honesty"``) in which both sides must be alike.
        limit: Most pairs; by chance if there are more.
        minimum: Fewest pairs to be of use.
        level: Of the card's intervals.
        resamples: Of the card's intervals.
        seed: Of all random draws.

    Raises:
        InputError: Fewer pairs than ``minimum`` are left, a measure or value is unknown, or an option is out of range.
    """
    asked = value_named(value)
    rules = Rules(margin, expressed_by, balance_length, tuple(balance), limit, seed)
    scores = pairs if isinstance(pairs, PairScores) else score_pairs(pairs, scorer or scorer_for([asked]))
    selection = select(scores, asked.name, rules)
    if len(selection.rows) < max(minimum, 1):
        raise InputError(too_few(asked.name, selection, rules, minimum))
    kept = scores.pick(selection.rows, selection.flip)
    card = card_of(asked.name, scores, selection, rules, level=level, resamples=resamples)
    return Curation(asked.name, kept.pairs, card)


def too_few(value: str, selection: Selection, rules: Rules, minimum: int) -> str:
    """Why there are too few pairs, and what to do about it."""
    number = len(selection.rows)
    found = f"{number:,} pair{'' if number == 1 else 's'} found for {value}"
    if rules.expressed_by == "tagger":
        found += f" at a margin of {rules.margin:g}"
    taken = ", ".join(f"{count:,} {reason}" for reason, count in selection.dropped.items() if count)
    return (
        f"{found}, fewer than the {minimum:,} needed (left out: {taken or 'none'}); {_mend(selection, rules, minimum)}"
    )


def _mend(selection: Selection, rules: Rules, minimum: int) -> str:
    if len(selection.unbalanced[0]) >= minimum and rules.evened:
        names = ", ".join(rules.evened)
        return f"{names} goes with the value in too many of the pairs: balance fewer measures, or name a larger file"
    if rules.expressed_by == "source":
        return 'the field "value" of its pairs must name it; leave --expressed-by source out, or name another file'
    # The margin at which there are enough, rounded down.
    enough = np.sort(selection.gaps)[::-1][minimum - 1] if len(selection.gaps) >= minimum else -1.0
    lower = np.floor(20 * enough) / 20
    if 0 <= lower < rules.margin:
        return f"lower --margin to {lower:g}, name another file, or lower --minimum"
    return "name a file with more pairs that differ in it, or lower --minimum"

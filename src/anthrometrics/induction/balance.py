"""Preference pairs whose two sides are alike in named measures, so that training on them does not push these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from anthrometrics.comparison.clusters import ROUNDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TOLERANCE", "balanced", "symmetric"]

# Of a measure's paired difference, in its standard deviations: what mean may remain.
TOLERANCE: Final = 0.02
# Two differences in length are each other's mirror within so many words, or this share of the larger. Wider ones keep
# hardly more pairs (two words and a tenth: 715 of the 1,260 shipped ones instead of 709) and lean to one side.
_WORDS: Final = 1.0
_SHARE: Final = 0.05
# Pairs that the integer programme decides, and how far from the best its answer may be.
_CORES: Final = (1000, 4000, None)
_GAP: Final = 0.01


def symmetric(differences: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The most pairs whose differences in words mirror each other around zero.

    Each pair whose chosen side is longer is matched with one whose rejected side is longer by about as much (a word, or
    a twentieth). Both lists are walked through in order of size; the windows move with it, so that the greedy matching
    is one of the largest.

    Args:
        differences: Chosen − rejected, shape ``(n,)``.

    Returns:
        Which pairs to keep, shape ``(n,)``; those without a difference are kept.
    """
    kept = np.asarray(differences == 0)
    longer, shorter = (np.flatnonzero(sign * differences > 0) for sign in (1, -1))
    longer, shorter = (side[np.argsort(np.abs(differences[side]), kind="stable")] for side in (longer, shorter))
    i = j = 0
    while i < len(longer) and j < len(shorter):
        first, second = differences[longer[i]], -differences[shorter[j]]
        if abs(first - second) <= max(_WORDS, _SHARE * max(first, second)):
            kept[[longer[i], shorter[j]]] = True
            i, j = i + 1, j + 1
        elif first < second:
            i += 1
        else:
            j += 1
    return kept


def balanced(differences: NDArray[np.float64], tolerance: float = TOLERANCE) -> NDArray[np.bool_]:
    """The most pairs, to one in a hundred, whose mean difference is within tolerance of zero in every column.

    Cardinality matching (Zubizarreta, Paredes and Rosenbaum 2014), an integer programme. Of large sets it is solved for
    the pairs that its linear relaxation is least sure of; the others are decided as there (the core of Balas and Zemel
    1980).

    Of the shipped pairs, balanced value by value in anthropomorphism and validation, it keeps 843 of 1,260. Entropy
    balancing (Hainmueller 2012) gives weights that are worth 822 equal ones (Kish 1965), but training takes pairs and
    no weights: realised by drawing pairs they are worth 776, and differences of up to a tenth of a standard deviation
    come back. Leaving out the worst pair again and again keeps 766.

    Args:
        differences: Chosen − rejected, shape ``(n, k)``, without NaN.
        tolerance: In standard deviations of a column.

    Returns:
        Which pairs to keep, shape ``(n,)``; few or none where almost all differ in one direction.
    """
    from scipy.optimize import linprog

    spread = differences.std(axis=0)
    varies = spread > ROUNDING * np.abs(differences).max(axis=0)
    scaled = np.divide(differences, spread, out=np.sign(differences), where=varies)
    # No column's sum may exceed the tolerance times the pairs kept, on either side.
    excess = np.hstack([scaled - tolerance, -scaled - tolerance])
    relaxed = linprog(-np.ones(len(excess)), A_ub=excess.T, b_ub=np.zeros(excess.shape[1]), bounds=(0, 1))
    sureness = np.argsort(np.abs(-1 - excess @ relaxed.ineqlin.marginals), kind="stable")
    for size in _CORES:
        kept = np.asarray(relaxed.x > 0.5)
        core = sureness[:size]
        kept[core] = False
        decided = _largest(excess[core], -excess[kept].sum(axis=0))
        if decided is not None:
            kept[core] = decided
            return kept
    raise AssertionError("keeping no pair satisfies every bound")


def _largest(excess: NDArray[np.float64], room: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """The most rows whose sums stay within ``room``; None if none do."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = milp(
        -np.ones(len(excess)),
        constraints=LinearConstraint(excess.T, -np.inf, room),
        integrality=np.ones(len(excess)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": _GAP},
    )
    return None if found.x is None else np.asarray(found.x > 0.5)

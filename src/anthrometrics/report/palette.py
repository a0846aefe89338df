"""Colours that colour-blind readers can tell apart, the same in every output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anthrometrics.codebook import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BASE", "COLOURS", "FAMILY", "TUNED"]

# Okabe and Ito's palette (Color Universal Design, 2008).
COLOURS: Final[Mapping[str, str]] = {"anthropomorphism": "#CC79A7", "validation": "#009E73", "refusal": "#E69F00"}
BASE: Final = "#6B7280"
TUNED: Final = "#0072B2"

# Label → family, which gives its colour.
FAMILY: Final[Mapping[str, str]] = {label.name: label.family for label in LABELS}

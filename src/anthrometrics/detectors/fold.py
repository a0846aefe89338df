"""Fold what a reader does not see, or reads as plain letters, and keep the way back to the original characters.

Invisible characters, terminal colours, typographic quotes, styled letters and letters borrowed from another alphabet
change the tokens of a sentence and not what it says. They are folded before segmentation and tokenising, in training
and in scoring alike; every span that leaves the package points into the original text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from anthrometrics.detectors.segment import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Folded", "fold"]

# Commands that a terminal obeys and does not show (ECMA-48); zero-width and direction marks, soft hyphen, fillers,
# variation selectors, tags.
_INVISIBLE = re.compile(
    "\x1b\\[[0-9;?]*[A-Za-z]|\x1b\\][^\x07\x1b\n]{0,500}(?:\x07|\x1b\\\\)|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
_QUOTES: Final = dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\uff07", "'") | dict.fromkeys(
    "\u201c\u201d\u201e\u201f\u2033\uff02", '"'
)
# Letters that most fonts draw like a Latin one, after the confusables of Unicode Technical Standard 39.
_LOOKALIKES: Final = dict(
    zip(
        "АВЕЅІЈКМНОРСТХҮаеѕіјорсухһԁԛԝѵɡ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοντ",
        "ABESIJKMHOPCTXYaesijopcyxhdqwvg" + "ABEZHIKMNOPTYXovt",
        strict=True,
    )
)
_WORD = re.compile(r"[^\W\d_]+")
_FOREIGN = re.compile("[\u0370-\u03ff\u0400-\u052f]")


@dataclass(frozen=True)
class Folded:
    """A folded text.

    Attributes:
        text: What the segmenter and the tokenizer see.
        origins: For each of its characters the index of the original one; None if no index changed.
    """

    text: str
    origins: Sequence[int] | None

    def original(self, span: Span) -> Span:
        """The span of the original text that a span of ``text`` stands for.

        Args:
            span: At least one character of ``text``.
        """
        if self.origins is None:
            return span
        return Span(self.origins[span.start], self.origins[span.end - 1] + 1)


def fold(text: str) -> Folded:
    """Fold a text.

    Args:
        text: Any string.

    Returns:
        The text without invisible characters and terminal commands; with straight quotes; with styled letters
        (full-width, mathematical, circled, ligatures) as plain ones; and with Cyrillic and Greek letters that look
        Latin replaced by the Latin ones in words, or whole texts, that are Latin otherwise.
    """
    if text.isascii() and "\x1b" not in text:
        return Folded(text, None)
    text = _latin(text)
    replaced = {character: plain for character in set(text) if (plain := _plain(character)) is not None}
    if all(len(plain) == 1 for plain in replaced.values()) and not _INVISIBLE.search(text):
        return Folded(text.translate({ord(character): plain for character, plain in replaced.items()}), None)
    return _reindexed(text, replaced)


def _reindexed(text: str, replaced: dict[str, str]) -> Folded:
    """Fold where characters vanish or become several."""
    alternatives = [_INVISIBLE.pattern, *map(re.escape, replaced)]
    parts: list[str] = []
    origins: list[int] = []
    position = 0
    for match in re.finditer("|".join(alternatives), text):
        plain = replaced.get(match[0], "")
        parts += text[position : match.start()], plain
        origins += range(position, match.start())
        origins += [match.start()] * len(plain)
        position = match.end()
    parts.append(text[position:])
    origins += range(position, len(text))
    return Folded("".join(parts), origins)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str | None:
    """The plain form of a quote or of a styled letter or digit; None for every other character."""
    if character in _QUOTES:
        return _QUOTES[character]
    if character.isascii():
        return None
    plain = unicodedata.normalize("NFKC", character)
    letter = unicodedata.category(character).startswith("L") or len(plain) == 1
    return plain if letter and plain.isascii() and plain.isalnum() else None


def _latin(text: str) -> str:
    """Latin letters for their look-alikes, unless the word is really Cyrillic or Greek."""
    foreign = set(_FOREIGN.findall(text))
    if not foreign:
        return text
    borrowed = foreign <= _LOOKALIKES.keys()
    table = str.maketrans(_LOOKALIKES)

    def latin(word: re.Match[str]) -> str:
        return word[0].translate(table) if borrowed or re.search("[A-Za-z]", word[0]) else word[0]

    return _WORD.sub(latin, text)

"""Is a response mostly English? The detectors were measured on English alone.

Two cheap signs: the script of its letters, and whose function words it uses (spaCy's stop-word lists). Texts without
function words (lists of names, code) stay unflagged.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import as_file, files
from runpy import run_path
from typing import Final

__all__ = ["is_mostly_english"]

_OTHERS: Final = ("cs", "da", "de", "es", "fi", "fr", "hu", "id", "it", "nl", "pl", "pt", "ro", "sv", "tr", "vi")
# One letter is as likely a variable, a chord or a list mark as a word.
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
# Language is clear from the beginning; a bounded look keeps long texts cheap.
_CHARACTERS: Final = 2000
# Below this many words one borrowed phrase would decide.
_FEWEST_WORDS: Final = 4
_LAST_LATIN: Final = 0x024F


def is_mostly_english(text: str) -> bool:
    """Whether the beginning of ``text`` reads as English, or shows no sign of another language."""
    words = _WORD.findall(text[:_CHARACTERS].lower())
    letters = sum(len(word) for word in words)
    latin = sum(1 for word in words for character in word if ord(character) <= _LAST_LATIN)
    if latin < 0.6 * letters:
        return False
    if len(words) < _FEWEST_WORDS:
        return True
    english, others = _function_words()
    hits = sum(word in english for word in words)
    rival = max(sum(word in vocabulary for word in words) for vocabulary in others)
    return rival < 0.15 * len(words) or hits >= rival


@lru_cache(maxsize=1)
def _function_words() -> tuple[frozenset[str], tuple[frozenset[str], ...]]:
    english, *others = (_stop_words(code) for code in ("en", *_OTHERS))
    return english, tuple(others)


def _stop_words(code: str) -> frozenset[str]:
    """The list alone: importing a language's package builds its tokenizer too, six seconds for French."""
    with as_file(files("spacy.lang") / code / "stop_words.py") as path:
        return frozenset(run_path(str(path))["STOP_WORDS"])

"""Texts as a very small model can learn them: plain English prose without marks, code or links."""

from __future__ import annotations

import re

from spacy.lang.en.stop_words import STOP_WORDS

__all__ = ["content_words", "cut", "key_of", "plain", "readable", "words"]

_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": " - ", "…": "...", "\xa0": " "})
_MARKS = re.compile(r"\*\*|__|^#{1,6} +|^> ?|`", re.MULTILINE)
_BULLETS = re.compile(r"^[ \t]*[*•] +", re.MULTILINE)
_BLANKS = re.compile(r"[ \t]+")
_LINES = re.compile(r"\n\s*\n+")
_CODE = re.compile(
    r"```|https?://|www\.|</?[a-z]+>|\\[a-z]+\{|[{}]|;\n|\bdef \w+\(|\bimport \w+\n|==|\|\s*---|\[REF", re.I
)
_SENTENCE_END = re.compile(r"[.!?][\"')]?(?=\s|$)")
_LEAST_COMMON, _MOST_OTHER, _MOST_DIGITS = 0.3, 0.01, 0.08


def plain(text: str) -> str:
    """Straight quotes, no Markdown marks, single blanks."""
    text = _BULLETS.sub("- ", _MARKS.sub("", text.translate(_STRAIGHT).replace("\r", "")))
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()


def words(text: str) -> list[str]:
    """Lower-case words of a text."""
    return re.findall(r"[a-z']+", text.lower())


def content_words(text: str) -> set[str]:
    """The words of four letters and more that are not among the most common."""
    return {word for word in words(text) if len(word) > 3 and word not in STOP_WORDS}


def readable(text: str) -> bool:
    """Whether a text is English prose: common words, hardly any digits or foreign characters, no code or links."""
    if not text or _CODE.search(text):
        return False
    others, digits = sum(ord(c) > 126 for c in text), sum(map(str.isdigit, text))
    if others > _MOST_OTHER * len(text) or digits > _MOST_DIGITS * len(text):
        return False
    found = words(text)
    return len(found) < 8 or sum(word in STOP_WORDS for word in found) >= _LEAST_COMMON * len(found)


def cut(text: str, most: int) -> tuple[str, bool]:
    """The text up to the last sentence end within ``most`` words, and whether anything was cut away."""
    pieces = text.split(" ")
    if len(pieces) <= most:
        return text, False
    head = " ".join(pieces[:most])
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    return (head[: ends[-1]] if ends else ""), True


def key_of(text: str) -> str:
    """What two copies of a text share: its first words."""
    return " ".join(words(text)[:24])

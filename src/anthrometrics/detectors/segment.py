"""Cut a response into sentences, as character spans of the original text.

spaCy's rule-based sentencizer finds the boundaries. On top of it stand the few rules that assistant markdown needs: a
line break ends a sentence, a list marker belongs to the item it opens, a fenced code block is one unit, and
``fmt.Println`` is not two sentences.
"""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spacy.language import Language
    from spacy.pipeline import Sentencizer

__all__ = ["Span", "split_sentences"]


class Span(NamedTuple):
    """A half-open range of characters, ``text[start:end]``."""

    start: int
    end: int


# As CommonMark has it: no back quote after an opening fence of back quotes, nothing after a closing one.
_FENCE = re.compile(r"^[ \t]*(?P<fence>```+(?=[^`\n]*$)|~~~+)(?P<info>[^\n]*)$", re.MULTILINE)
_LINE = re.compile(r"[^\n\r\v\f\x85\u2028\u2029]+")
_RULE = re.compile(r"[\s\-*_=#`|~>+.:;,()\[\]{}/\\\"'\u2010-\u2015\u2022\u00b7]*")
_WORD = re.compile(r"\w")
_MARKER = re.compile(r"[\W_]*\d+[\W_]*")
# spaCy's English tokenizer needs a space after a full stop; CJK text has none.
_UNSPACED_END = re.compile(r"(?<=[\u3002\uff01\uff1f\uff61])(?=[^\s\u3002\uff01\uff1f\uff61])")
# spaCy builds its tables for the whole text it is given; bounded pieces keep memory flat on one-line megabyte inputs.
_PIECE = 20_000
# Its tokenizer peels punctuation off a word character by character, which is quadratic in "!!!!…"; no word is as long.
_ENDLESS_WORD = re.compile(r"\S{200,}")
# spaCy keeps every new word until its memory zone ends; ending it with each text would cost the cache of common ones.
_CHARACTERS_A_ZONE = 500_000


class _Sentencizer:
    """SpaCy's rule-based sentencizer, with memory that does not grow."""

    def __init__(self) -> None:
        import spacy

        self._nlp: Language = spacy.blank("en")
        pipe = cast("Sentencizer", self._nlp.add_pipe("sentencizer"))
        self._ends = re.compile(f"[{re.escape(''.join(pipe.punct_chars))}]")
        self._zone = ExitStack()
        self._left = 0

    def begin_text(self, characters: int) -> None:
        """To be called once a text."""
        if self._left <= 0:
            self._zone.close()
            self._zone.enter_context(self._nlp.memory_zone())
            self._left = _CHARACTERS_A_ZONE
        self._left -= characters

    def sentences(self, text: str) -> Iterator[tuple[int, int]]:
        """Offsets of the sentences of one line."""
        end = self._ends.search(text)
        # Most lines of a list are one sentence; seeing that spares the tokenizer.
        if end is None or not _WORD.search(text, end.end()):
            yield 0, len(text)
        else:
            yield from ((sentence.start_char, sentence.end_char) for sentence in self._nlp(text).sents)


_local = threading.local()


def _sentencizer() -> _Sentencizer:
    """One a thread: spaCy's memory zones must not overlap on one vocabulary."""
    found: _Sentencizer | None = getattr(_local, "sentencizer", None)
    if found is None:
        found = _local.sentencizer = _Sentencizer()
    return found


def split_sentences(text: str) -> list[Span]:
    """Return the sentences of ``text`` in order, without overlap.

    Args:
        text: Any string. Its characters are never changed, so every span points into it.

    Returns:
        Spans stripped of surrounding white space. Everything that has a word lies in exactly one of them; rules,
        bare list markers and empty lines lie in none.
    """
    spans: list[Span] = []
    position = 0
    nlp = _sentencizer()
    nlp.begin_text(len(text))
    for block in _code_blocks(text):
        spans.extend(_prose(nlp, text, position, block.start))
        if not _RULE.fullmatch(text, block.start, block.end):
            spans.append(block)
        position = block.end
    spans.extend(_prose(nlp, text, position, len(text)))
    return spans


def _code_blocks(text: str) -> Iterator[Span]:
    opened: re.Match[str] | None = None
    for match in _FENCE.finditer(text):
        if opened is None:
            opened = match
        elif match["fence"].startswith(opened["fence"]) and not match["info"].strip():
            yield Span(opened.start("fence"), match.end("fence"))
            opened = None


def _prose(nlp: _Sentencizer, text: str, start: int, end: int) -> Iterator[Span]:
    for line in _LINE.finditer(text, start, end):
        yield from _joined(text, list(_line_sentences(nlp, text, line.start(), line.end())))


def _line_sentences(nlp: _Sentencizer, text: str, start: int, end: int) -> Iterator[Span]:
    """Sentences of one line; two that touch without a space between them are one."""
    cuts = [match.start() for match in _UNSPACED_END.finditer(text, start, end)]
    for cut in [*cuts, end]:
        pending: Span | None = None
        for span in _raw_sentences(nlp, text, start, cut):
            if pending is not None and pending.end == span.start:
                pending = Span(pending.start, span.end)
                continue
            if pending is not None:
                yield pending
            pending = span
        if pending is not None:
            yield pending
        start = cut


def _raw_sentences(nlp: _Sentencizer, text: str, start: int, end: int) -> Iterator[Span]:
    """SpaCy's sentences, in pieces of bounded size; what a piece cuts off begins the next one."""
    while start < end:
        stop = min(start + _PIECE, end)
        found = [
            span
            for first, last in nlp.sentences(_ENDLESS_WORD.sub(_plain_word, text[start:stop]))
            if (span := _stripped(text, start + first, start + last)) is not None
        ]
        if stop < end and len(found) > 1:
            stop = found.pop().start
        yield from found
        start = stop


def _plain_word(word: re.Match[str]) -> str:
    """A stand-in of the same length, so that offsets hold."""
    return "x" * len(word[0])


def _stripped(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end) if end > start else None


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Join what has no word of its own to a sentence: "1." to the next, a closing emoji to the one before."""
    joined: list[Span] = []
    marker: int | None = None
    for span in spans:
        opens_next = _MARKER.fullmatch(text, span.start, span.end) is not None
        if opens_next and span is not spans[-1]:
            marker = span.start if marker is None else marker
        elif joined and marker is None and not _has_word(text, span):
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(Span(span.start if marker is None else marker, span.end))
            marker = None
    return [span for span in joined if not _RULE.fullmatch(text, span.start, span.end)]


def _has_word(text: str, span: Span) -> bool:
    return any(character.isalpha() for character in text[span.start : span.end])

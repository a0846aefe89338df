"""Token windows: what one call of the encoder sees.

A window is ``[CLS] user tail [SEP] part of the response [SEP]``. Long responses are cut at sentence ends into as many
windows as they need, and each carries the tail of the user turn. Training and scoring share this module, so the
model meets the same cuts in both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from anthrometrics.detectors.fold import fold
from anthrometrics.detectors.segment import Span, split_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

__all__ = ["EncodedTurn", "Window", "WindowSizes", "encode_turn", "turn_weights"]

# A prompt's tail of n tokens never needs more characters than this per token (longest word pieces, spaces included).
_CHARACTERS_PER_TOKEN: Final = 24
# A turn is refused or answered where it begins, and the turn head learns from first windows. On the calibration split
# this share of the later ones gave the best likelihood (training/ABLATIONS.md).
_LATER_WINDOWS: Final = 0.2
# JSON can carry halves of surrogate pairs, which no tokenizer takes.
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class WindowSizes:
    """Lengths in tokens; they are fixed with the model and stored in ``detectors.json``.

    Attributes:
        total: Longest window, special tokens included.
        prompt: Longest tail of the user turn.
    """

    total: int
    prompt: int

    def response_budget(self, prompt_length: int) -> int:
        """Tokens left for the response beside a prompt of ``prompt_length`` tokens and three special tokens."""
        return self.total - 3 - prompt_length


@dataclass(frozen=True)
class Window:
    """One encoder input.

    Attributes:
        ids: Token ids, shape ``(tokens,)``.
        response_start: Index of the first response token; before it stand ``[CLS]``, the user tail and ``[SEP]``.
        sentences: Index into ``EncodedTurn.spans`` of each sentence of this window.
        token_ranges: For each of them its half-open range of tokens in ``ids``.
    """

    ids: NDArray[np.int64]
    response_start: int
    sentences: tuple[int, ...]
    token_ranges: tuple[tuple[int, int], ...]

    @property
    def response_tokens(self) -> int:
        """Number of response tokens."""
        return len(self.ids) - self.response_start - 1

    def token_types(self) -> NDArray[np.int64]:
        """Segment ids: 0 for the user side, 1 for the response, shape ``(tokens,)``."""
        return (np.arange(len(self.ids)) >= self.response_start).astype(np.int64)

    def response_mask(self) -> NDArray[np.float32]:
        """1 on response tokens and 0 elsewhere, shape ``(tokens,)``."""
        mask = np.zeros(len(self.ids), dtype=np.float32)
        mask[self.response_start : -1] = 1.0
        return mask

    def pooling(self) -> NDArray[np.float32]:
        """Row-normalised sentence-by-token matrix, shape ``(sentences, tokens)``."""
        matrix = np.zeros((len(self.sentences), len(self.ids)), dtype=np.float32)
        for row, (start, end) in enumerate(self.token_ranges):
            matrix[row, start:end] = 1.0 / (end - start)
        return matrix


@dataclass(frozen=True)
class EncodedTurn:
    """A turn ready for the encoder: sentence spans (offsets into the response) and the windows that cover them."""

    spans: tuple[Span, ...]
    windows: tuple[Window, ...]


def encode_turn(tokenizer: Tokenizer, sizes: WindowSizes, prompt: str | None, response: str) -> EncodedTurn:
    """Segment, tokenise and window one assistant turn.

    Args:
        tokenizer: The trunk's tokenizer, with truncation and padding off.
        sizes: Window lengths the model was trained with.
        prompt: The user turn before it, if any; only its tail is used.
        response: The assistant turn.

    Returns:
        Spans and windows. A sentence longer than a window is cut into several spans, so that every token of every
        sentence is seen exactly once. No sentence, no window.
    """
    folded = fold(_encodable(response))
    tail = _prompt_tail(tokenizer, sizes, prompt)
    encoding = tokenizer.encode(folded.text, add_special_tokens=False)
    budget = sizes.response_budget(len(tail))
    spans: list[Span] = []
    ranges: list[tuple[int, int]] = []
    for span, tokens in _locate(split_sentences(folded.text), encoding.offsets):
        for piece, piece_tokens in _cut(span, tokens, encoding, budget):
            spans.append(folded.original(piece))
            ranges.append(piece_tokens)
    head = [_token_id(tokenizer, "[CLS]"), *tail, _token_id(tokenizer, "[SEP]")]
    separator = head[-1]
    windows = tuple(_build(head, separator, encoding.ids, ranges, chunk) for chunk in _chunks(ranges, budget))
    return EncodedTurn(tuple(spans), windows)


def turn_weights(response_tokens: Sequence[int]) -> NDArray[np.float64]:
    """Weight of each window in its turn's refusal.

    Args:
        response_tokens: Response tokens of the windows of a turn, in order.

    Returns:
        Weights that sum to 1, shape ``(windows,)``: most for the first window, and a share for all later ones
        together, by their tokens, so that no tail outvotes the beginning however long it is.
    """
    weights = np.asarray(response_tokens, dtype=np.float64)
    if len(weights) == 1:
        return np.ones(1)
    later = weights[1:] * (_LATER_WINDOWS / weights[1:].sum())
    return np.concatenate([[1.0 - _LATER_WINDOWS], later])


def _token_id(tokenizer: Tokenizer, token: str) -> int:
    index = tokenizer.token_to_id(token)
    if index is None:
        raise ValueError(f"the tokenizer has no {token} token; use the tokenizer.json that ships with the model")
    return index


def _encodable(text: str) -> str:
    """One replacement character for each lone surrogate, so that offsets stay right."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _prompt_tail(tokenizer: Tokenizer, sizes: WindowSizes, prompt: str | None) -> list[int]:
    if not prompt:
        return []
    text = fold(_encodable(prompt[-sizes.prompt * _CHARACTERS_PER_TOKEN :])).text
    return list(tokenizer.encode(text, add_special_tokens=False).ids[-sizes.prompt :])


def _locate(spans: Sequence[Span], offsets: Sequence[tuple[int, int]]) -> Iterator[tuple[Span, tuple[int, int]]]:
    """Pair each span with the tokens that start inside it; both run left to right, so one pass is enough."""
    token = 0
    for span in spans:
        while token < len(offsets) and offsets[token][0] < span.start:
            token += 1
        first = token
        while token < len(offsets) and offsets[token][0] < span.end:
            token += 1
        if token > first:
            yield span, (first, token)


def _cut(
    span: Span, tokens: tuple[int, int], encoding: Encoding, budget: int
) -> Iterator[tuple[Span, tuple[int, int]]]:
    first, last = tokens
    if last - first <= budget:
        yield span, tokens
        return
    for start in range(first, last, budget):
        end = min(start + budget, last)
        yield Span(encoding.offsets[start][0], encoding.offsets[end - 1][1]), (start, end)


def _chunks(ranges: Sequence[tuple[int, int]], budget: int) -> Iterator[range]:
    """Greedy left-to-right packing of sentences, in runs whose tokens fit the budget."""
    first = 0
    for index, (_, end) in enumerate(ranges):
        if end - ranges[first][0] > budget:
            yield range(first, index)
            first = index
    if ranges:
        yield range(first, len(ranges))


def _build(head: list[int], separator: int, ids: list[int], ranges: Sequence[tuple[int, int]], chunk: range) -> Window:
    begin, end = ranges[chunk.start][0], ranges[chunk.stop - 1][1]
    shift = len(head) - begin
    return Window(
        ids=np.array([*head, *ids[begin:end], separator], dtype=np.int64),
        response_start=len(head),
        sentences=tuple(chunk),
        token_ranges=tuple((ranges[i][0] + shift, ranges[i][1] + shift) for i in chunk),
    )

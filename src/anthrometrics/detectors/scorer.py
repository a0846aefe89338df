"""Text → scores: the only face of the detectors."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.detectors.aggregate import aggregate
from anthrometrics.detectors.encoder import Device, Encoder
from anthrometrics.detectors.language import is_mostly_english
from anthrometrics.detectors.manifest import Precision, load_manifest
from anthrometrics.detectors.window import EncodedTurn, encode_turn, turn_weights
from anthrometrics.errors import InputError, ModelError
from anthrometrics.provenance import provenance_of
from anthrometrics.scores import Measured, Scores, TurnScore
from anthrometrics.turns import Turn, as_turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from anthrometrics.detectors.window import Window

    Scorable = Turn | str | Sequence[str | None] | Mapping[str, Any]

__all__ = ["Scorer", "join_windows"]

# Turns in flight per thread: enough that one very long turn does not idle the others.
_AHEAD: Final = 32
# On a GPU: turns gathered before their windows are sorted by length, and padded tokens in one batch.
_GATHER: Final = 512
_BATCH_TOKENS: Final = 16_384


class Scorer:
    """Scores assistant turns for anthropomorphism, validation and refusal.

    On a CPU the score of a turn depends on nothing but the turn: not on its neighbours, its place, or the number of
    threads. Loading takes about a second; keep one scorer and use it from one thread at a time.

    Args:
        device: ``"cpu"``, ``"cuda"``, or ``"auto"`` for CUDA where ONNX Runtime has it.
        precision: ``"int8"`` (default on a CPU), ``"exact"`` (fp32 arithmetic) or ``"fp16"`` (default on CUDA).
        threads: Turns encoded at once on a CPU; by default the cores this process may use.
        model: Folder of another model; the one that ships with the package by default.

    Raises:
        DeviceError: CUDA was asked for and cannot be had.
        ModelError: The model folder is missing or does not fit.
        InputError: ``threads`` is below 1.

    Example:
        >>> scorer = Scorer()
        >>> score = scorer.score(Turn(prompt="I quit my job.", response="How brave! I'm so proud of you."))
        >>> score.refusal_label
        'compliance'
    """

    def __init__(
        self,
        device: Device = "auto",
        precision: Precision | None = None,
        threads: int | None = None,
        model: str | Path | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise InputError(f"threads must be at least 1, not {threads}")
        self._manifest = load_manifest(None if model is None else Path(model))
        self._encoder = Encoder(self._manifest.path, self._manifest.files, device, precision)
        self._tokenizer = _load_tokenizer(self._manifest.path)
        self._threads = threads or _usable_cores()
        # Kept between calls: each thread builds its own sentence splitter, which takes longer than a short turn.
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="anthrometrics")
        self._thresholds = np.array([platt.threshold for platt in self._manifest.sentence])
        self.provenance: dict[str, Any] = provenance_of(self._manifest, self._encoder)

    def __repr__(self) -> str:
        """Model, precision and device."""
        return f"<Scorer: {self._manifest.name}, {self._encoder.precision} on {self._encoder.device}>"

    def score(self, turn: Scorable) -> TurnScore:
        """Score one turn: a ``Turn``, a response, a ``(prompt, response)`` pair or a dict with those keys."""
        return self._score(as_turn(turn))

    def score_many(self, turns: Iterable[Scorable]) -> Scores:
        """Score any iterable of turns, in order, and keep all results in memory."""
        return Scores(list(self.stream(turns)), self.provenance)

    def stream(self, turns: Iterable[Scorable]) -> Iterator[TurnScore]:
        """Score turns as they come, in order, in bounded memory.

        Args:
            turns: Any iterable; it is read only a few turns ahead of what was yielded.

        Returns:
            An iterator of one score per turn, in input order.

        Raises:
            InputError: ``turns`` is a single turn, whose letters or fields would be taken for turns.
        """
        if isinstance(turns, Turn | str | Mapping):
            raise InputError(
                f"expected an iterable of turns, not one {type(turns).__name__}; pass a list, or use score()"
            )
        return self._stream(map(as_turn, turns))

    def _stream(self, parsed: Iterator[Turn]) -> Iterator[TurnScore]:
        if self._encoder.batched:
            yield from self._stream_batched(parsed)
        elif self._threads == 1:
            yield from map(self._score, parsed)
        else:
            yield from self._stream_threaded(parsed)

    def _stream_threaded(self, turns: Iterator[Turn]) -> Iterator[TurnScore]:
        pending: deque[Future[TurnScore]] = deque()
        try:
            for turn in turns:
                pending.append(self._pool.submit(self._score, turn))
                if len(pending) >= self._threads * _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _stream_batched(self, turns: Iterator[Turn]) -> Iterator[TurnScore]:
        while chunk := list(islice(turns, _GATHER)):
            prepared = [self._prepare(turn) for turn in chunk]
            windows = [w for item in prepared if isinstance(item, EncodedTurn) for w in item.windows]
            logits = iter(self._encode_sorted(windows))
            for turn, item in zip(chunk, prepared, strict=True):
                if isinstance(item, TurnScore):
                    yield item
                else:
                    yield self._finish(turn, item, [next(logits) for _ in item.windows])

    def _encode_sorted(self, windows: list[Window]) -> list[Any]:
        """Encode in batches of windows of like length; results in the order of ``windows``."""
        results: list[Any] = [None] * len(windows)
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids), reverse=True)
        while order:
            size = max(1, _BATCH_TOKENS // len(windows[order[0]].ids))
            batch, order = order[:size], order[size:]
            encoded = self._encoder.run_batch([windows[i] for i in batch])
            for index, logits in zip(batch, encoded, strict=True):
                results[index] = logits
        return results

    def _score(self, turn: Turn) -> TurnScore:
        prepared = self._prepare(turn)
        if isinstance(prepared, TurnScore):
            return prepared
        return self._finish(turn, prepared, [self._encoder.run(window) for window in prepared.windows])

    def _prepare(self, turn: Turn) -> EncodedTurn | TurnScore:
        """Encode the text, or say why it cannot be scored."""
        if turn.response is None:
            return self._unscored(turn, "non_text")
        if not turn.response.strip():
            return self._unscored(turn, "whitespace" if turn.response else "empty")
        encoded = encode_turn(self._tokenizer, self._manifest.sizes, turn.prompt, turn.response)
        return encoded if encoded.windows else self._unscored(turn, "no_words")

    def _finish(
        self, turn: Turn, encoded: EncodedTurn, logits: list[tuple[NDArray[np.float32], NDArray[np.float32]]]
    ) -> TurnScore:
        measured = Measured(
            encoded.spans, aggregate(self._manifest, *join_windows(encoded.windows, logits)), self._thresholds
        )
        flags = _flags(turn)
        return TurnScore(turn, "scored", flags=flags, provenance=self.provenance, measured=measured)

    def _unscored(self, turn: Turn, reason: str) -> TurnScore:
        return TurnScore(turn, "unscored", reason=reason, provenance=self.provenance)


def _flags(turn: Turn) -> tuple[str, ...]:
    raised = {
        "unverified_language": not is_mostly_english(turn.response or ""),
        "reasoning_left_out": turn.reasoning_left_out,
    }
    return tuple(name for name, holds in raised.items() if holds)


def join_windows(
    windows: Sequence[Window], logits: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put the windows of one turn together again.

    Args:
        windows: The turn's windows.
        logits: Sentence and turn logits of each.

    Returns:
        Sentence logits of the whole turn, shape ``(sentences, outputs)``, and the mean of the turn logits, weighted by
        ``turn_weights``, shape ``(3,)``.
    """
    sentences = np.concatenate([sentence for sentence, _ in logits]).astype(np.float64)
    weights = turn_weights([window.response_tokens for window in windows])
    turns = np.stack([turn for _, turn in logits]).astype(np.float64)
    return sentences, weights @ turns


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _load_tokenizer(directory: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    file = directory / "tokenizer.json"
    if not file.is_file():
        raise ModelError(f"{file} is missing; a model folder holds detectors.json, tokenizer.json and its ONNX files")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer

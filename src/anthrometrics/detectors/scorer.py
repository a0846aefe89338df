"""Text → scores: the only face of the detectors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.detectors.aggregate import Calibration, aggregate
from anthrometrics.detectors.cache import LogitCache, TurnLogits, text_key
from anthrometrics.detectors.encoder import Device, Encoder
from anthrometrics.detectors.language import is_mostly_english
from anthrometrics.detectors.manifest import Precision, load_manifest, model_dir
from anthrometrics.detectors.schedule import in_order
from anthrometrics.detectors.values import ValueTagger
from anthrometrics.detectors.window import EncodedTurn, encode_turn, turn_weights
from anthrometrics.errors import InputError, ModelError
from anthrometrics.provenance import provenance_of
from anthrometrics.scores import Measured, Scores, TurnScore
from anthrometrics.turns import Turn, as_turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from anthrometrics.detectors.values import OwnValue, WindowValues
    from anthrometrics.detectors.window import Window

    Logits = tuple[NDArray[np.float32], NDArray[np.float32]]
    Encoded = tuple[Logits, WindowValues | None]
    Scorable = Turn | str | Sequence[str | None] | Mapping[str, Any]

__all__ = ["Scorer", "join_windows"]

# On a GPU: turns gathered before their windows are sorted by length, and padded tokens in one batch.
_GATHER: Final = 512
_BATCH_TOKENS: Final = 16_384


class Scorer:
    """Scores assistant turns for anthropomorphism, validation and refusal, and for values where asked.

    On a CPU the score of a turn depends on nothing but the turn: not on its neighbours, its place, or the number of
    threads. Loading takes about a second; keep one scorer and use it from one thread at a time.

    Args:
        device: ``"cpu"``, ``"cuda"``, or ``"auto"`` for CUDA where ONNX Runtime has it.
        precision: ``"int8"`` (default on a CPU), ``"exact"`` (fp32 arithmetic) or ``"fp16"`` (default on CUDA).
        threads: Turns encoded at once on a CPU; by default the cores this process may use.
        model: ``"full"`` (default) or ``"fast"`` with half the layers, both of which ship with the package, or the
            folder of another model.
        cache_mb: Megabytes for remembering what was scored, so that identical texts are judged once; 0 for none.
        values: Whether to judge which of the 17 values a turn expresses, by one more model on the CPU. Values of your
            own, as ``induction.values.load_value`` reads them, are judged besides, without training.

    Raises:
        DeviceError: CUDA was asked for and cannot be had.
        ModelError: The model folder is missing or does not fit.
        InputError: ``threads`` is below 1, ``cache_mb`` below 0, or ``values`` are not values.

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
        cache_mb: float = 64.0,
        values: bool | Sequence[OwnValue] = False,
    ) -> None:
        if threads is not None and threads < 1:
            raise InputError(f"threads must be at least 1, not {threads}")
        if not cache_mb >= 0:
            raise InputError(f"cache_mb must be at least 0, not {cache_mb}")
        self._manifest = load_manifest(model_dir(model))
        self._encoder = Encoder(self._manifest.path, self._manifest.files, device, precision)
        self._tokenizer = _load_tokenizer(self._manifest.path)
        self._threads = threads or _usable_cores()
        # Kept between calls: each thread builds its own sentence splitter, which takes longer than a short turn.
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="anthrometrics")
        self._cache = LogitCache(int(cache_mb * 1e6))
        self._calibration = Calibration.of(self._manifest)
        self._thresholds = np.array([platt.threshold for platt in self._manifest.sentence])
        self._tagger: ValueTagger | None = None
        self.provenance: dict[str, Any] = provenance_of(self._manifest, self._encoder)
        if values is not False:
            self._tagger = ValueTagger(self._manifest, self._tokenizer, values)
            self.provenance |= self._tagger.provenance

    def __repr__(self) -> str:
        """Model, precision and device."""
        return f"<Scorer: {self._manifest.name}, {self._encoder.precision} on {self._encoder.device}>"

    @property
    def value_thresholds(self) -> dict[str, float]:
        """Probability from which a value counts as expressed; empty where values are not judged."""
        return {} if self._tagger is None else dict(self._tagger.thresholds)

    def score(self, turn: Scorable) -> TurnScore:
        """Score one turn: a ``Turn``, a response, a ``(prompt, response)`` pair or a dict with those keys."""
        (score,) = self._stream(iter([as_turn(turn)]))
        return score

    def score_many(self, turns: Iterable[Scorable]) -> Scores:
        """Score any iterable of turns, in order, and keep all results in memory."""
        return Scores(list(self.stream(turns)), self.provenance)

    def stream(self, turns: Iterable[Scorable]) -> Iterator[TurnScore]:
        """Score turns as they come, in order, in bounded memory.

        Args:
            turns: Any iterable; it is read a few pages of text ahead of what was yielded, and no further.

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
        keyed = ((turn, text_key(turn) if self._cache.capacity else None) for turn in parsed)
        if self._encoder.batched:
            judged = self._batched(keyed)
        else:
            judged = in_order(self, self._pool, self._threads, self._cache, keyed)
        for turn, logits in judged:
            yield self._finish(turn, logits)

    def _batched(self, keyed: Iterator[tuple[Turn, bytes | None]]) -> Iterator[tuple[Turn, TurnLogits | None]]:
        """On a GPU: the windows of many turns, sorted by length."""
        while chunk := list(islice(keyed, _GATHER)):
            known = {key: found for _, key in chunk if key is not None and (found := self._cache.get(key)) is not None}
            # Without a key each turn stands for itself; with one, the first of its kind stands for all.
            new = {key or index: turn for index, (turn, key) in enumerate(chunk) if key not in known}
            prepared = {key: self.prepare(turn) for key, turn in new.items()}
            logits = iter(self._encode_batched([w for item in prepared.values() if item for w in item.windows]))
            fresh = {
                key: self.join(item, [next(logits) for _ in item.windows]) if item else None
                for key, item in prepared.items()
            }
            for index, (turn, key) in enumerate(chunk):
                yield turn, known[key] if key is not None and key in known else fresh[key or index]
            for name, found in fresh.items():
                if isinstance(name, bytes) and found is not None:
                    self._cache.put(name, found)

    def _encode_batched(self, windows: list[Window]) -> list[Encoded]:
        """The detectors on the GPU, and the values on the CPU meanwhile."""
        values = repeat(None) if self._tagger is None else self._pool.map(self._tagger.encode, windows)
        return list(zip(self._encode_sorted(windows), values, strict=False))

    def _encode_sorted(self, windows: list[Window]) -> list[Logits]:
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

    def prepare(self, turn: Turn) -> EncodedTurn | None:
        """Cut and tokenize a turn; None if nothing of it can be scored."""
        if not turn.response or not turn.response.strip():
            return None
        encoded = encode_turn(self._tokenizer, self._manifest.sizes, turn.prompt, turn.response)
        return encoded if encoded.windows else None

    def encode(self, windows: Sequence[Window]) -> list[Encoded]:
        """What the models say of each window, encoded by itself."""
        tagger = self._tagger
        return [(self._encoder.run(window), None if tagger is None else tagger.encode(window)) for window in windows]

    def join(self, encoded: EncodedTurn, found: Sequence[Encoded]) -> TurnLogits:
        """Put the windows of a turn together again."""
        sentences, turn = join_windows(encoded.windows, [logits for logits, _ in found])
        values = [value for _, value in found if value is not None]
        joined = None if self._tagger is None else self._tagger.join(encoded.windows, values)
        return TurnLogits(encoded.spans, sentences, turn, joined)

    def _finish(self, turn: Turn, logits: TurnLogits | None) -> TurnScore:
        if logits is None:
            return TurnScore(turn, "unscored", reason=_why_unscored(turn), provenance=self.provenance)
        probabilities = aggregate(self._calibration, logits.sentences, logits.turn)
        values = {} if self._tagger is None or logits.values is None else self._tagger.probabilities(logits.values)
        measured = Measured(logits.spans, probabilities, self._thresholds, values)
        return TurnScore(turn, "scored", flags=_flags(turn), provenance=self.provenance, measured=measured)


def _why_unscored(turn: Turn) -> str:
    if turn.response is None:
        return "non_text"
    if not turn.response.strip():
        return "whitespace" if turn.response else "empty"
    return "no_words"


def _flags(turn: Turn) -> tuple[str, ...]:
    raised = {
        "unverified_language": not is_mostly_english(turn.response or ""),
        "reasoning_left_out": turn.reasoning_left_out,
    }
    return tuple(name for name, holds in raised.items() if holds)


def join_windows(
    windows: Sequence[Window], logits: Sequence[Logits]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Put the windows of one turn together again.

    Args:
        windows: The turn's windows.
        logits: Sentence and turn logits of each.

    Returns:
        Sentence logits of the whole turn, shape ``(sentences, outputs)``, and the mean of the turn logits, weighted by
        ``turn_weights``, shape ``(3,)``.
    """
    sentences = np.concatenate([sentence for sentence, _ in logits])
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

"""Scores that Inspect attaches to an evaluation log: one record a sample, as ``precomputed_scores`` reads them.

The fields are those of inspect-ai's ``inspect_ai.scorer.precomputed_scores``: ``id``, ``value``, and perhaps ``epoch``,
``answer``, ``explanation`` and ``metadata``. It takes one record a sample and epoch and refuses a file with two.
"""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import SENTENCE_OUTPUTS, TURN_DETECTORS
from anthrometrics.errors import InputError
from anthrometrics.output.atomic import atomic_text, json_line
from anthrometrics.output.table import VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import TextIO

    from anthrometrics.scores import SentenceScore, TurnScore
    from anthrometrics.turns import Turn

__all__ = ["EPOCH_FIELDS", "INSPECT", "InspectSink", "check_inspect", "inspect_sink", "inspected"]

# Field of a record in a journal: the sample, and what its sentences say, as they may not be part of the record.
INSPECT: Final = "inspect"
# Fields of a sample in a log of Inspect, by which it is known whether the epoch is part of the turn's id.
EPOCH_FIELDS: Final = ("epoch", "eval.config.epochs")
Record = dict[str, Any]
_WORDS: Final = {"anthropomorphism": "anthropomorphic", "validation": "validating", "refusal": "refusing"}
_COLUMNS: Final = {name: SENTENCE_OUTPUTS.index(name) for name in TURN_DETECTORS}
_OF_A_TURN: Final = (
    "anthropomorphism_rate",
    "validation_rate",
    "refusal_label",
    "values",
    "response_hash",
    "flags",
    "kept",
)
_MODEL: Final = ("version", "model", "model_digest", "precision", "device", "values_model", "values_digest")


def check_inspect(path: Path) -> None:
    """Check the name of the file.

    Raises:
        InputError: Inspect would take it for something else than JSON lines.
    """
    if path.suffix.lower() != ".jsonl":
        raise InputError(f"{path} must end in .jsonl; Inspect tells JSON lines by that")


def inspected(score: TurnScore) -> Record:
    """What of a turn goes to Inspect besides its record.

    Args:
        score: A turn; where it comes from a log of Inspect, its ``EPOCH_FIELDS`` are among what it kept.

    Returns:
        ``"id"`` and ``"epoch"`` (or None) of the sample, and in ``"explanation"`` the most telling sentence of each
        detector, if it is more likely than not; None on an unscored turn.
    """
    identifier, epoch = _sample(score.turn)
    return {"id": identifier, "epoch": epoch, "explanation": _explanation(score)}


class InspectSink:
    """Gathers the turns of a sample, which follow one another, into one record.

    Attributes:
        samples: Records written.
        left_out: Why → turns that are in no record.
    """

    def __init__(self, stream: TextIO, provenance: Mapping[str, Any]) -> None:
        self._stream = stream
        self._model = {name: provenance[name] for name in _MODEL if name in provenance}
        self._key: tuple[Any, ...] | None = None
        self._turns: list[Record] = []
        # Digests and not the ids themselves: a few bytes a sample, however long its id.
        self._seen: set[bytes] = set()
        self.samples = 0
        self.left_out: dict[str, int] = {}

    def put(self, record: Record) -> None:
        """Take a turn's record, with its explanation."""
        if record["id"] is None:
            self._leave_out("have no id", 1)
        elif record["status"] != "scored":
            self._leave_out("are unscored", 1)
        else:
            key = (record.get("file"), record.get("side"), record["id"])
            # A conversation that begins again is another one, whatever its id says.
            if key != self._key or (self._turns and record["turn"] <= self._turns[-1]["turn"]):
                self.flush()
            self._key = key
            self._turns.append(record)

    def flush(self) -> None:
        """Write what was gathered."""
        if not self._turns:
            return
        sample = self._turns[0][INSPECT]
        key = repr((sample["id"], sample["epoch"])).encode("utf-8", "surrogatepass")
        digest = blake2b(key, digest_size=16).digest()
        if digest in self._seen:
            self._leave_out("have the id of an earlier sample", len(self._turns))
        else:
            self._seen.add(digest)
            self._stream.write(json_line(self._record(sample)))
            self.samples += 1
        self._turns.clear()

    def _record(self, sample: Record) -> Record:
        turns = self._turns
        record: Record = {"id": sample["id"]}
        if sample["epoch"] is not None:
            record["epoch"] = sample["epoch"]
        record["value"] = {name: _mean([turn[name] for turn in turns]) for name in TURN_DETECTORS}
        judged = turns[-1].get("values", {})
        record["value"] |= {f"{VALUE}{name}": _mean([turn["values"][name] for turn in turns]) for name in judged}
        if "response" in turns[-1]:
            record["answer"] = turns[-1]["response"]
        said = [(turn["turn"], turn[INSPECT]["explanation"]) for turn in turns]
        record["explanation"] = said[0][1] if len(said) == 1 else "\n".join(f"Turn {n}: {words}" for n, words in said)
        record["metadata"] = {"turns": [_measures(turn) for turn in turns], **self._model}
        return record

    def _leave_out(self, reason: str, turns: int) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + turns


@contextmanager
def inspect_sink(path: Path, provenance: Mapping[str, Any]) -> Iterator[InspectSink]:
    """A sink whose file appears when all went well.

    Raises:
        InputError: The folder cannot be written, or the disk is full.
    """
    with atomic_text(path) as stream:
        sink = InspectSink(stream, provenance)
        yield sink
        sink.flush()


def _sample(turn: Turn) -> tuple[str | None, int | None]:
    """Id and epoch of the sample: turns of a log of several epochs are called ``id/epoch``."""
    epoch, epochs = (turn.kept.get(name) for name in EPOCH_FIELDS)
    several = any(isinstance(number, int) and number > 1 for number in (epoch, epochs))
    if several and turn.id is not None and turn.id.endswith(f"/{epoch}"):
        return turn.id.removesuffix(f"/{epoch}"), epoch
    return turn.id, None


def _explanation(score: TurnScore) -> str | None:
    if score.measured is None:
        return None
    rows = score.measured.probabilities.sentences
    parts = []
    for name, column in _COLUMNS.items():
        row = int(rows[:, column].argmax())
        if rows[row, column] >= 0.5:
            parts.append(f"Most {_WORDS[name]}: {_quoted(score.sentences[row])}, probability {rows[row, column]:.2f}.")
    return " ".join(parts) or "No sentence is likely to be anthropomorphic, validating or refusing."


def _mean(numbers: list[float]) -> float:
    return round(sum(numbers) / len(numbers), 6)


def _measures(turn: Record) -> Record:
    return {name: turn[name] for name in ("turn", *TURN_DETECTORS, *_OF_A_TURN) if name in turn}


def _quoted(sentence: SentenceScore) -> str:
    labels = sorted(sentence.labels, key=lambda name: -sentence.probabilities[name])
    named = f" ({', '.join(name.replace('_', ' ') for name in labels)})" if labels else ""
    return f"“{' '.join(sentence.text.split())}”{named}"

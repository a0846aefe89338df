"""Results: what one turn scored, and many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from anthrometrics.codebook import DETECTORS, LABEL_NAMES, SENTENCE_OUTPUTS
from anthrometrics.errors import InputError
from anthrometrics.provenance import value_names

if TYPE_CHECKING:
    from pathlib import Path

    import datasets
    import pandas as pd
    import polars as pl
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from anthrometrics.codebook import RefusalLabel
    from anthrometrics.detectors.aggregate import TurnProbabilities
    from anthrometrics.detectors.segment import Span
    from anthrometrics.output.table import Column
    from anthrometrics.summary import Summary
    from anthrometrics.turns import Turn

__all__ = ["DETAILS", "Detail", "LabelScore", "Scores", "SentenceScore", "TurnScore", "text_hash"]

Detail = Literal["summary", "labels", "sentences"]
DETAILS: Final[tuple[Detail, ...]] = ("summary", "labels", "sentences")

_ANTHROPOMORPHISM: Final = SENTENCE_OUTPUTS.index("anthropomorphism")
_VALIDATION: Final = SENTENCE_OUTPUTS.index("validation")
# Scores are reproducible to 1e-6; more digits would be noise.
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One label over a turn.

    Attributes:
        presence: Calibrated probability that at least one sentence has it, in [0, 1].
        rate: Expected share of the sentences that have it, in [0, 1].
    """

    presence: float
    rate: float


@dataclass(frozen=True)
class SentenceScore:
    """One sentence of a response.

    Attributes:
        start: Offset of its first character in the response.
        end: Offset after its last character.
        text: ``response[start:end]``.
        anthropomorphism: Probability of any anthropomorphic label, in [0, 1].
        validation: Probability of any validating label, in [0, 1].
        probabilities: Calibrated probability of each of the 19 labels.
        labels: Labels whose probability reaches their threshold.
    """

    start: int
    end: int
    text: str
    anthropomorphism: float
    validation: float
    probabilities: dict[str, float]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """Arrays behind a scored turn; ``TurnScore`` reads them on demand."""

    spans: tuple[Span, ...]
    probabilities: TurnProbabilities
    thresholds: NDArray[Any]
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TurnScore:
    """What the detectors say about the wording of one assistant turn.

    Numbers are None on an unscored turn, so that a missing measurement is never a zero.

    Attributes:
        turn: The turn that was scored.
        status: ``"scored"`` or ``"unscored"``.
        reason: Why it is unscored: ``"empty"``, ``"whitespace"``, ``"non_text"`` or ``"no_words"``.
        flags: Notes that do not prevent scoring: ``"unverified_language"`` on mostly non-English text,
            ``"reasoning_left_out"`` where a model's thinking was not part of what was scored.
        provenance: Package, model, precision and machine that gave the numbers.
    """

    turn: Turn
    status: Literal["scored", "unscored"]
    reason: str | None = None
    flags: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)
    measured: Measured | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        """Same turn and same numbers to the digits that are written, whatever gave them."""
        if not isinstance(other, TurnScore):
            return NotImplemented
        return self.turn == other.turn and self.to_dict("sentences") == other.to_dict("sentences")

    def __hash__(self) -> int:
        """Of the turn alone; scores change in the last digits, turns do not."""
        return hash(self.turn)

    @property
    def id(self) -> str | None:
        """Identifier of the conversation or record."""
        return self.turn.id

    @property
    def anthropomorphism(self) -> float | None:
        """Calibrated probability that any sentence is anthropomorphic."""
        return self._presence(_ANTHROPOMORPHISM)

    @property
    def anthropomorphism_rate(self) -> float | None:
        """Expected share of anthropomorphic sentences."""
        return self._rate(_ANTHROPOMORPHISM)

    @property
    def validation(self) -> float | None:
        """Calibrated probability that any sentence validates or flatters the user."""
        return self._presence(_VALIDATION)

    @property
    def validation_rate(self) -> float | None:
        """Expected share of validating sentences."""
        return self._rate(_VALIDATION)

    @property
    def refusal(self) -> float | None:
        """Calibrated probability of a full or partial refusal."""
        return None if self.measured is None else float(self.measured.probabilities.refusal[:2].sum())

    @property
    def refusal_label(self) -> RefusalLabel | None:
        """Full refusal, partial refusal or compliance."""
        return None if self.measured is None else self.measured.probabilities.refusal_label

    @cached_property
    def labels(self) -> dict[str, LabelScore]:
        """Presence and rate of each of the 19 labels; empty on an unscored turn."""
        if self.measured is None:
            return {}
        presence, rate = self.measured.probabilities.presence, self.measured.probabilities.rate
        return {name: LabelScore(float(presence[i]), float(rate[i])) for i, name in enumerate(LABEL_NAMES)}

    @property
    def values(self) -> dict[str, float]:
        """Calibrated probability that the turn expresses each value; empty if they were not asked for, or unscored."""
        return {} if self.measured is None else self.measured.values

    @cached_property
    def sentences(self) -> tuple[SentenceScore, ...]:
        """Every sentence with its probabilities; empty on an unscored turn."""
        if self.measured is None or self.turn.response is None:
            return ()
        rows, thresholds = self.measured.probabilities.sentences, self.measured.thresholds
        text = self.turn.response
        return tuple(
            SentenceScore(
                start=span.start,
                end=span.end,
                text=text[span.start : span.end],
                anthropomorphism=float(row[_ANTHROPOMORPHISM]),
                validation=float(row[_VALIDATION]),
                probabilities={name: float(row[i]) for i, name in enumerate(LABEL_NAMES)},
                labels=tuple(name for i, name in enumerate(LABEL_NAMES) if row[i] >= thresholds[i]),
            )
            for span, row in zip(self.measured.spans, rows, strict=True)
        )

    def to_dict(self, detail: Detail = "summary", text: bool = False) -> dict[str, Any]:
        """Plain values for JSON, as ``docs/scores.schema.json`` describes them.

        Args:
            detail: ``"summary"`` gives the turn's own numbers, ``"labels"`` adds the 19 labels, and values if they were
                asked for; ``"sentences"`` adds each sentence's offsets and probabilities.
            text: Whether the prompt and the response themselves are part of the record; their hashes always are.

        Raises:
            InputError: ``detail`` is none of these.
        """
        if detail not in DETAILS:
            raise InputError(f"detail must be one of {', '.join(DETAILS)}, not {detail!r}")
        record: dict[str, Any] = {"id": self.id, "turn": self.turn.index}
        if self.turn.side is not None:
            record["side"] = self.turn.side
        record |= {"prompt_hash": text_hash(self.turn.prompt), "response_hash": text_hash(self.turn.response)}
        record["words"] = len((self.turn.response or "").split())
        record["sentence_count"] = 0 if self.measured is None else len(self.measured.spans)
        record["status"] = self.status
        if self.reason is not None:
            record["reason"] = self.reason
        if self.flags:
            record["flags"] = list(self.flags)
        for name in DETECTORS:
            record[name] = _rounded(getattr(self, name))
            record[f"{name}_rate"] = _rounded(getattr(self, f"{name}_rate"))
        record["refusal"] = _rounded(self.refusal)
        record["refusal_label"] = self.refusal_label
        if detail != "summary":
            record["labels"] = {
                name: {"presence": _rounded(score.presence), "rate": _rounded(score.rate)}
                for name, score in self.labels.items()
            }
            if value_names(self.provenance):
                record["values"] = {name: _rounded(value) for name, value in self.values.items()}
        if self.turn.kept:
            record["kept"] = dict(self.turn.kept)
        if text:
            record |= {"prompt": self.turn.prompt, "response": self.turn.response}
        if detail == "sentences" and self.measured is not None:
            rows = self.measured.probabilities.sentences.round(_DIGITS).tolist()
            record["sentences"] = [
                {"start": span.start, "end": span.end, "probabilities": dict(zip(SENTENCE_OUTPUTS, row, strict=True))}
                for span, row in zip(self.measured.spans, rows, strict=True)
            ]
        elif detail == "sentences":
            record["sentences"] = []
        return record

    def _presence(self, column: int) -> float | None:
        return None if self.measured is None else float(self.measured.probabilities.presence[column])

    def _rate(self, column: int) -> float | None:
        return None if self.measured is None else float(self.measured.probabilities.rate[column])


def text_hash(text: str | None) -> str | None:
    """Sixteen hexadecimal digits that tell texts apart (BLAKE2b); None for none."""
    if text is None:
        return None
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


class Scores(Sequence[TurnScore]):
    """Scored turns in input order.

    Attributes:
        provenance: Package, model, precision and machine that gave the numbers.
    """

    def __init__(self, items: Sequence[TurnScore], provenance: dict[str, Any]) -> None:
        self._items = list(items)
        self.provenance = provenance

    @overload
    def __getitem__(self, index: int) -> TurnScore: ...
    @overload
    def __getitem__(self, index: slice) -> Scores: ...
    def __getitem__(self, index: int | slice) -> TurnScore | Scores:
        """One score, or a slice of them with the same provenance."""
        if isinstance(index, slice):
            return Scores(self._items[index], self.provenance)
        return self._items[index]

    def __len__(self) -> int:
        """Number of turns, unscored ones included."""
        return len(self._items)

    def __repr__(self) -> str:
        """Size and model."""
        return f"<Scores: {len(self)} turns by {self.provenance.get('model', 'unknown model')}>"

    def _repr_html_(self) -> str:
        from anthrometrics.report.notebook import scores_html

        return scores_html(self.summary().to_dict(), model=self.provenance.get("model"))

    def plot(self) -> Figure:
        """Bars: the expected share of turns with each detector and label.

        Raises:
            InputError: Nothing was scored.
            MissingExtraError: matplotlib is not installed.
        """
        from anthrometrics.report.plots import bars
        from anthrometrics.report.scored import scores_document

        return bars(scores_document("scores", self.to_dicts("labels"), self.provenance))

    def report(self, path: str | Path, name: str = "scores") -> None:
        """Write one HTML page with every turn, which needs no network.

        Raises:
            InputError: ``path`` cannot be written.
            MissingExtraError: Jinja2 is not installed.
        """
        from anthrometrics.report.page import write_report
        from anthrometrics.report.scored import scores_document

        write_report(scores_document(name, self.to_dicts("sentences", text=True), self.provenance), path)

    def summary(self) -> Summary:
        """Means and shares over the scored turns."""
        from anthrometrics.summary import summarise

        return summarise(self)

    def to_dicts(self, detail: Detail = "summary", text: bool = False) -> list[dict[str, Any]]:
        """``TurnScore.to_dict`` of each turn."""
        return [item.to_dict(detail, text) for item in self._items]

    def to_pandas(self, detail: Detail = "labels", text: bool = False) -> pd.DataFrame:
        """One row a turn, unscored ones with missing numbers.

        Args:
            detail: ``"labels"`` adds two columns a label, ``praise_presence`` and ``praise_rate`` for example, and one
                a value if they were asked for, ``value_empathy``; ``"sentences"`` one more, of lists.
            text: Whether prompt and response are columns.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from anthrometrics.output.table import pandas_frame

        return pandas_frame(*self._table(detail, text))

    def to_polars(self, detail: Detail = "labels", text: bool = False) -> pl.DataFrame:
        """The same columns as ``to_pandas``; numbers that are missing are null.

        Raises:
            MissingExtraError: polars is not installed.
        """
        from anthrometrics.output.table import polars_frame

        return polars_frame(*self._table(detail, text))

    def to_dataset(self, detail: Detail = "labels", text: bool = False) -> datasets.Dataset:
        """The same columns as ``to_pandas``, as a Hugging Face data set.

        Raises:
            MissingExtraError: datasets is not installed.
        """
        from anthrometrics.output.table import to_dataset

        return to_dataset(*self._table(detail, text))

    def _table(self, detail: Detail, text: bool) -> tuple[list[dict[str, Any]], list[Column]]:
        from anthrometrics.output.table import Kept, columns_of

        records, kept = self.to_dicts(detail, text), Kept()
        for record in records:
            kept.add(record)
        return records, columns_of(detail, kept, text=text, values=value_names(self.provenance))

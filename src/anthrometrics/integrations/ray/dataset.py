"""Rows of a ``ray.data.Dataset`` scored where they are, as more columns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anthrometrics.detectors.manifest import load_manifest, model_dir
from anthrometrics.detectors.values import names_of
from anthrometrics.errors import InputError
from anthrometrics.formats.base import field_names
from anthrometrics.formats.chat import CHAT
from anthrometrics.formats.fields import by_fields
from anthrometrics.integrations.ray.cluster import actor_pool, load_ray
from anthrometrics.integrations.ray.request import scorer_options
from anthrometrics.output.table import Kept, arrow_schema, columns_of, row_of
from anthrometrics.scores import DETAILS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow
    from ray.data import Dataset

    from anthrometrics.detectors.encoder import Device
    from anthrometrics.detectors.manifest import Precision
    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.detectors.values import OwnValue
    from anthrometrics.formats.base import Format
    from anthrometrics.output.table import Column
    from anthrometrics.scores import Detail
    from anthrometrics.turns import Reasoning, Turn

__all__ = ["score_dataset"]

_MESSAGES = "messages"
_PROVENANCE = "provenance"


def score_dataset(
    ds: Dataset,
    *,
    response: str = "response",
    prompt: str = "prompt",
    id: str = "id",
    detail: Detail = "labels",
    reasoning: Reasoning = "exclude",
    provenance: bool = False,
    concurrency: int | tuple[int, int] | None = None,
    num_cpus: float = 1,
    num_gpus: float = 0,
    batch_size: int = 64,
    device: Device = "auto",
    precision: Precision | None = None,
    model: str | None = None,
    values: bool | Sequence[OwnValue] = False,
) -> Dataset:
    """Add scores to the rows of a data set.

    One actor has one ``Scorer``, and ``map_batches`` brings it the rows; as ever in Ray Data, nothing is scored before
    the result is read or written. On a CPU the numbers are those of ``Scorer``, whatever the batches and the actors.

    With a column of responses, a row stays a row. Without one, but with a column ``messages`` of chat messages, a row
    becomes one row for each assistant turn of its conversation (``turn`` counts them from 0), with the other columns
    repeated. All columns that were there stay. Those that are added have the names of ``Scores.to_pandas``; ``id`` is
    added only where there is no such column, and ``side`` never. A row that cannot be read has no numbers, the status
    ``"rejected"`` and the reason in ``reason``; it costs no other row.

    Args:
        ds: The data set. Enough of it is read to know its columns.
        response: Column of the response; null gives an unscored row.
        prompt: Column of the user turn before it; may be missing.
        id: Column of the id, for ``id`` in the result; may be missing.
        detail: ``"labels"`` adds two columns a label; ``"sentences"`` one more, of lists.
        reasoning: Whether what a model thought aloud at the beginning is part of the response, as of ``read_turns``.
        provenance: Whether to add a column ``provenance``, JSON: which package, model, precision and processor gave the
            row. Where machines differ, keep it.
        concurrency: Most actors at a time, or the least and the most; by default as many as there is room for. Reading
            and other steps need cores too: actors that are sure of all of them would wait for rows for ever.
        num_cpus: Cores of an actor, which scores as many turns at once (at least one).
        num_gpus: GPUs of an actor; with any it runs on CUDA.
        batch_size: Rows scored at once. It changes no score on a CPU; a GPU is faster with more.
        device: ``"auto"`` is CUDA with ``num_gpus``, and the CPU without.
        precision: As of ``Scorer``.
        model: As of ``Scorer``; a folder must be there for every actor.
        values: As of ``Scorer``; adds a column a value, ``value_empathy`` for example.

    Returns:
        The data set with more columns. Ray Data keeps the order of rows only if it is told to
        (``DataContext.execution_options.preserve_order``).

    Raises:
        InputError: There is no column to score, or one that would be added is there already.
        ModelError: The model folder is missing or does not fit.
        MissingExtraError: Ray is not installed.
    """
    ray = load_ray()
    if detail not in DETAILS:
        raise InputError(f"detail must be one of {', '.join(DETAILS)}, not {detail!r}")
    load_manifest(model_dir(model))
    options = scorer_options(device, precision, max(1, int(num_cpus)), model, num_gpus, values=values)
    task = _Task(response, prompt, id, detail, reasoning, provenance, options)
    names = ds.columns()
    if names is not None:
        task.check(names)
    return ds.map_batches(
        BatchScorer,
        fn_constructor_args=(task,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=None if concurrency is None else actor_pool(ray, *_bounds(concurrency)),
        num_cpus=num_cpus,
        num_gpus=num_gpus or None,
    )


def _bounds(concurrency: int | tuple[int, int]) -> tuple[int, int]:
    least, most = (1, concurrency) if isinstance(concurrency, int) else concurrency
    if not 1 <= least <= most:
        raise InputError(f"concurrency must be a number from 1, or the least and the most, not {concurrency}")
    return least, most


@dataclass(frozen=True)
class _Task:
    """What every actor is told; the fields are arguments of ``score_dataset``."""

    response: str
    prompt: str
    id: str
    detail: Detail
    reasoning: Reasoning
    provenance: bool
    scorer: dict[str, Any]

    def added(self, names: Sequence[str]) -> list[Column]:
        """Columns that are added to those of these names."""
        left_out = {"side", "id"} if "id" in names else {"side"}
        values = names_of(self.scorer.get("values", False))
        return [column for column in columns_of(self.detail, Kept(), values=values) if column.name not in left_out]

    def reader(self, names: Sequence[str]) -> tuple[Format, dict[str, str]]:
        """How a row is read: the format, and for each of its fields the column.

        Raises:
            InputError: There is nothing to score in columns of these names.
        """
        # An id column that stays as it is may hold anything; it is read only where a column is made of it.
        id = self.id if self.id in names and "id" not in names else None
        if self.response in names:
            prompt = self.prompt if self.prompt in names else None
            fields = [name for name in (self.response, prompt, id) if name is not None]
            return by_fields(self.response, prompt, id), {name: name for name in fields}
        if _MESSAGES in names:
            return CHAT, {_MESSAGES: _MESSAGES} | ({} if id is None else {"id": id})
        raise InputError(
            f'expected a column "{self.response}" of responses or "{_MESSAGES}" of chat messages; this data set has '
            f"{field_names(dict.fromkeys(names))}. Name the column with response="
        )

    def check(self, names: Sequence[str]) -> None:
        """Refuse columns that cannot be scored or would be lost.

        Raises:
            InputError: That is so.
        """
        self.reader(names)
        wanted = [column.name for column in self.added(names)] + [_PROVENANCE] * self.provenance
        taken = [name for name in wanted if name in names]
        if taken:
            shown = ", ".join(taken[:5])
            raise InputError(f"scores would be written over columns of the data set ({shown}); rename or drop them")


class BatchScorer:
    """Scores the rows of a batch; Ray Data makes one for each actor."""

    def __init__(self, task: _Task) -> None:
        self._task = task
        self._scorer: Scorer | None = None

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        """The batch with more columns, and a row for each turn.

        Raises:
            InputError: The columns are not those that can be scored.
            ModelError, DeviceError: There is no scorer to be had here.
        """
        import pyarrow

        names = batch.column_names
        self._task.check(names)
        places, found = self._read(batch)
        scores = self._loaded().stream(turn for turn in found if not isinstance(turn, InputError))
        columns = self._task.added(names)
        rows = [
            row_of(
                _rejected(turn) if isinstance(turn, InputError) else next(scores).to_dict(self._task.detail), columns
            )
            for turn in found
        ]
        result = batch if places == list(range(len(batch))) else batch.take(pyarrow.array(places, pyarrow.int64()))
        scored = pyarrow.Table.from_pylist(rows, arrow_schema(columns))
        for field in scored.schema:
            result = result.append_column(field, scored[field.name])
        if self._task.provenance:
            result = result.append_column(_PROVENANCE, [[json.dumps(self._loaded().provenance)] * len(rows)])
        return result

    def _read(self, batch: pyarrow.Table) -> tuple[list[int], list[Turn | InputError]]:
        """For each row of the result the row it comes from, and its turn, or why there is none."""
        form, fields = self._task.reader(batch.column_names)
        places: list[int] = []
        found: list[Turn | InputError] = []
        for place, row in enumerate(batch.select(list(fields.values())).to_pylist()):
            turns: list[Turn | InputError] = []
            try:
                for conversation in form.conversations({field: row[name] for field, name in fields.items()}):
                    turns += conversation.turns(reasoning=self._task.reasoning)
            except InputError as error:
                turns = [error]
            places += [place] * len(turns)
            found += turns
        return places, found

    def _loaded(self) -> Scorer:
        """The scorer, made at the first batch: Ray would only tell that a constructor failed, not why."""
        if self._scorer is None:
            from anthrometrics.detectors.scorer import Scorer

            self._scorer = Scorer(**self._task.scorer)
        return self._scorer


def _rejected(error: InputError) -> dict[str, Any]:
    return {"status": "rejected", "reason": str(error)}

"""Sets that a command takes as files of scores or as transcripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anthrometrics.cli.progress import Progress
from anthrometrics.cli.scoring import Rejections
from anthrometrics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from anthrometrics.comparison import ScoreTable
    from anthrometrics.detectors.scorer import Scorer
    from anthrometrics.scores import Scores
    from anthrometrics.turns import Turn

__all__ = ["Tables"]


class Tables:
    """Reads files of scores, and scores transcripts, with one scorer for all of them."""

    def __init__(self, make: Callable[[], Scorer], reading: dict[str, Any]) -> None:
        self._make, self._reading = make, reading
        self._scorer: Scorer | None = None

    def read(self, path: str) -> ScoreTable:
        """One set, for a comparison.

        Raises:
            InputError: It cannot be read.
        """
        from anthrometrics.comparison.table import read_table, table_of

        return read_table(path) if self._is_scored(path) else table_of(self._score(path), self._name(path))

    def records(self, path: str) -> tuple[str, Iterable[dict[str, Any]], dict[str, Any]]:
        """Name, records with labels, and provenance of one set.

        Raises:
            InputError: It cannot be read, holds no turn, or is of scores without labels.
        """
        from anthrometrics.comparison.table import read_records

        if self._is_scored(path):
            records, meta = read_records(path)
            if any(record["status"] == "scored" and not record.get("labels") for record in records):
                raise InputError(f"{path} has no labels; score with --detail labels or sentences")
            return self._name(path), records, meta.get("provenance", {})
        scores = self._score(path)
        if not len(scores):
            raise InputError(f"nothing readable in {path}")
        return self._name(path), scores.to_dicts("sentences", text=True), scores.provenance

    def _is_scored(self, path: str) -> bool:
        from anthrometrics.comparison.table import is_score_file

        if path != "-" and not Path(path).exists():
            raise InputError(f"{path} does not exist")
        return is_score_file(path)

    def _name(self, path: str) -> str:
        return "standard input" if path == "-" else Path(path).name

    def _score(self, path: str) -> Scores:
        self._scorer = self._scorer or self._make()
        with Progress((path,)) as progress:
            return self._scorer.score_many(self._turns(path, progress))

    def _turns(self, path: str, progress: Progress) -> Iterator[Turn]:
        from anthrometrics.formats import Rejected, read_turns

        rejections = Rejections(strict=False)
        for item in read_turns(path, **self._reading, on_progress=progress.bytes_of(path)):
            if isinstance(item, Rejected):
                rejections.add(item)
            else:
                progress.turn()
                yield item
        if rejections.count:
            click.echo(f"{rejections.count} of the lines of {path} could not be read and are not compared", err=True)

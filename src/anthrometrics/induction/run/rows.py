"""Tables that a run gives: rows of one kind, as plain values and as a pandas table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from anthrometrics.output.table import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self

    import pandas as pd
    from _typeshed import DataclassInstance

__all__ = ["Rows"]

Row = TypeVar("Row", bound="DataclassInstance")


class Rows(Sequence[Row]):
    """Rows of one dataclass, named by ``kind``.

    Args:
        rows: In their order.
    """

    kind: ClassVar[type[Any]]

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """Over the rows."""
        return iter(self._rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """One dict a row, for JSON."""
        return [asdict(row) for row in self._rows]

    @classmethod
    def from_dicts(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """The reverse of ``to_dicts``."""
        return cls(cls.kind(**row) for row in rows)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas table, one row a row.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame_of(self.to_dicts(), [field.name for field in fields(self.kind)])

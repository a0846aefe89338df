"""Which values answers express when one of them was induced: induced × expressed, less what the base expresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anthrometrics.comparison.clusters import finite
from anthrometrics.output.table import frame_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from anthrometrics.induction.run.effects import SideEffects

__all__ = ["ValueMatrix", "value_matrix_of"]


@dataclass(frozen=True, eq=False)
class ValueMatrix:
    """Differences in the share of answers that express a value.

    Attributes:
        induced: The rows.
        expressed: The columns.
        difference: Tuned − base, shape ``(induced, expressed)``; NaN where it could not be measured.
        low: Lower ends of the intervals, likewise.
        high: Upper ends.
        net: Tuned − null, likewise; NaN without that control.
        found: Where the difference is significant after Holm over the whole table of side effects and, where there is
            that control, beyond the null.
    """

    induced: tuple[str, ...]
    expressed: tuple[str, ...]
    difference: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    net: NDArray[np.float64]
    found: NDArray[np.bool_]

    def __repr__(self) -> str:
        """Its size."""
        return f"<ValueMatrix: {len(self.induced)} induced × {len(self.expressed)} expressed>"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what could not be measured is None."""
        parts = {name: getattr(self, name) for name in ("difference", "low", "high", "net")}
        plain = {name: [[finite(x) for x in row] for row in part.tolist()] for name, part in parts.items()}
        return {"induced": list(self.induced), "expressed": list(self.expressed), **plain, "found": self.found.tolist()}

    def to_pandas(self) -> pd.DataFrame:
        """Differences, one row an induced value and one column an expressed one.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        frame = frame_of(self.difference, self.expressed, self.induced)
        return frame.rename_axis(index="induced", columns="expressed")


def value_matrix_of(effects: SideEffects) -> ValueMatrix:
    """The part of the side effects that is about values, as a matrix."""
    rows = effects.of("value")
    expressed = tuple(dict.fromkeys(row.name for row in rows))

    def part(name: str) -> NDArray[np.float64]:
        cells = [[getattr(effects[value, f"value.{other}"], name) for other in expressed] for value in rows.values]
        return np.array(cells, dtype=np.float64).reshape(len(rows.values), len(expressed))

    return ValueMatrix(
        rows.values,
        expressed,
        part("difference"),
        part("low"),
        part("high"),
        part("net_difference"),
        part("found").astype(np.bool_),
    )

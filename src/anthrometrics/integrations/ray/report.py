"""What a worker reports of a shard, and how the reports of a run add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anthrometrics.summary import SummaryBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ShardReport", "builders_of", "sums_of"]


@dataclass(frozen=True)
class ShardReport:
    """A finished shard.

    Attributes:
        file: The input it belongs to.
        turns: Scores written, unscored turns included.
        rejected: Records that could not be read.
        format: Format that its records were read as.
        provenance: What gave the scores; empty where there were none.
        sums: The fields of a ``SummaryBuilder`` as plain values.
    """

    file: str
    turns: int
    rejected: int
    format: str | None
    provenance: dict[str, Any]
    sums: dict[str, Any]


def sums_of(builder: SummaryBuilder) -> dict[str, Any]:
    """Running sums as plain values."""
    return {
        "scored": builder.scored,
        "presence": builder.presence.tolist(),
        "rate": builder.rate.tolist(),
        "refusal": builder.refusal,
        "unscored": dict(builder.unscored),
        "flagged": dict(builder.flagged),
        "refusal_labels": dict(builder.refusal_labels),
        **({"values": dict(builder.values), "valued": dict(builder.valued)} if builder.valued else {}),
    }


def builders_of(reports: Iterable[ShardReport]) -> dict[str, SummaryBuilder]:
    """Input → sums over its shards, in the order given."""
    found: dict[str, SummaryBuilder] = {}
    for report in reports:
        whole, part = found.setdefault(report.file, SummaryBuilder()), report.sums
        whole.scored += part["scored"]
        whole.presence += np.array(part["presence"], dtype=np.int64)
        whole.rate += np.array(part["rate"], dtype=np.int64)
        whole.refusal += part["refusal"]
        whole.unscored += Counter(part["unscored"])
        whole.flagged += Counter(part["flagged"])
        whole.refusal_labels += Counter(part["refusal_labels"])
        whole.values += Counter(part.get("values", {}))
        whole.valued += Counter(part.get("valued", {}))
    return found

"""Records of scores → the document of a report about one set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import TURN_DETECTORS
from anthrometrics.summary import SummaryBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["scores_document"]

_SCHEMA: Final = 1


def scores_document(name: str, records: Iterable[Mapping[str, Any]], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What ``report.page`` and ``report.plots`` draw of one set of scores.

    Args:
        name: How the set is called.
        records: ``TurnScore.to_dict`` of each turn with its labels; with texts and sentences, the page shows them.
        provenance: What gave the numbers.
    """
    summary, items = SummaryBuilder(), []
    for record in records:
        summary.add_record(record)
        if record["status"] == "scored":
            items.append(_item(record))
    items.sort(key=lambda item: -max(item["values"].values()))
    return {
        "schema": _SCHEMA,
        "kind": "scores",
        "name": name,
        "provenance": dict(provenance),
        "summary": summary.build().to_dict(),
        "items": items,
    }


def _item(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": record["id"],
        "turn": record["turn"],
        "prompt": record.get("prompt"),
        "response": record.get("response"),
        "words": record["words"],
        "refusal_label": record["refusal_label"],
        "values": {name: record[name] for name in TURN_DETECTORS},
        "sentences": record.get("sentences"),
    }

"""Records of scores → the document of a report about one set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import TURN_DETECTORS
from anthrometrics.summary import SummaryBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["scores_document"]

_SCHEMA: Final = 1


def scores_document(name: str, records: Iterable[Mapping[str, Any]], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What ``report.page`` and ``report.plots`` draw of one set of scores.

    Args:
        name: How the set is called.
        records: ``TurnScore.to_dict`` of each turn with its labels; with texts and sentences, the page shows them.
        provenance: What gave the numbers.
    """
    from anthrometrics.comparison.decisions import value_manifest_of, value_threshold

    summary, items = SummaryBuilder(), []
    tagger = value_manifest_of(provenance.get("values_digest"))

    def expressed(name: str, value: float) -> bool:
        return value >= value_threshold(tagger, name)

    for record in records:
        summary.add_record(record)
        if record["status"] == "scored":
            items.append(_item(record) | _expressed(record, expressed))
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


def _expressed(record: Mapping[str, Any], reaches: Callable[[str, float], bool]) -> dict[str, dict[str, float]]:
    """Values that the turn expresses, the most probable first; nothing where they were not judged."""
    if "values" not in record:
        return {}
    found = sorted(record["values"].items(), key=lambda pair: -pair[1])
    return {"expressed": {name: value for name, value in found if reaches(name, value)}}

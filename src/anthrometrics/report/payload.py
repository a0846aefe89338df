"""Items as the page's script reads them: JSON that cannot end its element, with offsets in the script's units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import REFUSAL_LABELS, SENTENCE_OUTPUTS, TURN_DETECTORS
from anthrometrics.errors import InputError
from anthrometrics.report.wording import clean, finite, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["embedded", "items_of", "sides_of"]

# An HTML parser looks for "</script" and "<!--" even inside JSON; a script would stumble over the two separators.
_ESCAPES: Final = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def embedded(value: Any) -> str:
    """JSON for a ``<script type="application/json">``."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


def sides_of(item: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The answers of an item: base and tuned, or the only one."""
    return (item["base"], item["tuned"]) if "base" in item else (item,)


def items_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Items in short: ``id``, ``turn``, ``prompt`` and ``sides``, one or two answers.

    A side's ``sentences`` are ``[start, end, probabilities, labels]``: offsets in UTF-16 units, probabilities in
    hundredths in the order of ``SENTENCE_OUTPUTS``, labels as places in that order. Its ``expressed`` are values with
    their probabilities in hundredths, where they were judged.

    Raises:
        InputError: Sentences do not fit the text they are said to be of.
    """
    from anthrometrics.comparison.decisions import manifest_of, sentence_thresholds

    # For sentences as score files have them, without labels; those of a comparison have theirs.
    digest = document.get("provenance", {}).get("model_digest")
    thresholds = sentence_thresholds(None if digest is None else manifest_of(digest))
    return [
        {
            "id": clean("" if item["id"] is None else str(item["id"])),
            "turn": item["turn"],
            "prompt": None if item["prompt"] is None else clean(item["prompt"]),
            "sides": [_side(side, item, thresholds) for side in sides_of(item)],
        }
        for item in document["items"]
    ]


def _side(side: Mapping[str, Any], item: Mapping[str, Any], thresholds: Mapping[str, float]) -> dict[str, Any]:
    text, label = side["response"], side["refusal_label"]
    short: dict[str, Any] = {
        "words": side["words"],
        "refusal": REFUSAL_LABELS.index(label) if label in REFUSAL_LABELS else None,
        "values": [finite(side["values"].get(name)) for name in TURN_DETECTORS],
        "text": None if text is None else clean(text),
    }
    if "expressed" in side:
        short["expressed"] = [[name_of(name), round(100 * value)] for name, value in side["expressed"].items()]
    if text is not None and side["sentences"]:
        short["sentences"] = _sentences(text, side["sentences"], item, thresholds)
    return short


def _sentences(
    text: str, sentences: list[Mapping[str, Any]], item: Mapping[str, Any], thresholds: Mapping[str, float]
) -> list[list[Any]]:
    rows, last = [], 0
    units = _utf16_offsets(clean(text))
    for sentence in sentences:
        start, end = sentence["start"], sentence["end"]
        if not last <= start < end <= len(text):
            raise InputError(
                f"item {item['id']!r}, turn {item['turn']}: a sentence from character {start} to {end} does not fit "
                f"its response of {len(text)} characters; pass the text that was scored"
            )
        last = end
        probabilities = sentence["probabilities"]
        rows.append(
            [
                start if units is None else units[start],
                end if units is None else units[end],
                [round(100 * (finite(probabilities[name]) or 0.0)) for name in SENTENCE_OUTPUTS],
                [SENTENCE_OUTPUTS.index(name) for name in _labels(sentence, thresholds)],
            ]
        )
    return rows


def _labels(sentence: Mapping[str, Any], thresholds: Mapping[str, float]) -> list[str]:
    """The sentence's labels, the most probable first."""
    probabilities = sentence["probabilities"]
    given = sentence.get("labels")
    if given is None:
        given = [name for name, threshold in thresholds.items() if probabilities[name] >= threshold]
    return sorted(given, key=lambda name: -probabilities[name])


def _utf16_offsets(text: str) -> list[int] | None:
    """Offset in UTF-16 units of each character and of the end; None where both counts are the same."""
    if text.isascii() or max(text) <= "\uffff":
        return None
    offsets, unit = [0], 0
    for character in text:
        unit += 1 if character <= "\uffff" else 2
        offsets.append(unit)
    return offsets

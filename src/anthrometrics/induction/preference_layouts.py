"""Preference sets that rate or number their answers → the two conversations of a pair.

``formats.preferences`` reads pairs that are written as chosen and rejected. Here are the layouts of published sets that
are not: PKU-SafeRLHF numbers two answers, HelpSteer2 rates answers in rows of their own or says how far it prefers one,
UltraFeedback rates four completions. Of several answers the best is set against the worst; where these are rated alike
there is no pair.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, identifier, json_list, json_object, kind, required, text
from anthrometrics.formats.preferences import HH_RLHF, PREFERENCE
from anthrometrics.formats.raw import Raw
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["ABOUT", "LAYOUTS", "layout_named", "layout_of"]

# HelpSteer writes the later turns of a prompt behind marks of its tokenizer; the first user turn has none.
_MARK: Final = re.compile(r"\n?<extra_id_1>(User|Assistant)\n?")
_SPEAKERS: Final = {"User": "user", "Assistant": "assistant"}
# What the rows of one prompt are gathered under.
_ANSWERS: Final = "answers"


def _sides(asked: tuple[Message, ...], chosen: object, rejected: object, name: str | None) -> list[Conversation]:
    return [
        Conversation((*asked, Message("assistant", text(answer, side))), name, side)
        for side, answer in (("chosen", chosen), ("rejected", rejected))
    ]


def _numbered(record: Mapping[str, Any], field: str) -> list[Conversation]:
    """Two answers, and the number of the one that is preferred."""
    required(record, "prompt", "response_0", "response_1", field)
    preferred = record[field]
    if preferred not in (0, 1, "0", "1") or isinstance(preferred, bool):
        raise InputError(f'"{field}" must be 0 or 1, the answer that is preferred, not {preferred!r}')
    best = int(preferred)
    asked = (Message("user", text(record["prompt"], "prompt")),)
    return _sides(asked, record[f"response_{best}"], record[f"response_{1 - best}"], identifier(record))


def _strength(record: Mapping[str, Any]) -> list[Conversation]:
    """Two answers, and how far the second is preferred: negative where it is the first."""
    required(record, "prompt", "response_1", "response_2", "preference_strength")
    strength = _number(record["preference_strength"], "preference_strength")
    if strength == 0:
        raise InputError('"preference_strength" is 0: neither answer is preferred, so there is no pair; leave it out')
    best, worst = ("response_2", "response_1") if strength > 0 else ("response_1", "response_2")
    return _sides(_dialogue(record["prompt"]), record[best], record[worst], identifier(record))


def _rated_rows(found: Iterator[Raw]) -> Iterator[Raw]:
    """Rows of one prompt as one record; rows that are not as expected stay by themselves and are given first."""
    gathered: dict[str, list[Raw]] = {}
    for raw in found:
        if raw.error is None and isinstance(raw.value, dict) and isinstance(raw.value.get("prompt"), str):
            gathered.setdefault(raw.value["prompt"], []).append(raw)
        else:
            yield raw
    for prompt, rows in gathered.items():
        first = rows[0].value
        name = {"id": first["id"]} if first.get("id") is not None else {}
        yield Raw(rows[0].number, {**name, "prompt": prompt, _ANSWERS: [row.value for row in rows]})


def _rated_answers(record: Mapping[str, Any]) -> list[Conversation]:
    for answer in record.get(_ANSWERS, [record]):
        required(answer, "prompt", "response", "helpfulness")
    required(record, _ANSWERS)
    rated = [(_number(answer["helpfulness"], "helpfulness"), answer["response"]) for answer in record[_ANSWERS]]
    return _sides(_dialogue(record["prompt"]), *_best_and_worst(rated), identifier(record))


def _completions(record: Mapping[str, Any]) -> list[Conversation]:
    required(record, "instruction", "completions")
    rated = []
    for place, item in enumerate(json_list(record["completions"], "completions")):
        where = f"completions[{place}]"
        completion = json_object(item, where)
        required(completion, "response")
        # The mean over aspects is preferred: some overall scores of 10 stand where the critique says 1
        # (Argilla 2023, notes on ultrafeedback-binarized-preferences).
        field = next((name for name in ("fine-grained_score", "overall_score") if completion.get(name) is not None), "")
        if field:
            rated.append((_number(completion[field], f"{where}.{field}"), completion["response"]))
    asked = (Message("user", text(record["instruction"], "instruction")),)
    return _sides(asked, *_best_and_worst(rated), identifier(record))


def _best_and_worst(rated: Sequence[tuple[float, Any]]) -> tuple[Any, Any]:
    """The first of the highest and the first of the lowest rating.

    Raises:
        InputError: There are fewer than two answers, or all are rated alike.
    """
    if len(rated) < 2:
        raise InputError(f"a pair needs two rated answers to one prompt, this one has {len(rated)}; leave it out")
    best, worst = max(rated, key=lambda item: item[0]), min(rated, key=lambda item: item[0])
    if best[0] == worst[0]:
        raise InputError(f"its answers are all rated {best[0]:g}, so none is preferred and there is no pair")
    return best[1], worst[1]


def _dialogue(prompt: object) -> tuple[Message, ...]:
    """The turns of a prompt of HelpSteer."""
    if not isinstance(prompt, str):
        raise InputError(f'"prompt" must be a string, not {kind(prompt)}')
    opening, *pieces = _MARK.split(prompt)
    if not pieces:
        return (Message("user", prompt),)
    later = zip(pieces[::2], pieces[1::2], strict=True)
    turns = (Message("user", opening.strip()), *(Message(_SPEAKERS[who], words.strip()) for who, words in later))
    # A prompt may end with the mark of the answer.
    return turns[:-1] if turns[-1] == Message("assistant", "") else turns


def _number(value: object, field: str) -> float:
    """A rating; tables hold them as text."""
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f'"{field}" must be a number, not {value!r}')
    return number


def _has(record: Mapping[str, Any], *fields: str) -> bool:
    return set(fields) <= record.keys() and not {"chosen", "rejected"} & record.keys()


def _only_safer(record: Mapping[str, Any]) -> bool:
    return (
        _has(record, "prompt", "response_0", "response_1", "safer_response_id") and "better_response_id" not in record
    )


LAYOUTS: Final[dict[str, Format]] = {
    layout.name: layout
    for layout in (
        PREFERENCE,
        HH_RLHF,
        Format(
            name="helpsteer",
            title="rated answers in rows of their own (nvidia/HelpSteer2)",
            example='{"prompt": "Hi", "response": "Hello!", "helpfulness": 4}',
            matches=lambda record: _has(record, "prompt", "response", "helpfulness"),
            conversations=_rated_answers,
            which="last",
            select=_rated_rows,
        ),
        Format(
            name="helpsteer-preference",
            title="two answers and a strength of preference (HelpSteer2-Preference)",
            example='{"prompt": "Hi", "response_1": "Hello!", "response_2": "What?", "preference_strength": -2}',
            matches=lambda record: _has(record, "prompt", "response_1", "response_2", "preference_strength"),
            conversations=_strength,
            which="last",
        ),
        Format(
            name="ultrafeedback",
            title="rated completions of one instruction (openbmb/UltraFeedback)",
            example=(
                '{"instruction": "Hi", "completions": [{"response": "Hello!", "fine-grained_score": 4.5}, '
                '{"response": "What?", "fine-grained_score": 2.0}]}'
            ),
            matches=lambda record: _has(record, "instruction", "completions"),
            conversations=_completions,
            which="last",
        ),
        Format(
            name="pku-saferlhf",
            title="two numbered answers, the more helpful one chosen (PKU-Alignment/PKU-SafeRLHF)",
            example='{"prompt": "Hi", "response_0": "Hello!", "response_1": "What?", "better_response_id": 0}',
            matches=lambda record: _has(record, "prompt", "response_0", "response_1") and not _only_safer(record),
            conversations=lambda record: _numbered(record, "better_response_id"),
            which="last",
        ),
        Format(
            name="pku-saferlhf-safer",
            title="the same, the safer one chosen",
            example='{"prompt": "Hi", "response_0": "Hello!", "response_1": "What?", "safer_response_id": 0}',
            # Published records say both; there this one is taken only when it is asked for.
            matches=_only_safer,
            conversations=lambda record: _numbered(record, "safer_response_id"),
            which="last",
        ),
    )
}
# What the raters of a set were asked about.
ABOUT: Final = {
    "helpsteer": "helpfulness",
    "helpsteer-preference": "helpfulness",
    "pku-saferlhf": "helpfulness",
    "pku-saferlhf-safer": "harmlessness",
}


def layout_named(name: str) -> Format:
    """The layout of a name.

    Raises:
        InputError: There is none; the message lists them.
    """
    if name not in LAYOUTS:
        raise InputError(f"no format of preference pairs is called {name!r}; there are auto, {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def layout_of(first: Iterable[Raw]) -> Format:
    """The layout of the first record that any knows.

    Where none does, the commonest is taken: its errors say what is expected.
    """
    for raw in first:
        if raw.error is None and isinstance(raw.value, dict):
            for layout in LAYOUTS.values():
                if layout.matches(raw.value):
                    return layout
    return PREFERENCE

"""What evaluation harnesses log of the answers they judge: AlpacaEval, lm-evaluation-harness and garak."""

from __future__ import annotations

import json
import sys
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, identifier, kind, message, required, text
from anthrometrics.turns import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from anthrometrics.formats.raw import Raw

__all__ = ["ALPACA_EVAL", "GARAK", "LM_EVAL"]

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "model": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "function": "tool",
}
# garak's ATTEMPT_STARTED and ATTEMPT_COMPLETE.
_ANSWERED: Final = 1
_JUDGED: Final = 2
# Attempts that may wait to be judged; a probe seldom makes as many.
_WAITING: Final = 4096


def _is_alpaca_eval(record: Mapping[str, Any]) -> bool:
    asked = isinstance(record.get("instruction"), str) and isinstance(record.get("generator"), str)
    return asked and isinstance(record.get("output", 0), str | None)


def _alpaca_eval(record: Mapping[str, Any]) -> list[Conversation]:
    required(record, "instruction", "output")
    asked, more = text(record["instruction"], "instruction"), text(record.get("input"), "input")
    # AlpacaFarm, whose shape this is, has instructions with the text that they are about apart.
    prompt = f"{asked}\n\n{more}" if asked and more else asked or more
    return [Conversation((Message("user", prompt), Message("assistant", text(record["output"], "output"))))]


def _is_lm_eval(record: Mapping[str, Any]) -> bool:
    answered = any(isinstance(record.get(name), list) for name in ("resps", "filtered_resps"))
    return "doc_id" in record and isinstance(record.get("arguments"), list | dict) and answered


def _lm_eval(record: Mapping[str, Any]) -> list[Conversation]:
    """``resps`` holds what the model wrote; ``filtered_resps`` often only the answer cut out of it."""
    required(record, "doc_id", "arguments", "resps")
    name, requests, answers = identifier(record, "doc_id"), _requests(record["arguments"]), record["resps"]
    if not isinstance(answers, list):
        raise InputError(f'"resps" must be a list with a list of answers for each request, not {kind(answers)}')
    if len(requests) != len(answers):
        raise InputError(
            f'"resps" must have answers to each of "arguments": it has {len(answers)}, there are {len(requests)}'
        )
    found = []
    for place, (request, given) in enumerate(zip(requests, answers, strict=True)):
        asked = _context(request[0], f"arguments[{place}]")
        for answer in _generated(given, f"resps[{place}]", scored=len(request) == 1):
            found.append((*asked, Message("assistant", answer)))
    if not found:
        raise InputError('"resps" is empty, so there is nothing to score')
    return [Conversation(said, _repeat(name, k) if len(found) > 1 else name) for k, said in enumerate(found, 1)]


def _once_a_filter(found: Iterator[Raw]) -> Iterator[Raw]:
    """Samples without those that repeat one with the same answers under the name of another filter.

    The harness logs every sample once for each filter, which changes ``filtered_resps`` and the metrics only; the
    first is read. A digest of each sample is remembered.
    """
    filters: dict[object, str] = {}
    for raw in found:
        record = raw.value
        if raw.error is None and isinstance(record, dict) and isinstance(record.get("filter"), str):
            name = sys.intern(record["filter"])
            sample = _digest(*(record.get(field) for field in ("doc_id", "doc", "arguments", "resps")))
            if filters.setdefault(sample, name) != name:
                continue
        yield raw


def _digest(*values: object) -> object:
    """What tells values apart: their digest, or for values nested too deeply an object like no other."""
    try:
        written = json.dumps(values, sort_keys=True, default=str)
    except RecursionError:
        return object()
    return blake2b(written.encode(), digest_size=16).digest()


def _requests(arguments: object) -> list[list[Any]]:
    """The arguments of each request in order, from the lists of older versions or the objects of newer ones.

    Raises:
        InputError: They are neither.
    """
    if not isinstance(arguments, list | dict):
        raise InputError(f'"arguments" must be a list or an object of requests, not {kind(arguments)}')
    requests = [list(r.values()) if isinstance(r, dict) else r for r in _values(arguments)]
    for place, request in enumerate(requests):
        if not isinstance(request, list) or not request:
            found = "an empty one" if request == [] else kind(request)
            raise InputError(
                f'"arguments[{place}]" must be a list or an object that begins with a context, not {found}'
            )
    return requests


def _values(arguments: list[Any] | dict[str, Any]) -> Sequence[Any]:
    return list(arguments.values()) if isinstance(arguments, dict) else arguments


def _context(context: object, field: str) -> tuple[Message, ...]:
    """A prompt: plain text, or chat messages, which models behind an API get as a string of JSON.

    Messages of the assistant in it are worked examples or the beginning of an answer, written by the task. They are
    left out, as nothing that the model said.

    Raises:
        InputError: It is something else.
    """
    if isinstance(context, list) and len(context) == 1 and isinstance(context[0], str):
        # The class that marks such a string in lm-evaluation-harness is a tuple, and is written as one.
        context = context[0]
    chat = _parsed(context) if isinstance(context, str) else context
    if isinstance(chat, list) and chat and all(_is_message(item) for item in chat):
        return _without_answers(chat, field)
    if isinstance(context, str):
        return (Message("user", context),)
    raise InputError(f'the context in "{field}" must be a string or chat messages, not {kind(context)}')


def _parsed(context: str) -> object:
    if not context.lstrip().startswith("["):
        return None
    try:
        return json.loads(context)
    except (ValueError, RecursionError):
        return None


def _is_message(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("role"), str) and item["role"] in _ROLES


def _without_answers(chat: Sequence[Mapping[str, Any]], field: str) -> tuple[Message, ...]:
    said = [message(_ROLES[m["role"]], m.get("content"), f"{field}[{k}].content") for k, m in enumerate(chat)]
    return tuple(m for m in said if m.role != "assistant")


def _generated(given: object, field: str, scored: bool) -> list[str | None]:
    """The texts that answer a request.

    Args:
        given: Its item of ``resps``.
        field: The name of it, for errors.
        scored: Whether the request has no settings to generate with, as those for the likelihood of a whole text.

    Raises:
        InputError: They are likelihoods, or of another shape.
    """
    if not isinstance(given, list):
        raise InputError(f'"{field}" must be a list of answers, not {kind(given)}')
    if _is_likelihood(given) or (scored and given and all(_is_number(answer) for answer in given)):
        raise InputError(
            f'"{field}" holds likelihoods and no generated text; only samples of generate_until tasks hold text'
        )
    return [text(answer, f"{field}[{place}]") for place, answer in enumerate(given)]


def _is_likelihood(given: Sequence[object]) -> bool:
    """Whether answers are scores, or one is a pair of a score and whether the text is the likeliest."""
    return _is_scored(given) or any(isinstance(answer, list) and _is_scored(answer) for answer in given)


def _is_scored(values: Sequence[object]) -> bool:
    """Whether there is a number, or a pair of a number and a boolean as strings, which newer versions write."""
    if any(isinstance(value, int | float) for value in values):
        return True
    return len(values) == 2 and _is_number(values[0]) and values[1] in ("True", "False")


def _is_number(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_garak(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("entry_type"), str)


def _garak(record: Mapping[str, Any]) -> list[Conversation]:
    """One conversation for each output of an attempt that has some, and none for other entries of the report."""
    required(record, "entry_type")
    if record["entry_type"] != "attempt" or _is_unanswered(record):
        return []
    required(record, "prompt", "outputs")
    name, asked, outputs = identifier(record, "uuid"), _prompt(record["prompt"]), record["outputs"]
    if not isinstance(outputs, list):
        raise InputError(f'"outputs" must be a list, not {kind(outputs)}')
    if not outputs:
        raise InputError('"outputs" is empty, so there is nothing to score')
    answers = [Message("assistant", _words(output, f"outputs[{place}]")) for place, output in enumerate(outputs)]
    return [
        Conversation((*asked, answer), name if place == 1 else _repeat(name, place))
        for place, answer in enumerate(answers, 1)
    ]


def _is_unanswered(record: Mapping[str, Any]) -> bool:
    """Whether an attempt was written before the model had answered."""
    status = record.get("status")
    return status == 0 or (status == _ANSWERED and not record.get("outputs"))


def _judged(found: Iterator[Raw]) -> Iterator[Raw]:
    """Entries with each attempt once.

    garak writes an attempt when the model has answered (status 1), and again with all others of its probe when the
    answers have been judged (status 2), both times with the outputs. The second is read, or the first, at the end,
    where a report was interrupted in between. Until then the first is kept; of more than 4,096 the oldest is read and
    its second passed over.
    """
    waiting: dict[object, Raw] = {}
    read: set[object] = set()
    for raw in found:
        record = raw.value
        if raw.error is not None or not isinstance(record, dict) or not _is_answered_attempt(record):
            yield raw
            continue
        name = _attempt_name(record)
        if record["status"] == _JUDGED:
            waiting.pop(name, None)
            if name not in read:
                yield raw
        elif name not in read:
            waiting[name] = raw
            if len(waiting) > _WAITING:
                oldest = next(iter(waiting))
                read.add(oldest)
                yield waiting.pop(oldest)
    yield from waiting.values()


def _is_answered_attempt(record: Mapping[str, Any]) -> bool:
    answered = record.get("status") in (_ANSWERED, _JUDGED) and bool(record.get("outputs"))
    return record.get("entry_type") == "attempt" and answered


def _attempt_name(record: Mapping[str, Any]) -> object:
    name = record.get("uuid")
    return name if isinstance(name, str) else _digest(name, record.get("prompt"), record["outputs"])


def _prompt(prompt: object) -> tuple[Message, ...]:
    """A string, one message or, in newer versions, a conversation.

    What the assistant says in it was put there by the probe, or is the output of an earlier attempt of its own.

    Raises:
        InputError: It is something else.
    """
    if not isinstance(prompt, dict) or "turns" not in prompt:
        return (Message("user", _words(prompt, "prompt")),)
    turns = prompt["turns"]
    if not isinstance(turns, list):
        raise InputError(f'"prompt.turns" must be a list of {{"role", "content"}}, not {kind(turns)}')
    said = []
    for place, turn in enumerate(turns):
        field = f"prompt.turns[{place}]"
        if not _is_message(turn):
            found = f"the role {turn['role'][:40]!r}" if _has_role(turn) else kind(turn)
            raise InputError(f'"{field}" must be an object with a known "role", found {found}')
        said.append(Message(_ROLES[turn["role"]], _words(turn.get("content"), f"{field}.content")))
    return tuple(m for m in said if m.role != "assistant")


def _has_role(turn: object) -> bool:
    return isinstance(turn, dict) and isinstance(turn.get("role"), str)


def _words(value: object, field: str) -> str | None:
    if isinstance(value, dict) and "text" in value:
        return text(value["text"], f"{field}.text")
    if value is None or isinstance(value, str):
        return value
    raise InputError(f'"{field}" must be a string, null or an object with a "text", not {kind(value)}')


def _repeat(name: str | None, place: int) -> str | None:
    return None if name is None else f"{name}#{place}"


ALPACA_EVAL = Format(
    name="alpaca-eval",
    title="model_outputs.json of AlpacaEval",
    example='{"instruction": "Name a fruit.", "output": "A pear.", "generator": "my-model", "dataset": "helpful_base"}',
    matches=_is_alpaca_eval,
    conversations=_alpaca_eval,
)
LM_EVAL = Format(
    name="lm-eval",
    title="samples of generate_until tasks logged by lm-evaluation-harness (--log_samples), once for all filters",
    example=(
        '{"doc_id": 0, "doc": {"q": "1+1?"}, "target": "2", "arguments": {"gen_args_0": {"arg_0": "Q: 1+1?\\nA:", '
        '"arg_1": {"until": ["\\n"]}}}, "resps": [["It is 2."]], "filtered_resps": ["2"]}'
    ),
    matches=_is_lm_eval,
    conversations=_lm_eval,
    select=_once_a_filter,
)
GARAK = Format(
    name="garak",
    title="report.jsonl of garak, finished or not; each attempt once",
    example=(
        '{"entry_type": "attempt", "uuid": "5f0c", "status": 2, "probe_classname": "test.Blank", "prompt": '
        '{"turns": [{"role": "user", "content": {"text": "Hi"}}]}, "outputs": [{"text": "Hello!"}]}'
    ),
    matches=_is_garak,
    conversations=_garak,
    select=_judged,
)

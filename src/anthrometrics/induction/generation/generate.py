"""The loop around a source: batches, seeds, and a file that survives a kill."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.induction.chat_models import ChatModel
from anthrometrics.induction.generation.local import Local
from anthrometrics.output.atomic import atomic_text, beside, json_line, json_text, read_json
from anthrometrics.output.journal import Journal
from anthrometrics.output.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from anthrometrics.induction.generation.answers import Answer, GenerationConfig, Source
    from anthrometrics.induction.suites import Prompt

__all__ = ["generate"]

_META: Final = ".meta.json"
_JOURNAL: Final = ".partial.jsonl"
_STATE: Final = ".partial.state.json"


def generate(
    source: Source | ChatModel,
    prompts: Sequence[Prompt],
    config: GenerationConfig,
    out: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Answer every prompt and write a transcript.

    Each line has ``id``, ``suite``, ``prompt``, ``response``, ``should_refuse``, ``tokens``, ``finished`` and ``error``
    (None where there is a response). Several samples of a prompt have ids ``ID#1``, ``ID#2`` …. Lines are in the order
    of the prompts. What is done is kept beside ``out`` until everything is: the same call goes on after a kill, with
    the answers that an uninterrupted run would have given, and a finished ``out`` is left as it is.

    Args:
        source: A chat model in memory with whatever adapter is active, ``Vllm``, or an ``Endpoint``.
        prompts: What is asked; ids must differ.
        config: How to draw.
        out: The JSON lines file.
        progress: Called with answers done and in all.

    Returns:
        ``out``.

    Raises:
        InputError: ``out``, or what was left of it, belongs to another source, other prompts or another config; two
            prompts have one id; or the source cannot answer at all.
    """
    source = Local(source) if isinstance(source, ChatModel) else source
    requests = _requests(prompts, config)
    # As it reads back from JSON.
    plan = json.loads(
        json.dumps({"source": source.describe(), "config": config.to_dict(), "prompts": _digest(prompts)})
    )
    if out.exists():
        _check(read_json(beside(out, _META)) or {}, plan, out)
        return out
    state = StateFile(beside(out, _STATE), out)
    try:
        journal = Journal(beside(out, _JOURNAL))
        done = _resume(journal, state, plan, out)
        for name, record in _answers(source, requests, config, done, progress):
            done[name] = record
            journal.append(record)
        with atomic_text(beside(out, _META)) as stream:
            stream.write(json_text(plan))
        with atomic_text(out) as stream:
            stream.writelines(json_line(done[name]) for name in requests)
        journal.remove()
    except BaseException:
        state.close()
        raise
    state.close(remove=True)
    return out


def _requests(prompts: Sequence[Prompt], config: GenerationConfig) -> dict[str, Prompt]:
    """Every answer that is wanted, by its id."""
    names: dict[str, Prompt] = {}
    for prompt in prompts:
        for sample in range(1, config.samples + 1):
            name = prompt.id if config.samples == 1 else f"{prompt.id}#{sample}"
            if name in names:
                raise InputError(f"two prompts have the id {prompt.id}; give each its own")
            names[name] = prompt
    return names


def _resume(journal: Journal, state: StateFile, plan: dict[str, Any], out: Path) -> dict[str, dict[str, Any]]:
    """Answers of an earlier run of the same."""
    before = state.read()
    if before is None:
        journal.remove()
        state.write(plan)
        return {}
    _check(before, plan, out)
    return {record["id"]: record for record in journal.records()}


def _answers(
    source: Source,
    requests: Mapping[str, Prompt],
    config: GenerationConfig,
    done: Mapping[str, Any],
    progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Answers that are not there yet.

    Batches are the same in every run, and each has a seed of its own, so that what was answered before does not change
    what comes after; of a batch that was cut off only the missing answers are kept.
    """
    names, finished = list(requests), len(done)
    lengths = source.lengths([requests[name].prompt for name in names])
    # The longest first: what does not fit into memory shows at once.
    order = sorted(range(len(names)), key=lambda place: (-lengths[place], place))
    for start in range(0, len(order), config.batch_size):
        batch = [names[place] for place in order[start : start + config.batch_size]]
        if all(name in done for name in batch):
            continue
        seed = int.from_bytes(blake2b(f"{config.seed} {start}".encode(), digest_size=4).digest(), "big")
        found = source.answer([requests[name].prompt for name in batch], config, seed)
        for name, answer in zip(batch, found, strict=True):
            if name in done:
                continue
            yield name, _record(name, requests[name], answer)
            finished += 1
        if progress is not None:
            progress(finished, len(names))


def _record(name: str, prompt: Prompt, answer: Answer) -> dict[str, Any]:
    return {
        "id": name,
        "suite": prompt.suite,
        "prompt": prompt.prompt,
        "response": answer.text,
        "should_refuse": prompt.should_refuse,
        "tokens": answer.tokens,
        "finished": answer.finished,
        "error": answer.error,
    }


def _digest(prompts: Sequence[Prompt]) -> str:
    return blake2b(json.dumps([asdict(prompt) for prompt in prompts]).encode(), digest_size=16).hexdigest()


def _check(before: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    """Refuse to take answers of something else for these.

    Raises:
        InputError: They differ.
    """
    if before == now:
        return
    changed = [
        f"{part}.{name}" if isinstance(now[part], dict) else part
        for part in now
        for name in (now[part] if isinstance(now[part], dict) else (part,))
        if not _same(before.get(part), now[part], name)
    ]
    raise InputError(
        f"{out} holds answers of another run ({', '.join(changed) or 'unknown'} changed); name another file, or "
        "delete it"
    )


def _same(before: Any, now: Any, name: str) -> bool:
    if isinstance(now, dict):
        return isinstance(before, dict) and before.get(name) == now[name]
    return bool(before == now)

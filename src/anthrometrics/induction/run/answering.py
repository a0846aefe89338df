"""Stages generate and score: every arm answers the same prompts, and every answer is scored."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from anthrometrics.errors import InputError
from anthrometrics.formats.reader import Rejected, read_turns
from anthrometrics.induction.run.arms import BASE
from anthrometrics.induction.run.quiet import quiet
from anthrometrics.induction.run.served import check_served, endpoint_of
from anthrometrics.output.atomic import atomic_text, beside, json_line, json_text
from anthrometrics.summary import SummaryBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from anthrometrics.induction.generation import Source
    from anthrometrics.induction.run.arms import Arm
    from anthrometrics.induction.run.workshop import Workshop
    from anthrometrics.turns import Turn

__all__ = ["answer_prompts", "score_answers"]


def answer_prompts(shop: Workshop) -> None:
    """Let the base answer once for all values, then every adapter.

    Raises:
        InputError: The base cannot answer, the server that is asked does not have it and every adapter, or the disk is
            full.
    """
    if shop.config.engine == "endpoint":
        arms = [arm for arm in (None, *shop.trained()) if not shop.folder.generations(_name(arm)).exists()]
        if arms:
            check_served(shop, arms)
    _answer(shop, None)
    for arm in shop.trained():
        with shop.surviving(arm.name, "generate"):
            _answer(shop, arm)


def score_answers(shop: Workshop) -> None:
    """Score the answers of every arm that has some.

    Raises:
        InputError: Those of the base cannot be scored, or the disk is full.
    """
    _score(shop, BASE)
    for arm in shop.trained():
        if shop.folder.generations(arm.name).exists():
            with shop.surviving(arm.name, "score"):
                _score(shop, arm.name)


def _answer(shop: Workshop, arm: Arm | None) -> None:
    from anthrometrics.induction.generation import generate

    name = _name(arm)
    out = shop.folder.room_for(shop.folder.generations(name))
    if out.exists():
        return
    told = _progress(shop, f"answers of {name}")
    with _source(shop, arm) as source:
        generate(source, shop.prompts, shop.config.generation, out, progress=told)
    shop.reporter.say(f"answers of {name} → {out}")


@contextmanager
def _source(shop: Workshop, arm: Arm | None) -> Iterator[Source]:
    """What answers as an adapter, or as the base."""
    from anthrometrics.induction.chat_models import use_adapter
    from anthrometrics.induction.generation import Local

    adapter = None if arm is None else shop.folder.adapter(arm)
    if shop.config.engine == "endpoint":
        yield endpoint_of(shop.config, arm)
    elif shop.config.engine == "vllm":
        yield shop.vllm.use(adapter)
    else:
        with quiet(), use_adapter(shop.chat, adapter):
            yield Local(shop.chat, _name(arm))


def _name(arm: Arm | None) -> str:
    return BASE if arm is None else arm.name


def _score(shop: Workshop, name: str) -> None:
    source, out = shop.folder.generations(name), shop.folder.room_for(shop.folder.scores(name))
    if out.exists():
        return
    advance = _progress(shop, f"scores of {name}")
    builder, total = SummaryBuilder(), len(shop.prompts) * shop.config.generation.samples
    with atomic_text(out) as stream:
        for done, score in enumerate(shop.scorer.stream(_turns(source)), 1):
            record = score.to_dict("sentences", text=True)
            builder.add_record(record)
            stream.write(json_line(record))
            advance(done, total)
        # What stands beside the scores is there before they are.
        with atomic_text(beside(out, ".meta.json")) as meta:
            meta.write(json_text(_metadata(shop, source, builder)))


def _turns(source: Path) -> Iterator[Turn]:
    for item in read_turns(source, response_field="response", prompt_field="prompt", id_field="id"):
        if isinstance(item, Rejected):
            raise InputError(f"{item}; delete {source} to have the prompts answered again")
        yield item


def _metadata(shop: Workshop, source: Path, builder: SummaryBuilder) -> dict[str, object]:
    return {
        "schema": 1,
        "provenance": shop.scorer.provenance,
        "inputs": [str(source.relative_to(shop.folder.path))],
        "options": {"which": None, "reasoning": "exclude"},
        "detail": "sentences",
        "turns": builder.scored + builder.unscored.total(),
        "rejected": 0,
        "summary": {source.name: builder.build().to_dict()},
    }


def _progress(shop: Workshop, what: str) -> Callable[[int, int], None]:
    return lambda done, total: shop.reporter.progress(what, done, total)

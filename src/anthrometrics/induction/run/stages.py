"""The stages of a run in their order: each goes on where it was, and can be run by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anthrometrics.errors import InputError
from anthrometrics.induction.generation.endpoint import load_openai
from anthrometrics.induction.run.answering import answer_prompts, score_answers
from anthrometrics.induction.run.comparing import compare_arms
from anthrometrics.induction.run.config import STAGES
from anthrometrics.induction.run.curating import curate_values
from anthrometrics.induction.run.handle import Run
from anthrometrics.induction.run.training import train_adapters
from anthrometrics.induction.suites import save_suite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anthrometrics.induction.run.workshop import Workshop

__all__ = ["check_stages", "run_stages"]

# What loads the base.
_LOADING: Final = frozenset({"train", "generate", "qa"})


def run_stages(shop: Workshop, names: Sequence[str] = ()) -> None:
    """Run some stages, or all of them, in their order.

    Args:
        shop: The run.
        names: Of ``STAGES``; all of them if there are none.

    Raises:
        InputError: A name is unknown, there is no such base, a stage lacks what an earlier one makes, or nothing is
            left to go on with.
    """
    check_stages(names)
    wanted = [name for name in STAGES if name in (names or STAGES) and (name != "qa" or shop.config.qa)]
    if not _LOADING.isdisjoint(wanted):
        # Before the first of them: pairs can take an hour to score, and a base that does not exist none of it.
        shop.check_base()
    if "generate" in wanted and shop.config.engine == "endpoint":
        load_openai()
    for name in wanted:
        shop.reporter.stage(name)
        _check_before(shop, name)
        with shop.folder.stage(name):
            _WORK[name](shop)


def check_stages(names: Sequence[str]) -> None:
    """Refuse a name that is none.

    Raises:
        InputError: There is one.
    """
    for name in names:
        if name not in STAGES:
            raise InputError(f'there is no stage "{name}"; there are {", ".join(STAGES)}')


def _check_before(shop: Workshop, name: str) -> None:
    """Whether there is something for a stage to work on."""
    failed = shop.folder.record["failed"]
    why = "".join(f"; {unit}: {found['reason']}" for unit, found in failed.items())
    if name == "train" and not shop.curated():
        raise InputError(f"no value has pairs to train on; run the stage curate first{why}")
    if name in ("generate", "qa") and not shop.trained():
        raise InputError(f"no adapter is trained; run the stage train first{why}")
    if name == "score" and not shop.folder.generations("base").exists():
        raise InputError(f"the base has not answered; run the stage generate first{why}")


def _curate(shop: Workshop) -> None:
    # The prompts first: to read them is quick, and a mistake in them is better known before the work.
    if not shop.folder.prompts.exists():
        save_suite(shop.prompts, shop.folder.prompts)
    curate_values(shop)


def _qa(shop: Workshop) -> None:
    from anthrometrics.induction.run.questions import answer_questions

    answer_questions(shop)


def _compare(shop: Workshop) -> None:
    compare_arms(shop.folder)
    shop.reporter.say(f"results → {shop.folder.results}")


def _report(shop: Workshop) -> None:
    Run(shop.folder).report(shop.folder.report)
    shop.reporter.say(f"report → {shop.folder.report}")


_WORK: Final[dict[str, Callable[[Workshop], None]]] = {
    "curate": _curate,
    "train": train_adapters,
    "generate": answer_prompts,
    "score": score_answers,
    "qa": _qa,
    "compare": _compare,
    "report": _report,
}

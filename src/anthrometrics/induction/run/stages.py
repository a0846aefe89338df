"""The stages of a run in their order: each goes on where it was, and can be run by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anthrometrics.errors import InputError
from anthrometrics.induction.run.answering import answer_prompts, score_answers
from anthrometrics.induction.run.comparing import compare_arms
from anthrometrics.induction.run.curating import curate_values
from anthrometrics.induction.run.handle import Run
from anthrometrics.induction.run.training import train_adapters
from anthrometrics.induction.suites import save_suite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anthrometrics.induction.run.workshop import Workshop

__all__ = ["STAGES", "check_stages", "run_stages"]


def run_stages(shop: Workshop, names: Sequence[str] = ()) -> None:
    """Run some stages, or all of them, in their order.

    Args:
        shop: The run.
        names: Of ``STAGES``; all of them if there are none.

    Raises:
        InputError: A name is unknown, a stage lacks what an earlier one makes, or nothing is left to go on with.
    """
    check_stages(names)
    for name, stage in STAGES.items():
        if (names and name not in names) or (name == "qa" and not shop.config.qa):
            continue
        shop.reporter.stage(name)
        _check_before(shop, name)
        with shop.folder.stage(name):
            stage(shop)


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


STAGES: Final[dict[str, Callable[[Workshop], None]]] = {
    "curate": _curate,
    "train": train_adapters,
    "generate": answer_prompts,
    "score": score_answers,
    "qa": _qa,
    "compare": _compare,
    "report": _report,
}

"""Stage qa: questions with known answers, before and after, through lm-evaluation-harness.

Gao et al., "A framework for few-shot language model evaluation" (https://github.com/EleutherAI/lm-evaluation-harness).
Questions are put as its task files have it, without a chat template, so that base numbers can be compared with others.
"""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anthrometrics.comparison.clusters import mean_of
from anthrometrics.errors import InputError, MissingExtraError
from anthrometrics.induction.run.arms import BASE, arms_of
from anthrometrics.induction.run.quiet import quiet
from anthrometrics.induction.run.spread import spread_of
from anthrometrics.output.atomic import json_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from anthrometrics.induction.run.arms import Arm
    from anthrometrics.induction.run.folder import RunFolder
    from anthrometrics.induction.run.workshop import Workshop

    # Task → metric → question → what it scored.
    Answered = dict[str, dict[str, dict[str, float]]]

__all__ = ["Questioned", "answer_questions", "questioned"]


@dataclass(frozen=True, slots=True)
class Questioned:
    """One metric of one task, before and after one value was induced.

    Attributes:
        value: What was induced.
        task: Name of the task.
        metric: As the harness has it, such as ``acc``.
        n: Questions.
        base: Mean before.
        tuned: Mean after, over questions and training runs.
        difference: ``tuned`` − ``base``, question by question.
        low: Lower end of its interval.
        high: Upper end.
        null_difference: Of the null adapters, with ``null_low`` and ``null_high``; None without them.
    """

    value: str
    task: str
    metric: str
    n: int
    base: float
    tuned: float
    difference: float
    low: float
    high: float
    null_difference: float | None = None
    null_low: float | None = None
    null_high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def answer_questions(shop: Workshop) -> None:
    """Let the base and every adapter answer the tasks of the config; what is done is kept.

    Raises:
        InputError: There is no such task, or its questions cannot be had.
        MissingExtraError: lm_eval is not installed.
    """
    manager = _manager(shop)
    _answer(shop, None, manager)
    for arm in shop.trained():
        with shop.surviving(arm.name, "qa"):
            _answer(shop, arm, manager)


def questioned(folder: RunFolder, *, level: float = 0.95, resamples: int = 2000) -> tuple[Questioned, ...]:
    """What the answers to the tasks say; empty if there are none.

    Args:
        folder: The run.
        level: Of the intervals.
        resamples: Bootstrap resamples.
    """
    if not folder.answered(BASE).exists():
        return ()
    base, config = folder.read(folder.answered(BASE)), folder.config
    how: dict[str, Any] = {"level": level, "resamples": resamples}
    rows = []
    for value in folder.record["curated"]:
        arms = arms_of([value], config.seeds, config.controls)
        done = {arm: folder.read(folder.answered(arm.name)) for arm in arms if folder.answered(arm.name).exists()}
        for task, metrics in base.items() if any(arm.tuned for arm in done) else ():
            for metric in metrics:
                rows.append(_row(value, task, metric, base, done, how))
    return tuple(rows)


def _row(
    value: str, task: str, metric: str, base: Answered, done: dict[Arm, Answered], how: dict[str, Any]
) -> Questioned:
    asked = base[task][metric]

    def stacked(kind: str) -> NDArray[np.float64] | None:
        found = [answers[task][metric] for arm, answers in sorted(done.items()) if arm.kind == kind]
        columns = [[answers.get(name, np.nan) for name in asked] for answers in found]
        return np.array(columns, dtype=np.float64).T if columns else None

    before, tuned, null = np.array(list(asked.values()))[:, None], stacked("seed"), stacked("null")
    assert tuned is not None
    change = spread_of((tuned - before)[:, :, None], flips=0, **how)
    control: dict[str, float] = {}
    if null is not None:
        found = spread_of((null - before)[:, :, None], flips=0, **how)
        control = {"null_difference": float(found.mean[0]), "null_low": float(found.low[0])}
        control["null_high"] = float(found.high[0])
    return Questioned(
        value=value,
        task=task,
        metric=metric,
        n=len(asked),
        base=float(before.mean()),
        tuned=float(mean_of(mean_of(tuned, axis=1), axis=0)),
        difference=float(change.mean[0]),
        low=float(change.low[0]),
        high=float(change.high[0]),
        **control,
    )


def _manager(shop: Workshop) -> Any:
    """Tasks by name: those of the user's folder or, if they are not all there, those of the harness too."""
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise MissingExtraError("lm_eval", "qa") from error
    config = shop.config
    if config.qa_tasks is not None:
        # The harness has 14,000 tasks; to look through them takes many seconds.
        own = TaskManager(include_path=config.qa_tasks, include_defaults=False)
        if set(config.qa) <= set(own.all_tasks):
            return own
    manager = TaskManager(include_path=config.qa_tasks)
    for task in config.qa:
        if task not in manager.all_tasks:
            near = difflib.get_close_matches(task, manager.all_tasks, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "lm_eval ls tasks lists them"
            raise InputError(f"lm-evaluation-harness has no task {task}; {hint}")
    return manager


def _answer(shop: Workshop, arm: Arm | None, manager: Any) -> None:
    from anthrometrics.induction.chat_models import use_adapter

    name = BASE if arm is None else arm.name
    out = shop.folder.answered(name)
    if out.exists():
        return
    with quiet(), use_adapter(shop.chat, None if arm is None else shop.folder.adapter(arm)):
        found = _evaluate(shop, manager)
    shop.folder.write(out, json_text(found))
    shop.reporter.say(f"questions answered by {name} → {out}")


def _evaluate(shop: Workshop, manager: Any) -> Answered:
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    chat, config = shop.chat, shop.config
    model = HFLM(
        pretrained=chat.model,
        tokenizer=chat.tokenizer,
        backend="causal",
        batch_size=config.generation.batch_size,
        # Of a longer question the end is asked, as the harness does with models that it loads itself.
        truncation=True,
    )
    found = simple_evaluate(
        model=model,
        tasks=list(config.qa),
        limit=config.qa_limit,
        task_manager=manager,
        log_samples=True,
        # Intervals are made here, question by question.
        bootstrap_iters=0,
    )
    if found is None:
        raise InputError("lm-evaluation-harness gave no results; answer questions in one process")
    return {task: _by_metric(samples) for task, samples in found["samples"].items()}


def _by_metric(samples: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Metrics that have a number for each question."""
    metrics: dict[str, dict[str, float]] = {}
    for sample in samples:
        for metric in sample["metrics"]:
            value = sample[metric]
            if isinstance(value, int | float):
                metrics.setdefault(metric, {})[str(sample["doc_id"])] = float(value)
    return metrics

"""What a run over a cluster gave, put together from the reports of its shards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.integrations.ray.report import builders_of
from anthrometrics.output.atomic import atomic_text, json_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from anthrometrics.integrations.ray.folder import RunFolder
    from anthrometrics.integrations.ray.plan import ShardPlan
    from anthrometrics.integrations.ray.report import ShardReport
    from anthrometrics.scores import Detail
    from anthrometrics.summary import Summary

__all__ = ["RayRun", "conclude"]


@dataclass(frozen=True)
class RayRun:
    """A run that is through.

    Attributes:
        folder: Where its files are.
        shards: Files of scores.
        resumed: Shards that an earlier run had done.
        turns: Turns in the shards, unscored ones included.
        rejected: Records that could not be read; the folder ``rejected`` has them.
        failed: Input → why it, or a piece of it, is not among the scores. Going on with the run tries it again.
        formats: Input → format of its records.
        summaries: Input → means and shares over its turns.
        provenance: What gave the numbers; several where workers differ, in their processors for example.
    """

    folder: Path
    shards: int
    resumed: int
    turns: int
    rejected: int
    failed: dict[str, str]
    formats: dict[str, str]
    summaries: dict[str, Summary]
    provenance: tuple[dict[str, Any], ...]


def conclude(folder: RunFolder, plan: ShardPlan, detail: Detail, failed: Mapping[str, str], resumed: int) -> RayRun:
    """Add up the reports and write ``meta.json``.

    Args:
        folder: Where they are.
        plan: What was to do.
        detail: As of ``TurnScore.to_dict``.
        failed: Shard → why it could not be done.
        resumed: Shards that an earlier run had done.

    Raises:
        InputError: Nothing could be read, or the folder is not the one that the workers wrote to.
    """
    reports = {shard.name: _report(folder, shard.name) for shard in plan.shards if shard.name not in failed}
    files = {shard.file: failed[shard.name] for shard in reversed(plan.shards) if shard.name in failed}
    turns = sum(report.turns for report in reports.values())
    if not turns:
        reason = next(iter(files.values()), None)
        raise InputError(f"nothing readable in {', '.join(plan.inputs[:3])}{f': {reason}' if reason else ''}")
    run = RayRun(
        folder=folder.path,
        shards=len(reports),
        resumed=resumed,
        turns=turns,
        rejected=sum(report.rejected for report in reports.values()),
        failed=dict(reversed(files.items())),
        formats={report.file: report.format for report in reports.values() if report.format},
        summaries={file: builder.build() for file, builder in builders_of(reports.values()).items()},
        provenance=_distinct(reports),
    )
    with atomic_text(folder.meta) as stream:
        stream.write(json_text(_metadata(run, plan, detail, reports, folder)))
    return run


def _report(folder: RunFolder, name: str) -> ShardReport:
    report = folder.report(name)
    if report is None or not folder.part(name).is_file():
        raise InputError(
            f"a worker has written {folder.part(name)}, and it is not here; inputs and output must be on storage that "
            "all machines share"
        )
    return report


def _distinct(reports: Mapping[str, ShardReport]) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    for report in reports.values():
        if report.provenance and report.provenance not in found:
            found.append(report.provenance)
    return tuple(found)


def _metadata(
    run: RayRun, plan: ShardPlan, detail: Detail, reports: Mapping[str, ShardReport], folder: RunFolder
) -> dict[str, Any]:
    """As beside the output of a single process, and the shards; other provenances only where there are any."""
    others = {"other_provenance": list(run.provenance[1:])} if len(run.provenance) > 1 else {}
    return {
        "schema": 1,
        "provenance": run.provenance[0],
        **others,
        "inputs": plan.inputs,
        "formats": run.formats,
        "options": plan.reading,
        "detail": detail,
        "turns": run.turns,
        "rejected": run.rejected,
        "summary": {file: summary.to_dict() for file, summary in run.summaries.items()},
        "failed": run.failed,
        "shards": [
            {
                "name": folder.part(shard.name).name,
                "file": shard.file,
                "bytes": None if shard.start is None else [shard.start, shard.end],
                "turns": reports[shard.name].turns,
                "rejected": reports[shard.name].rejected,
            }
            for shard in plan.shards
            if shard.name in reports
        ],
    }

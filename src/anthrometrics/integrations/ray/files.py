"""Files scored by many workers: each shard is written whole, and what is done is not done again."""

from __future__ import annotations

import json
import uuid
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anthrometrics.errors import AnthrometricsError, InputError
from anthrometrics.integrations.ray.cluster import actor_pool, connected, load_ray, quiet, room_for, through_client
from anthrometrics.integrations.ray.folder import RunFolder
from anthrometrics.integrations.ray.outcome import conclude
from anthrometrics.integrations.ray.plan import ShardPlan, make_plan
from anthrometrics.integrations.ray.request import Request, scorer_options
from anthrometrics.integrations.ray.worker import Job, ShardScorer
from anthrometrics.output.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from anthrometrics.detectors.encoder import Device
    from anthrometrics.detectors.manifest import Precision
    from anthrometrics.detectors.values import OwnValue
    from anthrometrics.integrations.ray.folder import ShardFormat
    from anthrometrics.integrations.ray.outcome import RayRun
    from anthrometrics.integrations.ray.plan import Shard
    from anthrometrics.output.partial import Begin
    from anthrometrics.scores import Detail

__all__ = ["RayProgress", "score_files"]

# Tasks of one run; beyond, a task is several shards. Each costs the machine that starts the run about a millisecond.
_MOST_TASKS = 10_000


@dataclass(frozen=True)
class RayProgress:
    """How far a run is.

    Attributes:
        shards: Shards that are through.
        total: All of them; what an earlier run did is not counted.
        turns: Turns in them.
        rejected: Records in them that could not be read.
    """

    shards: int
    total: int
    turns: int
    rejected: int


def score_files(
    inputs: Iterable[str],
    out_dir: str | Path,
    *,
    reading: Mapping[str, Any] | None = None,
    detail: Detail = "labels",
    text: bool = False,
    shards: ShardFormat = "parquet",
    device: Device = "auto",
    precision: Precision | None = None,
    model: str | Path | None = None,
    cache_mb: float | None = None,
    values: bool | Sequence[OwnValue] = False,
    workers: int | None = None,
    threads: int = 1,
    address: str | None = None,
    begin: Begin = "new",
    split_bytes: int | None = None,
    on_progress: Callable[[RayProgress], None] | None = None,
) -> RayRun:
    """Score files on a Ray cluster, into a folder.

    A file is one shard, and a plain JSON-lines file (``.jsonl``, ``.ndjson``) that is large is cut at line ends into
    several. Shards are read, scored and written by workers with one ``Scorer`` each. ``part-00000`` and its followers
    hold the turns in input order. On a CPU the numbers are those of a single process.

    A shard whose worker dies is given to another. A shard is there whole or not at all, so none is lost or doubled; a
    run that ends early can be gone on with.

    Args:
        inputs: Files, folders and patterns, as for the command; every worker must be able to read them.
        out_dir: Folder to write, on storage that every worker sees. The module ``folder`` says what is in it.
        reading: Options of ``read_turns``.
        detail: How much to write, as of ``TurnScore.to_dict``.
        text: Whether to write prompts and responses.
        shards: ``"parquet"`` or ``"jsonl"``. Fields that are kept are text in Parquet, whatever they were.
        device: ``"cpu"``, ``"cuda"`` for one GPU a worker, or ``"auto"``, which is the CPU here: it must not depend on
            where a shard happens to run.
        precision: As of ``Scorer``.
        model: As of ``Scorer``; a folder must be there for every worker.
        cache_mb: As of ``Scorer``, for each worker.
        values: As of ``Scorer``.
        workers: Processes that score; by default as many as the cluster has room for.
        threads: Cores of each.
        address: The cluster: ``"auto"``, ``"ray://host:port"``; by default that of ``RAY_ADDRESS``, or else one of this
            machine alone that ends with the run.
        begin: ``"new"`` refuses a folder that holds a run, ``"resume"`` does what is missing in it if there is one,
            ``"restart"`` deletes it.
        split_bytes: Largest piece of a file that is cut; by default 1 to 16 MiB, so that every worker gets some.
        on_progress: Called for each shard that is through.

    Raises:
        InputError: An input or the folder cannot be used, inputs or options are not those of the run to go on with,
            nothing could be read, or there is no cluster at the address.
        ModelError: The model folder is missing or does not fit.
        DeviceError: No machine has the GPU that was asked for.
        MissingExtraError: Ray is not installed, or a library that a kind of file needs.
        AnthrometricsError: A worker cannot work, or the cluster failed.
    """
    for name, value in (("workers", workers), ("threads", threads), ("split_bytes", split_bytes)):
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1, not {value}")
    gpus = 1 if device == "cuda" else 0
    scorer = scorer_options(device, precision, threads, model, gpus, cache_mb, values)
    request = Request.of(inputs, RunFolder(Path(out_dir).resolve(), shards), reading or {}, detail, text, scorer)
    folder = request.folder
    folder.make()
    with closing(StateFile(folder.plan, folder.path)) as state:
        plan = _begun(request, state, begin)
        done = _done(folder, plan)
        failed: dict[str, str] = {}
        if plan is None or len(done) < len(plan.shards):
            with connected(address, workers, threads) as ray:
                room = room_for(ray, threads, gpus)
                many = workers or room
                if plan is None:
                    plan = make_plan(request, many, split_bytes)
                    state.write(plan.to_dict())
                todo = [shard for shard in plan.shards if shard.name not in done]
                failed = _run(ray, request, todo, min(many, len(todo)), on_progress)
        return conclude(folder, plan, detail, failed, len(done))


def _begun(request: Request, state: StateFile, begin: Begin) -> ShardPlan | None:
    """The plan of the run that the folder holds, if it is to be gone on with."""
    folder = request.folder
    raw = None if begin == "restart" else state.read()
    plan = None if raw is None else ShardPlan.from_dict(raw)
    done = _done(folder, plan)
    if begin != "restart" and (done or (plan is None and folder.has_parts())):
        if begin == "new" or plan is None:
            raise InputError(
                f"{folder.path} holds a run already; "
                + ("what it was of is not known; " if plan is None else "go on with it by --resume, or ")
                + "begin again by --restart, which deletes it, or name another folder"
            )
        plan.check_same(request, done)
        return plan
    # Without anything done, an earlier run binds nobody.
    folder.empty()
    return None


def _done(folder: RunFolder, plan: ShardPlan | None) -> set[str]:
    """Names of the shards that are done, of the kind that the plan says, whatever is asked for now."""
    if plan is None:
        return set()
    planned = replace(folder, shards=plan.options["shards"])
    return {shard.name for shard in plan.shards if planned.is_done(shard.name)}


def _run(
    ray: Any, request: Request, shards: Sequence[Shard], workers: int, on_progress: Callable[[RayProgress], None] | None
) -> dict[str, str]:
    """Have the shards done; those that could not be, and why."""
    folder, run = request.folder, uuid.uuid4().hex
    job = Job(
        folder,
        run,
        request.reading,
        request.detail,
        request.text,
        len(request.files) > 1,
        request.scorer,
        request.provenance["model_digest"],
        request.provenance.get("values_digest"),
    )
    folder.sweep()
    folder.mark(run).touch()
    failed: dict[str, str] = {}
    through = turns = rejected = 0
    try:
        for row in _rows(ray, job, shards, workers):
            if row["error"]:
                raise AnthrometricsError(row["error"])
            if row["failed"]:
                failed[row["name"]] = row["failed"]
            through, turns, rejected = through + 1, turns + row["turns"], rejected + row["rejected"]
            if on_progress is not None:
                on_progress(RayProgress(through, len(shards), turns, rejected))
    finally:
        # Workers that are still at it find the mark gone, and what they leave is swept by the next run.
        folder.sweep()
    return failed


def _rows(ray: Any, job: Job, shards: Sequence[Shard], workers: int) -> Iterator[dict[str, Any]]:
    """What the workers say of the shards, as they are through.

    Raises:
        AnthrometricsError: The cluster failed.
    """
    try:
        if through_client():
            # Ray Data works only on machines of the cluster; a task there does it, and tells all at the end.
            yield from ray.get(ray.remote(num_cpus=0)(_all_rows).remote(job, shards, workers))
        else:
            yield from _streamed_rows(ray, job, shards, workers)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AnthrometricsError):
            raise error.cause from error
        raise
    except ray.exceptions.RayError as error:
        reason = str(error).strip() or type(error).__name__
        raise AnthrometricsError(f"the cluster failed: {reason}. What is done is kept; go on with --resume") from error


def _all_rows(job: Job, shards: Sequence[Shard], workers: int) -> list[dict[str, Any]]:
    return list(_streamed_rows(load_ray(), job, shards, workers))


def _streamed_rows(ray: Any, job: Job, shards: Sequence[Shard], workers: int) -> Iterator[dict[str, Any]]:
    items = [{"shard": json.dumps(asdict(shard))} for shard in shards]
    with quiet(ray):
        # One task an actor at a time: a second would wait for the first while others idle. Ray starts an actor again
        # that died, and gives its task to another, without limit.
        yield from (
            ray.data.from_items(items, override_num_blocks=min(len(items), _MOST_TASKS))
            .map(
                ShardScorer,
                fn_constructor_args=(job,),
                compute=actor_pool(ray, workers, workers, max_tasks_in_flight_per_actor=1),
                num_cpus=job.scorer["threads"],
                num_gpus=1 if job.scorer["device"] == "cuda" else None,
            )
            .iter_rows()
        )

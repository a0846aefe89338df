"""A connection to Ray: a cluster that runs, or one on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import AnthrometricsError, DeviceError, InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["actor_pool", "connected", "load_ray", "quiet", "room_for", "through_client"]

# Of a cluster of our own: shards travel as names and reports, so Ray's store of shared objects stays all but empty.
_STORE_BYTES: Final = 200 << 20
# Seconds to wait for a cluster to answer.
_PATIENCE: Final = 10
_ENVIRONMENT: Final = {
    # No figures about its use are sent anywhere, unless somebody asks for that.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray warns about every pool of actors, on standard error, that it cannot be restarted without this process.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
# What keeps a cluster of one machine to its loopback address, as is the rule where Ray has no larger ones. Ray reads it
# when it is imported; a program that has imported it before gets what Ray gives it.
_ALONE: Final = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def load_ray() -> Any:
    """The module ``ray``, with Ray Data.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    return ray


@contextmanager
def connected(address: str | None, workers: int | None, threads: int) -> Iterator[Any]:
    """The module ``ray``, connected; a connection that was there before stays.

    Args:
        address: ``"auto"`` for the cluster this machine belongs to, ``"ray://host:port"`` or ``"host:port"``; by
            default the variable ``RAY_ADDRESS``, or else a cluster of this machine alone that ends with the block.
        workers: What such a cluster is to have room for; by default as many as this process may use cores.
        threads: Cores of each.

    Raises:
        InputError: There is no cluster at the address.
        MissingExtraError: Ray is not installed.
        AnthrometricsError: Ray did not start on this machine.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    with _defaults(_ENVIRONMENT | ({} if address else _ALONE)):
        ray = load_ray()
        before = ray.is_initialized()
        if not before:
            _connect(ray, address, workers * threads if workers else max(threads, _usable_cores()))
    try:
        yield ray
    finally:
        if not before:
            ray.shutdown()


def _connect(ray: Any, address: str | None, cpus: int) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        _init(ray, address, cpus)
    finally:
        # Ray takes the signal for itself, and would end the program in its own way.
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)


def _init(ray: Any, address: str | None, cpus: int) -> None:
    quietly: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        try:
            ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=_STORE_BYTES, **quietly)
        except Exception as error:
            # This is the class that Ray raises where its processes are not up after half a minute.
            if type(error) is not Exception:
                raise
            raise AnthrometricsError(f"Ray did not start; is this machine too busy? Try again. ({error})") from error
        return
    try:
        _check_listens(address)
        ray.init(address, **quietly)
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot reach the Ray cluster {address}: {error}. Start one with 'ray start --head', or leave the address "
            "out to use this machine alone"
        ) from error


def _check_listens(address: str) -> None:
    """Raise at once where nothing listens; Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()


@contextmanager
def _defaults(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for a while, where they are not set."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def through_client() -> bool:
    """Whether the connection is one of ``ray://``, by which Ray Data cannot be used."""
    from ray.util.client import ray as client

    known: Any = client
    return bool(known.is_connected())


def room_for(ray: Any, cpus: int, gpus: int) -> int:
    """Workers of so many cores and GPUs that the machines of the cluster have room for now.

    Raises:
        DeviceError: No machine has a GPU.
        InputError: No machine has so many cores.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if gpus and not any(machine.get("GPU", 0) >= gpus for machine in machines):
        raise DeviceError("no machine of the Ray cluster has a GPU; start one that has, or leave --device cuda out")
    most = int(max((machine.get("CPU", 0) for machine in machines), default=0))
    if most < cpus:
        raise InputError(f"a worker of {cpus} threads needs as many cores on one machine; the largest here has {most}")
    return sum(
        int(min(machine.get("CPU", 0) // cpus, machine.get("GPU", 0) // gpus if gpus else machine.get("CPU", 0)))
        for machine in machines
    )


def actor_pool(ray: Any, least: int, most: int, **options: Any) -> Any:
    """How many actors Ray Data may use."""
    return ray.data.ActorPoolStrategy(min_size=least, max_size=most, **options)


@contextmanager
def quiet(ray: Any) -> Iterator[None]:
    """Ray Data without its progress bars and notices, which would mix with those of a command."""
    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    bars, level = context.enable_progress_bars, logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = bars
        logger.setLevel(level)


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""``on_dask``: jobs run on the workers of a Dask cluster, or on processes of this machine."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from optserve.batch.executor import Executor, Order, Reply
from optserve.errors import ConfigError

__all__ = ["on_dask"]

AHEAD = 2
"""Orders for each thread of the workers that are sent at a time: one runs, one waits there."""

TIMES = 10
"""How often a job is sent whose worker dies."""

LOOK = 0.2
"""Seconds between two looks whether the batch was stopped."""


def on_dask(address: str, workers: int) -> Executor:
    """What has orders done by the workers of the scheduler at ``address``, or by ``workers``."""
    try:
        import distributed
    except ImportError:
        raise ConfigError(
            "--on dask needs Dask, which is not installed",
            remedy="pip install 'optserve[dask]'",
            code="not-installed",
        ) from None

    def execute(orders: Iterable[Order], stopped: Callable[[], bool]) -> Iterator[Reply]:
        with _client(distributed, address, workers) as client:
            yield from _executed(distributed, client, orders, stopped)

    return execute


def _client(distributed: Any, address: str, workers: int) -> Any:
    import dask as configuration

    if not address:
        with configuration.config.set({"distributed.scheduler.allowed-failures": TIMES}):
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                memory_limit=0,
                silence_logs=50,
            )
        return _Owning(distributed.Client(cluster), cluster)
    try:
        return distributed.Client(address, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"no Dask scheduler answers at {address}: {error}",
            expected="the address of one that runs, as in tcp://host:8786",
            code="usage",
        ) from None


class _Owning:
    """A client and its cluster, which end together."""

    def __init__(self, client: Any, cluster: Any) -> None:
        self.client, self.cluster = client, cluster

    def __enter__(self) -> Any:
        return self.client

    def __exit__(self, *raised: object) -> None:
        self.client.close()
        self.cluster.close()


@dataclass(frozen=True)
class _Sent:
    """An order, what will be its reply, and how often it was sent."""

    order: Order
    future: Any
    times: int


def _executed(
    distributed: Any, client: Any, orders: Iterable[Order], stopped: Callable[[], bool]
) -> Iterator[Reply]:
    """The replies, as they come."""
    waiting, running = iter(orders), dict[str, _Sent]()
    ended, exhausted = queue.SimpleQueue[str](), False

    def send(order: Order, times: int = 1) -> None:
        key = f"optserve-{order.key}-{batch}-{times}"
        future = client.submit(_on_worker, order, key=key, pure=False)
        running[key] = _Sent(order, future, times)
        future.add_done_callback(lambda future: ended.put(future.key))

    batch = uuid4().hex
    try:
        while not stopped():
            most = max(1, AHEAD * sum(client.nthreads().values()))
            while not exhausted and len(running) < most:
                order = next(waiting, None)
                exhausted = order is None
                if order is not None:
                    send(order)
            if not running:
                return
            try:
                one = running.pop(ended.get(timeout=LOOK))
            except queue.Empty:
                continue
            reply: Reply | None = None
            if one.future.status == "finished":
                reply = one.future.result()
            if reply is not None and not reply.is_lost:
                yield reply
            elif one.future.status == "error" and not isinstance(
                error := one.future.exception(), distributed.KilledWorker
            ):
                yield one.order.failed(f"a worker of Dask failed: {error!r}")
            elif one.times < TIMES:
                send(one.order, one.times + 1)
            else:
                yield one.order.lost()
    finally:
        client.cancel([one.future for one in running.values()], force=True)


def _on_worker(order: Order) -> Reply:
    """What a worker does: the files of the job are for a moment in its own folder."""
    import distributed

    return order.do(Path(distributed.get_worker().local_directory))

"""``Executor``: where the jobs of a batch run, if not in processes of this one.

An executor is given orders, and has each done somewhere: ``order.do()`` runs the job there in a
supervised process, and returns a reply. That is all: what orders and replies hold, what is checked
and what is written is the same for every executor.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from optserve.batch.fork_server import fork_server
from optserve.batch.job import BatchOptions, Job
from optserve.batch.parcel import Parcel, Reply
from optserve.batch.pool import Done

__all__ = ["Executor", "Order", "Reply", "ordered"]


@dataclass(frozen=True)
class Order:
    """A job that can be sent elsewhere and run there: ``content`` is its parcel, pickled, and
    ``key`` the digest of that."""

    number: int
    key: str
    content: bytes = field(repr=False)

    def do(self, folder: Path | None = None) -> Reply:
        """Run the job here, in a process that is forked from one without threads; beneath
        ``folder`` there is room for what it leaves, by default where temporary files are.

        May be called on several threads, and where no config has ever been.
        """
        reply = fork_server(folder).reply(self.content)
        return self.lost() if reply is None else replace(reply, host=socket.gethostname())

    def lost(self) -> Reply:
        """The reply where a worker ended without one: the job was killed from outside."""
        done = Done(self.number, (), -signal.SIGKILL, "", 0.0, "")
        return Reply(self.number, done, is_lost=True)

    def failed(self, message: str) -> Reply:
        """The reply where no worker can run the job; ``message`` says why."""
        told = {"ended": "killed", "exit_code": 1, "message": message}
        return Reply(self.number, Done(self.number, (told,), 1, "", 0.0, ""))


class Executor(Protocol):
    """Has orders done; gives the reply of each as it comes, in any order, exactly once.

    ``orders`` are taken from as many can run, and some more. Where ``stopped`` says so, which is
    asked every second at least, no other is begun, and those that run are given up. A job whose
    worker died is sent again, or answered by ``order.lost()``.

    >>> class Here:
    ...     def __call__(self, orders, stopped):
    ...         for order in orders:
    ...             if stopped():
    ...                 return
    ...             yield order.do()
    """

    def __call__(self, orders: Iterable[Order], stopped: Callable[[], bool]) -> Iterator[Reply]: ...


def ordered(number: int, job: Job, options: BatchOptions, digests: Mapping[str, str]) -> Order:
    """The order of a job, whose files are named from the working directory."""
    content = pickle.dumps(
        Parcel(number, job, options, os.getcwd(), digests),  # noqa: PTH109
        protocol=5,
    )
    return Order(number, hashlib.sha256(content).hexdigest(), content)

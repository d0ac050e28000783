"""Fits of simulated data sets, by several processes at the same time."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from optserve.batch.pool import Pool, Task
from optserve.batch.process import Message
from optserve.batch.serving import JobVerdict

if TYPE_CHECKING:
    from optserve.jobs.interruption import Interruption
    from optserve.jobs.record.result import Result
    from optserve.jobs.simulation import Sets

__all__ = ["fits_by_processes"]


def fits_by_processes(
    sets: Sets, n: int, jobs: int, interruption: Interruption
) -> Iterator[Result]:
    """The fits of ``n`` data sets, in the order of their numbers, by ``jobs`` processes.

    Each fits on one thread: a set depends on its seed and its number alone, and a fit is the same
    to the bit for any number of threads. What a process did not come to is fitted here, so that it
    fails as it would without processes.
    """

    def do(request: bytes, send: Callable[[Message], None], new: bool) -> JobVerdict:
        made = pickle.dumps(sets.fit(int(request), 1))
        send({"result": base64.b64encode(made).decode("ascii")})
        return "next"

    tasks = [Task(number, b"%d" % number) for number in range(n)]
    found: dict[int, Result] = {}
    for done in Pool(min(jobs, n), interruption, do).run(tasks):
        for message in done.messages:
            found[done.of] = pickle.loads(base64.b64decode(message["result"]))
    for number in range(n):
        yield found[number] if number in found else sets.fit(number, 1)

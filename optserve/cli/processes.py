"""Fits that depend on their numbers alone, by several processes at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from optserve.batch.process import Message
    from optserve.batch.serving import JobVerdict
    from optserve.jobs.evidence.uncertainty.refits import RefitsBy
    from optserve.jobs.interruption import Interruption

__all__ = ["by_processes", "fits_by_processes"]

T = TypeVar("T")

PARTS, LARGEST = 8, 50
"""Into how many parts for each process the fits are divided, and the most of one part: a process is
looked through after each."""


def fits_by_processes(
    fit: Callable[[int], T], n: int, jobs: int, interruption: Interruption
) -> Iterator[T]:
    """What ``fit`` makes of the numbers below ``n``, in their order, by ``jobs`` processes.

    Each is to fit on one thread: a fit depends on its number alone, and is the same to the bit for
    any number of threads. What a process did not come to is fitted here, so that it fails as it
    would without processes; where one fit stops all, as time that is up does, no other begins.
    """
    import base64
    import pickle

    from optserve.batch.pool import Pool, Task
    from optserve.jobs.evidence.uncertainty.refits import StoppedError

    def do(request: bytes, send: Callable[[Message], None], new: bool) -> JobVerdict:
        first, last = map(int, request.split())
        try:
            made = pickle.dumps([fit(number) for number in range(first, last)])
        except StoppedError:
            send({"stopped": True})
            return "last"
        send({"result": base64.b64encode(made).decode("ascii")})
        return "next"

    size = max(1, min(LARGEST, n // (PARTS * jobs)))
    tasks = [Task(first, b"%d %d" % (first, min(first + size, n))) for first in range(0, n, size)]
    found: dict[int, T] = {}
    pool = Pool(min(jobs, len(tasks)), interruption, do)
    for done in pool.run(tasks):
        for message in done.messages:
            if "stopped" in message:
                pool.stop()
            else:
                made = pickle.loads(base64.b64decode(message["result"]))
                found.update(enumerate(made, done.of))
    for number in range(n):
        yield found[number] if number in found else fit(number)


def by_processes(jobs: int) -> RefitsBy:
    """How refits are made by ``jobs`` processes."""
    from optserve.jobs.evidence.uncertainty.refits import one_by_one

    if jobs == 1:
        return one_by_one
    return lambda interruption: (
        lambda refit, count: fits_by_processes(refit, count, jobs, interruption)
    )

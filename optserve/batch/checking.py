"""``check``: all configs of a batch are loaded, and all that is wrong is told, before any runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from optserve.batch.job import Job, Options
from optserve.batch.outcome import errors_of
from optserve.batch.pool import Pool, Task
from optserve.batch.worker import checking
from optserve.errors import OptserveError, Place, Told
from optserve.jobs.interruption import Interruption

__all__ = ["check"]

TOGETHER = 32
"""Configs that one process checks, at most: most of a small check would be the fork."""


def check(jobs: Sequence[Job], options: Options, interruption: Interruption) -> None:
    """Raise all that is wrong with the configs of ``jobs``, in their order.

    What is lost here, in a plugin that crashes or hangs, is lost again when it runs; then it is
    told.
    """
    size = max(1, min(TOGETHER, len(jobs) // (2 * options.jobs)))
    waiting = deque(
        range(start, min(start + size, len(jobs))) for start in range(0, len(jobs), size)
    )
    pool = Pool(options.jobs, interruption, timeout=options.timeout, memory=options.memory)
    wrong = dict[int, list[OptserveError]]()
    while waiting and interruption.reason is None:
        for done in pool.run(_tasks(waiting, jobs, options)):
            for number, message in zip(done.of, done.messages, strict=False):
                if message["ended"] == "refused":
                    wrong[number] = errors_of(message["errors"])
            left = done.of[len(done.messages) + 1 :]  # all but the one that ended the process
            if left:
                waiting.append(left)
    told = Told()
    for number in sorted(wrong):
        for error in wrong[number]:
            told.add(error.at(Place(str(jobs[number].config))))
    told.hold()


def _tasks(waiting: deque[range], jobs: Sequence[Job], options: Options) -> Iterator[Task[range]]:
    while waiting:
        numbers = waiting.popleft()
        yield Task(numbers, checking([jobs[number] for number in numbers], options))

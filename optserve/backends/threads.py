"""How many threads this process may use, and sharing work among them."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["available_cores", "share", "together"]


def available_cores(quota_file: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Processors in the affinity mask, at most the control group's quota, at least one."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
        cores = min(cores, -(-int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max": no quota
        pass
    return max(1, cores)


def share(run: Callable[[Iterator[int]], None], count: int, threads: int) -> None:
    """Call ``run`` in each thread with numbers that together are 0, ..., ``count`` - 1.

    Who gets which number is decided as threads ask for them.

    >>> seen = []
    >>> share(seen.extend, 5, threads=2)
    >>> sorted(seen)
    [0, 1, 2, 3, 4]
    """
    if threads == 1 or count == 1:
        run(iter(range(count)))
        return
    pending = deque(range(count))

    def take() -> None:
        try:
            run(_taken(pending))
        finally:
            pending.clear()  # nothing is left, or this thread failed

    together(take, threads, count)


def together(run: Callable[[], None], threads: int, parts: int) -> None:
    """Call ``run`` in this thread and others at once, ``threads`` in all or as many as ``parts``.

    A call takes from what is to be done until nothing is left: a thread that has not begun when
    this one is done does not begin.

    >>> pending, seen = [1, 2, 3], []
    >>> def run() -> None:
    ...     while pending:
    ...         seen.append(pending.pop())
    >>> together(run, threads=1, parts=3)
    >>> seen
    [3, 2, 1]
    """
    if threads == 1 or parts == 1:
        run()
        return
    pool = _pool(threads - 1, os.getpid())
    helpers = [pool.submit(run) for _ in range(min(threads, parts) - 1)]
    try:
        run()
    finally:
        for helper in helpers:
            if not helper.cancel():
                helper.result()


def _taken(pending: deque[int]) -> Iterator[int]:
    while True:
        try:
            yield pending.popleft()
        except IndexError:
            return


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads that wait for work; a process that was forked has none of its parent's."""
    from concurrent.futures import ThreadPoolExecutor  # most runs do without threads

    del process
    return ThreadPoolExecutor(threads, thread_name_prefix="optserve")

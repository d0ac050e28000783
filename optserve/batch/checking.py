"""``check``: all configs of a batch are loaded, and all that is wrong is told, before any runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optserve.batch.job import BatchOptions, Job
from optserve.batch.job_outcome import errors_of
from optserve.batch.pool import Pool, Task
from optserve.batch.worker import checking
from optserve.errors import OptserveError, Place, Told
from optserve.jobs.interruption import Interruption

__all__ = ["check"]


def check(
    jobs: Sequence[Job], options: BatchOptions, interruption: Interruption, *, digests: bool = False
) -> Mapping[int, Mapping[str, str]]:
    """Raise all that is wrong with the configs of ``jobs``, in their order. Returns, where they
    are wanted, the ``digests`` of what each job depends on, by its number.

    What is lost here, in a plugin that crashes or hangs, is lost again when it runs; then it is
    told.
    """
    do = checking(jobs, options, digests=digests)
    pool = Pool(options.jobs, interruption, do, timeout=options.timeout, memory=options.memory)
    wrong, found = dict[int, list[OptserveError]](), dict[int, Mapping[str, str]]()
    for done in pool.run(Task(number, b"%d" % number) for number in range(len(jobs))):
        for message in done.messages:
            if message["ended"] == "refused":
                wrong[done.of] = errors_of(message["errors"])
            elif message["ended"] == "result":
                found[done.of] = message["digests"]
    told = Told()
    for number in sorted(wrong):
        for error in wrong[number]:
            told.add(error.at(Place(str(jobs[number].config))))
    told.hold()
    return found

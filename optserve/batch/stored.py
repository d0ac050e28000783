"""``stored_result``: the result of an identical job that ran before, judged by what is expected."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from optserve.batch.result_key import asks_for_time
from optserve.batch.result_store import ResultStore
from optserve.jobs.problem import Problem
from optserve.jobs.record.artefacts import read_run
from optserve.jobs.record.expectations import check_paths
from optserve.jobs.record.job_record import judged_again
from optserve.jobs.record.outline import expected_of, outline
from optserve.jobs.record.result import Result

__all__ = ["CACHED", "stored_result"]

CACHED = "from the cache: the result of an identical job that ran before"
"""The note of a result that was given again."""


def stored_result(
    problem: Problem,
    store: ResultStore,
    key: str,
    folder: Path,
    *,
    wanted: Sequence[str] = (),
    timeout: float | None = None,
    memory: int | None = None,
) -> Result | None:
    """The result that ``store`` has under ``key``, put into ``folder``; its notes say so.

    There is none where something is asked of its time or memory, by an expectation or by the paths
    that are ``wanted``, or where it took more than a job may. Raises ``ConfigError`` for an
    expectation of what no result of ``problem`` has.
    """
    check_paths(problem.expectations, outline(expected_of(problem)))
    if asks_for_time(problem.expectations, wanted) or not store.give(key, folder):
        return None
    found = read_run(folder)
    too_long = timeout is not None and found.seconds >= timeout
    if too_long or (memory is not None and (found.memory or 0) >= memory):
        shutil.rmtree(folder)
        folder.mkdir()
        return None
    data = {name: dict(one) for name, one in problem.metadata["data"].items()}
    given = found.model_copy(update={"data": data, "notes": [*found.notes, CACHED]})
    return judged_again(given, problem.expectations)

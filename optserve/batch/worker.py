"""What a process of a batch does: check a config, or run it and leave its result."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from optserve.batch.job import BatchOptions, Job
from optserve.batch.job_outcome import of_result, told_errors
from optserve.batch.lock.entry import KNOWN
from optserve.batch.lock.locking import hold_job
from optserve.batch.process import Message
from optserve.batch.result_key import asks_for_time, digests_of, is_pure, key_of, may_be_stored
from optserve.batch.serving import Do, JobVerdict, Send
from optserve.batch.stored import stored_result
from optserve.config import load
from optserve.config.resolved import resolved_text
from optserve.errors import ConfigError, OptserveError, Place
from optserve.jobs.problem import Problem
from optserve.jobs.record.artefacts import Room, graph_text, room
from optserve.jobs.record.outline import expected_of, outline
from optserve.jobs.record.result import Result
from optserve.jobs.result_paths import look_up
from optserve.jobs.run import run
from optserve.memo import Memo

__all__ = ["checking", "running", "warm_up"]

T = TypeVar("T")

INTERNAL_ERROR = 1

_LINE = MappingProxyType(
    {
        "version": 1,
        "data": {"inline": {"x": [0, 1, 2, 3], "y": [1, 2, 3, 5]}},
        "parameters": {"a": 1, "b": {"init": 0.5, "bounds": [0, None]}},
        "expect": {"loss": {"max": 1}},
    }
)

_TYPICAL: tuple[Mapping[str, Any], ...] = (
    {**_LINE, "least_squares": {"observed": "y", "predicted": "a + b * x"}},
    {**_LINE, "least_squares": {"observed": "y", "predicted": "a * exp(b * x)"}},
    {
        **_LINE,
        "log_likelihood": "normal_logpdf(y, mean=mu, std=1)",
        "define": {"mu": "a + b * x"},
    },
    {
        "version": 1,
        "parameters": {"u": -1.2, "v": {"init": 1}},
        "loss": "(1 - u)**2 + 100 * (v - u**2)**2",
    },
)
"""Small configs of the kinds that there are: what they take is ready before any job begins."""


def checking(jobs: Sequence[Job], options: BatchOptions, *, digests: bool = False) -> Do:
    """What says of the job of a number whether its config is right, and runs nothing; and the
    ``digests`` of what it depends on, where they are wanted."""

    known = Memo(KNOWN)

    def check(job: Job) -> Message:
        problem = _loaded(job, options)
        if options.conventions is not None:
            hold_job(problem, job.config, job.label, options.conventions, known)
        return {"ended": "result", "digests": digests_of(problem) if digests else {}}

    def do(request: bytes, send: Send, new: bool) -> JobVerdict:
        send(_told(jobs[int(request)], check))
        return "next"

    return do


def running(
    jobs: Sequence[Job],
    options: BatchOptions,
    folders: Mapping[str, Path],
    digests: Mapping[str, str] = MappingProxyType({}),
) -> Do:
    """What runs the job of a number, and leaves its result in its folder, which must be new.

    Where ``digests`` are given, what it depends on must have them: else it is refused.

    A job has a process of its own where code of a plugin is in it, or where something is asked of
    its seconds or memory. Of others, a process runs many: they leave nothing but optserve's caches.
    """

    def do(request: bytes, send: Send, new: bool) -> JobVerdict:
        job = jobs[int(request)]
        verdict: JobVerdict = "again"

        def run_it(job: Job) -> Message | None:
            nonlocal verdict
            if not new:
                shutil.rmtree(folders[job.id], ignore_errors=True)
            with room(job.id, out=folders[job.id]) as place:
                problem = _loaded(job, options)
                alone = _must_be_alone(problem, job)
                if alone and not new:
                    return None
                if digests:
                    _hold_same(problem, digests)
                message = _ran(problem, job, options, place)
            verdict = "last" if alone else "next"
            return message

        message = _told(job, run_it)
        if message is not None:
            send(message)
        return verdict

    return do


def _hold_same(problem: Problem, digests: Mapping[str, str]) -> None:
    found = digests_of(problem)
    for name, digest in digests.items():
        if found[name] != digest:
            raise ConfigError(
                f"{socket.gethostname()}, where the job was to run, has other {name} for it",
                place=Place(problem.metadata.get("file", "")),
                expected="the same as on the machine that the batch was begun on",
                remedy="bring that machine up to date, and run those that failed: --rerun-failed",
                code="usage",
            )


def _must_be_alone(problem: Problem, job: Job) -> bool:
    return bool(problem.metadata["imported"]) or asks_for_time(problem.expectations, job.wanted)


def _ran(problem: Problem, job: Job, options: BatchOptions, place: Room) -> Message:
    """What came of ``problem``, whose result is left in ``place``."""
    if options.keep_going and options.conventions is not None:
        hold_job(problem, job.config, job.label, options.conventions, Memo(KNOWN))
    store = options.store if options.store and is_pure(problem) else None
    key = key_of(problem, store.around) if store else ""
    if store:
        found = stored_result(
            problem,
            store,
            key,
            place.folder,
            wanted=job.wanted,
            timeout=options.timeout,
            memory=options.memory,
        )
        if found is not None:
            place.write(found, resolved_text(problem))
            return {**of_result(found, place.become(), job.wanted), "cached": True}
    result = run(problem, threads=options.threads)
    kept = place.keep(result, resolved_text(problem), graph_text(problem), sync=False)
    if store and may_be_stored(result):
        store.keep(key, kept)
    return of_result(result, kept, job.wanted)


def _loaded(job: Job, options: BatchOptions) -> Problem:
    problem = load(
        job.read,
        seed=options.seed if "seed" not in job.settings else None,
        plugin_files=options.plugin_files,
        allow_path=options.allow_path,
    )
    if job.wanted:
        seen = {**dict.fromkeys(Result.model_fields), **outline(expected_of(problem))}
        for path in job.wanted:
            look_up(seen, path, Place(str(job.config)))
    return problem


def _told(job: Job, do: Callable[[Job], T]) -> T | Message:
    """How it went to ``do`` that, whatever came of it."""
    try:
        return do(job)
    except OptserveError as error:
        errors = told_errors(error, job.config)
        refused = {"ended": "refused", "exit_code": error.exit_code, "message": error.message}
        return {**refused, "errors": errors}
    except MemoryError:
        return {"ended": "memory", "exit_code": INTERNAL_ERROR, "message": "out of memory"}
    except Exception as error:
        import traceback

        traceback.print_exc()
        message = f"internal error: {type(error).__name__}: {error}"
        return {"ended": "failed", "exit_code": INTERNAL_ERROR, "message": message}


def warm_up() -> None:
    """Import what jobs need, and make what all of them use, so that no process does it again."""
    import gc

    for config in _TYPICAL:
        problem = load(config)
        resolved_text(problem)
        run(problem, threads=1).to_json()
    gc.collect()
    gc.freeze()  # what is shared with the processes stays shared

"""``run_batch``: configs are checked, then run, each in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from optserve.batch.folder import BatchFolder
from optserve.batch.job import Job, Options, named_jobs
from optserve.batch.outcome import Ended, Outcome, errors_of
from optserve.batch.pool import Done, Pool, Task
from optserve.batch.worker import checking, running, warm_up
from optserve.config.written import name_in
from optserve.errors import ConfigError, OptserveError, Place, Told
from optserve.jobs.interruption import Interruption
from optserve.jobs.reasons import exit_code

__all__ = ["Batch", "Watcher", "check_supported", "run_batch"]

Watcher = Callable[[Outcome, int, int], None]
"""Is shown the outcome of a job as it ends, how many are done, and how many there are."""

_CODES: Mapping[Ended, int] = {"killed": 1, "timeout": 1, "memory": 1, "failed": 1}


@dataclass(frozen=True)
class Batch:
    """What a batch came to: an outcome a job, in order, where it is written, and its exit code.

    ``record`` is what ``batch.json`` holds.
    """

    outcomes: tuple[Outcome, ...]
    folder: Path
    exit_code: int
    seconds: float
    record: Mapping[str, Any]


def check_supported(memory: int | None = None) -> None:
    """Raise ``ConfigError`` where this system has no processes that a batch can be run in."""
    if not hasattr(os, "fork"):
        raise ConfigError(
            "batches run on Linux and macOS: this system cannot fork a process",
            remedy="run the configs one by one: `optserve run CONFIG`",
            code="usage",
        )
    if memory is not None and sys.platform != "linux":
        raise ConfigError(
            "the memory of a job can be limited on Linux only",
            remedy="leave out --memory",
            code="usage",
        )


def run_batch(
    configs: Sequence[Path],
    options: Options,
    *,
    out: Path | None = None,
    watcher: Watcher | None = None,
) -> Batch:
    """Check ``configs``, run each in a process of its own, and write the record of them all.

    A config that is wrong raises its errors before anything runs, unless ``options.keep_going``:
    then it is a job that was refused. Must be called where there are no other threads.
    """
    check_supported(options.memory)
    began = perf_counter()
    with Interruption(patience=None) as interruption:
        warm_up()
        jobs = _jobs(configs, options)
        if not options.keep_going:
            _check(jobs, options, interruption)
        record = {"version": 1, "argv": sys.argv[1:], "options": _described(options)}
        folder = BatchFolder.new(out, record)
        outcomes = {job.id: _not_run(job) for job in jobs}
        for done, outcome in enumerate(_ended(jobs, options, folder, interruption), 1):
            outcomes[outcome.id] = outcome
            folder.write([*outcomes.values()])
            if watcher is not None:
                watcher(outcome, done, len(jobs))
        codes = [one.exit_code for one in outcomes.values() if one.exit_code is not None]
        if interruption.reason is not None:
            codes.append(130 if interruption.reason.name == "interrupted" else 143)
        code = exit_code(codes or [0])
        folder.record["seconds"] = perf_counter() - began
        folder.write([*outcomes.values()], code)
    seconds = perf_counter() - began
    return Batch((*outcomes.values(),), folder.path, code, seconds, folder.record)


def _jobs(configs: Sequence[Path], options: Options) -> Sequence[Job]:
    """The jobs of ``configs``; raises what is wrong with the text of any."""
    told, named = Told(), list[tuple[Path, str]]()
    for path in configs:
        name = path.stem
        with told:
            name = name_in(path, overrides=options.overrides, allow_path=options.allow_path)
        named.append((path, name))
    if not options.keep_going:
        told.hold()
    return named_jobs(named)


def _check(jobs: Sequence[Job], options: Options, interruption: Interruption) -> None:
    """Raise all that is wrong with the configs, in their order."""
    tasks = [Task(number, checking(job, options)) for number, job in enumerate(jobs)]
    pool = Pool(options.jobs, interruption, timeout=options.timeout, memory=options.memory)
    wrong = dict[int, list[OptserveError]]()
    for done in pool.run(tasks):
        # What was lost here is lost again when it runs, and then it is told.
        if done.message is not None and done.message["ended"] == "refused":
            wrong[done.of] = errors_of(done.message["errors"])
    told = Told()
    for number in sorted(wrong):
        for error in wrong[number]:
            told.add(error.at(Place(str(jobs[number].config))))
    told.hold()


def _ended(
    jobs: Sequence[Job], options: Options, folder: BatchFolder, interruption: Interruption
) -> Iterator[Outcome]:
    """Run the jobs; gives the outcome of each as it ends."""
    folders = folder.folders_for(jobs)
    tasks = (Task(job, running(job, options, folders[job.id])) for job in jobs)
    pool = Pool(options.jobs, interruption, timeout=options.timeout, memory=options.memory)
    for done in pool.run(tasks):
        outcome = _outcome(done, options)
        if options.fail_fast and not outcome.passed:
            pool.stop()
        yield outcome


def _outcome(done: Done[Job], options: Options) -> Outcome:
    """What ``done`` says of its job."""
    outcome = replace(_not_run(done.of), wall=done.seconds)
    message = done.message or {}
    if message and not (done.told == "timeout" and message["ended"] == "result"):
        listed = {key: tuple(value) for key, value in message.items() if isinstance(value, list)}
        outcome = replace(outcome, **{**message, **listed})
    elif done.told == "timeout":
        kept = {key: message[key] for key in ("folder", "loss", "reason") if key in message}
        told = f"took longer than {options.timeout:g} s"
        outcome = replace(outcome, ended="timeout", message=told, **kept)
    elif done.told == "interrupted":
        outcome = replace(outcome, ended="interrupted", message="interrupted, with no result yet")
    else:
        outcome = replace(outcome, ended="killed", message=_how(done.status))
    if outcome.ended in _CODES:
        outcome = replace(outcome, exit_code=_CODES[outcome.ended], output=done.printed)
    return outcome


def _how(status: int) -> str:
    """How a process ended that said nothing."""
    if status >= 0:
        return f"the process exited with status {status} and left no result"
    name = signal.Signals(-status).name
    why = {
        "SIGKILL": "killed by SIGKILL; it may be that the system ran out of memory",
        "SIGSEGV": "crashed: SIGSEGV, a wrong access to memory in compiled code",
    }
    return why.get(name, f"killed by {name}")


def _not_run(job: Job) -> Outcome:
    return Outcome(job.id, str(job.config), "not run", message="not run")


def _described(options: Options) -> Mapping[str, Any]:
    plain = {**vars(options), "overrides": list(options.overrides)}
    return {**plain, "plugin_files": list(map(str, options.plugin_files))}

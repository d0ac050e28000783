"""``run_batch``: configs are checked, then run, each in a supervised process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from optserve.batch.checking import check
from optserve.batch.choosing import ALL, JobSelection
from optserve.batch.elsewhere import Elsewhere
from optserve.batch.executor import Executor
from optserve.batch.folder import BatchFolder
from optserve.batch.job import BatchOptions, Job
from optserve.batch.job_outcome import LOST, JobOutcome, told_errors
from optserve.batch.planning import Group, Refused, planned
from optserve.batch.pool import Done, Pool, Task
from optserve.batch.result_key import installed
from optserve.batch.swept import JudgedSweep, Together, judged
from optserve.batch.worker import INTERNAL_ERROR, running, warm_up
from optserve.errors import ConfigError, Told
from optserve.jobs.interruption import Interruption
from optserve.jobs.reasons import Reason, exit_code

__all__ = ["Batch", "Watcher", "check_supported", "closed", "not_run", "run_batch"]


class Watcher(Protocol):
    """Who is shown how far a batch is."""

    def ended(self, outcome: JobOutcome, done: int, of: int) -> None:
        """A job has ended: how, as which of how many."""

    def retried(self, outcome: JobOutcome, times: int) -> None:
        """A job was lost, how ``outcome`` says, and is to begin again, for so many times by now."""

    def look(self, running: Sequence[tuple[str, float]]) -> None:
        """These jobs run, for so many seconds; told ten times a second or so."""


@dataclass(frozen=True)
class Batch:
    """What a batch came to: an outcome a job, in order, where it is written, and its exit code.

    ``record`` is what ``batch.json`` holds, ``sweeps`` what became of each sweep.
    """

    outcomes: tuple[JobOutcome, ...]
    folder: Path
    exit_code: int
    seconds: float
    record: Mapping[str, Any]
    sweeps: tuple[JudgedSweep, ...] = ()


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
    options: BatchOptions,
    *,
    selection: JobSelection = ALL,
    out: Path | None = None,
    watcher: Watcher | None = None,
    executor: Executor | None = None,
) -> Batch:
    """Check ``configs``, run each in a supervised process, and write the record of them all.

    A config that is wrong raises its errors before anything runs, unless ``options.keep_going``:
    then it is a job that was refused. Jobs run where ``executor`` has them run, else in processes
    of this machine. Must be called where there are no other threads.
    """
    check_supported(options.memory)
    began = perf_counter()
    with Interruption(patience=None) as interruption:
        warm_up()
        if executor is not None:
            installed()
        found = planned(configs, options)
        refused = [one for one in found if isinstance(one, Refused)]
        groups = [one for one in found if isinstance(one, Group)]
        if not options.keep_going:
            _hold(refused)
        every = [job for group in groups for job in group.jobs]
        jobs = selection.of(every)
        digests: Mapping[int, Mapping[str, str]] = {}
        if not options.keep_going:
            digests = check(jobs, options, interruption, digests=executor is not None)
        sweeps = [group.sweep for group in groups if group.sweep is not None]
        record = {
            "version": 1,
            "argv": sys.argv[1:],
            "options": _described(options),
            "shard": selection.shard_text,
            "rerun_failed": selection.failed_in is not None,
            "changed_since": "" if selection.changes is None else selection.changes.ref,
            "whole": [job.id for job in replace(selection, shard=(1, 1)).of(every)],
            "sweeps": [sweep.as_json() for sweep in sweeps],
        }
        folder = BatchFolder.new(out, record)
        outcomes = {one.id: _refused(one) for one in refused}
        outcomes |= {job.id: not_run(job) for job in jobs}
        folders = folder.folders_for([job.id for job in jobs])
        runner: Pool | Elsewhere
        if executor is None:
            do, limits = running(jobs, options, folders), (options.timeout, options.memory)
            runner = Pool(options.jobs, interruption, do, timeout=limits[0], memory=limits[1])
        else:
            runner = Elsewhere(executor, jobs, options, folders, digests, interruption)
        ending = _ended(jobs, options, folders, interruption, watcher, runner)
        for done, outcome in enumerate(ending, 1):
            outcomes[outcome.id] = outcome
            folder.write([*outcomes.values()])
            if watcher is not None:
                watcher.ended(outcome, done, len(jobs))
        if options.store is not None:
            options.store.trim()
        heard = interruption.reason
        code = 0 if heard is None else 130 if heard is Reason.interrupted else 143
        return closed(folder, outcomes, sweeps, perf_counter() - began, code)


def closed(
    folder: BatchFolder,
    outcomes: Mapping[str, JobOutcome],
    sweeps: Sequence[Together],
    seconds: float,
    *codes: int,
) -> Batch:
    """The batch that ``outcomes`` make, its record written; sweeps are judged that are whole."""
    found = [
        judged(sweep, outcomes, folder.path)
        for sweep in sweeps
        if sweep.jobs.keys() <= outcomes.keys()
    ]
    ended = [one.exit_code for one in outcomes.values() if one.exit_code is not None]
    code = exit_code([0, *codes, *ended, *(one.exit_code for one in found)])
    folder.record |= {"seconds": seconds, "judged": [one.as_json() for one in found]}
    folder.write([*outcomes.values()], code)
    return Batch((*outcomes.values(),), folder.path, code, seconds, folder.record, tuple(found))


def _hold(refused: Sequence[Refused]) -> None:
    told = Told()
    for one in refused:
        told.add(one.error)
    told.hold()


def _ended(
    jobs: Sequence[Job],
    options: BatchOptions,
    folders: Mapping[str, Path],
    interruption: Interruption,
    watcher: Watcher | None,
    pool: Pool | Elsewhere,
) -> Iterator[JobOutcome]:
    """Run the jobs; gives the outcome of each as it ends."""
    numbers = {job.id: number for number, job in enumerate(jobs)}
    waiting, lost = deque(jobs), Counter[str]()

    def tasks() -> Iterator[Task[Job]]:
        while waiting:
            job = waiting.popleft()
            yield Task(job, b"%d" % numbers[job.id])

    if watcher is not None:
        pool.watching = lambda now: watcher.look([(job.id, seconds) for job, seconds in now])
    while waiting and not pool.stopped and interruption.reason is None:
        for done in pool.run(tasks()):
            name = done.of.id
            if _may_run_again(done, options) and lost[name] < options.retries:
                lost[name] += 1
                shutil.rmtree(folders[name], ignore_errors=True)
                waiting.append(done.of)
                if watcher is not None:
                    watcher.retried(_outcome(done, options), lost[name])
                continue
            outcome = replace(_outcome(done, options), retries=lost[name])
            outcome = outcome.expected_to_fail(done.of.xfail)
            if options.fail_fast and not outcome.passed:
                pool.stop()
            yield outcome


def _may_run_again(done: Done[Job], options: BatchOptions) -> bool:
    """Whether a job was lost for what is no doing of its own: somebody killed its process, such as
    a system that ran out of memory, or there was none to have, without a limit."""
    message = done.messages[-1] if done.messages else {}
    if done.told:
        return False
    if message:
        return message["ended"] == "memory" and options.memory is None
    return done.status in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP, -signal.SIGBUS)


def _outcome(done: Done[Job], options: BatchOptions) -> JobOutcome:
    """What ``done`` says of its job."""
    outcome = replace(not_run(done.of), wall=done.seconds)
    message = done.messages[-1] if done.messages else {}
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
    if outcome.ended in LOST:
        outcome = replace(outcome, exit_code=INTERNAL_ERROR, output=done.printed)
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


def not_run(job: Job) -> JobOutcome:
    """The outcome of a job that did not begin."""
    settings = dict(job.settings)
    return JobOutcome(job.id, str(job.config), "not run", message="not run", settings=settings)


def _refused(one: Refused) -> JobOutcome:
    errors = tuple(told_errors(one.error, one.config))
    told = JobOutcome(one.id, str(one.config), "refused", one.error.exit_code, errors=errors)
    return replace(told, message=one.error.message)


def _described(options: BatchOptions) -> Mapping[str, Any]:
    plain = {**vars(options), "overrides": list(options.overrides)}
    plain["locked"] = plain.pop("conventions") is not None
    plain["cache"] = str(store.folder) if (store := plain.pop("store")) else ""
    return {**plain, "plugin_files": list(map(str, options.plugin_files))}

"""``lock_configs`` writes lock files, ``check_locked`` holds a config against its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optserve.batch.lock.compare import changed_conventions, changes, same_entry
from optserve.batch.lock.conventions import conventions
from optserve.batch.lock.entry import KNOWN, Locked, LockedPlugin, LockEntry, locked
from optserve.batch.lock.file import NAME, Lock, lock_text, read_lock
from optserve.batch.lock.locked_rules import LockedRule
from optserve.config import load
from optserve.config.sweep_plan import plan
from optserve.config.written import read_config
from optserve.errors import Told
from optserve.jobs.problem import Problem
from optserve.jobs.record.replacing import alone_in, replace_file
from optserve.memo import Memo

__all__ = ["Held", "LockChange", "Opening", "check_locked", "hold_job", "lock_configs"]


@dataclass(frozen=True)
class Opening:
    """How configs are opened: with which plugins, and whether they may read other folders."""

    plugin_files: tuple[Path, ...] = ()
    allow_path: bool = False

    def problems(self, config: Path) -> Iterator[tuple[str, Problem]]:
        """Each job of a config: its label, and the problem."""
        read = read_config(config, allow_path=self.allow_path)
        for one in plan(read, {})[1]:
            yield (
                one.label,
                load(one.read, plugin_files=self.plugin_files, allow_path=self.allow_path),
            )


@dataclass(frozen=True)
class LockChange:
    """What became of a config in the lock ``file``: whether it is ``new``, or has ``changed``."""

    config: Path
    file: Path
    jobs: int
    parameters: int
    rules: int
    points: int
    state: str
    without: str = ""


def lock_configs(configs: Sequence[Path], opening: Opening) -> Iterator[LockChange]:
    """Write the lock beside each of ``configs``; what has not changed stays as it is there.

    Entries of configs that are gone are left out. Raises what is wrong with a config.
    """
    folders, known = dict.fromkeys(config.parent for config in configs), Memo(KNOWN)
    for folder in folders:
        own = [config for config in configs if config.parent == folder]
        path = folder / NAME
        told = [(config, _jobs(config, opening, known)) for config in own]
        with alone_in(folder):  # another process may add other configs
            before = read_lock(path) if path.exists() else Lock()
            written, lock = _together(before, told, path)
            replace_file(path, lock_text(lock).encode("utf-8"))
        yield from written


def _jobs(config: Path, opening: Opening, known: Memo) -> list[Locked]:
    """A job of each kind that there is in a config; those that are alike are one entry."""
    found: list[Locked] = []
    for label, problem in opening.problems(config):
        plain = locked(problem, config.name, label, points=False, known=known)
        for number, one in enumerate(found):
            if same_entry(one.entry, plain.entry):
                entry = replace(one.entry, jobs=(*one.entry.jobs, label))
                found[number] = replace(one, entry=entry)
                break
        else:
            found.append(locked(problem, config.name, label, known=known))
    return found


def _together(
    before: Lock, told: Sequence[tuple[Path, Sequence[Locked]]], path: Path
) -> tuple[list[LockChange], Lock]:
    names = {config.name for config, _ in told}
    others = [
        one
        for one in before.entries
        if one.config not in names and (path.parent / one.config).exists()
    ]
    entries, written = [*others], []
    rules: dict[str, LockedRule] = dict(before.rules) if others else {}
    plugins: dict[str, LockedPlugin] = dict(before.plugins) if others else {}
    for config, jobs in told:
        kept = [_kept(before, job, path) for job in jobs]
        was = [one for one in before.entries if one.config == config.name]
        entries += kept
        for job in jobs:
            rules |= job.rules
            plugins |= job.plugins
        same = kept == was and all(
            before.rules.get(n) == r for job in jobs for n, r in job.rules.items()
        )
        state = "unchanged" if same else "changed" if was else "new"
        written.append(_written(config, path, jobs, state))
    return written, Lock(conventions(), plugins, rules, tuple(entries))


def _kept(before: Lock, job: Locked, path: Path) -> LockEntry:
    """The entry of a job: the one that there was, where nothing has changed."""
    entry = before.entry(job.entry.config, job.entry.jobs[0])
    if entry is None or entry.jobs != job.entry.jobs or not same_entry(entry, job.entry):
        return job.entry
    if {*entry.data} != {*job.entry.data} or len(entry.points) != len(job.entry.points):
        return job.entry
    rules = {name: job.rules[name] for name in job.rules}
    alone = replace(before, rules=rules, plugins=job.plugins)
    return job.entry if [*changes(alone, job, path)] else entry


def _written(config: Path, path: Path, jobs: Sequence[Locked], state: str) -> LockChange:
    entries = [job.entry for job in jobs]
    return LockChange(
        config,
        path,
        sum(len(one.jobs) for one in entries),
        len(entries[0].gradient),
        len({name for job in jobs for name in job.rules}),
        sum(len(one.points) for one in entries),
        state,
        next((one.without for one in entries if one.without), ""),
    )


@dataclass(frozen=True)
class Held:
    """How much was held against a lock, and is as it was."""

    jobs: int
    rules: int
    conventions: int
    points: int


def hold_job(
    problem: Problem, config: Path, label: str, found: Mapping[str, str], known: Memo
) -> None:
    """Hold one job of ``config`` against the lock beside it, ``found`` being the conventions.

    Locks and rules that are ``known`` are not made again. Raises what ``check_locked`` raises.
    """
    path = config.parent / NAME
    lock: Lock = known.of(("lock", path), lambda: read_lock(path))
    told = Told()
    job = locked(problem, config.name, label, points=False, known=known)
    for error in (*changed_conventions(lock, found, path), *changes(lock, job, path)):
        told.add(error)
    told.hold()


def check_locked(config: Path, opening: Opening) -> Held:
    """Hold ``config`` against the lock beside it.

    Raises what of it has changed: a ``LockFailure`` each. Raises ``ConfigError`` where there is no
    lock, or the config is wrong.
    """
    path = config.parent / NAME
    lock = read_lock(path)
    told = Told()
    for error in changed_conventions(lock, conventions(), path):
        told.add(error)
    known = Memo(KNOWN)
    jobs = [
        locked(problem, config.name, label, points=False, known=known)
        for label, problem in opening.problems(config)
    ]
    for job in jobs:
        for change in changes(lock, job, path):
            told.add(change)
    told.hold()
    return Held(
        len(jobs),
        len({name for job in jobs for name in job.rules}),
        len(lock.conventions),
        sum(len(one.points) for one in lock.entries if one.config == config.name),
    )

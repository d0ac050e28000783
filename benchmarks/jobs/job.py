"""What a whole job is: data in files, a config, a script for the peer, and the answer of both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks.workload import Contender, Limit, Work, Workload

__all__ = ["AT_MOST", "Agreement", "Job", "Mismatch", "prepared"]

AT_MOST = 0.5
"""A job is to take at most this much of the time that the peer takes."""

Answer = Mapping[str, Any]


class Mismatch(Exception):
    """The answers of two contenders are not the same."""


@dataclass(frozen=True)
class Job:
    """One job for ``optserve run``, and for a script of a peer.

    ``data(folder, size)`` writes the files that both read. ``script`` writes ``answer.json`` into
    its folder: numbers by the paths of ``result.json``. Each is to differ from optserve's by at
    most ``same[path]`` of the largest entry. ``own`` is a script for optserve, where the job is
    none of the command line. ``spins`` says of a peer that its threads wait busily for each other,
    so that on a machine that does other work one thread may be faster: both are measured then, and
    the faster one counts. ``small`` is a size for tests. Without a ``limit`` a job is only shown.
    """

    name: str
    title: str
    data: Callable[[Path, int], None]
    size: int
    small: int
    config: str
    peer: str
    needs: tuple[str, ...]
    script: str
    same: Mapping[str, float]
    own: str | None = None
    spins: bool = False
    limit: float | None = AT_MOST
    rounds: int = 5

    def prepare(self, folder: Path, size: int | None = None) -> None:
        """Write the data, the config and the scripts into a folder."""
        self.data(folder, size or self.size)
        for name, text in (("job.yaml", self.config), ("peer.py", self.script)):
            (folder / name).write_text(text.lstrip(), encoding="utf-8")
        if self.own is not None:
            (folder / "own.py").write_text(self.own.lstrip(), encoding="utf-8")

    def workload(self, folder: Path, processor: bool = False) -> Workload:
        """optserve and the peer, each in a process of its own, on what ``prepare`` wrote.

        What is measured is the time, or the processor time of all threads.
        """
        agree = Agreement(self.same)

        def prepare(work: Callable[[], Work]) -> Work:
            return partial(_on_processor, work(), agree) if processor else work()

        peers: dict[str, dict[str, str]] = {self.peer: {}}
        if self.spins:
            peers[f"{self.peer}, one thread"] = {"OMP_NUM_THREADS": "1"}
        return Workload(
            name=self.name,
            title=self.title,
            contenders=(
                Contender("optserve", partial(prepare, partial(self._optserve, folder))),
                *(
                    Contender(name, partial(prepare, partial(self._peer, folder, env)))
                    for name, env in peers.items()
                ),
            ),
            limits=() if self.limit is None else (Limit("optserve", self.limit, tuple(peers)),),
            runs=self.rounds,
            check=None if processor else agree,
            unit="cpu s" if processor else "s",
        )

    def _optserve(self, folder: Path) -> Work:
        if self.own is not None:
            return lambda: _by_script(folder, "own.py")
        return lambda: _by_command(folder, self.same)

    def _peer(self, folder: Path, environment: Mapping[str, str]) -> Work:
        for module in self.needs:
            if find_spec(module) is None:
                raise ImportError(f"No module named '{module}'")
        return lambda: _by_script(folder, "peer.py", environment)


class Agreement:
    """Holds every answer against the first one.

    >>> agree = Agreement({"loss": 1e-6})
    >>> agree({"loss": 2.0})
    >>> agree({"loss": 2.000001})
    >>> agree({"loss": 2.1})
    Traceback (most recent call last):
        ...
    benchmarks.jobs.job.Mismatch: loss: 2.1, and 2.0 of optserve, are 4.8e-02 apart, not 1e-06
    """

    def __init__(self, same: Mapping[str, float]) -> None:
        self.same = same
        self.first: Answer | None = None

    def __call__(self, answer: Answer) -> None:
        if self.first is None:
            self.first = answer
            return
        for path, within in self.same.items():
            ours, theirs = np.asarray(self.first[path]), np.asarray(answer[path])
            if ours.shape != theirs.shape:
                raise Mismatch(f"{path}: shape {theirs.shape}, and {ours.shape} of optserve")
            apart = float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
            if not apart <= within:
                shown = f"{path}: {answer[path]}, and {self.first[path]} of optserve,"[:500]
                raise Mismatch(f"{shown} are {apart:.1e} apart, not {within}")


@contextmanager
def prepared(job: Job, size: int | None = None, processor: bool = False) -> Iterator[Workload]:
    """The workload of a job, whose files are there as long as the context is."""
    with TemporaryDirectory() as folder:
        job.prepare(Path(folder), size)
        yield job.workload(Path(folder), processor)


def _on_processor(work: Work, agree: Callable[[Answer], None]) -> float:
    """The seconds of processor time that a process takes whose answer is looked at."""
    began = os.times()
    agree(work())
    ended = os.times()
    user = ended.children_user - began.children_user
    return user + ended.children_system - began.children_system


def _by_command(folder: Path, paths: Mapping[str, float]) -> Answer:
    """``optserve run``, as a person calls it, in a run folder of its own; and its result."""
    command = str(Path(sys.executable).with_name("optserve"))
    with TemporaryDirectory(dir=folder) as out:
        _succeed(folder, command, "run", "job.yaml", "--out", f"{out}/run")
        result = json.loads(Path(out, "run", "result.json").read_text("utf-8"))
        return {path: _at(result, path) for path in paths}


def _by_script(
    folder: Path, script: str, environment: Mapping[str, str] = MappingProxyType({})
) -> Answer:
    _succeed(folder, sys.executable, script, environment=environment)
    answer: Answer = json.loads((folder / "answer.json").read_text("utf-8"))
    return answer


def _succeed(
    folder: Path, *command: str, environment: Mapping[str, str] = MappingProxyType({})
) -> None:
    """A process that must succeed, with Python's own defaults, as in ``workloads/startup.py``; what
    optserve keeps of native code is kept in the folder, so that the first time begins with none."""
    plain = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    env = {**plain, "OPTSERVE_CACHE_DIR": str(folder / "cache"), **environment}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        )


def _at(result: Answer, path: str) -> Any:
    """A number of a result by its path, in which names of parameters have no dots.

    >>> _at({"parameters": {"w": [1.0]}}, "parameters.w")
    [1.0]
    """
    value: Any = result
    for name in path.split("."):
        value = value[name]
    return value

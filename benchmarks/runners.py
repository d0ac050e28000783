"""Where contenders run: in this process, or each in one of its own with its threads counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from benchmarks.workload import Contender, Work, Workload

__all__ = ["Here", "Process", "Runner"]

ROOT = Path(__file__).resolve().parents[1]
POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NPROC",  # jax
)


class Runner(Protocol):
    """Runs one contender: once to warm up, then any number of times."""

    def first(self) -> float:
        """What the first run takes; raises ``ImportError`` where the contender is not installed."""

    def run(self) -> float:
        """What one unit of the work takes."""

    def close(self) -> None:
        """Let go of what it holds."""


class Here:
    """Runs a contender in this process."""

    def __init__(self, workload: Workload, contender: Contender) -> None:
        self.workload = workload
        self.contender = contender
        self.work: Work | None = None

    def first(self) -> float:
        """What the first run takes, all its units; its result is checked."""
        self.work = self.contender.prepare()
        taken, result = self._measured(self.work)
        if self.workload.check is not None:
            self.workload.check(result)
        return taken

    def run(self) -> float:
        assert self.work is not None, "first() comes first"
        taken, _ = self._measured(self.work)
        return taken / self.contender.units

    def close(self) -> None:
        self.work = None

    def _measured(self, work: Work) -> tuple[float, Any]:
        start = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
        return (seconds if self.workload.unit == "s" else float(result)), result


class Process:
    """Runs a contender in a process of its own, with nothing compiled by an earlier one.

    Between its runs the process is stopped: threads of some libraries go on looking for work for a
    tenth of a second, on processors that the next contender needs.
    """

    def __init__(self, workload: Workload, contender: Contender) -> None:
        self.label = contender.label
        self.folder = tempfile.TemporaryDirectory()
        threads = {pool: str(contender.threads) for pool in POOLS}
        command = [sys.executable, "-m", "benchmarks.serve", workload.name, contender.label]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **threads, "OPTSERVE_CACHE_DIR": self.folder.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def first(self) -> float:
        self.ask("first")
        return self.answer()

    def run(self) -> float:
        self.ask("run")
        return self.answer()

    def ask(self, question: str) -> None:
        """Begin what ``answer`` waits for: ``first``, or another ``run``."""
        assert self.process.stdin is not None
        self._signal(signal.SIGCONT)
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()

    def answer(self) -> float:
        """What it took."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.label}: its process ended with {self.process.wait()}")
        self._signal(signal.SIGSTOP)
        answer = json.loads(line)
        if "absent" in answer:
            raise ImportError(answer["absent"])
        return float(answer["taken"])

    def close(self) -> None:
        self._signal(signal.SIGCONT)
        self.process.communicate()
        self.folder.cleanup()

    def _signal(self, number: signal.Signals) -> None:
        """Does nothing where the process has ended."""
        self.process.send_signal(number)

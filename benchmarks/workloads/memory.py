"""``memory``: what a gradient needs beside its data."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.peers import with_peers
from benchmarks.workload import Limit, Work, Workload
from benchmarks.workloads.curve import problem

__all__ = ["workload"]

ROWS, FEW = 20_000_000, 100
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(entry: str) -> int:
    """Bytes of memory: ``VmRSS`` is held now, ``VmHWM`` was the most since it was reset."""
    for line in STATUS.read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == entry:
            return int(rest.split()[0]) * 1024
    raise ValueError(entry)


def peaks(warm: Callable[[], Work], prepare: Callable[[], Work]) -> Work:
    """Runs that give the most bytes held beyond the data.

    What an evaluation of few rows leaves behind does not count either: libraries and their code.
    """
    if not CLEAR.exists():
        raise ImportError("peak memory is read from Linux")
    warm()()
    evaluate = prepare()
    ctypes.CDLL(None).malloc_trim(0)
    before = resident("VmRSS")

    def work() -> int:
        CLEAR.write_text("5")
        evaluate()
        return resident("VmHWM") - before

    return work


workload = Workload(
    name="memory",
    title=f"Peak memory of one gradient of `curve` at {ROWS:,} rows, data excluded.",
    contenders=tuple(
        replace(contender, prepare=partial(peaks, small.prepare, contender.prepare))
        for small, contender in zip(
            with_peers(problem(FEW)), with_peers(problem(ROWS)), strict=True
        )
        if contender.name != "autograd"
    ),
    limits=(Limit("numpy", 64 * 2**20), Limit("llvm", 64 * 2**20)),
    runs=3,
    unit="B",
)

"""A size at a time, each in a process of its own, until the next would take too long."""

from __future__ import annotations

import multiprocessing
import time

from benchmarks.growth.axes import AXES
from benchmarks.growth.slopes import FACTOR, Growth, sizes

__all__ = ["grown", "seconds_of"]


def seconds_of(axis: str, size: int) -> float:
    """Processor time of a job of that size, in a process that did the least job before."""
    AXES[axis].job(AXES[axis].least)
    began = time.process_time()
    AXES[axis].job(size)
    return time.process_time() - began


def grown(axis: str, most: float, largest: int | None) -> Growth:
    """Sizes in order, each in a new process, until one takes longer than ``most`` seconds."""
    found: list[float] = []
    done: list[int] = []
    end = AXES[axis].most if largest is None else min(largest, AXES[axis].most)
    for size in sizes(AXES[axis].least, end):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(seconds_of, (axis, size)))
        done.append(size)
        print(f"  {axis} {size:,}: {found[-1]:.3f} s", flush=True)
        if found[-1] * FACTOR > most:
            break
    return Growth(done, found)

"""``Traces``: whether a process is as it was before it did something, so that it may do more."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Traces", "private_memory", "resident_memory"]

GROWTH = 1 << 26
"""Bytes by which a process may have grown that is to do more."""

PART = 8
"""Of the memory that a job may take, the part that those before it may have left taken."""


class Traces:
    """What there is of this process that outlives a job, as it is now.

    ``memory`` is how many bytes a job may take.

    >>> traces = Traces()
    >>> traces.left()
    False
    >>> os.environ["OPTSERVE_TRACE"] = "1"
    >>> traces.left(), os.environ.pop("OPTSERVE_TRACE")
    (True, '1')
    """

    def __init__(self, memory: int | None = None) -> None:
        self._resident = resident_memory() + GROWTH
        self._private = None if memory is None else private_memory() + memory // PART
        self._before = _state()

    def left(self) -> bool:
        """Whether anything is otherwise, but for caches within bounds: a directory, a variable of
        the environment, a handler of a signal, an open file, a generator of random numbers, a
        filter of warnings, a thread or a process that was started, or much memory."""
        if resident_memory() > self._resident:
            return True
        if self._private is not None and private_memory() > self._private:
            return True
        return _state() != self._before

    def forget_peak(self) -> bool:
        """Whether the largest memory that this process has had is measured anew from here on.

        Linux only: elsewhere a process does one job, whose own its largest memory is.
        """
        if sys.platform != "linux":
            return False
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            return True
        return False


def private_memory() -> int:
    """Bytes of private memory that this process has asked for, which is what can be limited; 0
    where the system does not tell."""
    return _told("VmData:")


def resident_memory() -> int:
    """Bytes of private memory that this process has written to; 0 where the system does not
    tell."""
    return _told("RssAnon:")


def _told(what: str) -> int:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(what)).split()[1]) * 1024
    return 0


def _state() -> tuple[Any, ...]:
    generator, words, *rest = np.random.get_state(legacy=True)
    return (
        os.getcwd(),  # noqa: PTH109 - a Path would only be compared
        {**os.environ},
        [*sys.path],
        [signal.getsignal(number) for number in signal.valid_signals()],
        signal.getitimer(signal.ITIMER_REAL),
        [one for one in warnings.filters if not _is_of_library(one[2])],
        np.geterr(),
        (generator, np.asarray(words).tobytes(), *rest),
        random.getstate(),
        sys.getrecursionlimit(),
        (gc.isenabled(), gc.get_threshold()),
        _open_files(),
        [one for one in threading.enumerate() if not one.name.startswith("optserve")],
        _has_children(),
    )


def _is_of_library(category: Any) -> bool:
    """Whether a filter came with the import of a library that jobs compute with."""
    module: str = getattr(category, "__module__", "")
    return module.partition(".")[0] in ("numpy", "scipy")


def _open_files() -> list[str]:
    with suppress(OSError):
        return sorted(os.listdir("/dev/fd"))  # noqa: PTH208 - numbers, not paths
    return []


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True

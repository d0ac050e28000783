"""How far a job is: on one line of a terminal that is rewritten, or in lines of a log."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING

from optserve.cli.log import Log, LogFormat
from optserve.cli.streams import is_rewritable
from optserve.reports.numbers import compact

if TYPE_CHECKING:
    from optserve.jobs.watch import Progress, Snapshot

__all__ = ["progress_line", "shown_progress"]

_ERASE = "\r\x1b[K"

INTERVAL = 30.0
"""Seconds between two lines where stderr is no terminal."""


@contextmanager
def shown_progress(
    quiet: bool, log_format: LogFormat = LogFormat.text
) -> Iterator[Progress | None]:
    """What a job shows its progress with: a line that is rewritten, or now and then a new one."""
    if quiet or sys.stderr is None:
        yield None
    elif is_rewritable(sys.stderr) and log_format is LogFormat.text:
        try:
            yield _show
        finally:
            _write(_ERASE)
    else:
        yield _Lines(Log(log_format))


class _Lines:
    """Prints a line for a log every ``INTERVAL`` seconds, so that it is seen to be alive.

    A job that ends sooner prints none.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.due = INTERVAL

    def __call__(self, snapshot: Snapshot) -> None:
        if snapshot.seconds >= self.due:
            self.due = snapshot.seconds + INTERVAL
            known = ((key, value) for key, value in vars(snapshot).items() if value is not None)
            told = {key: value for key, value in known if isfinite(value)}
            self.log.write("running", progress_line(snapshot), told)


def progress_line(snapshot: Snapshot) -> str:
    """The line for one snapshot.

    >>> from optserve.jobs.watch import Snapshot
    >>> progress_line(Snapshot(2, 5, 120, 1000, 0.12455, 3.1e-5, 1e-8, 2.14))
    'start 2 of 5  step 120 of 1000  loss 0.12455  gradient 3.1e-5, to 1e-8  2.1 s'
    """
    parts = [
        f"start {snapshot.start} of {snapshot.starts}" if snapshot.starts > 1 else "",
        f"step {snapshot.step}" + (f" of {snapshot.steps}" if snapshot.steps else ""),
        f"loss {compact(snapshot.loss)}" if isfinite(snapshot.loss) else "",
        _gradient(snapshot),
        f"{snapshot.seconds:.1f} s",
    ]
    return "  ".join(filter(None, parts))


def _gradient(snapshot: Snapshot) -> str:
    if snapshot.gradient is None:
        return ""
    goal = f", to {compact(snapshot.tolerance)}" if snapshot.tolerance else ""
    return f"gradient {compact(snapshot.gradient, 2)}{goal}"


def _show(snapshot: Snapshot) -> None:
    width = shutil.get_terminal_size().columns - 1
    _write(_ERASE + progress_line(snapshot)[:width])


def _write(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # the terminal was closed: the job goes on
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()

"""What looks on while a job descends: the clock, the signals, the progress that a person sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from optserve.jobs.deadline import Deadline
from optserve.jobs.interruption import Interruption
from optserve.jobs.reasons import Reason

__all__ = ["Progress", "Snapshot", "Watch"]

INTERVAL = 0.1
"""Seconds between two looks at the progress."""


@dataclass(frozen=True)
class Snapshot:
    """How far a job is. ``start`` of ``starts`` counts from 1; ``steps`` is the limit of them.

    ``loss`` is the lowest of this start so far, infinite before there is one; ``gradient`` is the
    scale-free measure there, where it was computed, and ``tolerance`` what it is to fall below.
    """

    start: int
    starts: int
    step: int
    steps: int | None
    loss: float
    gradient: float | None
    tolerance: float | None
    seconds: float


Progress = Callable[[Snapshot], None]
"""Shows a snapshot; it is called ten times a second at most."""


class Watch:
    """The clock of a job, the signal that came, and when to show progress next.

    ``limit`` is how many seconds the job may take.
    """

    def __init__(
        self,
        interruption: Interruption,
        progress: Progress | None = None,
        limit: float | None = None,
    ) -> None:
        self.interruption = interruption
        self.deadline = Deadline(lambda: self.seconds, limit)
        self.progress = progress
        self.began = perf_counter()
        self._next = self.began + INTERVAL

    @property
    def seconds(self) -> float:
        """Since the job began."""
        return perf_counter() - self.began

    @property
    def signal(self) -> Reason | None:
        """What a signal that came says: interrupted or terminated."""
        return self.interruption.reason

    def look(self, snapshot: Callable[[float], Snapshot]) -> float:
        """The seconds since the job began; shows a snapshot where it is time to."""
        now = perf_counter()
        if now >= self._next:
            self._next = now + INTERVAL
            if self.progress is not None:
                self.progress(snapshot(now - self.began))
        return now - self.began

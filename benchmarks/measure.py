"""Timing in rounds, and what the rounds say: medians, spreads, and ratios within each round."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.runners import Here, Process, Runner
from benchmarks.workload import Contender, Limit, Workload

__all__ = ["Measurement", "Ratio", "Spread", "Timing", "measure"]

PAUSE = 0.01
"""Seconds before each run in which the threads of the one before may go to sleep."""


@dataclass(frozen=True)
class Spread:
    """The middle of a few numbers: the median, and the quartiles beside it."""

    low: float
    median: float
    high: float

    @staticmethod
    def of(numbers: list[float]) -> Spread:
        """The quartiles, of data that hold the whole range.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(low=1.5, median=2.0, high=2.5)
        """
        if len(numbers) == 1:
            return Spread(*numbers * 3)
        low, _, high = quantiles(numbers, n=4, method="inclusive")
        return Spread(low, median(numbers), high)


@dataclass(frozen=True)
class Timing:
    """What one contender took: the first run (which compiles), then the rounds."""

    first: float
    rounds: list[float]


@dataclass(frozen=True)
class Ratio:
    """A limit, the contenders that it was judged by, and what was measured round by round.

    ``against`` is ``None`` where the limit is not a ratio. ``best`` is that of the best runs, which
    other work on the machine disturbs least.
    """

    limit: Limit
    contender: str
    against: str | None
    measured: Spread
    best: float

    @property
    def holds(self) -> bool:
        """Whether the median is within the limit."""
        return self.measured.median <= self.limit.at_most


@dataclass(frozen=True)
class Measurement:
    """What one workload showed; ``absent`` maps a peer that is not installed to the reason.

    ``load`` is the number of processes that were ready to run, ours among them, over the last
    minute: before the rounds and after them.
    """

    workload: Workload
    timings: Mapping[str, Timing]
    absent: Mapping[str, str]
    load: tuple[float, float] = (0.0, 0.0)

    def ratios(self) -> list[Ratio]:
        """The limits that can be judged: those with at least one peer that ran."""
        judged = []
        for limit in self.workload.limits:
            own, peer = self._best(limit.contender), self._best(*limit.against)
            if own is None or (peer is None and limit.against):
                continue
            rounds = self.timings[own].rounds
            theirs = [1.0] * len(rounds) if peer is None else self.timings[peer].rounds
            pairs = [mine / other for mine, other in zip(rounds, theirs, strict=True)]
            judged.append(Ratio(limit, own, peer, Spread.of(pairs), min(rounds) / min(theirs)))
        return judged

    def _best(self, *names: str) -> str | None:
        """The label of the contender with the least median of those with these names."""
        labels = [c.label for c in self.workload.contenders if c.name in names]
        ran = [label for label in labels if label in self.timings]
        return min(ran, key=lambda label: median(self.timings[label].rounds), default=None)


def measure(workload: Workload, runs: int | None = None) -> Measurement:
    """Run every contender once to warm up, then all of them in turn, ``runs`` times."""
    ready: dict[str, Runner] = {}
    first: dict[str, float] = {}
    absent: dict[str, str] = {}
    before = os.getloadavg()[0]
    with ExitStack() as started:
        for contender in workload.contenders:
            runner = _runner(workload, contender)
            started.callback(runner.close)  # that of an absent peer too: its process waits
            try:
                first[contender.label] = runner.first()
                ready[contender.label] = runner
            except ImportError as error:
                absent[contender.label] = str(error)
        rounds: dict[str, list[float]] = {label: [] for label in ready}
        for _ in range(runs or workload.runs):
            for label, runner in ready.items():
                time.sleep(PAUSE)
                rounds[label].append(runner.run())
    timings = {label: Timing(first[label], rounds[label]) for label in ready}
    return Measurement(workload, timings, absent, (before, os.getloadavg()[0]))


def _runner(workload: Workload, contender: Contender) -> Runner:
    here = contender.threads is None
    return Here(workload, contender) if here else Process(workload, contender)

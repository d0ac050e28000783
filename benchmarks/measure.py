"""Timing in rounds, and what the rounds say: medians, spreads, and ratios within each round."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.workload import Contender, Limit, Work, Workload

__all__ = ["Measurement", "Ratio", "Spread", "Timing", "measure"]


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
    """One contender's seconds: the first run (which imports and compiles), then the rounds."""

    first: float
    rounds: list[float]


@dataclass(frozen=True)
class Ratio:
    """A limit, and the ratio that was measured round by round."""

    limit: Limit
    measured: Spread

    @property
    def holds(self) -> bool:
        """Whether the median ratio is within the limit."""
        return self.measured.median <= self.limit.ratio


@dataclass(frozen=True)
class Measurement:
    """What one workload showed; ``absent`` maps a peer that is not installed to the reason."""

    workload: Workload
    timings: Mapping[str, Timing]
    absent: Mapping[str, str]

    def ratios(self) -> list[Ratio]:
        """The limits that can be judged: those with at least one peer that ran."""
        judged = []
        for limit in self.workload.limits:
            peers = [self.timings[name].rounds for name in limit.against if name in self.timings]
            if limit.contender in self.timings and peers:
                fastest = min(peers, key=median)
                own = self.timings[limit.contender].rounds
                pairs = [mine / peer for mine, peer in zip(own, fastest, strict=True)]
                judged.append(Ratio(limit, Spread.of(pairs)))
        return judged


def measure(workload: Workload, runs: int | None = None) -> Measurement:
    """Run every contender once to warm up, then all of them in turn, ``runs`` times."""
    ready: dict[str, Work] = {}
    first: dict[str, float] = {}
    absent: dict[str, str] = {}
    for contender in workload.contenders:
        try:
            first[contender.name], ready[contender.name] = _warm_up(contender)
        except ImportError as error:
            absent[contender.name] = str(error)
    rounds: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(runs or workload.runs):
        for name, work in ready.items():
            rounds[name].append(_seconds(work))
    timings = {name: Timing(first[name], rounds[name]) for name in ready}
    return Measurement(workload, timings, absent)


def _warm_up(contender: Contender) -> tuple[float, Work]:
    start = time.perf_counter()
    work = contender.prepare()
    work()
    return time.perf_counter() - start, work


def _seconds(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start

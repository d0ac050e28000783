"""What a benchmark is made of: contenders that do the same work, and the limits they are held to.

A file in ``benchmarks/workloads`` defines one ``Workload`` by the name ``workload``; putting it
there is all that is needed for ``python -m benchmarks NAME`` to run it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Contender", "Lazy", "Limit", "Work", "Workload"]

Work = Callable[[], Any]


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    ``prepare()`` imports what is needed, makes the data and returns the function that is timed. A
    peer that is not installed raises ``ImportError`` there and is left out of the table.
    ``units`` says how many evaluations or steps one run does: what is reported is for one of them.
    With ``threads`` the contender has a process of its own, in which every library is told to use
    that many; contenders that differ in nothing else share a name.
    """

    name: str
    prepare: Callable[[], Work]
    threads: int | None = None
    units: int = 1

    @property
    def label(self) -> str:
        """What tells this contender from the others.

        >>> Contender("jax", lambda: print, threads=2).label
        'jax, 2 threads'
        """
        if self.threads is None:
            return self.name
        return f"{self.name}, {self.threads} thread{'' if self.threads == 1 else 's'}"


class Lazy:
    """Work that is compiled when it first runs, so that the first run shows what that takes."""

    def __init__(self, compile_work: Callable[[], Work]) -> None:
        self.compile_work = compile_work
        self.work: Work | None = None

    def __call__(self) -> Any:
        if self.work is None:
            self.work = self.compile_work()
        return self.work()


@dataclass(frozen=True)
class Limit:
    """``contender`` may take at most ``at_most`` times what the best of ``against`` takes.

    Each name stands for the best of the contenders that share it. Where ``against`` is empty,
    ``at_most`` is the limit itself, in the unit of the workload.
    """

    contender: str
    at_most: float
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workload:
    """The same work, done by several contenders in turn.

    ``title`` says in one line what is timed. ``runs`` is the number of rounds; in each, every
    contender runs once, so that a drift of the machine meets all of them alike. ``check`` is given
    what the first run of each contender returned and raises where it is wrong. ``unit`` is ``s``
    where runs are timed; otherwise a run returns what is measured, in that unit.
    """

    name: str
    title: str
    contenders: tuple[Contender, ...]
    limits: tuple[Limit, ...] = ()
    runs: int = 15
    check: Callable[[Any], None] | None = None
    unit: str = "s"

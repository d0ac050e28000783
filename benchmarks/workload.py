"""What a benchmark is made of: contenders that do the same work, and the limits they are held to.

A file in ``benchmarks/workloads`` defines one ``Workload`` by the name ``workload``; putting it
there is all that is needed for ``python -m benchmarks NAME`` to run it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Contender", "Limit", "Workload"]

Work = Callable[[], object]


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    ``prepare()`` imports what is needed, makes the data and returns the function that is timed. A
    peer that is not installed raises ``ImportError`` there and is left out of the table.
    """

    name: str
    prepare: Callable[[], Work]


@dataclass(frozen=True)
class Limit:
    """``contender`` may take at most ``ratio`` times the time of the fastest of ``against``."""

    contender: str
    ratio: float
    against: tuple[str, ...]


@dataclass(frozen=True)
class Workload:
    """The same work, done by several contenders in turn.

    ``title`` says in one line what is timed. ``runs`` is the number of rounds; in each, every
    contender runs once, so that a drift of the machine meets all of them alike.
    """

    name: str
    title: str
    contenders: tuple[Contender, ...]
    limits: tuple[Limit, ...] = ()
    runs: int = 15

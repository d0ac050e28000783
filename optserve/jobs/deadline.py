"""``Deadline``: until when a job computes. What is predicted to take longer is not begun."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

__all__ = ["GRACE", "LONGEST", "Deadline"]

GRACE = 0.1
"""Seconds beyond the limit that what follows the descent may take."""

OPERATIONS = 4e9
"""Multiplications that decompositions of matrices make in a second, on a processor that is busy."""

SETUP = 0.05
"""Seconds until a graph runs, at least: it is recorded and planned in Python."""

LONGEST = 4.0
"""How many times as long as the graph of the loss with its gradient another is, at most."""

FADES = 0.8
"""The share of itself that a duration counts with once a shorter one was seen: the longest of the
last few is what a prediction is made of."""


class Deadline:
    """Predicts from what the descent took what else fits in before the limit.

    ``clock`` tells the seconds since the job began, ``limit`` how many it may take; without a limit
    everything fits. ``setup`` is how long it takes until a graph runs that is as long as that of
    the loss with its gradient: at first what the backend predicts.

    >>> now = [0.0]
    >>> deadline = Deadline(lambda: now[0], 10.0)
    >>> deadline.note("gradient", 1, 3.0)
    >>> deadline.note("gradient", 2, 2.0)  # an evaluation a second, and the first was compiled
    >>> now[0] = 6.0
    >>> deadline.fits("gradient", 5), deadline.fits("jacobian", 2), deadline.fits("gradient", 4)
    (False, False, True)
    """

    def __init__(self, clock: Callable[[], float], limit: float | None = None) -> None:
        self.clock = clock
        self.limit = limit
        self.setup = SETUP
        self._each: dict[str, float] = {}
        self._first: tuple[str, float] | None = None
        self._began: tuple[str, float, float] | None = None

    @property
    def left(self) -> float:
        """Seconds until nothing more is begun."""
        return inf if self.limit is None else self.limit + GRACE - self.clock()

    @property
    def is_over(self) -> bool:
        return self.left <= 0.0

    def note(self, graph: str, evaluations: float, seconds: float) -> None:
        """Note what ``graph`` took; ``evaluations`` are those of the loss and its gradient that it
        counts for."""
        self._began = None
        each = seconds / evaluations
        if self._first is not None and self._first[0] == graph:  # it was compiled then
            self.setup = max(self.setup, self._first[1] - each)
            self._first, self._each[graph] = None, each
        elif graph not in self._each:
            self._first, self._each[graph] = (graph, each), each
        else:
            self._each[graph] = max(each, FADES * self._each[graph])

    def knows(self, graph: str) -> bool:
        """Whether ``graph`` has run, so that it is known what it takes."""
        return graph in self._each

    def needed(self, graph: str = "", evaluations: float = 0.0, operations: float = 0.0) -> float:
        """Seconds that evaluations by ``graph``, and linear algebra of so many multiplications, are
        predicted to take.

        A graph that did not run before is compiled first: the longer, the more it computes, up to
        what a graph may be longer than another.
        """
        wait = 0.0 if graph in self._each else self.setup * min(evaluations, LONGEST)
        each = self._each.get(graph, max(self._each.values(), default=0.0))
        return wait + evaluations * each + operations / OPERATIONS

    def fits(self, graph: str = "", evaluations: float = 0.0, operations: float = 0.0) -> bool:
        """Whether that fits in; then it is taken to begin now, and to end where this is asked
        again."""
        if self.limit is None:
            return True
        now = self.clock()
        if self._began is not None:
            self.note(self._began[0], self._began[1], now - self._began[2])
        fits = self.needed(graph, evaluations, operations) <= self.left
        self._began = (graph, evaluations, now) if fits and graph else None
        return fits

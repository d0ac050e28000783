"""What the examination of an end may cost: counted, never timed, so that a verdict is the same on
every machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from optserve.jobs.deadline import Deadline
from optserve.jobs.demand import seconds_of
from optserve.jobs.evaluator import PRODUCT, Evaluator

__all__ = ["DENSE", "PRODUCT", "Budget", "Prices", "SpentError", "decomposition"]

DENSE = 30
"""Coordinates up to which the Hessian is always formed."""

FREE = 0.5
"""Predicted seconds (see ``optserve.backends.cost``) of evaluations that are always allowed."""

HESSIANS, LOOKS = 2, 40
"""How many Hessians of ``DENSE`` coordinates at most (of more, products with so many directions),
and how many evaluations besides, an end may cost that is to be called converged, whatever the
descent did."""


class SpentError(Exception):
    """What evidence may cost is spent, or there is no time left."""


class Budget:
    """Counts what is spent of ``limit``, in evaluations of the loss and its gradient.

    What does not fit in before the ``deadline`` is not begun, and nothing once it is ``stopped()``,
    by somebody who interrupts.

    >>> budget = Budget()
    >>> budget.allow(4)
    >>> budget.spend(3)
    >>> budget.left
    1
    >>> budget.spend(3)
    Traceback (most recent call last):
    optserve.jobs.evidence.budget.SpentError
    """

    def __init__(
        self, deadline: Deadline | None = None, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self.deadline = deadline or Deadline(lambda: 0.0)
        self.stopped = stopped
        self.late = False
        self.limit = 0
        self.spent = 0

    @property
    def left(self) -> int:
        return self.limit - self.spent

    def allow(self, limit: int) -> None:
        """Let ``limit`` be spent in all; what was allowed stays so."""
        self.limit = max(self.limit, limit)

    def spend(self, cost: int, graph: str = "gradient") -> None:
        """Spend ``cost`` on an evaluation of ``graph``, or raise where so much is not left."""
        if cost > self.left or self.stopped():
            raise SpentError
        self._fit(self.deadline.fits(graph, cost))
        self.spent += cost

    def allows(self, cost: int, graph: str, operations: float) -> bool:
        """Whether there is the time for that, whatever it costs."""
        return self.deadline.needed(graph, cost, operations) <= self.deadline.left

    def reckon(self, operations: float) -> None:
        """Let linear algebra of so many multiplications begin, or raise where it takes too long."""
        self._fit(self.deadline.fits(operations=operations))

    def _fit(self, fits: bool) -> None:
        if not fits:
            self.late = True
            raise SpentError

    def told(self, task: str) -> str:
        """Why there was no more to spend on ``task``."""
        if self.late:
            return "not examined: the time was up"
        if self.stopped():
            return "not examined: somebody has interrupted"
        return f"examined in part: {task} would cost more than the descent did"


class Prices:
    """What evaluations of a job cost, that of the loss and its gradient being 1.

    ``jacobian`` is that of a residual with its Jacobian, where these are formed: a forward
    derivative a coordinate, each a third of a gradient.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.size = evaluator.packing.size
        self.jacobian = 1 + self.size // 3 if evaluator.linearizes else 1
        self.together = evaluator.together

    @cached_property
    def free(self) -> int:
        """How many evaluations are always allowed."""
        evaluator, problem = self.evaluator, self.evaluator.problem

        def counted() -> int:
            return int(FREE / seconds_of(problem, evaluator.packing))

        return evaluator.graphs.kept(("free", *evaluator.row_counts.items()), counted)

    @property
    def hessian(self) -> int:
        """What a Hessian costs, by its products with so many directions ``together``."""
        return PRODUCT * -(-self.size // self.together)

    def allowed(self, descent: int, spent: int, *, converged: bool) -> int:
        """What all examinations of a descent may cost that has cost ``descent`` itself.

        Before an end is called ``converged``, Hessians of few coordinates are always formed, beside
        the ``spent``, and the products made that stand for those of many. One that nobody will call
        so is worth half as much.
        """
        least = self.jacobian
        if converged:
            least *= LOOKS
            least += HESSIANS * min(self.hessian, DENSE * PRODUCT)
        return max(self.free, descent if converged else descent // 2, spent + least)


def decomposition(size: int, rows: int = 0) -> float:
    """Multiplications that it takes to find the axes of a Hessian (p, p), or Jacobian (n, p)."""
    return 20.0 * size**3 + 2.0 * rows * size * (size + 20)

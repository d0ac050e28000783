"""``Examiner``: examines where the descents of a job end."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from optserve.backends.blas import one_thread
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.budget import Budget, Prices, SpentError
from optserve.jobs.evidence.evidence import Evidence
from optserve.jobs.evidence.examination import Examination
from optserve.jobs.evidence.examined import End, Examined
from optserve.jobs.evidence.reach import Reach
from optserve.jobs.evidence.surface import Surface
from optserve.jobs.limits import Limits

__all__ = ["Examiner"]

TOLERANCE = 1e-8
"""What ``stop.gradient`` is where none was asked for."""


class Examiner:
    """Knows of a job what does not change from end to end.

    ``by_jacobian`` tells whether an evaluation of the descent has the Jacobian.
    """

    def __init__(self, evaluator: Evaluator, limits: Limits, *, by_jacobian: bool = False) -> None:
        self.evaluator = evaluator
        self.by_jacobian = by_jacobian
        self.tolerance = limits.gradient or TOLERANCE

    @cached_property
    def reach(self) -> Reach:
        """What the loss uses, and what its derivatives reach."""
        return Reach(self.evaluator)

    @cached_property
    def prices(self) -> Prices:
        """What evaluations cost."""
        return Prices(self.evaluator)

    def examine(self, end: End, budget: Budget) -> Examined:
        """What ``end`` is, as far as the ``budget`` of the descent goes."""
        prices = self.prices
        descent = end.evaluations * (prices.jacobian if self.by_jacobian else 1)
        budget.allow(prices.allowed(descent, budget.spent, converged=end.finishes))
        reach = self.reach
        ignored = reach.unused | reach.unreached
        surface = Surface(self.evaluator, end.start, ignored, budget, prices)
        examination = None
        with np.errstate(all="ignore"), one_thread():
            try:
                examination = Examination(surface, reach, end, self.tolerance)
                return examination.run()
            except SpentError:
                if examination is not None:
                    return examination.in_part()
                told = budget.told("to evaluate it")
                return Examined(None, Evidence(False, told), in_part=True)
            except (ArithmeticError, np.linalg.LinAlgError):
                told = "not examined: the numbers around it are beyond double precision"
                return Examined(None, Evidence(False, told))

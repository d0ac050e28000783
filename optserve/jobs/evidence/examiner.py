"""``Examiner``: examines where the descents of a job end."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.budget import Budget, Prices, SpentError
from optserve.jobs.evidence.evidence import Evidence
from optserve.jobs.evidence.examination import End, Examination, Examined
from optserve.jobs.evidence.reach import told_of, unreached, used
from optserve.jobs.evidence.surface import Surface
from optserve.jobs.limits import Limits
from optserve.transforms.simplify import prune

__all__ = ["Examiner"]

TOLERANCE = 1e-8
"""What ``stop.gradient`` is where none was asked for."""


class Examiner:
    """Knows of a job what does not change from end to end.

    ``unused`` are the coordinates (p,) that the loss does not use, ``unreached`` those that it
    uses, and no derivative reaches. ``by_jacobian`` tells whether an evaluation of the descent has
    the Jacobian.
    """

    def __init__(self, evaluator: Evaluator, limits: Limits, *, by_jacobian: bool = False) -> None:
        self.evaluator = evaluator
        self.by_jacobian = by_jacobian
        self.tolerance = limits.gradient or TOLERANCE

    @cached_property
    def unused(self) -> Array:
        graph = self.evaluator.graphs.objective
        graph = prune(replace(graph, outputs=graph.outputs[:1]))
        return self._spread([not one for one in used(graph)])

    @cached_property
    def unreached(self) -> Array:
        found = self._spread(unreached(self.evaluator.graphs.differentiated))
        return found & ~self.unused

    def _spread(self, flags: list[bool]) -> Array:
        """A flag for each coordinate (p,) from one for each parameter that varies."""
        found: Array = np.zeros(self.evaluator.packing.size, bool)
        for segment, flag in zip(self.evaluator.packing.free, flags, strict=False):
            found[segment.start : segment.start + segment.count] = flag
        return found

    @cached_property
    def told_of_ignored(self) -> str:
        """What to say of parameters that no derivative reaches, or of a loss that uses none."""
        packing, problem = self.evaluator.packing, self.evaluator.problem
        loose = [one.parameter.name for one in packing.free if self.unreached[one.start]]
        if not loose:
            return "nothing was moved: the loss uses no parameter that may vary"
        graph = replace(problem.objective.graph, outputs=problem.objective.graph.outputs[:1])
        names = [variable.name for variable in graph.inputs[: len(packing.segments)]]
        return told_of(loose, prune(graph), names.index(loose[0]))

    @cached_property
    def prices(self) -> Prices:
        """What evaluations cost."""
        return Prices(self.evaluator)

    def examine(self, end: End, budget: Budget) -> Examined:
        """What ``end`` is, as far as the ``budget`` of the descent goes."""
        prices = self.prices
        descent = end.evaluations * (prices.jacobian if self.by_jacobian else 1)
        budget.allow(prices.allowed(descent, budget.spent, converged=end.finishes))
        surface = Surface(self.evaluator, self.unused | self.unreached, budget, prices)
        examination = None
        with np.errstate(all="ignore"):
            try:
                examination = Examination(self, surface, end)
                return examination.run()
            except SpentError:
                if examination is not None:
                    return examination.in_part()
                told = budget.told("to evaluate it")
                return Examined(None, Evidence(False, told), in_part=True)
            except (ArithmeticError, np.linalg.LinAlgError):
                told = "not examined: the numbers around it are beyond double precision"
                return Examined(None, Evidence(False, told))

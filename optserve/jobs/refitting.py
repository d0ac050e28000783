"""``Refitting``: a problem fitted again, to other rows or with an entry held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from optserve.errors import DataFailure, NumericalFailure, PluginFailure
from optserve.graph.aval import Array
from optserve.jobs.evidence.uncertainty.refits import Refit, StoppedError
from optserve.jobs.packing import Packing
from optserve.jobs.parameters import JobParameter
from optserve.jobs.preparation import Prepared
from optserve.jobs.problem import ErrorsAsked, Problem
from optserve.jobs.watch import Watch

__all__ = ["Preparing", "Refitting", "bare"]

Preparing = Callable[[Problem, Packing | None], Prepared]
"""How a problem is prepared, with the packing of its parameters where there is one."""


def bare(problem: Problem) -> Problem:
    """``problem`` with nothing but its descent: no more starts, splits, metrics, expectations."""
    return replace(
        problem,
        starts=(),
        held_out={},
        metrics=None,
        outputs=(),
        expectations=(),
        third_party=(),
        errors=ErrorsAsked(),
        drawn=None,
    )


class Refitting:
    """Fits a problem again and again, ``watch`` looking on: see ``Refit`` for what is found.

    Problems whose parameters vary in the same entries share what is compiled.
    """

    def __init__(self, problem: Problem, preparing: Preparing, watch: Watch) -> None:
        self.problem = bare(problem)
        self.preparing = preparing
        self.watch = watch
        self.packings: dict[object, Packing] = {}

    def __call__(
        self,
        parameters: tuple[JobParameter, ...] | None = None,
        data: Mapping[str, Array] | None = None,
        start: Mapping[str, Array] | None = None,
        number: tuple[int, int] = (1, 1),
    ) -> Refit:
        """The fit of other ``parameters``, to other ``data``, from ``start``.

        ``number`` is that of the refit, and of how many. Raises ``StoppedError`` where somebody
        interrupts, or the time is up.
        """
        problem, packing = self.problem, None
        if data is not None:
            problem = replace(problem, objective=replace(problem.objective, data=data))
        if parameters is not None:
            problem = replace(problem, parameters=parameters)
            packing = self._packing(parameters)
        job = self.preparing(problem, packing)
        made = job.evaluator.packing
        first = made.flat({**{one.name: one.init for one in problem.parameters}, **(start or {})})
        try:
            outcome = job.descents(first, self.watch, number)
            if start and not outcome.evidence.moved and not outcome.reason.converged:
                # Beside a number that should be 0, and is rounding, no change of it is seen.
                first = made.flat({})
                outcome = job.descents(first, self.watch, number)
        except (PluginFailure, DataFailure):
            raise
        except NumericalFailure as failure:  # a whole number that does not exist
            return Refit({}, float("inf"), failure.message)
        if self.watch.signal is not None:
            raise StoppedError(self.watch.signal.value)
        if self.watch.deadline.is_over:
            raise StoppedError("the time was up")
        if isinstance(outcome.failure, PluginFailure | DataFailure):
            raise outcome.failure
        why = ""
        if outcome.best is None or not outcome.reason.usable:
            why = outcome.reason.value
        elif made.size and job.limits.tolerance and not outcome.reason.converged:
            why = "the descent did not converge"
        elif made.size and not outcome.evidence.verified:
            why = "the end is not known to be a minimum"
        point = first if outcome.best is None else outcome.best.point
        return Refit(made.natural(point), outcome.loss, why, outcome.evidence.flatness)

    def _packing(self, parameters: tuple[JobParameter, ...]) -> Packing:
        """The packing of ``parameters``, alike for all that vary in the same entries."""
        made = Packing(parameters, np.dtype(self.problem.precision))
        key = tuple(one.fixed.tobytes() for one in parameters)
        return made.like(self.packings.setdefault(key, made))

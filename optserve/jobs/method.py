"""A method of descent at work: one call evaluates a point and proposes the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from optserve.errors import PluginError
from optserve.frozen import frozen
from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason
from optserve.jobs.stationarity import ColumnNorms, cosine, relative_gradient
from optserve.optimizers.base import Evaluation, Optimizer, State, Value
from optserve.optimizers.bounds import project
from optserve.optimizers.verdict import VERDICTS

__all__ = ["Advance", "Method", "method_of"]


class Advance(NamedTuple):
    """What is known at a point, and where the method goes from there.

    ``norms`` (p,) are those of the columns of the Jacobian, where the method has it.
    """

    loss: Value
    gradient: Array
    point: Array
    state: State
    norms: Array | None = None


Advancing = Callable[[Array, State], Advance]

Measure = Callable[[Array, float, Advance], float]
"""(point, loss, what is known there) -> how far it is from stationary, free of scales."""


@frozen
class Method:
    """``advance(point, state)`` evaluates and proposes; ``optimizer`` is ``None`` for "once"."""

    optimizer: Optimizer | None
    init: Callable[[Array], State]
    advance: Advancing
    measure: Measure

    @property
    def searches(self) -> bool:
        """Whether the method steps back from a trial point that is no good."""
        return self.optimizer is not None and not self.optimizer.traced

    def verdict(self, state: State) -> Reason | None:
        """Why the method itself can go no further, if it cannot."""
        if self.optimizer is None:
            return None
        word = self.optimizer.verdict(state)
        if word and word not in VERDICTS:
            raise PluginError(
                f"{self.optimizer.name}: its verdict is {word!r}",
                expected=" or ".join(map(repr, VERDICTS)),
            )
        return Reason[word] if word else None


def method_of(optimizer: Optimizer | None, evaluator: Evaluator, limits: Limits) -> Method:
    """The method of a job; ``optimizer`` is ``None`` for one that evaluates once."""
    measure = _measure(optimizer, evaluator, limits)
    if optimizer is None:
        return Method(None, lambda point: (), _once(evaluator), measure)
    if optimizer.needs == "jacobian":
        advance = _by_jacobian(optimizer, evaluator, limits)
    elif optimizer.traced:
        advance = _compiled(optimizer, evaluator, limits)
    else:
        advance = _by_gradient(optimizer, evaluator, limits)
    return Method(optimizer, optimizer.init, advance, measure)


def _once(evaluator: Evaluator) -> Advancing:
    def advance(point: Array, state: State) -> Advance:
        return Advance(*evaluator.gradient(point), point, state)

    return advance


def _compiled(optimizer: Optimizer, evaluator: Evaluator, limits: Limits) -> Advancing:
    """The whole step as one callable of the backend."""
    packing = evaluator.packing
    blank = optimizer.init(np.zeros(packing.size, packing.dtype))
    step = evaluator.step(optimizer, blank, limits.steps)
    rest = (*evaluator.graphs.bounds, *evaluator.graphs.arguments)

    def advance(point: Array, state: State) -> Advance:
        loss, gradient, following, *carried = step(point, *state, *rest)
        return Advance(loss, gradient, following, tuple(carried))

    return advance


def _by_gradient(optimizer: Optimizer, evaluator: Evaluator, limits: Limits) -> Advancing:
    lower, upper = evaluator.bounds

    def advance(point: Array, state: State) -> Advance:
        loss, gradient = evaluator.gradient(point)
        known = Evaluation(loss, gradient, None, None, lower, upper, limits.steps)
        updates, following = optimizer.update(known, state, point)
        return Advance(loss, gradient, project(point + updates, lower, upper), following)

    return advance


def _by_jacobian(optimizer: Optimizer, evaluator: Evaluator, limits: Limits) -> Advancing:
    lower, upper = evaluator.bounds

    def advance(point: Array, state: State) -> Advance:
        found = evaluator.linearized(point)
        known = Evaluation(*found, lower, upper, limits.steps)
        updates, following = optimizer.update(known, state, point)
        proposed = project(point + updates, lower, upper)
        norms = np.linalg.norm(found.jacobian, axis=0)
        return Advance(found.loss, found.gradient, proposed, following, norms)

    return advance


def _measure(optimizer: Optimizer | None, evaluator: Evaluator, limits: Limits) -> Measure:
    """The scale-free gradient by which convergence is judged."""
    lower, upper = evaluator.bounds
    least_squares = evaluator.problem.objective.kind == "least_squares"
    tolerance = limits.gradient

    def relative(point: Array, loss: float, known: Advance) -> float:
        return relative_gradient(known.gradient, point, loss, lower, upper)

    def angle(point: Array, loss: float, known: Advance) -> float:
        assert known.norms is not None
        return cosine(known.gradient, known.norms, point, loss, lower, upper)

    if not least_squares or tolerance is None:
        return relative
    if optimizer is not None and optimizer.needs == "jacobian":
        return angle
    if not evaluator.forms_jacobian:
        return relative
    columns = ColumnNorms(lambda point: np.linalg.norm(evaluator.linearized(point)[3], axis=0))

    def angle_now_and_then(point: Array, loss: float, known: Advance) -> float:
        return columns.cosine(known.gradient, point, loss, lower, upper, tolerance)

    return angle_now_and_then

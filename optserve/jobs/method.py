"""A method of descent at work: one call evaluates a point and proposes the next."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from optserve.backends.base import Compiled
from optserve.errors import PluginError
from optserve.frozen import frozen
from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.judging import Judge
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason
from optserve.jobs.stationarity import ColumnNorms, cosine, relative_gradient
from optserve.optimizers.base import Evaluation, Optimizer, State, Value, no_verdict
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
    """``advance(point, state)`` evaluates and proposes; ``optimizer`` is ``None`` for "once".

    ``loop`` takes many steps in a call, where the backend has loops and the method can be traced;
    it takes ``rest`` last (see ``optserve.jobs.loops``).
    """

    optimizer: Optimizer | None
    init: Callable[[Array], State]
    advance: Advancing
    measure: Measure
    judge: Judge
    loop: Compiled | None = None
    rest: tuple[Array, ...] = ()

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
    searches = optimizer is not None and not optimizer.traced
    judge = Judge.of(limits, evaluator.packing.dtype, searches)
    if optimizer is None:
        return Method(None, lambda point: (), _once(evaluator), measure, judge)
    if optimizer.needs == "jacobian":
        advance = _by_jacobian(optimizer, evaluator, limits)
    elif optimizer.traced:
        loop = _loop(optimizer, evaluator, judge)
        rest = (*evaluator.graphs.bounds, *evaluator.graphs.arguments)
        advance = _compiled(optimizer, evaluator, limits, rest)
        return Method(optimizer, optimizer.init, advance, measure, judge, loop, rest)
    else:
        advance = _by_gradient(optimizer, evaluator, limits)
    return Method(optimizer, optimizer.init, advance, measure, judge)


def _loop(optimizer: Optimizer, evaluator: Evaluator, judge: Judge) -> Compiled | None:
    """The whole descent as one callable of the backend, where it can be and pays."""
    by_jacobian = _needs_jacobian(evaluator, judge.limits)
    if not evaluator.backend.has_loops or by_jacobian or optimizer.verdict is not no_verdict:
        return None
    from optserve.jobs.loops import loop_graph

    graph = loop_graph(evaluator.graphs, optimizer, judge, _blank(optimizer, evaluator))
    return evaluator.backend.loop(graph)


def _blank(optimizer: Optimizer, evaluator: Evaluator) -> State:
    """A state, for its shapes."""
    packing = evaluator.packing
    return optimizer.init(np.zeros(packing.size, packing.dtype))


def _once(evaluator: Evaluator) -> Advancing:
    def advance(point: Array, state: State) -> Advance:
        return Advance(*evaluator.gradient(point), point, state)

    return advance


def _compiled(
    optimizer: Optimizer, evaluator: Evaluator, limits: Limits, rest: Sequence[Array]
) -> Advancing:
    """The whole step as one callable of the backend, compiled when it is first asked for."""

    @functools.cache
    def step() -> Compiled:
        return evaluator.step(optimizer, _blank(optimizer, evaluator), limits.steps)

    def advance(point: Array, state: State) -> Advance:
        loss, gradient, following, *carried = step()(point, *state, *rest)
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
    needs_jacobian = optimizer is not None and optimizer.needs == "jacobian"
    tolerance = limits.gradient

    def relative(point: Array, loss: float, known: Advance) -> float:
        return float(relative_gradient(known.gradient, point, loss, lower, upper))

    def angle(point: Array, loss: float, known: Advance) -> float:
        assert known.norms is not None
        return cosine(known.gradient, known.norms, point, loss, lower, upper)

    if least_squares and tolerance is not None and needs_jacobian:
        return angle
    if tolerance is None or not _needs_jacobian(evaluator, limits):
        return relative
    columns = ColumnNorms(lambda point: np.linalg.norm(evaluator.linearized(point)[3], axis=0))

    def angle_now_and_then(point: Array, loss: float, known: Advance) -> float:
        return columns.cosine(known.gradient, point, loss, lower, upper, tolerance)

    return angle_now_and_then


def _needs_jacobian(evaluator: Evaluator, limits: Limits) -> bool:
    """Whether convergence is judged by the columns of the Jacobian."""
    least_squares = evaluator.problem.objective.kind == "least_squares"
    return least_squares and limits.gradient is not None and evaluator.forms_jacobian

"""A method of descent at work: one call evaluates a point and proposes the next."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from optserve.backends.backend import Backend, Compiled
from optserve.backends.blas import one_thread
from optserve.errors import PluginError
from optserve.graph.aval import Array, aval_of
from optserve.jobs.deadline import LONGEST
from optserve.jobs.descent.judging import Judge
from optserve.jobs.descent.stretch import Measured
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.graphs import Graphs
from optserve.jobs.known_points import Linearized
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason
from optserve.jobs.reduced import reduced
from optserve.optimizers.base import Evaluation, Optimizer, State, Value, no_model, no_verdict
from optserve.optimizers.projection import project
from optserve.optimizers.verdict import VERDICTS

if TYPE_CHECKING:
    from optserve.jobs.descent.batching import Batching
    from optserve.jobs.evidence.examiner import Examiner

__all__ = ["Advance", "DescentMethod", "method_of"]


SURELY = 0.25
"""The share of what is left of the time that a step may be predicted to take by sizes alone."""

CUBES = 4.0
"""Multiplications of a step by the Jacobian, times the cube of the coordinates, besides those that
grow with the rows: triangles are factored and updated."""

SMALL = 1 << 12
"""Entries of a matrix, or of a vector, up to which NumPy takes one thread by itself."""


class Advance(NamedTuple):
    """What is known at a point, and where the method goes from there."""

    loss: Value
    gradient: Array
    point: Array
    state: State


class Advancing(Protocol):
    """Evaluates a point and proposes the next, by a ``batch`` of rows where steps see batches."""

    def __call__(self, point: Array, state: State, batch: Sequence[Array] = ()) -> Advance: ...


Measure = Callable[[Array, Advance], Measured | None]
"""(point, what is known there) -> how near to stationary it is, where that is known."""


@dataclass(frozen=True)
class DescentMethod:
    """What takes the steps of a descent; ``optimizer`` is ``None`` for a job that evaluates once.

    ``advance`` takes one step. ``loop`` takes many in a call, where the backend has loops and the
    method can be traced; ``rest`` are its last arguments (see ``optserve.jobs.descent.looped``).
    ``judge`` judges the points, ``examiner()`` examines where the descent ends. ``batching`` says
    what an epoch is made of, and is ``None`` where every step sees all rows. ``begins(start)``
    tells whether the first step is predicted to end in time; ``once`` is for where it does not.
    """

    optimizer: Optimizer | None
    init: Callable[[Array], State]
    advance: Advancing
    measure: Measure
    judge: Judge
    examiner: Callable[[], Examiner]
    loop: Compiled | None = None
    rest: tuple[Array, ...] = ()
    batching: Batching | None = None
    begins: Callable[[Array], bool] = lambda point: True
    once: DescentMethod | None = None

    @property
    def searches(self) -> bool:
        """Whether the method steps back from a trial point that is no good."""
        return self.optimizer is not None and not self.optimizer.traced

    @property
    def graph(self) -> str:
        """Which graph an evaluation of the descent runs, as a ``Deadline`` knows it."""
        if self.optimizer is not None and self.optimizer.needs == "jacobian":
            return "jacobian"
        return "gradient" if self.optimizer is None or self.searches else "step"

    @property
    def slow(self) -> bool:
        """Whether it searches by gradients, so that Newton's method may be quicker."""
        return self.searches and self.optimizer is not None and self.optimizer.needs == "gradient"

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


def method_of(
    optimizer: Optimizer | None,
    evaluator: Evaluator,
    limits: Limits,
    batching: Batching | None = None,
) -> DescentMethod:
    """The method of a job; ``optimizer`` is ``None`` for one that evaluates once."""

    by_jacobian = optimizer is not None and optimizer.needs == "jacobian"

    @functools.cache
    def examiner() -> Examiner:  # a job that only evaluates does without
        from optserve.jobs.evidence.examiner import Examiner

        return Examiner(evaluator, limits, by_jacobian=by_jacobian)

    measure = _measure(optimizer, evaluator, limits)
    searches = optimizer is not None and not optimizer.traced
    tries = optimizer is not None and optimizer.accepted is not None
    batches = batching is not None
    dtype = evaluator.packing.dtype
    judge = Judge.of(limits, dtype, searches=searches, tries=tries, batches=batches)
    unmeasured = _measure(None, evaluator, limits)
    once = DescentMethod(None, lambda point: (), _once(evaluator), unmeasured, judge, examiner)
    if optimizer is None:
        return once
    loop: Compiled | None = None
    rest: tuple[Array, ...] = ()
    if by_jacobian:
        linearized = reduced(evaluator, blocks=optimizer.takes_blocks) or evaluator.linearized
        advance = _by_jacobian(optimizer, evaluator, linearized, limits)
        given = optimizer.init, advance, measure, judge, examiner
        begins = functools.partial(_begins, evaluator, linearized)
        return DescentMethod(optimizer, *given, begins=begins, once=once)
    if optimizer.traced:
        graphs = evaluator.graphs if batching is None else batching.graphs
        loop, rest = _loop(optimizer, graphs, evaluator.backend, judge), graphs.held
        advance = _compiled(optimizer, graphs, evaluator.backend, limits)
    else:
        advance = _by_gradient(optimizer, evaluator, limits)
    given = optimizer.init, advance, measure, judge, examiner
    return DescentMethod(optimizer, *given, loop, rest, batching)


def _loop(optimizer: Optimizer, graphs: Graphs, backend: Backend, judge: Judge) -> Compiled | None:
    """Many steps as one callable of the backend, where that can be and pays."""
    if not backend.has_loops or optimizer.verdict is not no_verdict:
        return None
    from optserve.jobs.descent.looped import loop_graph

    return backend.loop(loop_graph(graphs, optimizer, judge, _blank(optimizer, graphs)))


def _blank(optimizer: Optimizer, graphs: Graphs) -> State:
    """A state, for its shapes."""
    packing = graphs.packing
    return optimizer.init(np.zeros(packing.size, packing.dtype))


def _once(evaluator: Evaluator) -> Advancing:
    def advance(point: Array, state: State, batch: Sequence[Array] = ()) -> Advance:
        return Advance(*evaluator.gradient(point), point, state)

    return advance


def _compiled(optimizer: Optimizer, graphs: Graphs, backend: Backend, limits: Limits) -> Advancing:
    """The whole step as one callable of the backend, compiled when it is first asked for.

    There is one for each number of rows, of which an epoch has two: what a callable has prepared
    for a shape is then used again.
    """

    @functools.cache
    def step(rows: int) -> Compiled:
        state = _blank(optimizer, graphs)

        def compiled() -> Compiled:
            return backend.compile(graphs.step(optimizer, state, limits.steps))

        what = ("step", limits.steps, rows, *map(aval_of, state))
        return graphs.kept(what, compiled, backend, optimizer)

    def advance(point: Array, state: State, batch: Sequence[Array] = ()) -> Advance:
        compiled = step(len(batch[0]) if batch else 0)
        loss, gradient, following, *carried = compiled(point, *state, *graphs.given(batch))
        return Advance(loss, gradient, following, tuple(carried))

    return advance


def _by_gradient(optimizer: Optimizer, evaluator: Evaluator, limits: Limits) -> Advancing:
    lower, upper = evaluator.bounds
    alone = _alone(evaluator.packing.size)

    def advance(point: Array, state: State, batch: Sequence[Array] = ()) -> Advance:
        loss, gradient = evaluator.gradient(point)
        known = Evaluation(
            loss, gradient, None, None, lower, upper, limits.steps, evaluator.curvature
        )
        with alone:
            updates, following = optimizer.update(known, state, point)
        return Advance(loss, gradient, project(point + updates, lower, upper), following)

    return advance


def _by_jacobian(
    optimizer: Optimizer,
    evaluator: Evaluator,
    linearized: Callable[[Array], Linearized],
    limits: Limits,
) -> Advancing:
    lower, upper = evaluator.bounds
    alone = _alone(evaluator.packing.size * evaluator.rows)

    def advance(point: Array, state: State, batch: Sequence[Array] = ()) -> Advance:
        found = linearized(point)
        known = Evaluation(*found, lower, upper, limits.steps)
        with alone:
            updates, following = optimizer.update(known, state, point)
        proposed = project(point + updates, lower, upper)
        return Advance(found.loss, found.gradient, proposed, following)

    return advance


def _begins(evaluator: Evaluator, linearized: Callable[[Array], Linearized], start: Array) -> bool:
    """Whether a Jacobian, and a step by it, are predicted to end in time.

    Sizes tell where it is clear. Else the loss and its gradient are evaluated at ``start`` (p,), to
    predict it from what they take.
    """
    deadline = evaluator.deadline
    if deadline.limit is None:
        return True

    from optserve.jobs.demand import seconds_of
    from optserve.jobs.evidence.budget import Prices

    price, size = Prices(evaluator).jacobian, evaluator.packing.size
    operations = 2.0 * evaluator.rows * size**2 + CUBES * size**3
    if (angular := evaluator.angular) is not None and linearized is angular:
        operations = angular.operations
    each = seconds_of(evaluator.problem, evaluator.packing)
    if price * each + deadline.needed("jacobian", price, operations) <= SURELY * deadline.left:
        return True
    if deadline.knows("jacobian"):
        return deadline.needed("jacobian", price, operations) <= deadline.left
    for _ in range(2):  # what is compiled takes longer the first time
        if deadline.fits("gradient", 1.0):
            began = deadline.clock()
            evaluator.gradient(start)
            deadline.note("gradient", 1.0, deadline.clock() - began)
    if deadline.needed("jacobian", LONGEST, operations) > deadline.left:
        return False
    work = evaluator.work_of_jacobian or float(price)  # its graph is recorded for that
    return deadline.needed("jacobian", work, operations) <= deadline.left


def _alone(entries: int) -> AbstractContextManager[object]:
    """Within it a method computes on one thread, with matrices of so many ``entries``.

    Of a small one it does so anyway.
    """
    return one_thread() if entries > SMALL else nullcontext()


def _measure(optimizer: Optimizer | None, evaluator: Evaluator, limits: Limits) -> Measure:
    """How near to stationary a point is, by the curvature that the method has."""
    kind = evaluator.problem.objective.kind
    if optimizer is None or limits.gradient is None or optimizer.expects is no_model:
        return lambda point, known: None

    unit = 1.0 if kind == "log_likelihood" else nan

    def measure(point: Array, known: Advance) -> Measured | None:
        expected = optimizer.expects(known.state)
        if not expected >= 0.0:
            return None
        return Measured(
            expected**0.5, float(known.loss) ** 0.5 if kind == "least_squares" else unit
        )

    return measure

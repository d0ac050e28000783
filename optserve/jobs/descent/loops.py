"""A descent as loops: a graph of many steps, of which the backend takes thousands in a call."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from time import perf_counter
from typing import NamedTuple

import numpy as np

from optserve.backends.base import Compiled
from optserve.graph.aval import Array, Aval, aval_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.primitive import Value
from optserve.jobs.descent.judging import Best, Ended, Judge
from optserve.jobs.descent.pace import Pace
from optserve.jobs.descent.scalars import wide
from optserve.jobs.descent.stretch import Stretch
from optserve.jobs.graphs import Graphs, applied
from optserve.optimizers.base import Optimizer, State
from optserve.primitives.loops import cond, leaves, rebuilt, scan

__all__ = ["Course", "Loops", "loop_graph"]

STEPS = Dim.rows("steps of a descent")
"""How many steps a call takes; no table has such a name."""

LARGEST = 1 << 16
"""Steps of a call, the loss of each of which is kept until it returns."""


class Course(NamedTuple):
    """What is carried from step to step, at numbers or traced.

    ``point`` (p,) is to be evaluated next, ``last`` (p,) was evaluated last; ``change`` is the last
    one that was compared with a tolerance, NaN where there was none.
    """

    point: Value
    state: State
    best: Best
    ended: Ended
    change: Value
    last: Value
    evaluations: Value

    @staticmethod
    def begin(start: Array, state: State) -> Course:
        """Before the first evaluation, at ``start``."""
        going_on = Ended(False, False, False, True)
        return Course(start, state, Best.none(start), going_on, nan, start, 0)


def loop_graph(graphs: Graphs, optimizer: Optimizer, judge: Judge, state: State) -> Graph:
    """(steps, due, *course, *bounds, ...) -> *course, losses.

    A ``scan`` over steps of a traced method: as many as ``steps``, which are read by nobody, has
    entries. Before so many evaluations as are ``due``, no small change ends them. Once there is a
    reason to stop, what is left of the steps changes nothing, and their losses are NaN.
    """
    step = graphs.step(optimizer, state, judge.limits.steps)
    vector = step.inputs[0].aval
    begin = Course.begin(np.zeros(vector.shape), state)
    parts = [np.asarray(part) for part in leaves(begin)]
    carried = [
        vector if part.shape == vector.shape and part.dtype.kind == "f" else aval_of(part)
        for part in parts
    ]
    rest = step.inputs[1 + len(state) :]

    def looped(steps: Value, due: Value, *given: Value) -> Sequence[Value]:
        course, arguments = rebuilt(begin, given[: len(parts)]), given[len(parts) :]

        def evaluate(course: Course) -> tuple[Course, Value]:
            point = course.point
            loss, gradient, following, *carries = applied(step, [point, *course.state, *arguments])
            finite = np.isfinite(loss) & np.all(np.isfinite(gradient))
            loss = wide(loss)
            judged = judge(course.best, point, loss, gradient, finite)
            count = course.evaluations + 1
            ended = judged.ended.heeded(count >= due)
            after = Course(
                following, tuple(carries), judged.best, ended, judged.change, point, count
            )
            return after, loss

        def on(course: Course, _step: Value) -> tuple[Course, Value]:
            found: tuple[Course, Value] = cond(
                course.ended.any(), lambda course: (course, nan), evaluate, course
            )
            return found

        final, losses = scan(on, course, steps)
        return [*leaves(final), losses]

    counts = [Aval((STEPS,), np.dtype(np.bool_)), Aval((), np.dtype(np.int64))]
    avals = [*counts, *carried, *(variable.aval for variable in rest)]
    names = ["steps", "due", *("" for _ in carried), *(variable.name for variable in rest)]
    return graphs.traced(looped, avals, names)


class Loops:
    """Where a descent stands that is taken in loops; the fields are those of ``Stepwise``.

    ``loop`` is the compiled ``loop_graph``; ``rest`` are the arrays that it takes last.
    """

    def __init__(self, loop: Compiled, start: Array, state: State, rest: Sequence[Array]) -> None:
        self.loop = loop
        self.rest = rest
        self.rejected = 0
        self._course = Course.begin(start, state)
        self._pace = Pace(LARGEST)
        self._steps = np.zeros(LARGEST, np.bool_)
        self._due = np.zeros((), np.int64)

    def on(self, most: float | None, seconds: float | None) -> Stretch:
        """Take some steps: no more than ``most``, and as fit into ``seconds``."""
        before, count = int(self._course.evaluations), self._pace.steps(most, seconds)
        began = perf_counter()
        parts = map(np.asarray, leaves(self._course))
        *found, losses = self.loop(self._steps[:count], self._due, *parts, *self.rest)
        self._pace.took(count, perf_counter() - began)
        self._course = rebuilt(self._course, found)
        taken = int(self._course.evaluations) - before
        reasons = self._course.ended.reasons()
        return Stretch(losses[:taken], reasons)

    def go_on(self, wait: int = 0) -> None:
        """Take what ended it for no end, and heed no small changes for some evaluations."""
        self._due = np.asarray(self._course.evaluations + wait, np.int64)
        self._course = self._course._replace(ended=Ended(False, False, False, True))

    def settle(self) -> None:
        """A traced method does not come to rest by itself."""

    @property
    def point(self) -> Array:
        point: Array = self._course.point
        return point

    @property
    def state(self) -> State:
        return self._course.state

    @property
    def best(self) -> Best:
        point, loss, gradient, ceiling = self._course.best
        return Best(point, float(loss), gradient, float(ceiling))

    @property
    def change(self) -> float:
        return float(self._course.change)

    @property
    def bad(self) -> Array | None:
        return None if self._course.ended.finite else self._course.last

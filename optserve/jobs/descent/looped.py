"""A descent as loops: a graph of many steps, of which the backend takes thousands in a call."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from time import perf_counter
from typing import NamedTuple

import numpy as np

from optserve.backends.backend import Compiled
from optserve.graph.aval import Array, Aval, aval_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.primitive import Value
from optserve.jobs.descent.judging import GOING_ON, BestPoint, Ended, Judge
from optserve.jobs.descent.pace import Pace
from optserve.jobs.descent.scalars import wide
from optserve.jobs.descent.stretch import Stretch
from optserve.jobs.descent.walk import Steps
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
    best: BestPoint
    ended: Ended
    change: Value
    last: Value
    evaluations: Value

    @staticmethod
    def begin(start: Array, state: State, best: BestPoint) -> Course:
        """Before the first evaluation, at ``start``."""
        return Course(start, state, best, GOING_ON, nan, start, 0)


def loop_graph(graphs: Graphs, optimizer: Optimizer, judge: Judge, state: State) -> Graph:
    """(due, steps, *batches, *course, *bounds, ...) -> *course, losses.

    A ``scan`` over steps of a traced method: as many as ``steps``, which are read by nobody, has
    entries, each with its own of the ``batches``, where there are any. Before so many evaluations
    as are ``due``, no small change ends them. Once there is a reason to stop, what is left of the
    steps changes nothing, and their losses are NaN.
    """
    step = graphs.step(optimizer, state, judge.limits.steps)
    start = np.zeros(graphs.packing.size, graphs.packing.dtype)
    begin = Course.begin(start, state, judge.best(BestPoint.none(start)))
    after = step.inputs[1 + len(state) :]
    batched = [variable for variable in after if graphs.is_batched(variable)]
    held = [variable for variable in after if not graphs.is_batched(variable)]

    def looped(due: Value, steps: Value, *values: Value) -> Sequence[Value]:
        given = iter(values)
        batches = tuple(next(given) for _ in batched)
        course, known = rebuilt(begin, given), dict(zip(held, given, strict=True))

        def evaluate(course: Course, batch: Sequence[Value]) -> tuple[Course, Value]:
            point = course.point
            rest = {**known, **dict(zip(batched, batch, strict=True))}
            loss, gradient, following, *carried = applied(
                step, [point, *course.state, *(rest[variable] for variable in after)]
            )
            finite = np.isfinite(loss) & np.all(np.isfinite(gradient))
            loss = wide(loss)
            judged = judge(course.best, point, loss, gradient, finite)
            count = course.evaluations + 1
            ended = judged.ended.heeded(count >= due)
            now = (following, tuple(carried), judged.best, ended, judged.change, point, count)
            return Course(*now), loss

        def on(course: Course, at: Sequence[Value]) -> tuple[Course, Value]:
            _step, *batch = at
            found: tuple[Course, Value] = cond(
                course.ended.any(),
                lambda course: (course, nan),
                lambda course: evaluate(course, batch),
                course,
            )
            return found

        final, losses = scan(on, course, (steps, *batches))
        return [*leaves(final), losses]

    carried = [aval_of(np.asarray(part)) for part in leaves(begin)]
    stacked = [Aval((STEPS, *one.aval.shape), one.aval.dtype) for one in batched]
    avals = [Aval((), np.dtype(np.int64)), Aval((STEPS,), np.dtype(np.bool_)), *stacked, *carried]
    names = ["due", "steps", *(one.name for one in batched), *("" for _ in carried)]
    avals += [variable.aval for variable in held]
    return graphs.traced(looped, avals, [*names, *(variable.name for variable in held)])


class Loops(Steps):
    """Where a descent stands that is taken in loops.

    ``loop`` is the compiled ``loop_graph``; ``rest`` are the arrays that it takes last.
    """

    def __init__(
        self, loop: Compiled, judge: Judge, start: Array, state: State, rest: Sequence[Array]
    ) -> None:
        super().__init__(start, state)
        self.loop = loop
        self.judge = judge
        self.rest = rest
        self._course = Course.begin(start, state, judge.best(self.best))
        self._pace = Pace(LARGEST)
        self._steps = np.zeros(LARGEST, np.bool_)
        self._due = np.zeros((), np.int64)

    def on(
        self, most: float | None, seconds: float | None, batches: Sequence[Array] = ()
    ) -> Stretch:
        """Take some steps: no more than ``most``, and as fit into ``seconds``."""
        before, count = int(self._course.evaluations), self._pace.steps(most, seconds)
        count = min(count, *map(len, batches)) if batches else count
        began = perf_counter()
        given = [self._steps[:count], *(column[:count] for column in batches)]
        parts = map(np.asarray, leaves(self._course))
        *found, losses = self.loop(self._due, *given, *parts, *self.rest)
        self._pace.took(count, perf_counter() - began)
        course = self._course = rebuilt(self._course, found)
        self.point, self.state, self.change = course.point, course.state, float(course.change)
        point, loss, gradient, first = course.best
        self.best = BestPoint(point, float(loss), gradient, float(first))
        self.bad = None if course.ended.finite else course.last
        taken = int(course.evaluations) - before
        return Stretch(losses[:taken], course.ended.reasons(), taken=taken)

    def go_on(self, wait: int) -> None:
        self._due = np.asarray(self._course.evaluations + wait, np.int64)
        self._course = self._course._replace(ended=GOING_ON)

    def judge_by(self, best: BestPoint) -> None:
        self._course = self._course._replace(best=self.judge.best(best))

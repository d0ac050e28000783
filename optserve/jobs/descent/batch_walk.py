"""Steps over minibatches: in loops where the backend has them, else one by one."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from time import perf_counter

import numpy as np

from optserve.backends.base import Backend, Compiled
from optserve.graph.aval import Array
from optserve.jobs.descent.batch_graphs import BatchCourse, BatchGraphs
from optserve.jobs.descent.judging import Best, Judge
from optserve.jobs.descent.pace import Pace
from optserve.jobs.descent.stepwise import finite_gradient
from optserve.jobs.reasons import Reason
from optserve.optimizers.base import Optimizer, State, no_verdict
from optserve.primitives.loops import leaves, rebuilt

__all__ = ["BatchSteps", "BatchWalk"]

LARGEST = 1 << 16
"""Batches of a call, the loss of each of which is kept until it returns."""


class BatchSteps:
    """The compiled steps of a method over batches; ``total`` is how many the job means to take."""

    def __init__(
        self, graphs: BatchGraphs, optimizer: Optimizer, backend: Backend, total: int | None
    ) -> None:
        packing = graphs.packing
        self.graphs = graphs
        self.optimizer = optimizer
        self.backend = backend
        blank = optimizer.init(np.zeros(packing.size, packing.dtype))
        self._graph = graphs.step(optimizer, blank, total)
        self._steps: dict[int, Compiled] = {}
        self.loop: Compiled | None = None
        if backend.has_loops and optimizer.verdict is no_verdict:
            self.loop = backend.loop(graphs.loop(optimizer, blank, total))

    def step(self, rows: int) -> Compiled:
        """The step on a batch of so many rows.

        One for each number, of which an epoch has two: what a callable has prepared for a shape is
        then used again.
        """
        if rows not in self._steps:
            self._steps[rows] = self.backend.compile(self._graph)
        return self._steps[rows]


class BatchWalk:
    """Where a descent over batches stands."""

    def __init__(self, steps: BatchSteps, start: Array) -> None:
        self.steps = steps
        self.course = BatchCourse.begin(start, steps.optimizer.init(start))
        self._pace = Pace(LARGEST)

    @property
    def point(self) -> Array:
        point: Array = self.course.point
        return point

    @property
    def state(self) -> State:
        return self.course.state

    def on(
        self,
        stack: Sequence[Array],
        first: int,
        most: float | None,
        seconds: float | None,
        ceiling: float,
    ) -> list[float]:
        """Step on from batch ``first`` of a stack: at least one, and ``most`` at most.

        ``stack`` has an array (batches, rows, ...) a column. Returns the loss of each batch; the
        steps end where one is above ``ceiling``, or not finite.
        """
        if self.steps.loop is None:
            return [self._one([column[first] for column in stack], ceiling)]
        left = len(stack[0]) - first
        count = self._pace.steps(left if most is None else min(left, most), seconds)
        part = [column[first : first + count] for column in stack]
        return self._many(self.steps.loop, part, ceiling)

    def reasons(self, judge: Judge, best: Best, loss: float) -> list[Reason]:
        """Why no further step can be taken after one of this ``loss``, if that is so."""
        course = self.course
        if course.finite and not course.risen:
            return []
        finite = bool(course.finite)
        return judge(best, course.last, loss, best.gradient, finite).ended.reasons()

    def _one(self, batch: Sequence[Array], ceiling: float) -> float:
        graphs, course = self.steps.graphs, self.course
        loss, gradient, following, *state = self.steps.step(len(batch[0]))(
            course.point, *course.state, *graphs.bounds, *graphs.arguments_with(batch)
        )
        value = float(loss)
        finite = isfinite(value) and finite_gradient(gradient)
        self.course = BatchCourse(
            following, tuple(state), course.point, finite, value > ceiling, course.steps + 1
        )
        return value

    def _many(self, loop: Compiled, part: Sequence[Array], ceiling: float) -> list[float]:
        graphs, before = self.steps.graphs, int(self.course.steps)
        parts = map(np.asarray, leaves(self.course))
        rest = (*graphs.bounds, *graphs.packing.constants, *graphs.others, graphs.total)
        began = perf_counter()
        *after, losses = loop(*part, *parts, np.asarray(ceiling), *rest)
        self._pace.took(len(part[0]), perf_counter() - began)
        self.course = rebuilt(self.course, after)
        taken: list[float] = losses[: int(self.course.steps) - before].tolist()
        return taken

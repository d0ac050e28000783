"""The graphs of a descent over minibatches: a step on one batch, and a loop over many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from optserve.graph.aval import Array, Aval, aval_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph, Var
from optserve.graph.primitive import Value
from optserve.jobs.consistency import table_of_batches
from optserve.jobs.descent.scalars import wide
from optserve.jobs.graphs import Graphs, applied
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.optimizers.base import Optimizer, State
from optserve.primitives.loops import cond, leaves, rebuilt, scan
from optserve.transforms.finite_sum import row_counts
from optserve.transforms.minibatch import check_affine, minibatch

__all__ = ["BatchCourse", "BatchGraphs"]

BATCHES = Dim.rows("batches of a call")
"""How many batches a call takes; no table has such a name."""


class BatchCourse(NamedTuple):
    """What is carried from batch to batch, at numbers or traced.

    ``point`` (p,) is where the next batch is evaluated, ``last`` where the last one was. Steps end
    where a loss or gradient is not ``finite``, or where the loss has ``risen`` above the ceiling.
    """

    point: Value
    state: State
    last: Value
    finite: Value
    risen: Value
    steps: Value

    @staticmethod
    def begin(start: Array, state: State) -> BatchCourse:
        """Before the first step, at ``start``."""
        return BatchCourse(start, state, start, True, False, 0)


class BatchGraphs(Graphs):
    """``Graphs`` whose loss is estimated from a batch of the rows of the one table that has rows.

    ``step`` takes a batch in place of the columns of that table, and last the number of all rows.
    ``batched`` tells which arrays of the data are columns of it; ``total`` is that number.

    Raises ``ConfigError`` where several tables have rows, or none, and for a loss that a batch
    would bias.
    """

    def __init__(self, problem: Problem, packing: Packing) -> None:
        super().__init__(problem, packing)
        objective = problem.objective
        self.rows = _one_table(problem)
        check_affine(objective.graph, self.rows)
        columns = objective.graph.inputs[len(packing.segments) :]
        self.batched = tuple(map(self._is_column, columns))
        pairs = list(zip(objective.data.values(), self.batched, strict=True))
        self.columns: list[Any] = [column for column, batched in pairs if batched]
        self.others = [np.asarray(column) for column, batched in pairs if not batched]
        self.total = np.asarray(self.columns[0].shape[0], packing.dtype)

    def arguments_with(self, batch: Sequence[Value]) -> tuple[Value, ...]:
        """What a step takes after the bounds: constants, data with this ``batch``, all rows."""
        columns, others = iter(batch), iter(self.others)
        data = (next(columns if batched else others) for batched in self.batched)
        return (*self.packing.constants, *data, self.total)

    @property
    def rest(self) -> tuple[Var, ...]:
        return (*super().rest, Var(aval_of(self.total), "total rows"))

    @cached_property
    def differentiated(self) -> Graph:
        return minibatch(super().differentiated, self.rows)

    def loop(self, optimizer: Optimizer, state: State, steps: int | None) -> Graph:
        """(*stacked batches, *course, ceiling, *bounds, ...) -> *course, losses.

        A ``scan`` over batches, in double precision where losses are concerned. Once a loss or
        gradient is not finite, or the loss above the ceiling, what is left changes nothing.
        """
        step = self.step(optimizer, state, steps)
        vector = step.inputs[0].aval
        begin = BatchCourse.begin(np.zeros(vector.shape, vector.dtype), state)
        after = step.inputs[1 + len(state) :]
        of_batch = [variable for variable in after if self._is_column(variable)]
        others = [variable for variable in after if not self._is_column(variable)]

        def looped(*values: Value) -> Sequence[Value]:
            given = iter(values)
            batches = tuple(next(given) for _ in of_batch)
            course = rebuilt(begin, given)
            ceiling, held = next(given), dict(zip(others, given, strict=True))

            def evaluate(course: BatchCourse, batch: Sequence[Value]) -> tuple[BatchCourse, Value]:
                known = {**held, **dict(zip(of_batch, batch, strict=True))}
                arguments = [known[variable] for variable in after]
                loss, gradient, following, *state = applied(
                    step, [course.point, *course.state, *arguments]
                )
                finite = np.isfinite(loss) & np.all(np.isfinite(gradient))
                loss = wide(loss)
                risen = finite & (loss > ceiling)
                now = (following, tuple(state), course.point)
                return BatchCourse(*now, finite, risen, course.steps + 1), loss

            def on(course: BatchCourse, batch: Sequence[Value]) -> tuple[BatchCourse, Value]:
                goes_on = course.finite & np.logical_not(course.risen)
                found: tuple[BatchCourse, Value] = cond(
                    goes_on,
                    lambda course: evaluate(course, batch),
                    lambda course: (course, np.nan),
                    course,
                )
                return found

            final, losses = scan(on, course, batches)
            return [*leaves(final), losses]

        avals = [
            *(Aval((BATCHES, *one.aval.shape), one.aval.dtype) for one in of_batch),
            *(aval_of(np.asarray(part)) for part in leaves(begin)),
            Aval((), np.dtype(np.float64)),
            *(one.aval for one in others),
        ]
        return self.traced(looped, avals, ())

    def _is_column(self, variable: Var) -> bool:
        """Whether it has a row for each row of the table that batches are made of."""
        return variable.aval.shape[:1] == (self.rows,)


def _one_table(problem: Problem) -> Dim:
    """The rows of the table that batches are made of."""
    graph = replace(problem.objective.graph, outputs=problem.objective.graph.outputs[:1])
    tables = {table.name: table for table in row_counts(graph)}
    return tables[table_of_batches(tables)]

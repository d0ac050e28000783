"""The graphs of a descent over minibatches: a step on one batch, and a loop over many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from optserve.errors import ConfigError
from optserve.frozen import replace
from optserve.graph.aval import Array, Aval, aval_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph, Var
from optserve.graph.primitive import Value
from optserve.jobs.graphs import Graphs, applied
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.jobs.scalars import wide
from optserve.optimizers.base import Optimizer, State
from optserve.primitives.loops import cond, scan
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

    def flat(self) -> list[Value]:
        """Its parts in order."""
        return [self.point, *self.state, *self[2:]]

    @staticmethod
    def of(flat: Sequence[Value]) -> BatchCourse:
        """The course of these parts; those between the first and the last 4 are the state."""
        point, *state = flat[:-4]
        return BatchCourse(point, tuple(state), *flat[-4:])


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
        self.batched = tuple(variable.aval.shape[:1] == (self.rows,) for variable in columns)
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
        flat = BatchCourse.begin(np.zeros(vector.shape, vector.dtype), state).flat()
        carried = [aval_of(np.asarray(part)) for part in flat]
        after = step.inputs[1 + len(state) :]
        held = len(self.bounds) + len(self.packing.constants)
        columns = after[held:-1]
        stacks = [column.aval for column in columns if column.aval.shape[:1] == (self.rows,)]
        kept = [v for v in after if v not in columns or v.aval.shape[:1] != (self.rows,)]

        def looped(*given: Value) -> Sequence[Value]:
            ceiling = given[len(stacks) + len(carried)]
            constant = dict(zip(kept, given[len(stacks) + len(carried) + 1 :], strict=True))

            def evaluate(batch: Sequence[Value], *flat: Value) -> Sequence[Value]:
                course, columns = BatchCourse.of(flat), iter(batch)
                arguments = [constant[v] if v in constant else next(columns) for v in after]
                loss, gradient, following, *state = applied(
                    step, [course.point, *course.state, *arguments]
                )
                finite = np.isfinite(loss) & np.all(np.isfinite(gradient))
                loss = wide(loss)
                risen = finite & (loss > ceiling)
                count = course.steps + 1
                now = BatchCourse(following, tuple(state), course.point, finite, risen, count)
                return [*now.flat(), loss]

            def on(flat: tuple[Value, ...], batch: Sequence[Value]) -> tuple[Any, Any]:
                course = BatchCourse.of(flat)
                *following, loss = cond(
                    course.finite & np.logical_not(course.risen),
                    lambda *flat: evaluate(batch, *flat),
                    lambda *flat: [*flat, np.nan],
                    *flat,
                )
                return tuple(following), loss

            course = tuple(given[len(stacks) : len(stacks) + len(carried)])
            final, losses = scan(on, course, tuple(given[: len(stacks)]))
            return [*final, losses]

        double = Aval((), np.dtype(np.float64))
        avals = [
            *(Aval((BATCHES, *aval.shape), aval.dtype) for aval in stacks),
            *carried,
            double,
            *(variable.aval for variable in kept),
        ]
        return self.traced(looped, avals, ())


def _one_table(problem: Problem) -> Dim:
    """The rows of the table that batches are made of."""
    graph = replace(problem.objective.graph, outputs=problem.objective.graph.outputs[:1])
    tables = row_counts(graph)
    if not tables:
        raise ConfigError("there are no rows to make batches of: the loss uses no table")
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise ConfigError(
            f"batches can be made of the rows of one table only, not of {names}",
            remedy="give `rows: false` to those that are constants of the loss",
        )
    return tables[0]

"""The graphs of a descent over minibatches, whose steps see a batch of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from optserve.graph.aval import Array, aval_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph, Var
from optserve.graph.primitive import Value
from optserve.jobs.consistency import table_of_batches
from optserve.jobs.graphs import Graphs
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.transforms.finite_sum import row_counts
from optserve.transforms.minibatch import check_affine, minibatch

__all__ = ["BatchGraphs"]


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
        self.batched = tuple(map(self.is_batched, columns))
        pairs = list(zip(objective.data.values(), self.batched, strict=True))
        self.columns: list[Any] = [column for column, batched in pairs if batched]
        self.others = [np.asarray(column) for column, batched in pairs if not batched]
        self.total = np.asarray(self.columns[0].shape[0], packing.dtype)

    def given(self, batch: Sequence[Value] = ()) -> tuple[Value, ...]:
        columns, others = iter(batch), iter(self.others)
        data = (next(columns if batched else others) for batched in self.batched)
        return (*self.bounds, *self.packing.constants, *data, self.total)

    @cached_property
    def held(self) -> tuple[Array, ...]:
        return (*self.bounds, *self.packing.constants, *self.others, self.total)

    @property
    def rest(self) -> tuple[Var, ...]:
        return (*super().rest, Var(aval_of(self.total), "total rows"))

    @cached_property
    def differentiated(self) -> Graph:
        return minibatch(super().differentiated, self.rows)

    def is_batched(self, variable: Var) -> bool:
        return variable.aval.shape[:1] == (self.rows,)


def _one_table(problem: Problem) -> Dim:
    """The rows of the table that batches are made of."""
    graph = replace(problem.objective.graph, outputs=problem.objective.graph.outputs[:1])
    tables = {table.name: table for table in row_counts(graph)}
    return tables[table_of_batches(tables)]

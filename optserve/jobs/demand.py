"""How much work a job is: what ``backend: auto`` and ``explain`` predict from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from optserve.backends.cost import Demand, demand_of, numpy_estimate
from optserve.graph.interpret import bind_rows
from optserve.jobs.limits import Limits
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem

__all__ = ["demand_of_job", "rows_of", "seconds_of"]

SEARCHES = 100
"""Evaluations that a method usually takes that searches until it converges."""
JACOBIANS = 20
"""The same for a method that has the Jacobian."""


def demand_of_job(problem: Problem, packing: Packing) -> Demand:
    """What ``problem`` is expected to ask of a backend, over all of its starts."""
    graph, rows = problem.objective.graph, rows_of(problem)
    batches = 0
    if problem.minibatch is not None:
        size = problem.minibatch.rows
        batches = max((-(-count // size) for count in rows.values()), default=0)
        rows = {table: min(count, size) for table, count in rows.items()}
    optimizer = problem.optimizer if packing.size else None
    traced = optimizer is not None and optimizer.traced and optimizer.needs != "jacobian"
    evaluations = _evaluations(problem, packing, batches) * (1 + len(problem.starts))
    demand = demand_of(
        graph, rows, evaluations=evaluations, coordinates=packing.size, traced=traced
    )
    return replace(demand, limit=problem.stop.seconds or inf)


def seconds_of(problem: Problem, packing: Packing) -> float:
    """What an evaluation of the loss and its gradient over all rows is predicted to take.

    By the backend that runs everywhere: it depends on graph and sizes alone.
    """
    return numpy_estimate(demand_of(problem.objective.graph, rows_of(problem))).each


def rows_of(problem: Problem) -> Mapping[str, int]:
    """How many rows each table has."""
    values = [parameter.init for parameter in problem.parameters]
    return bind_rows(problem.objective.graph.inputs, [*values, *problem.objective.data.values()])


def _evaluations(problem: Problem, packing: Packing, batches: int) -> int:
    """Evaluations of the loss and its gradient that one descent usually takes.

    ``batches`` are those of an epoch; 0 where there are none.
    """
    optimizer = problem.optimizer
    if optimizer is None or not packing.size:
        return 1
    if batches:
        limits = Limits.of(problem.stop, optimizer, packing.size, batches)
        return limits.steps or SEARCHES * batches
    steps = Limits.of(problem.stop, optimizer, packing.size).steps
    if optimizer.needs == "jacobian":  # which takes a forward derivative a free coordinate
        usual = JACOBIANS * max(1, packing.size // 3)
    elif optimizer.gradient_tolerance is not None:
        usual = SEARCHES
    else:
        return SEARCHES if steps is None else steps
    return usual if steps is None else min(usual, steps)

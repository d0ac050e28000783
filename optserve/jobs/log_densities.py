"""The parts of the loss of a likelihood: what the data say, and what was said beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.primitive import Value
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.graphs import applied
from optserve.transforms.simplify import simplify

__all__ = ["log_likelihood", "log_prior"]


def log_prior(evaluator: Evaluator, point: Array) -> float:
    """The sum of the log densities of the parameters at a point (p,)."""
    objective = evaluator.problem.objective
    atom = objective.graph.outputs[objective.output_of_priors]
    only = replace(objective.graph, outputs=(atom,))
    [found] = evaluator.at("log prior", lambda: simplify(only), point)
    return float(found)


def log_likelihood(evaluator: Evaluator, point: Array) -> float:
    """The log likelihood of all rows at a point (p,), without penalties and priors."""
    graph = evaluator.problem.objective.graph

    def summed(*arguments: Value) -> Sequence[Value]:
        return [np.sum(applied(graph, arguments)[1])]

    avals = [variable.aval for variable in graph.inputs]
    names = [variable.name for variable in graph.inputs]
    traced = evaluator.graphs.traced
    [found] = evaluator.at("log likelihood", lambda: traced(summed, avals, names), point)
    return float(found)

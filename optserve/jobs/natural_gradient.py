"""The gradient by parameters as they are, where coordinates are on another scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.jobs.evaluator import Evaluator
from optserve.transforms.reverse import value_and_gradient_graph

__all__ = ["natural_gradient"]


def natural_gradient(evaluator: Evaluator, point: Array, gradient: Array) -> dict[str, Array]:
    """The gradient by each parameter on its natural scale; NaN where fixed.

    ``gradient`` (p,) is that in free coordinates.
    """
    packing = evaluator.packing
    found = packing.spread(gradient)
    indices = evaluator.packing.transformed
    if not indices:
        return found
    graph = evaluator.problem.objective.graph

    def derived() -> Graph:
        return value_and_gradient_graph(replace(graph, outputs=graph.outputs[:1]), indices)

    values = evaluator.at("natural gradient", derived, point)[1:]
    for index, value in zip(indices, values, strict=True):
        parameter = packing.segments[index].parameter
        found[parameter.name] = np.where(parameter.fixed, np.nan, value)
    return found

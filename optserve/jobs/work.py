"""How much work one evaluation of a graph is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from optserve.graph.aval import Array, resolve_shape
from optserve.graph.graph import Graph
from optserve.graph.interpret import bind_rows

__all__ = ["entries_for", "entries_of"]


def entries_of(graph: Graph, arguments: Sequence[Array]) -> int:
    """The entries of all values that are computed on the way, at these arguments.

    >>> import numpy as np
    >>> from optserve.primitives.tracing import trace
    >>> x = np.ones(100)
    >>> traced = trace(lambda x: np.sum(np.exp(x) * 2), x)
    >>> entries_of(traced.graph, [x])
    201
    """
    return entries_for(graph, bind_rows(graph.inputs, arguments))


def entries_for(graph: Graph, rows: Mapping[str, int]) -> int:
    """The same, where tables have these numbers of rows."""
    return sum(
        prod(resolve_shape(variable.aval.shape, rows))
        for equation in graph.equations
        for variable in equation.results
    )

"""The ``numpy`` backend: finite sums in tiles, everything else one call an equation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from optserve.backends.base import Backend, Compiled
from optserve.backends.numpy.plan import BoundPlan, Plan
from optserve.backends.numpy.tiles import TiledMapReduce
from optserve.backends.threads import available_cores
from optserve.graph.graph import Equation, Graph
from optserve.graph.interpret import resolved
from optserve.primitives.map_reduce import map_reduce
from optserve.transforms.finite_sum import finite_sum

__all__ = ["compile_graph", "numpy_backend"]


def numpy_backend(threads: int | None = None) -> Backend:
    """Tiled NumPy: every pass over rows in cache-sized blocks, on ``threads`` threads.

    By default on as many as this process may use.

    The bits of a result do not depend on the number of threads.
    """
    count = available_cores() if threads is None else threads
    return Backend("numpy", partial(compile_graph, threads=count), doc=numpy_backend.__doc__ or "")


def compile_graph(graph: Graph, threads: int = 1) -> Compiled:
    """A callable that evaluates ``graph``; floating-point warnings are silenced inside."""
    plan = Plan(finite_sum(graph), partial(_control, threads))
    bound: dict[tuple[tuple[int, ...], ...], BoundPlan] = {}

    def call(*arguments: Any) -> tuple[Any, ...]:
        shapes = tuple([np.shape(argument) for argument in arguments])
        known = bound.get(shapes)
        if known is None:
            bound.clear()
            known = bound[shapes] = plan.bind(arguments)
        with np.errstate(all="ignore"):
            return tuple([np.array(value) for value in known.run(arguments)])

    return call


def _control(threads: int, equation: Equation, rows: Mapping[str, int]) -> Callable[..., Any]:
    """Control flow with its bodies compiled: passes in tiles, loops and choices as plans."""
    if equation.primitive is map_reduce:
        own = equation.attributes["rows"].names
        others = {name: count for name, count in rows.items() if name not in own}
        attributes = resolved(equation.attributes, others)
        return TiledMapReduce(partial(_control, 1), threads, **attributes)
    attributes = resolved(equation.attributes, rows)
    bodies = [value for value in attributes.values() if isinstance(value, Graph)]
    plans = {id(body): Plan(body, partial(_control, threads)) for body in bodies}
    bound: dict[int, BoundPlan] = {}

    def evaluate(body: Graph, *arguments: Any) -> Sequence[Any]:
        known = bound.get(id(body))
        if known is None:  # the shapes are the same at every step
            known = bound[id(body)] = plans[id(body)].bind(arguments)
        return known.run(arguments)

    return partial(equation.primitive.impl, **attributes, evaluate=evaluate)

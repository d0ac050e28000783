"""Control flow on NumPy: loops and choices as plans of their bodies, passes as the caller says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from optserve.backends.backend import Compiled
from optserve.backends.blas import one_thread
from optserve.backends.numpy.calls import quick_call
from optserve.backends.numpy.few_rows import with_passes_written_out
from optserve.backends.numpy.large_products import calls_blas, with_shared_products
from optserve.backends.numpy.memory_plan import shared_outputs
from optserve.backends.numpy.plan import BoundPlan, Plan
from optserve.backends.numpy.tiled_chunks import Tiles
from optserve.backends.shared_chunks import MapReduce
from optserve.errors import OptserveError
from optserve.graph.graph import Equation, Graph
from optserve.graph.interpret import resolved
from optserve.graph.streamed import is_streamed
from optserve.primitives.map_reduce import map_reduce
from optserve.transforms.finite_sum import finite_sum

__all__ = ["Passes", "called", "compile_passes", "tiled"]

Passes = Callable[[MapReduce], Callable[..., Any]]
"""Gives the implementation of one ``map_reduce`` equation."""

MOST_SHAPES = 16
"""Shapes of few rows for which a plan is kept; of tables with more, the last one, with its buffers.
"""


class _Bound(NamedTuple):
    """A plan for arguments of one set of shapes, and which outputs may share memory, if any. Of
    ``few`` rows its passes are written out."""

    plan: BoundPlan
    shared: Sequence[bool]
    few: bool = False

    def owned(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """What the plan gave, in memory that is nobody else's."""
        if True not in self.shared:
            return tuple(values)
        made = zip(values, self.shared, strict=True)
        return tuple([np.array(value) if copied else value for value, copied in made])


def compile_passes(graph: Graph, threads: int, passes: Passes) -> Compiled:
    """A callable that evaluates ``graph``: its finite sums by ``passes``, the rest by NumPy."""
    graph = with_shared_products(finite_sum(graph), threads)
    control = partial(_control, threads, passes)
    plan, shared = Plan(graph, control), shared_outputs(graph)
    bound: dict[tuple[tuple[Any, ...], ...], _Bound] = {}

    def bind(arguments: Sequence[Any]) -> _Bound:
        few = with_passes_written_out(graph, arguments) if passes is tiled else None
        if few is None:
            return _Bound(plan.bind(arguments, {}), shared)
        return _Bound(Plan(few, control).bind(arguments, {}), shared_outputs(few), few=True)

    def call(*arguments: Any) -> tuple[Any, ...]:
        shapes = tuple(
            [one.shape if isinstance(one, np.ndarray) else _shown(one) for one in arguments]
        )
        known = bound.get(shapes)
        if known is None:
            if len(bound) >= MOST_SHAPES or not all(one.few for one in bound.values()):
                bound.clear()
            known = bound[shapes] = bind(arguments)
        with np.errstate(all="ignore"):
            values = known.plan.run(arguments)
        return known.owned(values)

    def call_on_one_thread(*arguments: Any) -> tuple[Any, ...]:
        with one_thread():
            return call(*arguments)

    return call_on_one_thread if calls_blas(graph) else call


def _shown(argument: Any) -> tuple[Any, ...]:
    """What a plan is made for: a shape, and that rows are streamed, whose passes are no calls."""
    return ("streamed", *argument.shape) if is_streamed(argument) else argument.shape


def called(equation: Equation, rows: Mapping[str, int], threads: int) -> Callable[..., Any]:
    """One equation without bodies as a call of NumPy, whose result is nobody else's memory."""
    alone = with_shared_products(Graph((), (equation,), ()), threads)
    [one] = alone.equations
    attributes = resolved(one.attributes, rows)
    implementation = quick_call(one, attributes, rows) or partial(one.primitive.impl, **attributes)
    by_blas, several = calls_blas(alone), len(one.results) > 1

    def call(*operands: Any) -> Any:
        with one_thread() if by_blas else nullcontext():
            try:
                made = implementation(*operands)
            except OptserveError as error:
                raise error.at(equation.place) from None
        return tuple(np.array(value)[()] for value in made) if several else np.array(made)[()]

    return call


def tiled(work: MapReduce) -> Callable[..., Any]:
    """One pass over the rows, in tiles of NumPy calls."""
    return Tiles(work, partial(_control, 1, tiled))


def _control(
    threads: int, passes: Passes, equation: Equation, rows: Mapping[str, int]
) -> Callable[..., Any]:
    if equation.primitive is map_reduce:
        return passes(MapReduce(equation, rows, threads))
    attributes = {
        key: value if isinstance(value, Graph) else resolved({key: value}, rows)[key]
        for key, value in equation.attributes.items()
    }
    bodies = [value for value in attributes.values() if isinstance(value, Graph)]
    plans = {id(body): Plan(body, partial(_control, threads, passes)) for body in bodies}
    bound: dict[int, BoundPlan] = {}

    def evaluate(body: Graph, *arguments: Any) -> Sequence[Any]:
        known = bound.get(id(body))
        if known is None:  # the shapes are the same at every step
            known = bound[id(body)] = plans[id(body)].bind(arguments, rows)
        return known.run(arguments)

    return partial(equation.primitive.impl, **attributes, evaluate=evaluate)

"""Tracing in which NumPy's functions mean our primitives: what all floors above trace with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optserve.graph import tracer, verifier
from optserve.graph.aval import Aval, DType
from optserve.graph.graph import Graph
from optserve.graph.primitive import Primitive, Value
from optserve.graph.tracer import Trace, TracedFunction
from optserve.primitives.meaning import MEANING

__all__ = ["body_of", "new_trace", "result_avals", "trace", "verify"]

_FLOAT64 = np.dtype(np.float64)


def trace(
    function: Callable[..., Value],
    *operands: Any,
    precision: DType = _FLOAT64,
    concrete: bool = False,
    names: Sequence[str] = (),
    rewrites: bool = True,
) -> TracedFunction:
    """Run ``function`` on stand-ins for ``operands`` and return the graph of what it did.

    ``operands`` are avals, arrays, or tracers of an outer trace. The function returns a value or a
    tuple of values. See ``optserve.graph.tracer.Trace`` for the options.

    >>> import numpy as np
    >>> print(trace(lambda x: np.exp(x), 0.0).graph)
    inputs  a:float64[]
      b:float64[] = exp a
    outputs b
    """
    return tracer.trace(
        function,
        *operands,
        meaning=MEANING,
        precision=precision,
        concrete=concrete,
        names=names,
        rewrites=rewrites,
    )


def new_trace(*, precision: DType = _FLOAT64) -> Trace:
    """A trace with nothing in it, for what is not one function."""
    return Trace(MEANING, precision=precision)


def body_of(
    primitive: Primitive, avals: Sequence[Aval], attributes: Mapping[str, Any]
) -> TracedFunction:
    """The body of a composite (or of an elementwise primitive) as a graph."""
    return tracer.body_of(primitive, avals, attributes, MEANING)


def result_avals(
    primitive: Primitive, avals: Sequence[Aval], attributes: Mapping[str, Any]
) -> tuple[Aval, ...]:
    """The avals of the results, always as a tuple."""
    return tracer.result_avals(primitive, avals, attributes, MEANING)


def verify(graph: Graph) -> Graph:
    """``graph`` itself, or a ``GraphError`` that names the equation and the broken rule."""
    return verifier.verify(graph, MEANING)

"""``map_reduce``: a computation over the rows of a table, reduced block by block.

It is the unit that backends compile and that threads share. Its body is an ordinary graph that maps
a block of rows to partial results; the partial results of any partition of the rows combine to
the result over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.facts import Facts
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Calling, Primitive, Value

__all__ = ["COMBINE", "map_reduce"]


def _logaddexp(x: Array, y: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.logaddexp(x, y)


COMBINE: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "sum": np.add,
        "prod": np.multiply,
        "max": np.maximum,
        "min": np.minimum,
        "logsumexp": _logaddexp,
        "any": np.logical_or,
        "all": np.logical_and,
    }
)
"""How partial results of each kind of reduction combine; ``rows`` are joined end to end instead."""


def _run(
    *operands: Value,
    body: Graph,
    rows: Dim | int,
    axes: tuple[int | None, ...],
    reductions: tuple[str, ...],
    row_axes: tuple[int | None, ...],
) -> Value:
    """All rows as one block: the oracle of every tiled evaluation."""
    del rows, axes, reductions, row_axes
    out = interpret(body, np.int64(0), *operands)
    return out if len(out) > 1 else out[0]


def _shape(*avals: Aval, body: Graph, **_attributes: Any) -> tuple[Aval, ...]:
    return tuple(atom.aval for atom in body.outputs)


map_reduce = Primitive(
    name="map_reduce",
    kind="control",
    impl=_run,
    shape=_shape,
    call=Calling(promotes=False),
    facts=Facts(fresh=True),
    doc="""
    Partial results over blocks of rows, combined. The inputs of ``body`` are the number of the
    first row, then the operands, those with an entry in ``axes`` cut to the block along it. Each
    output is combined as ``reductions`` says: by a sum, a maximum, ..., or, for ``rows``, joined
    along its axis in ``row_axes``.
    """,
)

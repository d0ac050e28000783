"""Passes over few rows, written out: the graph as one straight line of calls.

A pass over so few rows is one tile. Its equations are then put in place of it, so that nothing is
cut, handed to a thread or kept in buffers: for a hundred rows that takes longer than the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from optserve.backends.numpy.memory_plan import plan_buffers
from optserve.backends.numpy.wording import reworded
from optserve.backends.shared_chunks import MapReduce
from optserve.graph.aval import resolve_shape
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.interpret import bind_rows
from optserve.graph.streamed import any_streamed
from optserve.primitives.map_reduce import map_reduce
from optserve.transforms.expand import inlined

__all__ = ["with_passes_written_out"]

FEW = 1 << 12
"""Entries of a value of a pass up to which it is written out. Memory for so many is at hand, and
BLAS takes one thread by itself."""


def with_passes_written_out(graph: Graph, arguments: Sequence[Any]) -> Graph | None:
    """``graph`` without passes, for ``arguments`` of few rows; ``None`` where there are more.

    The calls are those of tiles, in the same order, and give the same bits.
    """
    if any_streamed(arguments):
        return None
    rows = bind_rows(graph.inputs, arguments)
    equations: list[Equation] = []
    replaced: dict[Var, Atom] = {}

    def read(atom: Atom) -> Atom:
        return replaced.get(atom, atom) if isinstance(atom, Var) else atom

    for original in graph.equations:
        operands = tuple(map(read, original.operands))
        if original.primitive is not map_reduce:
            equations.append(original.of(operands))
            continue
        work = MapReduce(original, rows, threads=1)
        if work.count > work.tile:
            return None
        body = reworded(work.body)
        values = (v for one in body.equations for v in one.results)
        if any(prod(resolve_shape(v.aval.shape, rows)) > FEW for v in (*body.inputs, *values)):
            return None
        laid_out = _laid_out_as_buffers(body, rows)
        inner, results = inlined(laid_out, (Literal(np.int64(0)), *operands))
        equations += inner
        replaced.update(zip(original.results, results, strict=True))
    if len(equations) == len(graph.equations):
        return None
    return Graph(graph.inputs, tuple(equations), tuple(map(read, graph.outputs)))


def _laid_out_as_buffers(body: Graph, rows: Mapping[str, int]) -> Graph:
    """``body`` whose ufuncs make what buffers of a tile are: rows one after the other in memory.

    NumPy lays a result out as the operands are, and a product of other layouts has other bits.
    """
    equations = list(body.equations)
    for position, buffer in plan_buffers(body, rows).items():
        if buffer.ndim > 1:
            primitive = equations[position].primitive
            ordered = replace(primitive, impl=partial(primitive.impl, order="C"))
            equations[position] = replace(equations[position], primitive=ordered)
    return replace(body, equations=tuple(equations))

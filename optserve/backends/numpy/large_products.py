"""Products of matrices outside of passes: on our threads, or on one, never on the library's own.

Those of large matrices are cut into blocks of rows that threads share. What a block is depends on
sizes alone, so that the bits are the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from optserve.backends.blas import may_call_blas
from optserve.backends.threads import share
from optserve.graph.aval import Array, Aval
from optserve.graph.graph import Equation, Graph
from optserve.primitives.map_reduce import map_reduce
from optserve.primitives.products import matmul

__all__ = ["calls_blas", "with_shared_products"]

SMALL = 1 << 12
"""Entries of operands and results up to which BLAS takes one thread by itself."""
LARGE = 1 << 24
"""Multiplications from which on threads are worth their start."""
BLOCK = 256
"""Rows of a block; in smaller ones BLAS copies the right matrix too often."""


def calls_blas(graph: Graph) -> bool:
    """Whether an equation outside of passes is a product, or a sum made one, of many entries."""
    for equation in graph.equations:
        values = (*equation.operands, *equation.results)
        many = any(_entries(value.aval) > SMALL for value in values)
        if many and may_call_blas(equation):
            return True
    bodies = [body for owner, body in graph.subgraphs() if owner.primitive is not map_reduce]
    return any(map(calls_blas, bodies))


def with_shared_products(graph: Graph, threads: int) -> Graph:
    """``graph``, whose products of two large matrices are shared by so many threads."""
    return replace(graph, equations=tuple(_shared(one, threads) for one in graph.equations))


def _shared(equation: Equation, threads: int) -> Equation:
    shapes = [atom.aval.shape for atom in equation.operands]
    if equation.primitive is not matmul or [len(shape) for shape in shapes] != [2, 2]:
        return equation
    if prod(size for size in (*shapes[0], shapes[1][1]) if isinstance(size, int)) < LARGE:
        return equation
    primitive = replace(equation.primitive, impl=partial(_product, threads))
    return replace(equation, primitive=primitive)


def _product(threads: int, x: Array, y: Array) -> Array:
    """``x @ y``, block of rows by block of rows."""
    made = np.empty((len(x), y.shape[1]), x.dtype)

    def run(numbers: Iterator[int]) -> None:
        with np.errstate(all="ignore"):  # which each thread has its own of
            for number in numbers:
                rows = slice(number * BLOCK, (number + 1) * BLOCK)
                np.matmul(x[rows], y, out=made[rows])

    share(run, -(-len(x) // BLOCK), threads)
    return made


def _entries(aval: Aval) -> float:
    """Entries of a value; as many as may be where it has rows."""
    return aval.size if isinstance(aval.size, int) else float("inf")

"""``map_reduce`` over chunks of rows, shared by threads; what a chunk does is the backend's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.backends.chunks import chunk_bounds, combine_in_tree, tile_rows
from optserve.graph.aval import Array, Shape
from optserve.graph.dim import Dim, resolve_size
from optserve.graph.graph import Equation, Graph
from optserve.primitives.map_reduce import COMBINE

__all__ = ["Chunk", "MapReduce"]

THREADED_ENTRIES = 1 << 18
"""Rows times equations from which on threads are worth their start."""

Stored = Sequence[Array | None]
Chunk = Callable[[Sequence[Any], int, int, Stored], list[Any]]
"""(operands, first row, last row, arrays of outputs that keep their rows) -> partial results, with
``None`` for an output that was stored."""


class MapReduce:
    """One ``map_reduce`` equation over ``count`` rows, called with its operands."""

    def __init__(self, equation: Equation, count: int, threads: int) -> None:
        attributes = equation.attributes
        self.body: Graph = attributes["body"]
        self.rows: Dim = attributes["rows"]
        self.axes: tuple[int | None, ...] = attributes["axes"]
        self.reductions: tuple[str, ...] = attributes["reductions"]
        self.row_axes: tuple[int | None, ...] = attributes["row_axes"]
        self.count = count
        self.threads = threads
        self.avals = [atom.aval for atom in self.body.outputs]
        equations = self.body.equations
        values = [*self.body.inputs, *(v for equation in equations for v in equation.results)]
        self.tile = tile_rows(max(self._row_width(variable.aval.shape) for variable in values))
        self.output_size = sum(
            _entries(aval.shape)
            for aval, axis in zip(self.avals, self.row_axes, strict=True)
            if axis is None
        )

    def over(self, chunk: Chunk, operands: Sequence[Any]) -> Any:
        """The results, from ``chunk`` called once for each chunk of the rows."""
        stored = self._stored()
        bounds = chunk_bounds(self.count, self.tile, self.output_size)

        def run(bound: tuple[int, int]) -> list[Any]:
            return chunk(operands, *bound, stored)

        work = self.count * len(self.body.equations)
        if self.threads > 1 and len(bounds) > 1 and work > THREADED_ENTRIES:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(self.threads, len(bounds))) as pool:
                parts = list(pool.map(run, bounds))
        else:
            parts = [run(bound) for bound in bounds]
        totals = combine_in_tree(parts, self.combined)
        results = [
            total.astype(aval.dtype) if kept is None else kept
            for total, aval, kept in zip(totals, self.avals, stored, strict=True)
        ]
        return tuple(results) if len(results) > 1 else results[0]

    def combined(self, left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
        """Two lists of partial results as one."""
        with np.errstate(all="ignore"):
            return [
                None if kind == "rows" else COMBINE[kind](x, y)
                for kind, x, y in zip(self.reductions, left, right, strict=True)
            ]

    def _stored(self) -> list[Array | None]:
        """For each output that keeps its rows, the array that chunks write them into."""
        return [
            None if axis is None else np.empty(_counted(aval.shape, axis, self.count), aval.dtype)
            for aval, axis in zip(self.avals, self.row_axes, strict=True)
        ]

    def _row_width(self, shape: Shape) -> int:
        """Entries in a row; 1 for a value without rows, which no tile makes larger."""
        return _entries(shape) if self.rows in shape else 1


def _counted(shape: Shape, axis: int, count: int) -> list[int]:
    """``shape`` with the number of rows along ``axis``."""
    return [resolve_size(size, {}) if i != axis else count for i, size in enumerate(shape)]


def _entries(shape: Shape) -> int:
    """Entries of a value, those of one row where it has a row axis."""
    return math.prod(size for size in shape if isinstance(size, int))

"""``map_reduce`` over chunks of rows, shared by threads; what a chunk does is the backend's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optserve.backends.chunks import chunk_bounds, tile_rows
from optserve.backends.partials import SlotLayout
from optserve.backends.threads import share
from optserve.errors import OptserveError
from optserve.graph.aval import Array, Shape
from optserve.graph.dim import Dim, resolve_size
from optserve.graph.graph import Equation, Graph
from optserve.graph.interpret import resolved
from optserve.primitives.indexing import slice_
from optserve.primitives.tracing import result_avals

__all__ = ["MapReduce", "RunChunks", "Stored"]

THREADED_ENTRIES = 1 << 18
"""Entries of all values from which on threads are worth their start."""

Stored = Sequence[Array | None]
"""For each output the array that it keeps its rows in; ``None`` where it is reduced."""

RunChunks = Callable[[Iterator[int]], None]
"""Evaluates the chunks with these numbers. It is called in several threads at once."""


class MapReduce:
    """One ``map_reduce`` equation at these row counts, called with its operands.

    The counts of other tables than the one that it goes over are sizes like any other.
    """

    def __init__(self, equation: Equation, rows: Mapping[str, int], threads: int) -> None:
        table: Dim = equation.attributes["rows"]
        count = table.value(rows)
        others = {name: number for name, number in rows.items() if name not in table.names}
        attributes = resolved(equation.attributes, others)
        self.body: Graph = attributes["body"]
        _check_slices(self.body)
        self.rows: Dim = attributes["rows"]
        self.axes: tuple[int | None, ...] = attributes["axes"]
        self.reductions: tuple[str, ...] = attributes["reductions"]
        self.row_axes: tuple[int | None, ...] = attributes["row_axes"]
        self.count = count
        self.avals = [atom.aval for atom in self.body.outputs]
        equations = self.body.equations
        values = [*self.body.inputs, *(v for equation in equations for v in equation.results)]
        widths = [self._row_width(variable.aval.shape) for variable in values]
        width = max(widths)
        reduced = [i for i, axis in enumerate(self.row_axes) if axis is None]
        self.layout = SlotLayout(
            [self.avals[i] for i in reduced], [self.reductions[i] for i in reduced]
        )
        self.tile = tile_rows(width, self.layout.size)
        self.bounds = chunk_bounds(count, self.tile, width, self.layout.size)
        self.threads = threads if count * sum(widths) > THREADED_ENTRIES else 1

    def memory(self, zeros: bool = False) -> tuple[Array, Stored]:
        """What chunks write into: a row of partial results each, with nothing or zeros in it, and
        outputs that keep rows."""
        stored = [
            None if axis is None else np.empty(_counted(aval.shape, axis, self.count), aval.dtype)
            for aval, axis in zip(self.avals, self.row_axes, strict=True)
        ]
        return self.layout.rows(len(self.bounds), zeros), stored

    def over(self, run: RunChunks, rows: Array, stored: Stored) -> Any:
        """The results, where ``run`` fills the memory."""
        share(run, len(self.bounds), self.threads)
        return self.results(rows, stored)

    def results(self, rows: Array, stored: Stored) -> Any:
        """The results, where the memory is full."""
        reduced = iter(self.layout.results(rows))
        results = [next(reduced) if kept is None else kept for kept in stored]
        return tuple(results) if len(results) > 1 else results[0]

    def _row_width(self, shape: Shape) -> int:
        """Entries in a row; 1 for a value without rows, which no tile makes larger."""
        return _entries(shape) if self.rows in shape else 1


def _check_slices(body: Graph) -> None:
    """Slices of other tables' rows, whose bounds are numbers now: native code does not check."""
    for equation in body.equations:
        if equation.primitive is slice_:
            try:
                result_avals(slice_, [equation.operands[0].aval], equation.attributes)
            except OptserveError as error:
                raise error.at(equation.place) from None


def _counted(shape: Shape, axis: int, count: int) -> list[int]:
    """``shape`` with the number of rows along ``axis``."""
    return [resolve_size(size, {}) if i != axis else count for i, size in enumerate(shape)]


def _entries(shape: Shape) -> int:
    """Entries of a value, those of one row where it has a row axis."""
    return math.prod(size for size in shape if isinstance(size, int))

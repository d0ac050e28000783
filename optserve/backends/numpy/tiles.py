"""``map_reduce`` in tiles: a cache-sized block of rows at a time, chunks shared by threads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from optserve.backends.chunks import chunk_bounds, combine_in_tree, tile_rows
from optserve.backends.numpy.plan import BoundPlan, Control, Plan
from optserve.graph.aval import Array, Shape
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.primitives.map_reduce import COMBINE

__all__ = ["TiledMapReduce"]

THREADED_ENTRIES = 1 << 18
"""Rows times equations from which on threads are worth their start."""


class TiledMapReduce:
    """Evaluates one ``map_reduce`` equation; called with its operands."""

    def __init__(
        self,
        control: Control,
        threads: int,
        *,
        body: Graph,
        rows: Dim | int,
        axes: tuple[int | None, ...],
        reductions: tuple[str, ...],
        row_axes: tuple[int | None, ...],
    ) -> None:
        del rows
        self.plan = Plan(body, control)
        self.threads = threads
        self.axes = axes
        self.reductions = reductions
        self.row_axes = row_axes
        self.avals = [atom.aval for atom in body.outputs]
        values = [*body.inputs, *(v for equation in body.equations for v in equation.results)]
        self.width = max(_row_width(variable.aval.shape) for variable in values)
        self.output_size = sum(
            _entries(aval.shape)
            for aval, axis in zip(self.avals, row_axes, strict=True)
            if axis is None
        )
        self.equations = len(body.equations)
        self._workspaces: list[dict[int, BoundPlan]] = []

    def __call__(self, *operands: Any) -> Any:
        count = next(
            np.shape(operand)[axis]
            for operand, axis in zip(operands, self.axes, strict=True)
            if axis is not None
        )
        tile = tile_rows(self.width)
        stored = self._stored(count)
        bounds = chunk_bounds(count, tile, self.output_size)

        def chunk(bound: tuple[int, int]) -> list[Any]:
            return self._chunk(operands, bound, tile, stored)

        if self.threads > 1 and len(bounds) > 1 and count * self.equations > THREADED_ENTRIES:
            with ThreadPoolExecutor(min(self.threads, len(bounds))) as pool:
                parts = list(pool.map(chunk, bounds))
        else:
            parts = [chunk(bound) for bound in bounds]
        totals = combine_in_tree(parts, self._combined)
        results = [
            total.astype(aval.dtype) if kept is None else kept
            for total, aval, kept in zip(totals, self.avals, stored, strict=True)
        ]
        return tuple(results) if len(results) > 1 else results[0]

    def _chunk(
        self,
        operands: Sequence[Any],
        bound: tuple[int, int],
        tile: int,
        stored: Sequence[Array | None],
    ) -> list[Any]:
        """The partial results of one chunk, its tiles accumulated in order."""
        workspace = self._workspaces.pop() if self._workspaces else {}
        totals: list[Any] = []
        first, last = bound
        with np.errstate(all="ignore"):
            for start in range(first, max(last, first + 1), tile):
                stop = min(start + tile, last)
                block = [
                    operand if axis is None else operand[_cut(axis, start, stop)]
                    for operand, axis in zip(operands, self.axes, strict=True)
                ]
                arguments = [np.int64(start), *block]
                if stop - start not in workspace:
                    workspace[stop - start] = self.plan.bind(arguments, buffers=True)
                parts = workspace[stop - start].run(arguments)
                totals = self._accumulated(totals, parts, stored, start, stop)
        self._workspaces.append(workspace)
        return totals

    def _accumulated(
        self,
        totals: list[Any],
        parts: Sequence[Any],
        stored: Sequence[Array | None],
        start: int,
        stop: int,
    ) -> list[Any]:
        for part, kept, axis in zip(parts, stored, self.row_axes, strict=True):
            if kept is not None and axis is not None:
                kept[_cut(axis, start, stop)] = part
        wide = [
            None if kept is not None else _wide(part, kind)
            for part, kept, kind in zip(parts, stored, self.reductions, strict=True)
        ]
        return self._combined(totals, wide) if totals else wide

    def _combined(self, left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            return [
                None if kind == "rows" else COMBINE[kind](x, y)
                for kind, x, y in zip(self.reductions, left, right, strict=True)
            ]

    def _stored(self, count: int) -> list[Array | None]:
        """For each output that keeps its rows, the array that tiles write them into."""
        return [
            None
            if axis is None
            else np.empty([count if i == axis else s for i, s in enumerate(aval.shape)], aval.dtype)
            for aval, axis in zip(self.avals, self.row_axes, strict=True)
        ]


def _wide(part: Any, kind: str) -> Any:
    """A partial result that may be kept; float32 sums go on in float64."""
    single = kind == "sum" and part.dtype == np.float32
    return np.array(part, np.float64 if single else part.dtype)


def _cut(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(start, stop))


def _entries(shape: Shape) -> int:
    """Entries of a value, those of one row where it has a row axis."""
    return math.prod(size for size in shape if isinstance(size, int))


def _row_width(shape: Shape) -> int:
    """Entries in a row; 1 for a value without rows, which no tile makes larger."""
    return _entries(shape) if any(not isinstance(size, int) for size in shape) else 1

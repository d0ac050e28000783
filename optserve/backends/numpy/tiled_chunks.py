"""A chunk of ``map_reduce`` in tiles: a cache-sized block of rows at a time through a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from optserve.backends.blas import has_products, one_thread
from optserve.backends.numpy.memory_plan import shared_outputs
from optserve.backends.numpy.plan import BoundPlan, Control, Plan
from optserve.backends.numpy.wording import reworded
from optserve.backends.shared_chunks import MapReduce, Stored
from optserve.backends.streamed_blocks import blocks
from optserve.graph.aval import Array
from optserve.primitives.map_reduce import COMBINE

__all__ = ["Tiles"]


class Tiles:
    """Evaluates the body of one ``map_reduce``; each thread has buffers of its own."""

    def __init__(self, work: MapReduce, control: Control) -> None:
        self.work = work
        body = reworded(work.body)
        self.plan = Plan(body, control)
        self.shared = shared_outputs(body)
        self.products = has_products(body)
        self._workspaces: list[dict[int, BoundPlan]] = []

    def __call__(self, *operands: Any) -> Any:
        if not self.products:
            return self._over(operands)
        with one_thread():
            return self._over(operands)

    def _over(self, operands: Sequence[Any]) -> Any:
        if self.work.count <= self.work.tile:
            return self._at_once(operands)
        rows, stored = self.work.memory()

        def run(numbers: Iterator[int]) -> None:
            workspace = self._workspaces.pop() if self._workspaces else {}
            with np.errstate(all="ignore"):  # which each thread has its own of
                for number in numbers:
                    first, last = self.work.bounds[number]
                    self._chunk(operands, first, last, rows[number], stored, workspace)
            self._workspaces.append(workspace)

        return self.work.over(run, rows, stored)

    def _at_once(self, operands: Sequence[Any]) -> Any:
        """All rows as one tile, whose partial results are the results."""
        workspace = self._workspaces.pop() if self._workspaces else {}
        count = self.work.count
        [block] = blocks(operands, 0, count, self.work.tile)
        arguments = [np.int64(0), *block.operands]
        if count not in workspace:
            workspace[count] = self._bound(arguments, count)
        parts = workspace[count].run(arguments)
        self._workspaces.append(workspace)
        for index, part in enumerate(parts):
            if self.shared[index]:
                parts[index] = np.array(part)
        return tuple(parts) if len(parts) > 1 else parts[0]

    def _bound(self, arguments: Sequence[Any], rows: int) -> BoundPlan:
        return self.plan.bind(arguments, {self.work.rows.name: rows}, buffers=True)

    def _chunk(
        self,
        operands: Sequence[Any],
        first: int,
        last: int,
        row: Array,
        stored: Stored,
        workspace: dict[int, BoundPlan],
    ) -> None:
        """The partial results of one chunk, its tiles accumulated in order."""
        work = self.work
        totals = [(slot.of(row), COMBINE[slot.kind]) for slot in work.layout.slots]
        for start, stop, rows in self._tiles(operands, first, last):
            arguments = [np.int64(start), *rows]
            if stop - start not in workspace:
                workspace[stop - start] = self._bound(arguments, stop - start)
            parts = workspace[stop - start].run(arguments)
            reduced = iter(totals)
            for part, kept, axis in zip(parts, stored, work.row_axes, strict=True):
                if kept is not None and axis is not None:
                    kept[_cut(axis, start, stop)] = part
                    continue
                total, combine = next(reduced)
                total[...] = part if start == first else combine(total, part)

    def _tiles(
        self, operands: Sequence[Any], first: int, last: int
    ) -> Iterator[tuple[int, int, list[Any]]]:
        """The tiles of a chunk: first row, last row, and the operands there."""
        work = self.work
        for block in blocks(operands, first, last, work.tile):
            for start in range(block.first, max(block.last, block.first + 1), work.tile):
                stop = min(start + work.tile, block.last)
                yield (
                    start,
                    stop,
                    [
                        operand
                        if axis is None
                        else operand[_cut(axis, start - origin, stop - origin)]
                        for operand, origin, axis in zip(
                            block.operands, block.origins, work.axes, strict=True
                        )
                    ],
                )


def _cut(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(start, stop))

"""A chunk of ``map_reduce`` in tiles: a cache-sized block of rows at a time through a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.backends.map_reduce import MapReduce, Stored
from optserve.backends.numpy.plan import BoundPlan, Control, Plan

__all__ = ["Tiles"]


class Tiles:
    """Evaluates the body of one ``map_reduce``; each thread has buffers of its own."""

    def __init__(self, work: MapReduce, control: Control) -> None:
        self.work = work
        self.plan = Plan(work.body, control)
        self._workspaces: list[dict[int, BoundPlan]] = []

    def __call__(self, *operands: Any) -> Any:
        return self.work.over(self._chunk, operands)

    def _bound(self, arguments: Sequence[Any], rows: int) -> BoundPlan:
        return self.plan.bind(arguments, {self.work.rows.name: rows}, buffers=True)

    def _chunk(self, operands: Sequence[Any], first: int, last: int, stored: Stored) -> list[Any]:
        """The partial results of one chunk, its tiles accumulated in order."""
        work = self.work
        workspace = self._workspaces.pop() if self._workspaces else {}
        totals: list[Any] = []
        with np.errstate(all="ignore"):
            for start in range(first, max(last, first + 1), work.tile):
                stop = min(start + work.tile, last)
                block = [
                    operand if axis is None else operand[_cut(axis, start, stop)]
                    for operand, axis in zip(operands, work.axes, strict=True)
                ]
                arguments = [np.int64(start), *block]
                if stop - start not in workspace:
                    workspace[stop - start] = self._bound(arguments, stop - start)
                parts = workspace[stop - start].run(arguments)
                for part, kept, axis in zip(parts, stored, work.row_axes, strict=True):
                    if kept is not None and axis is not None:
                        kept[_cut(axis, start, stop)] = part
                wide = [
                    None if kept is not None else _wide(part, kind)
                    for part, kept, kind in zip(parts, stored, work.reductions, strict=True)
                ]
                totals = work.combined(totals, wide) if totals else wide
        self._workspaces.append(workspace)
        return totals


def _wide(part: Any, kind: str) -> Any:
    """A partial result that may be kept; float32 sums go on in float64."""
    single = kind == "sum" and part.dtype == np.float32
    return np.array(part, np.float64 if single else part.dtype)


def _cut(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(start, stop))

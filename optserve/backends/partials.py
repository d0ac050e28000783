"""Partial results of chunks, side by side in memory, and how they become one.

Every entry takes 8 bytes: floats accumulate in float64, whole numbers and truth values in int64. A
chunk has one row of entries, and rows combine in a fixed tree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optserve.graph.aval import Array, Aval, DType
from optserve.primitives.map_reduce import COMBINE

__all__ = ["Slot", "SlotLayout", "combine_in_tree", "wide"]

LINE = 8
"""Entries in a cache line: chunks of different threads share none."""


def wide(dtype: DType) -> DType:
    """The dtype that values of ``dtype`` accumulate in."""
    return np.dtype(np.float64) if dtype.kind == "f" else np.dtype(np.int64)


@dataclass(frozen=True)
class Slot:
    """Where one reduced output is in a row of partial results, and how it combines."""

    start: int
    stop: int
    shape: tuple[int, ...]
    accumulates: DType
    dtype: DType
    kind: str

    def of(self, row: Array) -> Array:
        """The part of a row that belongs to this output, with its shape."""
        return row[self.start : self.stop].view(self.accumulates).reshape(self.shape)

    def result(self, row: Array, copy: bool) -> Array:
        """What a row holds of this output, in its own dtype."""
        if not self.shape and self.accumulates.kind == "f":
            number: Array = row[self.start]
            return number if self.dtype == self.accumulates else number.astype(self.dtype)
        return self.of(row).astype(self.dtype, copy=copy)


class SlotLayout:
    """The slots of a pass's reduced outputs, one after another; ``size`` is that of all.

    >>> number = Aval((), np.dtype(np.float32))
    >>> layout = SlotLayout([number, number], ["sum", "max"])
    >>> layout.results(np.array([[1.0, 5.0], [2.0, 4.0], [3.0, 6.0]]))
    [np.float32(6.0), np.float32(6.0)]
    """

    def __init__(self, avals: Sequence[Aval], kinds: Sequence[str]) -> None:
        self.slots: list[Slot] = []
        self.size = 0
        for aval, kind in zip(avals, kinds, strict=True):
            shape = tuple(size for size in aval.shape if isinstance(size, int))
            stop = self.size + math.prod(shape)
            slot = Slot(self.size, stop, shape, wide(aval.dtype), aval.dtype, kind)
            self.slots.append(slot)
            self.size = stop
        self._runs = _runs(self.slots)

    def rows(self, chunks: int, zeros: bool = False) -> Array:
        """Memory for the partial results of ``chunks``, a row each, with nothing or zeros in it."""
        width = self.size if chunks == 1 else -(-self.size // LINE) * LINE
        return np.zeros((chunks, width)) if zeros else np.empty((chunks, width))

    def results(self, rows: Array) -> list[Array]:
        """The results over all chunks; ``rows`` are used up."""
        several = len(rows) > 1
        if several:
            for start, stop, dtype, kind in self._runs:
                combine_in_tree(rows[:, start:stop].view(dtype), kind)
        row = rows[0]
        # Without a copy a result of several chunks would keep the memory of all of them.
        return [slot.result(row, copy=several) for slot in self.slots]


SlotRun = tuple[int, int, DType, str]


def _runs(slots: Sequence[Slot]) -> list[SlotRun]:
    """Slots that combine alike and follow each other, as one."""
    runs: list[SlotRun] = []
    for slot in slots:
        alike = (slot.accumulates, slot.kind)
        if runs and runs[-1][2:] == alike:
            runs[-1] = (runs[-1][0], slot.stop, *alike)
        else:
            runs.append((slot.start, slot.stop, *alike))
    return runs


def combine_in_tree(rows: Array, kind: str) -> None:
    """Neighbours combined pairwise until one is left, in the first row.

    >>> rows = np.array([[1.0], [2.0], [4.0]])
    >>> combine_in_tree(rows, "sum")
    >>> rows[0]
    array([7.])
    """
    combine = COMBINE[kind]
    step = 1
    while step < len(rows):
        left, right = rows[: len(rows) - step : 2 * step], rows[step :: 2 * step]
        if isinstance(combine, np.ufunc):
            combine(left, right, out=left)
        else:
            left[...] = combine(left, right)
        step *= 2

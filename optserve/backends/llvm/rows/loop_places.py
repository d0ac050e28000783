"""Where a loop over rows stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optserve.backends.llvm.ir.builder import LANES, Builder, IRValue
from optserve.backends.llvm.ir.nest import FunctionScope, Index, Lane, sweep

__all__ = ["LoopPlace", "entries", "plus"]


@dataclass(frozen=True)
class LoopPlace:
    """The row (and the row within the block), indices within the row, and the lanes in use.

    ``mask`` and ``known`` are those of a ``Lane``. With ``row_lanes`` the lanes are rows, and
    ``index`` is that of one entry; as it is without indices.
    """

    row: IRValue
    local: IRValue
    index: Index
    mask: IRValue | None
    known: int = LANES
    row_lanes: bool = False

    @property
    def lane(self) -> Lane:
        """The place within the row, or of a row."""
        return Lane(self.index, self.mask, known=self.known)


def plus(b: Builder, index: IRValue, offset: int) -> IRValue:
    """An index and what is added to it."""
    return b.emit(f"add nsw i64 {index}, {offset}", "i64") if offset else index


def entries(
    w: FunctionScope, space: Sequence[int], row: IRValue, local: IRValue
) -> Iterator[LoopPlace]:
    """The loops over the entries of a row, its last axis in steps of 8 lanes."""
    for lane in sweep(w, tuple(space)):
        yield LoopPlace(row, local, lane.index, lane.mask, lane.known)

"""Where a loop stands, and the loops over the entries of a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from optserve.backends.llvm.ir.builder import LANES, Builder, IRValue
from optserve.backends.llvm.ir.nest import first_lanes
from optserve.frozen import frozen

__all__ = ["Index", "Place", "entries", "outer_loops", "plus"]

Index = tuple[IRValue | int, ...]


@frozen
class Place:
    """The row (and the row within the block), indices within the row, and the lanes in use.

    ``mask`` is ``None`` where all lanes are; ``count`` is then 8. In a last, partial vector of rows
    the mask is computed and ``count`` is 8; in the last vector of a row ``count`` lanes are in use.
    With ``row_lanes`` the lanes are rows and ``index`` that of one entry, as it is without indices.
    """

    row: IRValue
    local: IRValue
    index: Index
    mask: IRValue | None
    count: int = LANES
    row_lanes: bool = False


def plus(b: Builder, index: IRValue, offset: int) -> IRValue:
    """An index and what is added to it."""
    return b.emit(f"add nsw i64 {index}, {offset}", "i64") if offset else index


def entries(b: Builder, space: Sequence[int], row: IRValue, local: IRValue) -> Iterator[Place]:
    """The loops over a space, its last axis in steps of 8 lanes; yields inside of them."""
    with outer_loops(b, space[:-1]) as index:
        whole, rest = space[-1] // LANES * LANES, space[-1] % LANES
        if whole > LANES:
            with b.loop(0, whole, LANES) as along:
                yield Place(row, local, (*index, along), None)
        elif whole:
            yield Place(row, local, (*index, 0), None)
        if rest:
            yield Place(row, local, (*index, whole), first_lanes(rest), rest)


@contextmanager
def outer_loops(b: Builder, sizes: Sequence[int]) -> Iterator[tuple[IRValue, ...]]:
    """One loop inside another, an index for each size."""
    if not sizes:
        yield ()
        return
    with b.loop(0, sizes[0]) as outer, outer_loops(b, sizes[1:]) as inner:
        yield (outer, *inner)

"""``ReadCells``: cells of a table as they were read, and which of them lack a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import EllipsisType, MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np

from optserve.config.data.columns import Levels, TakenColumn
from optserve.graph.aval import Array
from optserve.tables.cells import is_missing
from optserve.tables.frame import CellKind

__all__ = ["ReadCells", "gaps_of", "read_cells", "read_columns"]

T = TypeVar("T")


class ReadCells(NamedTuple):
    """The ``cells`` (rows,) by position and kind, and where there are any the ``gaps`` in them."""

    cells: Mapping[tuple[int, CellKind], Array]
    gaps: Mapping[tuple[int, CellKind], Array] = MappingProxyType({})

    def complete(self, rows: int) -> Array:
        """Which of so many rows lack nothing."""
        missing = np.zeros(rows, dtype=bool)
        for gaps in self.gaps.values():
            missing |= gaps
        return ~missing

    def of(self, taken: TakenColumn, rows: Array | EllipsisType = ...) -> Mapping[int, Array]:
        """The cells of one column in ``rows``, or all, by position; constants have no rows."""
        return {at: self.cells[at, taken.kind][rows] for at in taken.positions}

    def known(self, taken: TakenColumn, at: int) -> Iterator[Array]:
        """The cells of one column and position that are there, whatever else their rows lack."""
        cells = self.cells[at, taken.kind]
        gaps = self.gaps.get((at, taken.kind))
        yield cells if gaps is None else cells[~gaps]


def read_cells(
    read: Callable[[Mapping[int, CellKind]], Mapping[int, Array]], taken: Iterable[TakenColumn]
) -> ReadCells:
    """The cells of the columns, of which ``read`` lets none be missing."""
    return ReadCells(read_columns(read, taken))


def read_columns(
    read: Callable[[Mapping[int, CellKind]], Mapping[int, T]], taken: Iterable[TakenColumn]
) -> Mapping[tuple[int, CellKind], T]:
    """Each position in each kind that it is taken in; most often all at once."""
    needed = list(dict.fromkeys((at, one.kind) for one in taken for at in one.positions))
    arrays: dict[tuple[int, CellKind], T] = {}
    while needed:
        batch = dict(needed)
        arrays |= {(at, batch[at]): array for at, array in read(batch).items()}
        needed = [pair for pair in needed if pair not in arrays]
    return arrays


def gaps_of(texts: Array, levels: Levels) -> Array:
    """Which of ``texts`` (rows,) are marks of a missing value, and no levels."""
    return np.array([text not in levels and is_missing(text) for text in texts], dtype=bool)

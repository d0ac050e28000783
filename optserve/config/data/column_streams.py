"""The columns of a table as streams: what is known of all rows first, then rows as asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from optserve.config.data.columns import LocateCell, TakenColumn
from optserve.config.data.read_cells import ReadCells, read_cells
from optserve.graph.aval import Array, DType
from optserve.tables.allocation import hold_little
from optserve.tables.buffer_pool import Buffers
from optserve.tables.pieces import TablePiece
from optserve.tables.statistics import Moments
from optserve.tables.stream import Stream, StreamedColumn

__all__ = ["streamed_columns"]


def streamed_columns(
    pieces: Sequence[TablePiece],
    taken: Sequence[TakenColumn],
    precision: DType,
    located: LocateCell,
) -> tuple[Mapping[str, StreamedColumn], tuple[str, ...], Mapping[str, tuple[str, ...]]]:
    """The columns by name, warnings, and the levels of categories.

    A category whose levels are not listed takes one pass over its values, and so does what is
    standardized; nothing else is read before it is needed.
    """
    hold_little()
    coded = {one.name: one.levels(partial(_texts, pieces)) for one in taken}

    def raw(one: TakenColumn, cells: ReadCells, first: int) -> Array:
        """The column of a piece, before which there are ``first`` rows, before it is scaled."""
        return one.raw(cells.of(one), coded[one.name], lambda row, at: located(first + row, at))

    def alone(one: TakenColumn, piece: TablePiece, first: int) -> Mapping[str, Array]:
        return {one.name: raw(one, read_cells(piece.read, [one]), first)}

    moments: dict[str, Moments | None] = {}
    for one in taken:
        if one.settings.standardize:
            stream = Stream(pieces, partial(alone, one))
            column = StreamedColumn(stream, one.name, _inner(one), one.dtype(precision))
            moments[one.name] = one.moments(column)

    buffers = Buffers()

    def decode(piece: TablePiece, first: int) -> Mapping[str, Array]:
        cells = read_cells(piece.read, taken)
        found = {}
        for one in taken:
            of_one = moments.get(one.name)
            if one.is_plain_matrix:
                found[one.name] = buffers.array((piece.rows, len(one.positions)), precision)
                one.fill(found[one.name], cells.of(one), of_one)
            else:
                found[one.name] = one.scaled(raw(one, cells, first), of_one, precision)
        return found

    stream = Stream(pieces, decode)
    columns = {
        one.name: StreamedColumn(stream, one.name, _inner(one), one.dtype(precision))
        for one in taken
    }
    warnings = (one.warning(moments.get(one.name)) for one in taken)
    levels: dict[str, tuple[str, ...]] = {}
    for one in taken:
        levels |= one.named(coded[one.name])
    return columns, tuple(warning for warning in warnings if warning), levels


def _texts(pieces: Sequence[TablePiece], at: int) -> Iterator[Array]:
    return (piece.read({at: "text"})[at] for piece in pieces if piece.rows)


def _inner(taken: TakenColumn) -> tuple[int, ...]:
    return (len(taken.positions),) if taken.matrix else ()

"""The columns of a table as streams: what is known of all rows first, then rows as asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from optserve.config.data.columns import Levels, Located, TakenColumn
from optserve.config.data.read_cells import read_columns
from optserve.errors import Place
from optserve.graph.aval import Array, DType
from optserve.tables.allocation import hold_little
from optserve.tables.buffers import Buffers
from optserve.tables.pieces import Piece
from optserve.tables.statistics import Moments
from optserve.tables.stream import Stream, StreamedColumn

__all__ = ["streamed_columns"]

Coded = Mapping[str, Mapping[int, Levels]]
"""The levels of each category, by position."""


def streamed_columns(
    pieces: Sequence[Piece], taken: Sequence[TakenColumn], precision: DType, located: Located
) -> tuple[Mapping[str, StreamedColumn], tuple[str, ...], Mapping[str, tuple[str, ...]]]:
    """The columns by name, warnings, and the levels of categories.

    A category whose levels are not listed takes one pass over its values, and so does what is
    standardized; nothing else is read before it is needed.
    """
    hold_little()
    coded = {one.name: one.levels(partial(_texts, pieces)) for one in taken}
    moments: dict[str, Moments | None] = {}
    for one in taken:
        if one.settings.standardize:
            alone = Stream(pieces, partial(_raw, [one], coded, located))
            column = StreamedColumn(alone, one.name, _inner(one), one.dtype(precision))
            moments[one.name] = one.moments(column)

    buffers = Buffers()

    def decode(piece: Piece, first: int) -> Mapping[str, Array]:
        plain = [one for one in taken if one.is_plain_matrix]
        found = {}
        for one in plain:
            read = piece.read(dict.fromkeys(one.positions, one.kind))
            found[one.name] = buffers.array((piece.rows, len(one.positions)), precision)
            one.fill(found[one.name], read, moments.get(one.name))
        others = [one for one in taken if not one.is_plain_matrix]
        raw = _raw(others, coded, located, piece, first)
        for one in others:
            found[one.name] = one.scaled(raw[one.name], moments.get(one.name), precision)
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


def _texts(pieces: Sequence[Piece], at: int) -> Iterator[Array]:
    return (piece.read({at: "text"})[at] for piece in pieces if piece.rows)


def _raw(
    taken: Sequence[TakenColumn], coded: Coded, located: Located, piece: Piece, first: int
) -> Mapping[str, Array]:
    """The columns of a piece, before which there are ``first`` rows, before they are scaled."""

    def here(row: int, at: int) -> tuple[Place | None, int]:
        return located(first + row, at)

    read = read_columns(piece.read, taken)
    cells = {one.name: {at: read[at, one.kind] for at in one.positions} for one in taken}
    return {one.name: one.raw(cells[one.name], coded[one.name], here) for one in taken}


def _inner(taken: TakenColumn) -> tuple[int, ...]:
    return (len(taken.positions),) if taken.matrix else ()

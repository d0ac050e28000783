"""The columns of a table as streams: what is known of all rows first, then rows as asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from optserve.config.data.columns import TakenColumn
from optserve.graph.aval import Array, DType
from optserve.tables.allocation import hold_little
from optserve.tables.frame import Kind
from optserve.tables.pieces import Piece
from optserve.tables.statistics import Moments, categories_of, moments_of
from optserve.tables.stream import Stream, StreamedColumn

__all__ = ["streamed_columns"]

Categories = Mapping[int, Mapping[str, int]]


def streamed_columns(
    pieces: Sequence[Piece], taken: Sequence[TakenColumn], precision: DType
) -> tuple[Mapping[str, StreamedColumn], tuple[str, ...]]:
    """The columns by name, and warnings.

    A category takes one pass over its values, and so does what is standardized; nothing else is
    read before it is needed.
    """
    hold_little()
    categories = _categories(pieces, taken)
    moments: dict[str, Moments] = {}
    for one in taken:
        if one.settings.standardize:
            alone = Stream(pieces, partial(_raw, [one], categories))
            column = StreamedColumn(alone, one.name, _inner(one), one.dtype(precision))
            moments[one.name] = moments_of(column)

    def decode(piece: Piece) -> Mapping[str, Array]:
        found = _raw(taken, categories, piece)
        return {
            one.name: one.scaled(found[one.name], moments.get(one.name), precision) for one in taken
        }

    stream = Stream(pieces, decode)
    columns = {
        one.name: StreamedColumn(stream, one.name, _inner(one), one.dtype(precision))
        for one in taken
    }
    warnings = (one.warning(moments.get(one.name)) for one in taken)
    return columns, tuple(warning for warning in warnings if warning)


def _categories(pieces: Sequence[Piece], taken: Sequence[TakenColumn]) -> Categories:
    positions = {at for one in taken if one.kind == "text" for at in one.positions}
    return {
        at: categories_of(piece.read({at: "text"})[at] for piece in pieces if piece.rows)
        for at in sorted(positions)
    }


def _raw(taken: Sequence[TakenColumn], categories: Categories, piece: Piece) -> Mapping[str, Array]:
    """The columns of a piece before they are standardized."""
    kinds = dict.fromkeys(one.kind for one in taken)
    read = {kind: piece.read(_wanted(taken, kind)) for kind in kinds}
    return {one.name: one.raw(read[one.kind], categories) for one in taken}


def _wanted(taken: Sequence[TakenColumn], kind: Kind) -> Mapping[int, Kind]:
    return {at: kind for one in taken if one.kind == kind for at in one.positions}


def _inner(taken: TakenColumn) -> tuple[int, ...]:
    return (len(taken.positions),) if taken.matrix else ()

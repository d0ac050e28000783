"""``PieceFrame``: a table in pieces of rows, each of which can be read alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Array
from optserve.tables.frame import CellKind, Cells, Frame, Gapped, Located, no_gaps

__all__ = ["PieceFrame", "Pieced", "TablePiece", "pieces_of"]


class TablePiece(NamedTuple):
    """Some rows of a table, such as a row group; ``read`` is what ``Frame.read`` is.

    ``read_with_gaps`` is what ``Gapped`` has, and ``place`` what ``Located`` has, where the reader
    can tell. Where reading takes much longer than a copy would, ``check`` raises where the file is
    not as it was.
    """

    rows: int
    read: Callable[[Mapping[int, CellKind]], Mapping[int, Array]]
    read_with_gaps: Callable[[Mapping[int, CellKind]], Mapping[int, Cells]] | None = None
    place: Callable[[int, int], Place] = lambda row, index: Place("")
    check: Callable[[], None] | None = None


@runtime_checkable
class Pieced(Protocol):
    """A frame whose rows can be read in pieces; ``about_rows`` is known without reading them."""

    @property
    def about_rows(self) -> int:
        """The number of rows, or an estimate."""

    def in_pieces(self) -> Sequence[TablePiece]:
        """The pieces in order; to find them may take a pass over the file."""


class PieceFrame:
    """The rows of ``pieces`` in order.

    >>> piece = TablePiece(2, lambda wanted: {0: np.array([1.0, 2.0])})
    >>> PieceFrame(("x",), 1, [piece, piece]).read({0: "float"})[0]
    array([1., 2., 1., 2.])
    """

    def __init__(self, names: tuple[str, ...], width: int, pieces: Sequence[TablePiece]) -> None:
        self.names = names
        self.width = width
        self._pieces = tuple(pieces)
        self.rows = self.about_rows = sum(piece.rows for piece in pieces)

    def in_pieces(self) -> Sequence[TablePiece]:
        """The pieces in order."""
        return self._pieces

    def read(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Array]:
        """The columns at the positions ``wanted``."""
        parts = [piece.read(wanted) for piece in self._pieces]
        return {
            index: np.concatenate([part[index] for part in parts]) if parts else np.empty(0)
            for index in wanted
        }

    def read_with_gaps(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Cells]:
        """The columns at the positions ``wanted``, and which rows of them lack a value."""
        parts = [_gaps(piece, wanted) for piece in self._pieces]
        return {index: _joined([part[index] for part in parts]) for index in wanted}

    def place(self, row: int, index: int) -> Place:
        """Where a cell stands, as its piece tells it."""
        for piece in self._pieces:
            if row < piece.rows:
                return piece.place(row, index)
            row -= piece.rows
        return Place("")


def _joined(parts: Sequence[Cells]) -> Cells:
    if not parts:
        return Cells(np.empty(0), np.empty(0, dtype=bool))
    values, missing = zip(*parts, strict=True)
    return Cells(np.concatenate(values), np.concatenate(missing))


def _gaps(piece: TablePiece, wanted: Mapping[int, CellKind]) -> Mapping[int, Cells]:
    if piece.read_with_gaps is None:
        raise no_gaps()
    return piece.read_with_gaps(wanted)


def pieces_of(frame: Frame) -> Sequence[TablePiece]:
    """The pieces of a frame; one that has none is one."""
    if isinstance(frame, Pieced):
        return frame.in_pieces()
    piece = TablePiece(frame.rows, frame.read)
    if isinstance(frame, Gapped):
        piece = piece._replace(read_with_gaps=frame.read_with_gaps)
    if isinstance(frame, Located):
        piece = piece._replace(place=frame.place)
    return (piece,)

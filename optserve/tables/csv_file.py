"""A table in a text file: small, large, or in pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

from optserve.errors import Place
from optserve.graph.aval import Array
from optserve.tables.advice import advised
from optserve.tables.csv_arrow import read_rows, read_rows_with_gaps
from optserve.tables.csv_pieces import csv_pieces
from optserve.tables.csv_text import Rows, text_frame
from optserve.tables.dialect import Dialect
from optserve.tables.encoded import EncodedText, check_utf8
from optserve.tables.frame import CellKind, Cells, Frame
from optserve.tables.lines import Layout, count_lines, layout_of
from optserve.tables.pieces import TablePiece

__all__ = ["SMALL", "text_file"]

SMALL = 1 << 18
"""Bytes up to which the standard library is faster than importing Arrow."""


def text_file(dialect: Dialect) -> Callable[[Path], Frame]:
    """What reads a text file that is written in ``dialect``."""

    def read(path: Path) -> Frame:
        text = EncodedText(path, dialect.encoding)
        opened = _opened(text, dialect)
        return text_frame(opened.all_rows()) if text.size <= SMALL else opened

    return read


def _opened(text: EncodedText, dialect: Dialect) -> _TextFile:
    """The file, as much of it looked at as names its columns."""
    size, layout = SMALL, None
    while layout is None:
        head = text.part(0, size)
        whole = len(head) >= text.size
        head = head if whole else head[: head.rfind(b"\n") + 1]
        check_utf8(head, str(text.path))
        layout = layout_of(str(text.path), head, dialect, whole=whole)
        size *= 4
    return _TextFile(text, dialect, layout, head)


class _TextFile:
    """A large file: read whole through Arrow, or in pieces where it is streamed."""

    def __init__(self, text: EncodedText, dialect: Dialect, layout: Layout, head: bytes) -> None:
        self._text = text
        self._dialect = dialect
        self._layout = layout
        self._advise = partial(advised, head, dialect)
        self.names, self.width = layout.names, layout.width
        self.about_rows = count_lines(head) * text.size // max(1, len(head))
        self._rows: int | None = None

    @property
    def rows(self) -> int:
        """The number of rows: of what was read, else counted."""
        if self._rows is None:
            self._rows = sum(piece.rows for piece in self._pieces)
        return self._rows

    @property
    def advice(self) -> str:
        """How the file may have been meant."""
        return self._advise()

    def in_pieces(self) -> Sequence[TablePiece]:
        """The file in pieces; to find them takes one pass over it."""
        return self._pieces

    @cached_property
    def _pieces(self) -> Sequence[TablePiece]:
        return csv_pieces(self._text, self._dialect, self._layout, self._advise)

    def read(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Array]:
        """The columns at the positions ``wanted``."""
        arrays = read_rows(self.all_rows(), wanted)
        for array in arrays.values():
            self._rows = len(array)
        return arrays

    def read_with_gaps(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Cells]:
        """The columns at the positions ``wanted``, and which rows of them lack a value."""
        columns = read_rows_with_gaps(self.all_rows(), wanted)
        for column in columns.values():
            self._rows = len(column.values)
        return columns

    def place(self, row: int, index: int) -> Place:
        """Where a cell stands."""
        return text_frame(self.all_rows()).place(row, index)

    def all_rows(self) -> Rows:
        """The rows as they are written."""
        file, content = str(self._text.path), self._text.part(self._layout.start)
        lines = self._layout.lines
        return Rows(file, content, self._dialect, self._layout, lines, advise=self._advise)

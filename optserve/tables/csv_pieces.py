"""A large text file in pieces of some megabytes, each cut at the end of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from optserve.tables.csv_arrow import read_rows, read_rows_with_gaps
from optserve.tables.csv_text import Rows, text_frame
from optserve.tables.dialect import Dialect
from optserve.tables.encoded import EncodedText
from optserve.tables.lines import Layout, count_lines, count_rows, prepared
from optserve.tables.pieces import TablePiece

__all__ = ["csv_pieces"]

PIECE_BYTES = 1 << 22


def csv_pieces(
    text: EncodedText, dialect: Dialect, layout: Layout, advise: Callable[[], str]
) -> list[TablePiece]:
    """The rows of ``text`` in pieces; one pass over the file counts them.

    A line end between two quotes ends no row, and no piece.
    """

    def rows_of(start: int, size: int, lines: int, before: int) -> Rows:
        """The rows in ``size`` bytes from ``start`` on, with the lines and rows before them."""
        content = text.part(start, size)
        return Rows(str(text.path), content, dialect, layout, lines, before, advise)

    pieces = []
    before, lines = 0, layout.lines
    for start, content in _contents(text, dialect, layout.start):
        written = partial(rows_of, start, len(content), lines, before)
        plain = prepared(content, dialect)
        rows = text_frame(written()).rows if b'"' in plain else count_rows(plain, dialect)
        lines += count_lines(content)
        before += rows
        if rows:
            pieces.append(_piece(rows, written, text.check))
    return pieces


def _piece(count: int, rows: Callable[[], Rows], check: Callable[[], None]) -> TablePiece:
    """The piece of so many rows that ``rows`` reads, each time it is asked."""
    return TablePiece(
        count,
        lambda wanted: read_rows(rows(), wanted),
        lambda wanted: read_rows_with_gaps(rows(), wanted),
        lambda row, index: text_frame(rows()).place(row, index),
        check,
    )


def _contents(text: EncodedText, dialect: Dialect, start: int) -> Iterator[tuple[int, bytes]]:
    """The text from ``start`` on, cut where a row ends, with where each part begins."""
    size = PIECE_BYTES
    while content := text.part(start, size):
        if start + len(content) < text.size:
            end = _end_of_rows(content, dialect)
            if end == 0:  # a row that is longer
                size *= 2
                continue
            content = content[:end]
        yield start, content
        start, size = start + len(content), PIECE_BYTES


def _end_of_rows(content: bytes, dialect: Dialect) -> int:
    """Where the last whole row of ``content`` ends, or 0."""
    end = content.rfind(b"\n") + 1
    while end and prepared(content[:end], dialect).count(b'"') % 2:
        end = content.rfind(b"\n", 0, end - 1) + 1
    return end

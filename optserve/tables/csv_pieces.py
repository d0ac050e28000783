"""A large csv file in pieces of some megabytes of text, each cut at the end of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from optserve.errors import ConfigError, Place
from optserve.tables.frame import Frame, Gapped, Kind
from optserve.tables.pieces import Piece

__all__ = ["csv_pieces"]

PIECE_BYTES = 1 << 22


class TextOfRows(Frame, Gapped, Protocol):
    """The frame of a text without a header."""


ReadText = Callable[[bytes], TextOfRows]


class _Text(NamedTuple):
    """Where a piece of text is in a file, and the number of lines before it."""

    start: int
    size: int
    lines: int


def csv_pieces(path: Path, header_lines: int, width: int, read: ReadText) -> list[Piece]:
    """The rows of ``path`` after ``header_lines`` lines; one pass over the file counts them.

    A line end between two quotes ends no row, and no piece. Every row has ``width`` values.
    """
    pieces = []
    for text in _texts(path, header_lines):
        content = _content(path, text)
        if b'"' in content:
            rows = read(content).rows
        else:
            rows = sum(1 for line in content.splitlines() if line)
        if rows:
            cells = partial(_read, path, text, width, read, False)
            gaps = partial(_read, path, text, width, read, True)
            pieces.append(Piece(rows, cells, gaps))
    return pieces


def _content(path: Path, text: _Text) -> bytes:
    with path.open("rb") as file:
        file.seek(text.start)
        return file.read(text.size)


def _read(
    path: Path, text: _Text, width: int, read: ReadText, gaps: bool, wanted: Mapping[int, Kind]
) -> Mapping[int, Any]:
    try:
        frame = read(_content(path, text))
        if frame.width != width:
            raise ConfigError(
                f"this row has {frame.width} values, the first line has {width}",
                place=Place(str(path), 1),
                expected="the same number of values in every row",
            )
        return frame.read_with_gaps(wanted) if gaps else frame.read(wanted)
    except ConfigError as error:
        place = error.place or Place(str(path))
        error.place = replace(place, line=place.line + text.lines)
        raise


def _texts(path: Path, header_lines: int) -> Iterator[_Text]:
    with path.open("rb") as file:
        for _ in range(header_lines):
            file.readline()
        start, lines = file.tell(), header_lines
        while content := file.read(PIECE_BYTES):
            content += file.readline()
            while content.count(b'"') % 2 and (more := file.readline()):
                content += more
            yield _Text(start, len(content), lines)
            start, lines = start + len(content), lines + content.count(b"\n")

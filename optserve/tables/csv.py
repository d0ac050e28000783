"""``csv``: tables with commas. Small ones through the standard library, large ones through Arrow.

Both give the same numbers. Importing Arrow takes longer than reading a small file without it; and
whatever Arrow does not take, the standard library reads again, or says where the error is.
"""

from __future__ import annotations

import csv as standard
import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.tables.csv_pieces import csv_pieces
from optserve.tables.frame import EXACT, Cells, Frame, Kind, TextFrame, is_missing
from optserve.tables.pieces import Piece

__all__ = ["SMALL", "csv"]

SMALL = 1 << 18
"""Bytes up to which the standard library is faster than importing Arrow."""


def csv(header: bool = True) -> Callable[[Path], Frame]:
    """Comma-separated values in UTF-8 (RFC 4180); lines that are empty are passed over.

    ``header`` says that the first line names the columns; without it they are known by position.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.csv")
    ...     _ = path.write_text("x,y\\n1,2\\n3,4\\n")
    ...     frame = csv()(path)
    >>> frame.names, frame.rows, frame.read({1: "float"})[1]
    (('x', 'y'), 2, array([2., 4.]))
    """

    def read(path: Path) -> Frame:
        if path.stat().st_size <= SMALL:
            return _text_frame(str(path), path.read_bytes(), header)
        return _LargeFrame(path, header)

    return read


class _LargeFrame:
    """A large file: read whole through Arrow, or in pieces where it is streamed."""

    def __init__(self, path: Path, header: bool) -> None:
        with path.open("rb") as file:
            head = file.read(1 << 16)
        self._path = path
        self._header = header
        self._frame = _ArrowFrame(str(path), head, header)
        self.names, self.width = self._frame.names, self._frame.width
        lines = head.count(b"\n") + head.count(b"\r") + 1
        self.about_rows = lines * path.stat().st_size // len(head)
        self._rows: int | None = None

    @property
    def rows(self) -> int:
        """The number of rows: of what was read, else counted."""
        if self._rows is None:
            self._rows = sum(piece.rows for piece in self._pieces)
        return self._rows

    def in_pieces(self) -> Sequence[Piece]:
        """The file in pieces; to find them takes one pass over it."""
        return self._pieces

    @cached_property
    def _pieces(self) -> Sequence[Piece]:
        return csv_pieces(self._path, self._frame.skipped, self.width, self._piece)

    def _piece(self, content: bytes) -> _ArrowFrame:
        return _ArrowFrame(str(self._path), content, header=False)

    def read(self, wanted: Mapping[int, Kind]) -> Mapping[int, Array]:
        """The columns at the positions ``wanted``."""
        arrays = self._all().read(wanted)
        for array in arrays.values():
            self._rows = len(array)
        return arrays

    def read_with_gaps(self, wanted: Mapping[int, Kind]) -> Mapping[int, Cells]:
        """The columns at the positions ``wanted``, and which rows of them lack a value."""
        return self._all().read_with_gaps(wanted)

    def _all(self) -> _ArrowFrame:
        return _ArrowFrame(str(self._path), self._path.read_bytes(), self._header)


class _ArrowFrame:
    """A large file: its first line is known, the rest is read when columns are asked for."""

    def __init__(self, file: str, content: bytes, header: bool) -> None:
        self._file = file
        self._content = content
        self._header = header
        first_lines = _decode(file, content[: 1 << 16], partial=True)
        reader = standard.reader(io.StringIO(first_lines, newline=""))
        try:
            first = next((cells for cells in reader if cells), [])
        except standard.Error as error:
            raise ConfigError(str(error), place=Place(file, reader.line_num)) from None
        self.names = tuple(name.strip() for name in first) if header else ()
        self.width = len(first)
        self.skipped = reader.line_num if header else 0
        self._rows: int | None = None

    @property
    def rows(self) -> int:
        if self._rows is None:
            self._rows = _text_frame(self._file, self._content, self._header).rows
        return self._rows

    def read(self, wanted: Mapping[int, Kind]) -> Mapping[int, Array]:
        """The columns at the positions ``wanted``."""
        arrays = self._read_by_arrow(wanted)
        if arrays is None:
            arrays = _text_frame(self._file, self._content, self._header).read(wanted)
        self._rows = len(next(iter(arrays.values()))) if arrays else self._rows
        return arrays

    def read_with_gaps(self, wanted: Mapping[int, Kind]) -> Mapping[int, Cells]:
        """The columns at the positions ``wanted``, and which rows of them lack a value."""
        arrays = self._read_by_arrow(wanted)
        if arrays is None:
            return _text_frame(self._file, self._content, self._header).read_with_gaps(wanted)
        return {at: Cells(array, np.zeros(len(array), bool)) for at, array in arrays.items()}

    def _read_by_arrow(self, wanted: Mapping[int, Kind]) -> Mapping[int, Array] | None:
        """The columns, or ``None`` where Arrow meets anything that it might read differently."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        if any(kind == "bool" for kind in wanted.values()):
            return None
        types = {"float": pa.float64(), "integer": pa.int64(), "text": pa.string()}
        names = [str(index) for index in range(self.width)]
        try:
            table = arrow.read_csv(
                io.BytesIO(self._content),
                arrow.ReadOptions(column_names=names, skip_rows=self.skipped),
                arrow.ParseOptions(newlines_in_values=b'"' in self._content),
                arrow.ConvertOptions(
                    column_types={str(index): types[kind] for index, kind in wanted.items()},
                    include_columns=[str(index) for index in wanted],
                    null_values=[],
                ),
            )
        except pa.ArrowException:
            return None
        arrays = {index: table.column(str(index)).to_numpy() for index in wanted}
        return arrays if all(map(self._certain, arrays.values())) else None

    def _certain(self, array: Array) -> bool:
        """Whether reading the texts one by one is sure to give this array too."""
        if array.dtype == object:
            return all(text == text.strip() and not is_missing(text) for text in set(array))
        largest = np.abs(array).max(initial=0)
        if largest < EXACT:
            return True
        whole = array.dtype == np.int64 or not np.isfinite(largest)
        return not whole and _LONG.search(self._content) is None


_LONG = re.compile(rb"(?<![0-9.])[0-9]{16,}")
"""A whole number that a float may round."""


def _text_frame(file: str, content: bytes, header: bool) -> TextFrame:
    """The file through the standard library."""
    text = _decode(file, content)
    reader = standard.reader(io.StringIO(text, newline=""), strict=True)
    records: list[Sequence[str]] = []
    lines: list[int] = []
    end = 0
    try:
        for record in reader:
            if record:
                records.append(record)
                lines.append(end + 1)
            end = reader.line_num
    except standard.Error as error:
        raise ConfigError(f"not valid CSV: {error}", place=Place(file, reader.line_num)) from None
    if not records:
        raise ConfigError("the file is empty", place=Place(file, 1), expected="rows of values")
    width = len(records[0])
    for cells, line in zip(records, lines, strict=True):
        if len(cells) != width:
            raise ConfigError(
                f"this row has {len(cells)} values, the first line has {width}",
                place=Place(file, line, 1, _line(text, line)),
                expected="the same number of values in every row",
                remedy="quote a value that holds a comma",
            )
    names = tuple(name.strip() for name in records[0]) if header else ()
    rows, row_lines = (records[1:], lines[1:]) if header else (records, lines)

    def place(row: int, index: int) -> Place:
        cells, excerpt = rows[row], _line(text, row_lines[row])
        before = len(",".join(cells[:index])) + (index > 0)
        if '"' in excerpt:
            return Place(file, row_lines[row], 1, excerpt)
        return Place(file, row_lines[row], before + 1, excerpt, max(1, len(cells[index])))

    def column(index: int) -> Sequence[str]:
        return [cells[index] for cells in rows]

    return TextFrame(names, width, len(rows), column, place)


def _decode(file: str, content: bytes, *, partial: bool = False) -> str:
    try:
        return content.decode("utf-8-sig", errors="ignore" if partial else "strict")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            "the file is not text in UTF-8", place=Place(file, line), remedy="save it as UTF-8"
        ) from None


def _line(text: str, number: int) -> str:
    """The line of that number, as the standard library counts lines."""
    return re.split("\r\n|\r|\n", text)[number - 1].replace("\t", " ")

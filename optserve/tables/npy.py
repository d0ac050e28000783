"""``npy``: one array of NumPy in a file, read as it is needed."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.tables.file_version import Version
from optserve.tables.frame import CellKind, Frame
from optserve.tables.pieces import PieceFrame, TablePiece
from optserve.tables.typed import Spot, cells, cells_with_gaps

__all__ = ["ArrayFile", "npy"]

T = TypeVar("T")

PIECE_ROWS = 1 << 16
"""Rows that are read at once where a table is streamed."""


def npy() -> Callable[[Path], Frame]:
    """An array of NumPy: (rows,) is a column, (rows, columns) columns by position.

    The fields of a structured array are columns by name. Python objects are never unpickled.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.npy")
    ...     np.save(path, np.array([[1, 2], [3, 4]]))
    ...     npy()(path).read({1: "float"})[1]
    array([2., 4.])
    """

    def read(path: Path) -> Frame:
        return array_frame(ArrayFile(path))

    return read


def array_frame(file: ArrayFile) -> Frame:
    """The columns of the array in ``file``, read in pieces."""
    shape, dtype = file.shape, file.dtype
    if len(shape) not in (1, 2) or (dtype.names and len(shape) != 1):
        raise ConfigError(
            f"the array has the shape {shape}",
            place=Place(str(file.path)),
            expected="(rows,) or (rows, columns)",
            code="malformed-file",
        )
    names = dtype.names or ()
    width = len(names) if names else shape[1] if len(shape) == 2 else 1

    def place(row: int, index: int) -> Place:
        return Place(str(file.path))

    pieces = []
    for first in range(0, shape[0], PIECE_ROWS):
        last = min(first + PIECE_ROWS, shape[0])
        read = partial(_read, file, first, last)
        pieces.append(
            TablePiece(last - first, partial(read, cells), partial(read, cells_with_gaps), place)
        )
    return PieceFrame(tuple(names), width, pieces)


def _read(
    file: ArrayFile,
    first: int,
    last: int,
    converted: Callable[[Array, CellKind, Spot], T],
    wanted: Mapping[int, CellKind],
) -> Mapping[int, T]:
    names = file.dtype.names
    columns = file.columns(first, last, list(wanted))
    return {
        index: converted(
            columns[index],
            kind,
            Spot(str(file.path), repr(names[index]) if names else f"at position {index}", first),
        )
        for index, kind in wanted.items()
    }


class ArrayFile:
    """An array in a file, of which rows are read as they are needed.

    Nothing is mapped into memory: a file that another program cuts would end the process then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = Version(path)
        try:
            with path.open("rb") as file:
                magic = np.lib.format.read_magic(file)
                header = np.lib.format.read_array_header_1_0
                if magic != (1, 0):
                    header = np.lib.format.read_array_header_2_0
                self.shape, self._by_column, self.dtype = header(file)
                self._start = file.tell()
                size = file.seek(0, os.SEEK_END) - self._start
        except (ValueError, EOFError, OSError, TypeError) as error:
            raise _broken(path, error) from None
        if self.dtype.hasobject:
            raise ConfigError(
                "the file holds Python objects, which are never loaded: that could run any code",
                place=Place(str(path)),
                expected="an array of numbers, truth values or texts",
                remedy="save it with a plain dtype, such as array.astype(float)",
                code="malformed-file",
            )
        if size < self._bytes:
            raise _broken(path, EOFError(f"{size} of {self._bytes} bytes are there"))

    @property
    def _bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def columns(self, first: int, last: int, wanted: Sequence[int]) -> Mapping[int, Array]:
        """The rows ``first`` to ``last`` of the columns, or of the fields, that are ``wanted``."""
        with self._version.open() as file:
            if self._by_column and len(self.shape) == 2:
                starts = {index: index * self.shape[0] + first for index in wanted}
                return {at: self._part(file, start, last - first) for at, start in starts.items()}
            width = math.prod(self.shape[1:])
            rows = self._part(file, first * width, (last - first) * width)
        if self.dtype.names:
            return {index: rows[self.dtype.names[index]] for index in wanted}
        matrix = rows.reshape(last - first, width)
        return {index: matrix[:, index] for index in wanted}

    def _part(self, file: IO[bytes], start: int, count: int) -> Array:
        """``count`` entries from ``start`` on, as they lie in the file."""
        itemsize = self.dtype.itemsize
        file.seek(self._start + start * itemsize)
        content = file.read(count * itemsize)
        if len(content) < count * itemsize:
            raise _broken(self.path, EOFError("it ends too early"))
        return np.frombuffer(content, self.dtype, count)


def _broken(path: Path, error: Exception) -> ConfigError:
    reason = str(error).splitlines()[0][:200] if str(error) else repr(error)
    return ConfigError(
        f"not a whole file of NumPy: {reason}",
        place=Place(str(path)),
        remedy="write it again, with numpy.save",
        code="malformed-file",
    )

"""``npy``: one array of NumPy in a file, mapped into memory and read as it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.tables.frame import Frame, Kind
from optserve.tables.pieces import Piece, PieceFrame
from optserve.tables.typed import Spot, cells, cells_with_gaps

__all__ = ["array_frame", "load_array", "npy"]

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
        return array_frame(path, load_array(path))

    return read


def array_frame(path: Path, array: Array) -> Frame:
    """The columns of ``array``; it is mapped anew for each piece, so that pages can go."""
    if array.ndim not in (1, 2) or (array.dtype.names and array.ndim != 1):
        raise ConfigError(
            f"the array has the shape {array.shape}",
            place=Place(str(path)),
            expected="(rows,) or (rows, columns)",
            code="malformed-file",
        )
    names = array.dtype.names or ()
    width = len(names) if names else array.shape[1] if array.ndim == 2 else 1
    pieces = []
    for first in range(0, len(array), PIECE_ROWS):
        last = min(first + PIECE_ROWS, len(array))
        read = partial(_read, path, first, last)
        pieces.append(Piece(last - first, partial(read, cells), partial(read, cells_with_gaps)))
    return PieceFrame(tuple(names), width, pieces)


def _read(
    path: Path,
    first: int,
    last: int,
    converted: Callable[[Array, Kind, Spot], T],
    wanted: Mapping[int, Kind],
) -> Mapping[int, T]:
    rows = load_array(path)[first:last]
    return {
        index: converted(*_column(rows, index, kind, path, first)) for index, kind in wanted.items()
    }


def _column(
    rows: Array, index: int, kind: Kind, path: Path, first: int
) -> tuple[Array, Kind, Spot]:
    names = rows.dtype.names
    if names:
        return rows[names[index]], kind, Spot(str(path), repr(names[index]), first)
    column = np.asarray(rows[:, index] if rows.ndim == 2 else rows)
    return column, kind, Spot(str(path), f"at position {index}", first)


def load_array(path: Path) -> Array:
    """The array in the file, mapped; raises ``ConfigError`` for a file that is none."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                read = np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
        if not dtype.hasobject:
            if 0 in shape:
                return np.empty(shape, dtype)  # nothing can be mapped
            array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
            return array
    except (ValueError, EOFError, OSError, TypeError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else repr(error)
        raise ConfigError(
            f"not a whole file of NumPy: {reason}",
            place=Place(str(path)),
            remedy="write it again, with numpy.save",
            code="malformed-file",
        ) from None
    raise ConfigError(
        "the file holds Python objects, which are never loaded: that could run any code",
        place=Place(str(path)),
        expected="an array of numbers, truth values or texts",
        remedy="save it with a plain dtype, such as array.astype(float)",
        code="malformed-file",
    )

"""``npz``: several arrays of NumPy in one file, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.tables.frame import CellKind, Cells, Frame
from optserve.tables.typed import Spot, cells, cells_with_gaps

__all__ = ["ArraysFrame", "npz"]


def npz() -> Callable[[Path], Frame]:
    """Arrays of NumPy by name, as ``numpy.savez`` writes them; never unpickled.

    Each is a column (rows,), or a matrix (rows, ...) under one name. In a table with
    ``rows: false`` they are constants of any shape.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.npz")
    ...     np.savez(path, x=[1.0, 2.0], W=np.eye(2))
    ...     frame = npz()(path)
    >>> frame.names, frame.shape_of(1)
    (('x', 'W'), (2, 2))
    """

    def read(path: Path) -> Frame:
        import zipfile
        import zlib

        try:
            with path.open("rb") as source:
                file = np.load(source, allow_pickle=False)
                if not isinstance(file, np.lib.npyio.NpzFile):
                    raise ValueError("it is not an archive")
                arrays = {name: np.asarray(file[name]) for name in file.files}
        except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, KeyError) as error:
            objects = "Object arrays" in str(error)
            raise ConfigError(
                "the file holds Python objects, which are never loaded: that could run any code"
                if objects
                else f"not a whole file of arrays: {str(error).splitlines()[0][:200]}",
                place=Place(str(path)),
                remedy="save plain dtypes, such as array.astype(float)"
                if objects
                else "write it again, with numpy.savez",
                code="malformed-file",
            ) from None
        if not arrays:
            raise ConfigError(
                "the file holds no array", place=Place(str(path)), code="malformed-file"
            )
        return ArraysFrame(path, arrays)

    return read


class ArraysFrame:
    """Arrays by name; they have a number of rows where their first axes are equally long."""

    def __init__(self, path: Path, arrays: Mapping[str, Array]) -> None:
        self.path = path
        self.names = tuple(arrays)
        self.width = len(arrays)
        self._arrays = list(arrays.values())

    @property
    def rows(self) -> int:
        """The length of the first axes."""
        return self._arrays[0].shape[0] if self._arrays[0].ndim else 0

    def check_rows(self) -> None:
        """Hold that all arrays have one number of rows."""
        lengths = {array.shape[:1] for array in self._arrays}
        if len(lengths) == 1 and lengths != {()}:
            return
        pairs = zip(self.names, self._arrays, strict=True)
        raise ConfigError(
            "the arrays have no number of rows in common: "
            + ", ".join(f"{name} {array.shape}" for name, array in pairs),
            place=Place(str(self.path)),
            expected="first axes of one length",
            remedy="`rows: false` takes them as constants of any shape",
            code="malformed-file",
        )

    def shape_of(self, index: int) -> tuple[int, ...]:
        """The whole shape of an array."""
        shape: tuple[int, ...] = self._arrays[index].shape
        return shape

    def place(self, row: int, index: int) -> Place:
        """The file, which has no lines."""
        return Place(str(self.path))

    def read(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Array]:
        """The arrays at the positions ``wanted``."""
        return {
            index: cells(
                np.atleast_1d(self._arrays[index]), kind, Spot(str(self.path), self.names[index])
            ).reshape(self._arrays[index].shape)
            for index, kind in wanted.items()
        }

    def read_with_gaps(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Cells]:
        """The arrays at the positions ``wanted``, and which rows of them lack a value."""
        return {
            index: cells_with_gaps(
                self._arrays[index], kind, Spot(str(self.path), self.names[index])
            )
            for index, kind in wanted.items()
        }

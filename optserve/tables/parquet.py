"""``parquet``: columns with types and names, read by row groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.tables.arrow_numbers import as_array
from optserve.tables.cells import filling
from optserve.tables.file_version import Version
from optserve.tables.frame import CellKind, Cells, Frame
from optserve.tables.pieces import PieceFrame, TablePiece
from optserve.tables.typed import Spot, cells, cells_with_gaps

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["parquet"]


def parquet() -> Callable[[Path], Frame]:
    """Apache Parquet. A null is a missing value; dictionaries and texts are categories.

    >>> import tempfile, pyarrow, pyarrow.parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.parquet")
    ...     pyarrow.parquet.write_table(pyarrow.table({"x": [1, 2], "y": [0.5, 1.5]}), path)
    ...     frame = parquet()(path)
    ...     values = frame.read({1: "float"})[1]
    >>> frame.names, frame.rows, values
    (('x', 'y'), 2, array([0.5, 1.5]))
    """

    def read(path: Path) -> Frame:
        def place(row: int, index: int) -> Place:
            return Place(str(path))

        version = Version(path)
        metadata, names = _told(path, _open_metadata)
        first = 0
        pieces = []
        for number in range(metadata.num_row_groups):
            rows = metadata.row_group(number).num_rows
            group = partial(_read_group, path, version, metadata, names, number, first)
            cells_of, gaps_of = partial(group, _column), partial(group, _column_with_gaps)
            pieces.append(TablePiece(rows, cells_of, gaps_of, place, version.check))
            first += rows
        return PieceFrame(names, len(names), pieces)

    return read


def _told(path: Path, read: Callable[[Path], Any]) -> Any:
    """What ``read`` gives, an error of Arrow being one of the file."""
    import pyarrow as pa

    try:
        return read(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")[:200] if str(error) else repr(error)
        raise ConfigError(
            f"not a whole Parquet file: {reason}",
            place=Place(str(path)),
            remedy="write it again",
            code="malformed-file",
        ) from None


def _open_metadata(path: Path) -> tuple[Any, tuple[str, ...]]:
    import pyarrow as pa
    from pyarrow import parquet as arrow

    # The allocators that Arrow prefers reserve address space by the gigabyte.
    pa.set_memory_pool(pa.system_memory_pool())
    with path.open("rb") as source, arrow.ParquetFile(source) as file:
        return file.metadata, tuple(file.schema_arrow.names)


def _read_group(
    path: Path,
    version: Version,
    metadata: Any,
    names: tuple[str, ...],
    number: int,
    first: int,
    converted: Callable[[Any, CellKind, Spot], Any],
    wanted: Mapping[int, CellKind],
) -> Mapping[int, Any]:
    """Columns of one row group. Each call opens the file anew: several threads may call."""

    def read(path: Path) -> dict[int, Any]:
        from pyarrow import parquet as arrow

        found = {}
        rows = metadata.row_group(number).num_rows
        with version.open() as source, arrow.ParquetFile(source, metadata=metadata) as file:
            for index, kind in wanted.items():  # one by one: less is held at a time
                name = names[index]
                table = file.read_row_group(number, columns=[name], use_threads=False)
                if len(table) != rows:
                    raise ValueError(f"a column has {len(table)} values for {rows} rows")
                spot = Spot(str(path), repr(name), first)
                which = [*names[:index]].count(name)  # several may have one name
                found[index] = converted(table.column(which), kind, spot)
        return found

    found: Mapping[int, Any] = _told(path, read)
    return found


def _column(column: pa.ChunkedArray[Any], kind: CellKind, spot: Spot) -> Array:
    if column.null_count:
        raise spot.missing(int(np.flatnonzero(column.is_null().to_numpy())[0]))
    return cells(as_array(_plain(column, spot)), kind, spot)


def _column_with_gaps(column: pa.ChunkedArray[Any], kind: CellKind, spot: Spot) -> Cells:
    import pyarrow as pa

    null = column.is_null().to_numpy() if column.null_count else np.zeros(len(column), bool)
    column = _plain(column, spot)
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    filler: Any = filling(kind) if text else False if pa.types.is_boolean(column.type) else 0
    if not pa.types.is_temporal(column.type):  # of which a null becomes NaT
        column = column.fill_null(filler)
    values, missing = cells_with_gaps(as_array(column), kind, spot)
    return Cells(values, missing | null)


def _plain(column: pa.ChunkedArray[Any], spot: Spot) -> pa.ChunkedArray[Any]:
    """The column as numbers, truth values or texts."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    types = pa.types
    if types.is_decimal(column.type):
        column = column.cast(pa.float64())
    numeric = types.is_integer(column.type) or types.is_floating(column.type)
    text = types.is_string(column.type) or types.is_large_string(column.type)
    moment = types.is_timestamp(column.type) or types.is_date(column.type)
    if not (numeric or text or moment or types.is_boolean(column.type)):
        raise spot.wrong_type(f"values of the type {column.type}", "write numbers or texts")
    return column

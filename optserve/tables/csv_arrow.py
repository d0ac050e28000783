"""Rows of a text file through Arrow, where it is sure to read what the standard library reads."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np

from optserve.graph.aval import Array
from optserve.tables.arrow_numbers import as_array
from optserve.tables.cells import DTYPES, EXACT, conversions
from optserve.tables.csv_text import Rows, text_frame
from optserve.tables.dialect import Dialect
from optserve.tables.encoded import check_utf8
from optserve.tables.frame import CellKind, Cells

__all__ = ["read_rows", "read_rows_with_gaps"]


def read_rows(rows: Rows, wanted: Mapping[int, CellKind]) -> Mapping[int, Array]:
    """The columns of ``rows`` at the positions ``wanted``."""
    arrays = _by_arrow(rows, wanted)
    return text_frame(rows).read(wanted) if arrays is None else arrays


def read_rows_with_gaps(rows: Rows, wanted: Mapping[int, CellKind]) -> Mapping[int, Cells]:
    """The columns of ``rows`` at the positions ``wanted``, and which rows lack a value."""
    arrays = _by_arrow(rows, wanted)
    if arrays is None:
        return text_frame(rows).read_with_gaps(wanted)
    return {at: Cells(array, np.zeros(len(array), bool)) for at, array in arrays.items()}


def _by_arrow(rows: Rows, wanted: Mapping[int, CellKind]) -> Mapping[int, Array] | None:
    """The columns, or ``None`` where Arrow meets anything that it might read differently."""
    if "bool" in wanted.values() or not wanted:
        return None
    import pyarrow as pa
    from pyarrow import csv as arrow

    check_utf8(rows.content, rows.file, rows.before + 1)
    content = rows.prepared()
    types = {"float": pa.float64(), "integer": pa.int64()}
    try:
        table = arrow.read_csv(
            io.BytesIO(content),
            arrow.ReadOptions(column_names=[str(at) for at in range(rows.layout.width)]),
            arrow.ParseOptions(
                delimiter=rows.dialect.separator, newlines_in_values=b'"' in content
            ),
            arrow.ConvertOptions(
                column_types={str(at): types.get(kind, pa.string()) for at, kind in wanted.items()},
                include_columns=[str(at) for at in wanted],
                null_values=[],
                decimal_point=rows.dialect.decimal,
            ),
        )
    except pa.ArrowException:
        return None
    arrays = {at: as_array(table.column(str(at))) for at in wanted}
    if not all(_certain(array, content, rows.dialect) for array in arrays.values()):
        return None
    try:
        return {at: _converted(array, wanted[at]) for at, array in arrays.items()}
    except ValueError:
        return None


def _converted(array: Array, kind: CellKind) -> Array:
    """The array, its texts as what they mean."""
    if array.dtype != object:
        return array
    convert = conversions()[kind]
    meanings = {text: convert(text) for text in set(array)}
    return np.array([meanings[text] for text in array], dtype=DTYPES[kind])


def _certain(array: Array, content: bytes, dialect: Dialect) -> bool:
    """Whether reading the texts one by one is sure to give this array too."""
    if array.dtype != np.float64:
        return True
    largest = np.abs(array).max(initial=0)
    if largest < EXACT:
        return True
    return bool(np.isfinite(largest)) and not _holds_long_numbers(content, dialect)


def _holds_long_numbers(content: bytes, dialect: Dialect) -> bool:
    """Whether there may be a whole number that a float rounds."""
    point = dialect.decimal if dialect.decimal != dialect.separator else ""
    return re.search(rf"(?<![0-9{point}])[0-9]{{16,}}".encode(), content) is not None

"""Columns of Arrow as arrays, without what Arrow imports to make them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.graph.aval import Array

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["as_array"]

FLOATS = MappingProxyType({"halffloat": "float16", "float": "float32", "double": "float64"})
"""NumPy's names for what Arrow calls otherwise; those of integers are the same."""


def as_array(column: pa.ChunkedArray[Any]) -> Array:
    """The values of a ``column``, as its ``to_numpy`` gives them, perhaps read-only.

    Numbers are read where Arrow keeps them: ``to_numpy`` imports pandas wherever that is installed,
    which takes longer than a small job.

    >>> import pyarrow
    >>> as_array(pyarrow.chunked_array([[1.5], [2.5, 3.5]]))
    array([1.5, 2.5, 3.5])
    """
    import pyarrow as pa

    kind = column.type
    if column.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return column.to_numpy()
    parts = [_values(chunk) for chunk in column.chunks if len(chunk)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, _dtype(kind))


def _dtype(kind: pa.DataType) -> np.dtype[Any]:
    """That of numbers; Arrow's own way to it imports pandas in older versions."""
    return np.dtype(FLOATS.get(str(kind), str(kind)))


def _values(chunk: pa.Array[Any]) -> Array:
    """The values of one chunk without nulls, whose second buffer holds them one after another."""
    dtype = _dtype(chunk.type)
    _, values = chunk.buffers()
    assert values is not None
    return np.frombuffer(memoryview(values), dtype, len(chunk), chunk.offset * dtype.itemsize)

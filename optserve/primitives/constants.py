"""Values made from sizes alone: counts, ranges, constant arrays."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval, is_traced
from optserve.graph.dim import Dim, Size
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.primitive import Value
from optserve.primitives.constructors import opaque
from optserve.primitives.shaping import checked_shape
from optserve.primitives.sums import broadcast_to

__all__ = [
    "arange",
    "arange_beside",
    "constant",
    "eye",
    "full",
    "linspace",
    "ones",
    "positions",
    "size",
    "zeros",
]

size = opaque(
    "size",
    lambda *, size, dtype: np.asarray(size, dtype)[()],
    shape=lambda *, size, dtype: Aval((), dtype),
    examples=(Example((), {"size": 3, "dtype": np.dtype(np.float64)}),),
    internal=True,
    doc="A row count as a number; ``x.shape[0]`` becomes one where it meets other values.",
)


def _arange_arguments(stop: Size) -> Any:
    if not isinstance(stop, Dim):
        try:
            stop = operator.index(stop)
        except TypeError:
            raise ShapeError(
                f"arange takes a whole number, got {stop}", expected="arange(200)"
            ) from None
    checked_shape((stop,))
    return (), {"size": stop, "dtype": np.dtype(np.int64)}


arange = opaque(
    "arange",
    lambda *, size, dtype: np.arange(size, dtype=dtype),
    shape=lambda *, size, dtype: Aval((size,), dtype),
    arguments=_arange_arguments,
    examples=(Example((), {"size": 3, "dtype": np.dtype(np.int64)}),),
    facts=Facts(makes_rows=True),
    doc="The integers 0, 1, ..., n - 1.",
)


constant = opaque(
    "constant",
    lambda *, dtype, shape, data: np.frombuffer(data, dtype).reshape(shape),
    shape=lambda *, dtype, shape, data: Aval(shape, dtype),
    examples=(Example((), {"dtype": np.dtype(np.float64), "shape": (1,), "data": bytes(8)}),),
    internal=True,
    doc="A small array that stands in the graph itself.",
)


def positions(x: Value, axis: int) -> Value:
    """The integers 0, 1, ... along an axis of ``x``, recorded where ``x`` is a traced value."""
    return arange_beside(np.shape(x)[axis], x)


def arange_beside(size: Size, x: Value) -> Value:
    """The integers 0, 1, ..., size - 1, recorded where ``x`` is a traced value."""
    attributes = {"size": size, "dtype": np.dtype(np.int64)}
    return x.trace.bind(arange, (), attributes) if is_traced(x) else arange.bind(**attributes)


def full(shape: Sequence[Size] | Size, value: Value) -> Value:
    """An array of one value.

    >>> full((2,), 3.0).tolist()
    [3.0, 3.0]
    """
    listed = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    return broadcast_to(value, checked_shape(listed))


def zeros(shape: Sequence[Size] | Size, *, entry: Value = 0.0) -> Value:
    """An array of zeros. ``entry`` is the zero itself, which may be a traced one.

    >>> zeros(2).tolist()
    [0.0, 0.0]
    """
    return full(shape, entry)


def ones(shape: Sequence[Size] | Size, *, entry: Value = 1.0) -> Value:
    """An array of ones. ``entry`` is the one itself, which may be a traced one.

    >>> ones((1, 2)).tolist()
    [[1.0, 1.0]]
    """
    return full(shape, entry)


def eye(count: int) -> Value:
    """The unit matrix, of shape (count, count).

    >>> eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    try:
        return np.eye(operator.index(count))
    except TypeError:
        raise ShapeError(
            f"eye takes a whole number, got {count}",
            expected="a size that is known, such as eye(3) or eye(rows(data))",
        ) from None


def linspace(start: Value, stop: Value, count: int) -> Value:
    """``count`` evenly spaced numbers from ``start`` to ``stop``, both included.

    >>> linspace(0.0, 1.0, 3).tolist()
    [0.0, 0.5, 1.0]
    """
    number = operator.index(count)
    start, stop = start * 1.0, stop * 1.0
    return start + (stop - start) * arange(number) / max(number - 1, 1)

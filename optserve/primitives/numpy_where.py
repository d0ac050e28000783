"""The options ``where`` and ``initial`` of NumPy's reductions: what they mean, by what they leave
out or put in.

Where a truth value is false the entry takes no part, in values and in derivatives. An initial value
takes part as one more entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Primitive, Value
from optserve.primitives import reductions, sums
from optserve.primitives.shaping import normal_axes
from optserve.primitives.sums import reduced_shape

__all__ = ["chosen", "extreme_of", "mean_of", "spread_of", "with_missing"]


def chosen(a: Value, where: Value | None, fill: Value) -> Value:
    """``a``, with ``fill`` in place of what is left out."""
    if where is None or where is True:
        return a
    a = as_operand(a)
    found = np.where(as_operand(where).astype(bool), a, fill)
    if np.shape(found) != np.shape(a):
        raise ShapeError(
            f"where of shape {np.shape(where)} for a value of shape {np.shape(a)}",
            expected="a shape that broadcasts to that of the value",
        )
    return found


def with_missing(a: Value, where: Value | None) -> Value:
    """``a``, with what is left out missing, for functions that leave out NaN."""
    if where is None or where is True:
        return a
    a = as_operand(a)
    return chosen(a if a.dtype.kind == "f" else a.astype(np.float64), where, np.nan)


def _count(a: Value, where: Value, axis: Any) -> Value:
    """How many entries take part, along axes that are kept."""
    ones = np.where(as_operand(where).astype(bool), np.ones(np.shape(a), a.dtype), 0.0)
    return sums.sum_(ones, axis=axis, keepdims=True)


def _shaped(value: Value, axis: Any, keepdims: bool) -> Value:
    """A value with reduced axes of size 1, with or without them."""
    return value if keepdims else sums.sum_(value, axis=axis)


def _floating(a: Value) -> Value:
    a = as_operand(a)
    return a if a.dtype.kind == "f" else a.astype(np.float64)


def mean_of(a: Value, axis: Any, keepdims: bool, where: Value) -> Value:
    """The mean of what takes part; of nothing it is NaN."""
    a = _floating(a)
    total = sums.sum_(chosen(a, where, 0.0), axis=axis, keepdims=True)
    return _shaped(total / _count(a, where, axis), axis, keepdims)


def spread_of(a: Value, axis: Any, ddof: float, keepdims: bool, where: Value, root: bool) -> Value:
    """The variance of what takes part, or its ``root``, whose derivative at 0 is 0."""
    a = _floating(a)
    deviation = chosen(a - mean_of(a, axis, True, where), where, 0.0)
    freedom = np.maximum(_count(a, where, axis) - ddof, 0.0)
    if root:
        length = reductions.norm(deviation, axis=axis, keepdims=True)
        return _shaped(length / np.sqrt(freedom), axis, keepdims)
    total = sums.sum_(deviation * deviation, axis=axis, keepdims=True)
    return _shaped(total / freedom, axis, keepdims)


def extreme_of(
    primitive: Primitive,
    a: Value,
    axis: Any,
    keepdims: bool,
    initial: Value | None,
    where: Value | None,
) -> Value:
    """The largest or smallest of what takes part, and of ``initial``."""
    largest = primitive is reductions.max_
    if initial is None:
        if where is None or where is True:
            return primitive(a, axis=axis, keepdims=keepdims)
        name = "max" if largest else "min"
        raise ShapeError(
            f"np.{name}(..., where=...) of what may be no entry at all",
            remedy=f"give np.{name}(..., where=..., initial=...) the value that it has then",
        )
    a = as_operand(a)
    axes = normal_axes(axis, np.ndim(a))
    if any(np.shape(a)[at] == 0 for at in axes):
        shape = reduced_shape(np.shape(a), axes, keepdims)
        return sums.broadcast_to(as_operand(initial).astype(a.dtype), shape)
    least = (-np.inf if largest else np.inf) if a.dtype.kind == "f" else initial
    found = primitive(chosen(a, where, least), axis=axis, keepdims=keepdims)
    return np.maximum(found, initial) if largest else np.minimum(found, initial)

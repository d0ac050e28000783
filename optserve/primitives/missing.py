"""Summaries of the entries that are there: NaN is left out, and has no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.primitives import reductions, sums

__all__ = ["nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]

Axis = Any


def _split(x: Value, fill: float) -> tuple[Value, Value]:
    """x with what is missing filled, and what is missing."""
    array = as_operand(x)
    missing = np.isnan(array)
    if array.dtype.kind != "f":
        return array, missing
    return np.where(missing, fill, array), missing


def _count(missing: Value, like: Value, axis: Axis) -> Value:
    """How many are there, along axes that are kept."""
    one = np.where(missing, 0.0, 1.0)
    dtype = like.dtype if like.dtype.kind == "f" else np.dtype(np.float64)
    return sums.sum_(one.astype(dtype), axis=axis, keepdims=True)


def _shaped(value: Value, x: Value, axis: Axis, keepdims: bool) -> Value:
    """A value with reduced axes of size 1, with or without them."""
    return value if keepdims else sums.sum_(value, axis=axis)


def nansum(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The sum of the entries that are not NaN.

    >>> float(nansum([1.0, np.nan, 2.0]))
    3.0
    """
    return sums.sum_(_split(x, 0.0)[0], axis=axis, keepdims=keepdims)


def nanprod(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The product of the entries that are not NaN.

    >>> float(nanprod([3.0, np.nan, 2.0]))
    6.0
    """
    return reductions.prod(_split(x, 1.0)[0], axis=axis, keepdims=keepdims)


def nanmean(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The mean of the entries that are not NaN; of none it is NaN.

    >>> float(nanmean([1.0, np.nan, 2.0]))
    1.5
    """
    filled, missing = _split(x, 0.0)
    total = sums.sum_(filled, axis=axis, keepdims=True)
    return _shaped(total / _count(missing, filled, axis), filled, axis, keepdims)


def nanvar(x: Value, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Value:
    """The variance of the entries that are not NaN, divided by their number less ``ddof``.

    >>> float(nanvar([1.0, np.nan, 3.0])), float(nanvar([1.0, np.nan, 3.0], ddof=1))
    (1.0, 2.0)
    """
    deviation, count = _deviation(x, axis)
    total = sums.sum_(deviation * deviation, axis=axis, keepdims=True)
    return _shaped(_over_freedom(total, count - ddof), deviation, axis, keepdims)


def nanstd(x: Value, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Value:
    """The standard deviation of the entries that are not NaN; the derivative of a constant's is 0.

    >>> float(nanstd([1.0, np.nan, 3.0]))
    1.0
    """
    deviation, count = _deviation(x, axis)
    length = reductions.norm(deviation, axis=axis, keepdims=True)
    freedom = count - ddof
    root = np.sqrt(np.where(freedom > 0.0, freedom, 1.0))
    return _shaped(
        _over_freedom(length, np.where(freedom > 0.0, root, 0.0)), deviation, axis, keepdims
    )


def _over_freedom(total: Value, freedom: Value) -> Value:
    """A total over what is left of the count, which is NaN where nothing is."""
    left = freedom > 0.0
    return np.where(left, total / np.where(left, freedom, 1.0), np.nan)


def _deviation(x: Value, axis: Axis) -> tuple[Value, Value]:
    filled, missing = _split(x, 0.0)
    count = _count(missing, filled, axis)
    mean = sums.sum_(filled, axis=axis, keepdims=True) / count
    return np.where(missing, 0.0, filled - mean), count


def nanmax(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest of the entries that are not NaN; of none it is NaN. Ties split the derivative.

    >>> float(nanmax([1.0, np.nan, 3.0]))
    3.0
    """
    return _extreme(x, axis, keepdims, 1.0)


def nanmin(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The least of the entries that are not NaN; of none it is NaN. Ties split the derivative.

    >>> float(nanmin([1.0, np.nan, 3.0]))
    1.0
    """
    return _extreme(x, axis, keepdims, -1.0)


def _extreme(x: Value, axis: Axis, keepdims: bool, sign: float) -> Value:
    filled, missing = _split(x, -sign * np.inf)
    extreme = reductions.max_ if sign > 0.0 else reductions.min_
    found = extreme(filled, axis=axis, keepdims=keepdims)
    if filled.dtype.kind != "f":
        return found
    return np.where(reductions.all_(missing, axis=axis, keepdims=keepdims), np.nan, found)

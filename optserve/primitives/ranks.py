"""Ranks, quantiles and weighted means."""

from __future__ import annotations

from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import is_traced
from optserve.graph.dim import Dim
from optserve.graph.operands import as_floats
from optserve.graph.primitive import Value
from optserve.primitives.indexing import take
from optserve.primitives.interpolation import searchsorted
from optserve.primitives.ordering import sort
from optserve.primitives.shaping import normal_axes, reshape
from optserve.primitives.sums import sum_
from optserve.primitives.whole import integer

__all__ = ["quantile", "rank", "weighted_mean"]


def rank(x: Value) -> Value:
    """The rank of each entry of a vector, from 1; equals share the mean of theirs.

    It has no derivative.

    >>> rank([3.0, 1.0, 3.0, 2.0]).tolist()
    [3.5, 1.0, 3.5, 2.0]
    """
    x = as_floats(x)
    if np.ndim(x) != 1:
        raise ShapeError(f"ranks in {np.shape(x)}", expected="a vector")
    ordered = sort(x)
    less, up_to = (searchsorted(ordered, x, side=side) for side in ("left", "right"))
    return 0.5 * (less + up_to + 1.0)


def quantile(x: Value, q: Value, axis: int | None = None, keepdims: bool = False) -> Value:
    """What a share ``q`` of the entries along an axis lies below, between the two that are nearest.

    As NumPy's ``quantile`` by its method "linear"; without an axis, of all entries. Its derivative
    goes to the two entries. Several shares come along a first axis of the result.

    >>> float(quantile([1.0, 2.0, 4.0], 0.5)), quantile([1.0, 2.0, 4.0], [0.0, 0.75]).tolist()
    (2.0, [1.0, 3.0])
    """
    x = as_floats(x)
    shape = np.shape(x)
    kept = tuple(
        1 if axis is None or i in normal_axes(axis, len(shape)) else size
        for i, size in enumerate(shape)
    )
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    [only] = normal_axes(axis, np.ndim(x))
    ordered = sort(x, axis=only)
    count = np.shape(x)[only]
    if isinstance(count, int) and not count:
        raise ShapeError(f"no quantile along an axis of size 0 in {shape}")
    if not is_traced(q):
        q = np.asarray(q, np.float64)
        if np.any((q < 0.0) | (q > 1.0)):
            raise ShapeError(f"a quantile of {q}", expected="shares between 0 and 1")
    last: Any = x.trace.lift(count) - 1 if isinstance(count, Dim) else count - 1
    place = q * last
    low = np.floor(place)
    part = (place - low).astype(x.dtype)
    first = integer(low)
    below = take(ordered, first, axis=only)
    above = take(ordered, np.minimum(first + 1, integer(last)), axis=only)
    part = reshape(part, (*(1,) * only, *np.shape(part), *(1,) * (np.ndim(x) - only - 1)))
    found = below + part * (above - below)
    if np.ndim(q) and only:
        places = range(np.ndim(found))
        moved = [*places[only : only + np.ndim(q)], *places[:only], *places[only + np.ndim(q) :]]
        found = np.transpose(found, moved)
    return reshape(found, (*np.shape(q), *kept)) if keepdims else found


def weighted_mean(x: Value, weights: Value, axis: Any = None, keepdims: bool = False) -> Value:
    """sum(weights * x) / sum(weights) along axes; ``weights`` broadcast to x.

    >>> float(weighted_mean([1.0, 4.0], [2.0, 1.0]))
    2.0
    """
    x, weights = as_floats(x), as_floats(weights)
    spread = weights + 0.0 * x
    total = sum_(spread, axis=axis, keepdims=keepdims)
    return sum_(weights * x, axis=axis, keepdims=keepdims) / total

"""Norms of vectors and matrices of every order, as NumPy has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import is_traced
from optserve.graph.primitive import Value
from optserve.primitives import reductions, sums
from optserve.primitives.linear_algebra.singular import svdvals
from optserve.primitives.shaping import normal_axes, reshape

__all__ = ["norm"]


def norm(x: Value, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    """The size of a vector or a matrix: without options the root of the sum of all squares.

    Along one ``axis`` (or of one axis) ``ord`` is 2, any other number, inf or -inf; over two it is
    'fro' (the default), 1, -1, inf, -inf, and by singular values 2, -2 and 'nuc', their sum. At 0
    the derivative is 0, and where several entries are the largest they share it.

    >>> float(norm([3.0, 4.0])), float(norm([3.0, -4.0], 1)), float(norm([[3.0, 4.0]], 2))
    (5.0, 7.0, 5.0)
    """
    x = x if is_traced(x) else np.asarray(x)
    if ord is None and axis is None:
        return reductions.norm(x, axis=None, keepdims=keepdims)
    axes = (
        tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    )
    if len(axes) not in (1, 2) and ord is not None:
        raise ShapeError(
            f"a norm over {len(axes)} axes of {np.shape(x)}",
            expected="one axis, of vectors, or two, of matrices",
            remedy="norm(x) is the square root of the sum of all squares",
        )
    normal = [normal_axes(one, np.ndim(x))[0] for one in axes]
    if len(set(normal)) < len(normal):
        raise ShapeError(f"axes {axes} name one axis twice")
    if ord is None:
        return reductions.norm(x, axis=tuple(normal), keepdims=keepdims)
    of_axes = _of_vectors if len(normal) == 1 else _of_matrices
    return of_axes(x, ord, normal, keepdims)


def _of_vectors(x: Value, order: Any, axes: Sequence[int], keepdims: bool) -> Value:
    options: dict[str, Any] = {"axis": tuple(axes), "keepdims": keepdims}
    if order == 2:
        return reductions.norm(x, **options)
    if isinstance(order, str):
        raise ShapeError(f"ord={order!r} of vectors", expected="a number, inf or -inf")
    size = np.abs(_floating(x))
    if order == np.inf:
        return reductions.max_(size, **options)
    if order == -np.inf:
        return reductions.min_(size, **options)
    if order == 0:
        return sums.sum_(np.where(np.equal(x, 0), 0.0, 1.0).astype(size.dtype), **options)
    if order == 1:
        return sums.sum_(size, **options)
    total = sums.sum_(size**order, **options)
    if order < 1:
        return total ** (1.0 / order)
    # At 0 the subgradient of least norm, as that of the norm of order 2.
    nothing = np.equal(total, 0.0)
    return np.where(nothing, 0.0, np.where(nothing, 1.0, total) ** (1.0 / order))


def _of_matrices(x: Value, order: Any, axes: Sequence[int], keepdims: bool) -> Value:
    rows, columns = axes
    if order == "fro":
        return reductions.norm(x, axis=(rows, columns), keepdims=keepdims)
    if order in (2, -2, "nuc"):
        values = svdvals(np.moveaxis(x, (rows, columns), (-2, -1)))
        how = reductions.max_ if order == 2 else reductions.min_ if order == -2 else sums.sum_
        found = how(values, axis=-1)
        shape = tuple(1 if i in axes else size for i, size in enumerate(np.shape(x)))
        return reshape(found, shape) if keepdims else found
    if order not in (1, -1, np.inf, -np.inf):
        raise ShapeError(
            f"ord={order!r} of matrices", expected="'fro', 'nuc', 1, -1, 2, -2, inf or -inf"
        )
    summed, chosen = (rows, columns) if abs(order) == 1 else (columns, rows)
    extreme = reductions.max_ if order > 0 else reductions.min_
    totals = sums.sum_(np.abs(_floating(x)), axis=summed, keepdims=True)
    found = extreme(totals, axis=chosen, keepdims=True)
    return found if keepdims else np.squeeze(found, axis=(rows, columns))


def _floating(x: Value) -> Value:
    if x.dtype.kind == "f":
        return x
    return x.astype(x.trace.precision if is_traced(x) else np.float64)

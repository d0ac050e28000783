"""Matrices made of vectors and of each other, and systems of three diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, Aval, broadcast_shapes
from optserve.graph.domain import Domain, Example, real, unit
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constants import positions
from optserve.primitives.constructors import composite, opaque
from optserve.primitives.indexing import take
from optserve.primitives.linear_algebra.matrix_batches import floating, in_batches
from optserve.primitives.linear_algebra.solving import SINGULAR
from optserve.primitives.shaping import reshape
from optserve.primitives.sums import sum_

__all__ = ["cross", "kron", "toeplitz", "tridiagonal_solve"]


def _kron(a: Value, b: Value) -> Value:
    ndim = max(np.ndim(a), np.ndim(b))
    left = (*(1,) * (ndim - np.ndim(a)), *np.shape(a))
    right = (*(1,) * (ndim - np.ndim(b)), *np.shape(b))
    spread = reshape(a, tuple(one for size in left for one in (size, 1)))
    product = spread * reshape(b, tuple(one for size in right for one in (1, size)))
    return reshape(product, tuple(i * j for i, j in zip(left, right, strict=True)))


kron = composite(
    "kron",
    _kron,
    examples=(Example(((2, 2), (2, 3))), Example(((2,), (3,))), Example(((2,), (2, 2)))),
    floating=False,
    facts=Facts(counts=True),
    doc="""
    The Kronecker product: b times each entry of a, laid out as blocks. As in NumPy along every
    axis, after axes of size 1 are put before those of the one that has fewer.
    """,
)


def _cross(a: Value, b: Value) -> Value:
    for one in (a, b):
        if np.shape(one)[-1:] != (3,):
            raise ShapeError(f"vectors of shape {np.shape(one)}", expected="3 entries, last")
    (x, y, z), (u, v, w) = ([one[..., i] for i in range(3)] for one in (a, b))
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


cross = composite(
    "cross",
    _cross,
    examples=(Example(((3,), (3,))), Example(((2, 3), (3,)))),
    floating=False,
    facts=Facts(counts=True),
    doc="The vector product of vectors of three entries, which are the last axis.",
)


def _toeplitz(column: Value, *more: Value) -> Value:
    [row] = more or (column,)
    down, across = positions(column, -1), positions(row, -1)
    entries = np.concatenate([column, row[..., 1:]], axis=-1)
    lag = down[:, None] - across[None, :]
    return take(entries, np.where(lag >= 0, lag, np.shape(column)[-1] - 1 - lag), axis=-1)


def _toeplitz_arguments(column: Value, row: Value | None = None) -> Any:
    operands = (column,) if row is None else (column, row)
    if not all(np.ndim(one) for one in operands):
        raise ShapeError("a number is no column", expected="vectors")
    return operands, {}


toeplitz = composite(
    "toeplitz",
    _toeplitz,
    arguments=_toeplitz_arguments,
    examples=(Example(((3,),)), Example(((3,), (2,)))),
    floating=False,
    doc="""
    The matrix with this first column and row, constant along diagonals; without a row symmetric,
    as the covariance of a stationary series. The first entry of the row is not used.
    """,
)


def _tridiagonal_shape(lower: Aval, main: Aval, upper: Aval, b: Aval) -> Aval:
    size = main.shape[-1] if main.ndim else 0
    vector = b.ndim == 1
    fits = all(one.ndim and one.shape[-1] == size - 1 for one in (lower, upper))
    if not main.ndim or not fits or not b.ndim or b.shape[-1 if vector else -2] != size:
        raise ShapeError(
            f"diagonals of shapes {lower.shape}, {main.shape} and {upper.shape} do not fit a "
            f"right-hand side of shape {b.shape}",
            expected="n - 1, n and n - 1 entries in the last axis, and a vector of n, or matrices "
            "of n rows in the last two axes",
        )
    batch = broadcast_shapes(*(one.shape[:-1] for one in (lower, main, upper)))
    if vector:
        return Aval((*batch, size), main.dtype)
    return Aval((*broadcast_shapes(batch, b.shape[:-2]), *b.shape[-2:]), main.dtype)


def _tridiagonal_solve(lower: Value, main: Value, upper: Value, b: Value) -> Array:
    from scipy.linalg import lapack

    diagonals = [floating(one) for one in (lower, main, upper)]
    right = floating(b)
    columns = right[:, None] if right.ndim == 1 else right
    shape = np.broadcast_shapes(*(one.shape[:-1] for one in diagonals), columns.shape[:-2])
    dtype = np.result_type(*diagonals, columns)
    solve = lapack.sgtsv if dtype == np.float32 else lapack.dgtsv
    size = columns.shape[-2]
    spread = [np.broadcast_to(one, (*shape, one.shape[-1])) for one in diagonals]
    columns = np.broadcast_to(columns, (*shape, *columns.shape[-2:]))
    x = np.full(columns.shape, np.nan, dtype)
    with np.errstate(all="ignore"):
        for place in np.ndindex(shape):
            if size == 1:
                x[place] = columns[place] / spread[1][place]
            elif columns.size:
                *_, found, failed = solve(*(one[place] for one in spread), columns[place])
                if not failed:
                    x[place] = found
    return x[..., 0] if right.ndim == 1 else x


def _tridiagonal_pullback(
    ct: Value, out: Value, lower: Value, main: Value, upper: Value, b: Value
) -> tuple[Value, Value, Value, Value]:
    if np.ndim(ct) > np.ndim(b) == 1:  # one vector for a batch of matrices, which ct is none of
        columns = ct[..., None], out[..., None]
        *of_matrix, of_b = _tridiagonal_pullback(*columns, lower, main, upper, b[..., None])
        return (*of_matrix, of_b[..., 0])
    back = tridiagonal_solve(upper, main, lower, ct)
    left, right = (back, out) if np.ndim(b) > 1 else (back[..., None], out[..., None])
    of_lower = -sum_(left[..., 1:, :] * right[..., :-1, :], axis=-1)
    of_main = -sum_(left * right, axis=-1)
    return of_lower, of_main, -sum_(left[..., :-1, :] * right[..., 1:, :], axis=-1), back


def _tridiagonal_axes(carried: Sequence[int | None], *avals: Aval) -> Any:
    return in_batches(1, 1, 1, min(avals[-1].ndim, 2), result=min(avals[-1].ndim, 2))(
        carried, *avals
    )


_larger = Domain("larger than both neighbours together", low=2.5)

tridiagonal_solve: Primitive = opaque(
    "tridiagonal_solve",
    _tridiagonal_solve,
    shape=_tridiagonal_shape,
    pullback=_tridiagonal_pullback,
    axes=_tridiagonal_axes,
    domain=(unit, _larger, unit, real),
    examples=(
        Example(((2,), (3,), (2,), (3,))),
        Example(((2, 2), (2, 3), (2,), (3, 2))),
        Example(((0,), (1,), (0,), (1,))),
        Example(((2, 1), (2, 2), (1,), (2,))),
    ),
    facts=Facts(jumps_at="nowhere", remedy=SINGULAR, cost=30.0, lapack=True),
    doc="""
    The x with m @ x = b, m having the entries of ``lower`` (n - 1) below its diagonal ``main`` (n)
    and those of ``upper`` (n - 1) above it: in time that grows as n, with pivots. b is a vector or,
    with two axes or more, matrices; leading axes are batches. Of a singular matrix it is NaN.
    """,
)

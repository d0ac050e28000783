"""Orthogonal factors, least squares and pseudo-inverses."""

from __future__ import annotations

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, Aval, broadcast_shapes
from optserve.graph.domain import Example, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import full_rank
from optserve.primitives.constructors import opaque
from optserve.primitives.linear_algebra.cholesky import triangular_solve
from optserve.primitives.linear_algebra.matrix_batches import (
    each,
    floating,
    in_batches,
    matrix,
    stacked,
    transposed,
)
from optserve.primitives.linear_algebra.solving import solution_batched
from optserve.primitives.linear_algebra.triangles import tril, triu

__all__ = ["lstsq", "pinv", "qr"]

DEFICIENT = "columns are combinations of others: leave some out"


def _qr_shape(a: Aval) -> tuple[Aval, Aval]:
    rows, columns = matrix(a)
    if not isinstance(columns, int):
        raise ShapeError("qr of a matrix with rows of a table as columns", remedy="use a.T")
    least = min(rows, columns) if isinstance(rows, int) else columns
    return (
        Aval((*a.shape[:-1], least), a.dtype),
        Aval((*a.shape[:-2], least, columns), a.dtype),
    )


def _qr(a: Value) -> tuple[Array, Array]:
    q, r = np.linalg.qr(floating(a))
    return q, r


def _of_square_or_tall(of_q: Value, of_r: Value, q: Value, r: Value) -> Value:
    """The cotangent of a = q @ r, r being square."""
    inner = np.matmul(r, transposed(of_r)) - np.matmul(transposed(of_q), q)
    symmetric = tril(inner) + transposed(tril(inner, -1))
    return transposed(triangular_solve(r, transposed(of_q + np.matmul(q, symmetric)), lower=False))


def _qr_pullback(ct: tuple[Value, Value], out: tuple[Value, Value], a: Value) -> tuple[Value]:
    (of_q, of_r), (q, r) = ct, out
    of_r = triu(of_r)
    rows, columns = np.shape(a)[-2:]
    if not isinstance(rows, int) or rows >= columns:
        return (_of_square_or_tall(of_q, of_r, q, r),)
    # A wide matrix is [x, y]: x = q @ r[:, :rows] is square, and r[:, rows:] = q.T @ y.
    y, of_rest = a[..., rows:], of_r[..., rows:]
    of_q = of_q + np.matmul(y, transposed(of_rest))
    of_x = _of_square_or_tall(of_q, of_r[..., :rows], q, r[..., :rows])
    return (np.concatenate([of_x, np.matmul(q, of_rest)], axis=-1),)


qr: Primitive = opaque(
    "qr",
    _qr,
    shape=_qr_shape,
    pullback=_qr_pullback,
    axes=in_batches(2, result=(2, 2)),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((3, 2),)), Example(((2, 2, 3),))),
    facts=Facts(batched=stacked(2), derivative_remedy=DEFICIENT, cost=60.0, lapack=True),
    doc="""
    q, of orthogonal columns of length 1, and the upper triangular r with a = q @ r, for matrices in
    the last two axes: as many columns of q as there are rows or columns, whichever are fewer.
    Where columns depend on each other there is no derivative. Seeger et al. (2017), section 3.3;
    Roberts and Roberts, QR and LQ decomposition matrix backpropagation algorithms (2020).
    """,
)


def _pinv_shape(a: Aval) -> Aval:
    rows, columns = matrix(a)
    return Aval((*a.shape[:-2], columns, rows), a.dtype)


def _pinv_pullback(ct: Value, out: Value, a: Value) -> tuple[Value]:
    turned, of_turned = transposed(out), transposed(ct)
    main = np.matmul(np.matmul(turned, ct), turned)
    rest = of_turned - np.matmul(np.matmul(a, out), of_turned)
    left = np.matmul(np.matmul(rest, out), turned)
    rest = of_turned - np.matmul(of_turned, np.matmul(out, a))
    right = np.matmul(np.matmul(turned, out), rest)
    return (left + right - main,)


pinv: Primitive = opaque(
    "pinv",
    lambda a: each(np.linalg.pinv, floating(a)),
    shape=_pinv_shape,
    pullback=_pinv_pullback,
    axes=in_batches(2),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((3, 2),)), Example(((2, 2, 3),))),
    facts=Facts(batched=stacked(2), cost=200.0, lapack=True),
    doc="""
    The pseudo-inverse of matrices in the last two axes, with which pinv(a) @ b is the shortest of
    the least squares solutions. Singular values below NumPy's bound count as 0. The derivative is
    that along matrices of the same rank: where the rank changes, there is none. Golub and Pereyra,
    The differentiation of pseudo-inverses (1973), equation 4.12.
    """,
)


def _lstsq_shape(a: Aval, b: Aval) -> Aval:
    rows, columns = matrix(a)
    if b.ndim == 0 or b.shape[-2 if b.ndim > 1 else -1] != rows:
        raise ShapeError(
            f"a matrix of shape {a.shape} and a right-hand side of shape {b.shape} do not match",
            expected=f"a vector of {rows}, or a matrix of {rows} rows in the last two axes",
            remedy="" if b.ndim < 2 else "of a batch of vectors make columns: b[..., None]",
        )
    if b.ndim == 1:
        return Aval((*a.shape[:-2], columns), a.dtype)
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Aval((*batch, columns, b.shape[-1]), a.dtype)


def _least_squares(a: Array, b: Array) -> Array:
    """By QR, whose rounding is that of a and not of its square; by pinv where the rank is less."""
    rows, columns = a.shape[-2:]
    if rows >= columns > 0:
        q, r = np.linalg.qr(a)
        sizes = np.abs(np.diagonal(r, 0, -2, -1))
        least = max(rows, columns) * np.finfo(a.dtype).eps * np.max(sizes, axis=-1)
        if np.all(np.min(sizes, axis=-1) > least):
            x = triangular_solve(r, np.matmul(np.swapaxes(q, -1, -2), b), lower=False)
            return np.asarray(x)
    return np.asarray(np.matmul(each(np.linalg.pinv, a), b))


def _lstsq(a: Value, b: Value) -> Array:
    left, right = floating(a), floating(b)
    if right.ndim == 1:
        return np.ascontiguousarray(_least_squares(left, right[:, None])[..., 0])
    return _least_squares(left, right)


def _lstsq_pullback(ct: Value, out: Value, a: Value, b: Value) -> tuple[Value, Value]:
    if np.ndim(b) == 1:
        of_a, of_b = _lstsq_pullback(ct[..., None], out[..., None], a, b[..., None])
        return of_a, of_b[..., 0]
    inverse = pinv(a)
    turned = transposed(inverse)
    of_b = np.matmul(turned, ct)
    residual = b - np.matmul(a, out)
    inner = np.matmul(inverse, of_b)
    beyond = ct - np.matmul(inverse, np.matmul(a, ct))
    of_a = np.matmul(residual, transposed(inner)) - np.matmul(of_b, transposed(out))
    return of_a + np.matmul(np.matmul(turned, out), transposed(beyond)), of_b


lstsq: Primitive = opaque(
    "lstsq",
    _lstsq,
    shape=_lstsq_shape,
    pullback=_lstsq_pullback,
    axes=lambda carried, a, b: in_batches(2, min(b.ndim, 2))(carried, a, b),
    domain=(full_rank, real),
    examples=(
        Example(((3, 2), (3,))),
        Example(((3, 2), (3, 2))),
        Example(((2, 3), (2,))),
        Example(((2, 3, 3), (3, 1))),
    ),
    facts=Facts(batched=solution_batched, cost=200.0, lapack=True),
    doc="""
    The x that makes the sum of squares of b - a @ x least, and the shortest of them where there are
    many. b is a vector or, with two axes or more, matrices; leading axes are batches. The
    derivative is that along matrices of the same rank (Golub and Pereyra 1973).
    """,
)

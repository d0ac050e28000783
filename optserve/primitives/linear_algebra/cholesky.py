"""Cholesky factors, and the triangular systems that they are made for."""

from __future__ import annotations

from typing import Any

import numpy as np

from optserve.graph.aval import Array, Aval
from optserve.graph.domain import Example, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import positive_definite, triangular
from optserve.primitives.constructors import opaque
from optserve.primitives.linear_algebra.matrix_batches import (
    each,
    floating,
    in_batches,
    right_hand_side,
    square,
    stacked,
    transposed,
)
from optserve.primitives.linear_algebra.solving import solution_axes, solution_batched
from optserve.primitives.linear_algebra.triangles import tril, triu

__all__ = ["cholesky", "triangular_solve"]

BLOCK = 24
"""Rows of a triangular system that are solved one after another; of larger ones BLAS solves one,
and a batch is halved."""


def _halved(x: Value) -> Value:
    """The lower triangle with half of the diagonal: Phi of the derivation."""
    return 0.5 * (tril(x) + tril(x, -1))


def _cholesky_pullback(ct: Value, out: Value, a: Value) -> tuple[Value]:
    inner = _halved(np.matmul(transposed(out), tril(ct)))
    left = triangular_solve(out, inner, transpose=True)
    full = transposed(triangular_solve(out, transposed(left), transpose=True))
    return (_halved(full + transposed(full)),)


cholesky: Primitive = opaque(
    "cholesky",
    lambda a: each(np.linalg.cholesky, floating(a)),
    shape=square,
    pullback=_cholesky_pullback,
    axes=in_batches(2),
    domain=positive_definite,
    examples=(Example(((3, 3),)), Example(((2, 2, 2),)), Example(((0, 0),))),
    facts=Facts(
        jumps_at="nowhere",
        batched=stacked(2),
        remedy="the matrix is not positive definite: add a small multiple of eye(n) to it, or "
        "parametrize its factor",
        cost=30.0,
        lapack=True,
    ),
    doc="""
    The lower triangular L with L @ L.T = a, of symmetric positive definite matrices in the last
    two axes. As in NumPy only the lower triangle of a is read, and its derivative is by those
    entries: that of an entry above the diagonal is 0, and one below counts for both. Of a matrix
    that is not positive definite it is NaN. Derivative: Seeger et al., Auto-differentiating linear
    algebra (2017), section 3.2; Murray, Differentiation of the Cholesky decomposition (2016).
    """,
)


def _by_blas(a: Array, b: Array, lower: bool) -> Array:
    """The solution of one large system: x.T @ a.T = b.T, in the order in which BLAS has memory."""
    from scipy.linalg import blas

    solve = blas.strsm if np.result_type(a, b) == np.float32 else blas.dtrsm
    return np.asarray(solve(1.0, a.T, b.T, side=1, lower=not lower)).T


def _substituted(a: Array, b: Array, lower: bool) -> Array:
    """The solution of a triangular system by substitution, larger ones by halves."""
    size = a.shape[-1]
    if size > BLOCK and a.ndim == b.ndim == 2 and b.size:
        return _by_blas(a, b, lower)
    if size > BLOCK:
        half = size // 2
        first, rest = (slice(None, half), slice(half, None))
        if not lower:
            first, rest = rest, first
        top = _substituted(a[..., first, first], b[..., first, :], lower)
        left = b[..., rest, :] - np.matmul(a[..., rest, first], top)
        bottom = _substituted(a[..., rest, rest], left, lower)
        return np.concatenate([top, bottom] if lower else [bottom, top], axis=-2)
    x = np.array(b)
    order = range(size) if lower else range(size - 1, -1, -1)
    for i in order:
        known = slice(0, i) if lower else slice(i + 1, size)
        if known.start < known.stop:
            x[..., i, :] -= np.matmul(a[..., i : i + 1, known], x[..., known, :])[..., 0, :]
        x[..., i, :] /= a[..., i, i, None]
    return x


def _triangular_solve(a: Value, b: Value, *, lower: bool, transpose: bool) -> Array:
    left, right = floating(a), floating(b)
    columns = right[..., None] if right.ndim == 1 else right
    batch = np.broadcast_shapes(left.shape[:-2], columns.shape[:-2])
    columns = np.broadcast_to(columns, (*batch, *columns.shape[-2:]))
    if transpose:
        left, lower = transposed(left), not lower
    with np.errstate(all="ignore"):
        x = _substituted(left, columns, lower)
    return np.ascontiguousarray(x[..., 0] if right.ndim == 1 else x)


def _triangular_solve_pullback(
    ct: Value, out: Value, a: Value, b: Value, *, lower: bool, transpose: bool
) -> tuple[Value, Value]:
    if np.ndim(ct) > np.ndim(b) == 1:  # one vector for a batch of matrices, which ct is none of
        columns = ct[..., None], out[..., None], a, b[..., None]
        of_a, of_b = _triangular_solve_pullback(*columns, lower=lower, transpose=transpose)
        return of_a, of_b[..., 0]
    back = triangular_solve(a, ct, lower=lower, transpose=not transpose)
    left, right = (back, out) if np.ndim(b) > 1 else (back[..., None], out[..., None])
    if transpose:
        left, right = right, left
    triangle = tril if lower else triu
    return -triangle(np.matmul(left, transposed(right))), back


def _triangular_arguments(a: Value, b: Value, lower: bool = True, transpose: bool = False) -> Any:
    return (a, b), {"lower": bool(lower), "transpose": bool(transpose)}


def _triangular_shape(a: Aval, b: Aval, *, lower: bool, transpose: bool) -> Aval:
    return right_hand_side(a, b)


triangular_solve: Primitive = opaque(
    "triangular_solve",
    _triangular_solve,
    shape=_triangular_shape,
    pullback=_triangular_solve_pullback,
    axes=solution_axes,
    arguments=_triangular_arguments,
    domain=(triangular, real),
    examples=(
        Example(((3, 3), (3,)), {"lower": True, "transpose": False}),
        Example(((3, 3), (3, 2)), {"lower": True, "transpose": True}),
        Example(((2, 2, 2), (2, 1)), {"lower": False, "transpose": False}),
        Example(((2, 2), (2, 2, 1)), {"lower": False, "transpose": True}),
        Example(((2, 2, 2), (2,)), {"lower": True, "transpose": True}),
    ),
    facts=Facts(
        jumps_at="nowhere",
        batched=solution_batched,
        remedy="the triangular matrix has a zero on its diagonal, or was made of one that is not "
        "positive definite",
        cost=20.0,
        lapack=True,
    ),
    doc="""
    The x with a @ x = b, a being triangular: only its lower triangle is read (``lower=False``: the
    upper one). With ``transpose=True`` the x with a.T @ x = b. b is a vector or, with two axes or
    more, matrices; leading axes are batches. Derivative: Giles, Collected matrix derivative
    results (2008), section 2.3.
    """,
)

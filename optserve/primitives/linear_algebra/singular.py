"""Singular values and vectors, and functions of a matrix by its singular values.

As for eigenvalues (see ``eigen``), what depends on singular values alone has derivatives where they
are repeated too: by ``singular_map``, U diag(y) V.T, whose derivative has divided differences and
sums of y.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, Aval
from optserve.graph.axes import AxisAnswer, Mixed
from optserve.graph.domain import Example, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import full_rank
from optserve.primitives.arithmetic import mulz
from optserve.primitives.constants import positions
from optserve.primitives.constructors import composite, opaque
from optserve.primitives.linear_algebra.diagonals import diagonal
from optserve.primitives.linear_algebra.eigen import (
    apart,
    divided_differences,
    is_zero,
    rounding_of,
    turning,
    unrounded,
)
from optserve.primitives.linear_algebra.matrix_batches import (
    each,
    floating,
    in_batches,
    matrix,
    stacked,
    transposed,
)
from optserve.primitives.linear_algebra.slopes import slope_of
from optserve.primitives.reductions import entry_count

__all__ = ["singular_map", "svd", "svdvals"]

REPEATED = (
    "repeated singular values have no singular vectors of their own, and those of 0 none at all: "
    "write what depends on singular values alone by svdvals"
)


def _least(a: Aval) -> Aval:
    """The singular values of matrices."""
    rows, columns = matrix(a)
    if not isinstance(rows, int) or not isinstance(columns, int):
        if rows != columns:
            raise ShapeError(f"how many singular values {a.shape} has is not known beforehand")
        return Aval(a.shape[:-1], a.dtype)
    return Aval((*a.shape[:-2], min(rows, columns)), a.dtype)


def _svd_shape(a: Aval) -> tuple[Aval, Aval, Aval]:
    values = _least(a)
    return (
        Aval((*a.shape[:-1], values.shape[-1]), a.dtype),
        values,
        Aval((*values.shape, a.shape[-1]), a.dtype),
    )


def _svd(a: Value) -> tuple[Array, Array, Array]:
    u, s, vh = each(lambda x: tuple(np.linalg.svd(x, full_matrices=False)), floating(a))
    return u, s, vh


def _svd_pullback(
    ct: tuple[Value, Value, Value], out: tuple[Value, Value, Value], a: Value
) -> tuple[Value]:
    of_u, of_s, of_vh = ct
    u, s, vh = out
    v, of_v = transposed(vh), transposed(of_vh)
    pulled = singular_map.bind(a, of_s, slope_of(of_s, s))
    if is_zero(of_u) and is_zero(of_vh):
        return (pulled,)
    index = positions(s, -1)
    other = index[:, None] != index[None, :]
    total = s[..., None, :] + s[..., :, None]
    few = rounding_of(s)
    over, inverse = (
        1.0 / np.where(x <= least, 0.0, x) for x, least in ((total, few[..., None]), (s, few))
    )
    rate = np.where(other, 1.0 / apart(s), 0.0)
    # Of two that are the same both pairs turn together, and a loss that depends on no basis does
    # not change then; against each other they turn at a rate that depends on their sum.
    (of_left, left_size), (of_right, right_size) = turning(u, of_u), turning(v, of_v)
    size = left_size + right_size
    length = entry_count(u, (u.ndim - 2,)) + entry_count(v, (v.ndim - 2,))
    turns = mulz(unrounded(of_left + of_right, size, length), rate)
    turns = turns + mulz(unrounded(of_left - of_right, size, length), over)
    full = pulled + np.matmul(np.matmul(u, 0.5 * turns), vh)
    beyond_u = unrounded(*_beyond(u, of_u), length)
    beyond_v = transposed(unrounded(*_beyond(v, of_v), length))
    full = full + np.matmul(mulz(beyond_u, inverse[..., None, :]), vh)
    return (full + np.matmul(u, mulz(beyond_v, inverse[..., :, None])),)


def _beyond(v: Value, ct: Value) -> tuple[Value, Value]:
    """What of a cotangent of orthonormal vectors leads out of their span, and its parts' size."""
    inner = np.matmul(transposed(v), ct)
    size = np.matmul(np.abs(v), np.matmul(np.abs(transposed(v)), np.abs(ct)))
    return ct - np.matmul(v, inner), np.abs(ct) + size


svd: Primitive = opaque(
    "svd",
    _svd,
    shape=_svd_shape,
    pullback=_svd_pullback,
    axes=in_batches(2, result=(2, 1, 2)),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((3, 2),)), Example(((2, 2, 3),))),
    facts=Facts(batched=stacked(2), derivative_remedy=REPEATED, cost=300.0, lapack=True),
    doc="""
    Singular values s, descending, and vectors: a = (u * s) @ vh, for matrices in the last two axes,
    without the columns of u and rows of vh that belong to none. Where singular values are repeated
    or 0 the derivative is finite where the loss depends on no vectors of theirs; else it is NaN.
    Derivative: Giles, Collected matrix derivative results (2008), section 3.2; Townsend,
    Differentiating the singular value decomposition (2016).
    """,
)

svdvals: Primitive = opaque(
    "svdvals",
    lambda a: each(lambda x: np.linalg.svd(x, compute_uv=False), floating(a)),
    shape=_least,
    pullback=lambda ct, out, a: (singular_map.bind(a, ct, slope_of(ct, out)),),
    axes=in_batches(2, result=1),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((3, 2),)), Example(((2, 2, 3),))),
    facts=Facts(batched=stacked(2), derivative_remedy=REPEATED, cost=150.0, lapack=True),
    doc="""
    Singular values of matrices in the last two axes, descending. Sums of functions of them, as the
    nuclear norm sum(svdvals(a)), have first and second derivatives where they are repeated too.
    """,
)


def _singular_map(a: Value, y: Value, slope: Value) -> Value:
    u, _, vh = svd(a)
    if np.shape(u)[-1:] != np.shape(y)[-1:] or np.shape(y) != np.shape(slope):
        raise ShapeError(f"{np.shape(y)} and {np.shape(slope)} are not of {np.shape(a)}")
    return np.matmul(u * y[..., None, :], vh)


def _over(y: Value, s: Value, slope: Value) -> Value:
    """y / s; at 0 the slope, where y is 0 there too."""
    return np.where((s == 0.0) & (y == 0.0), slope, y / s)


def _singular_map_pullback(
    ct: Value, out: Value, a: Value, y: Value, slope: Value
) -> tuple[Value, Value, None]:
    u, s, vh = svd(a)
    inner = np.matmul(np.matmul(transposed(u), ct), transposed(vh))
    even = 0.5 * (inner + transposed(inner))
    odd = 0.5 * (inner - transposed(inner))
    mean = 0.5 * (slope[..., :, None] + slope[..., None, :])
    sums = _over(y[..., :, None] + y[..., None, :], s[..., :, None] + s[..., None, :], mean)
    rotated = mulz(even, divided_differences(y, s, slope)) + mulz(odd, sums)
    share = _over(y, s, slope)
    beyond_u = np.matmul(ct, transposed(vh)) - np.matmul(u, inner)
    beyond_v = np.matmul(transposed(u), ct) - np.matmul(inner, vh)
    of_a = np.matmul(np.matmul(u, rotated), vh)
    of_a = of_a + np.matmul(mulz(beyond_u, share[..., None, :]), vh)
    of_a = of_a + np.matmul(u, mulz(beyond_v, share[..., :, None]))
    return of_a, diagonal(inner), None


def _singular_axes(carried: Sequence[int | None], *avals: Aval) -> AxisAnswer:
    if carried[0] is None and carried[1] is None:
        return Mixed("its value does not depend on the slope")
    answer: AxisAnswer = in_batches(2, 1, 1)(carried, *avals)
    return answer


singular_map: Primitive = composite(
    "singular_map",
    _singular_map,
    pullback=_singular_map_pullback,
    axes=_singular_axes,
    domain=(full_rank, real, real),
    examples=(
        Example(((3, 3), (3,), (3,))),
        Example(((3, 2), (2,), (2,))),
        Example(((2, 2, 3), (2, 2), (2, 2))),
    ),
    internal=True,
    facts=Facts(derivative_remedy=REPEATED, cost=300.0, lapack=True),
    doc="""
    U diag(y) V.T with the singular vectors U and V of a matrix. ``slope`` is the derivative of y by
    the singular values that it was made of, which counts where those are repeated or 0: the value
    does not depend on it.
    """,
)

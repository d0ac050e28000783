"""Linear systems, inverses and determinants, by NumPy's LU factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.graph.aval import Array, Aval
from optserve.graph.axes import AxisAnswer
from optserve.graph.dim import Size
from optserve.graph.domain import Example, real
from optserve.graph.facts import Facts
from optserve.graph.leading import Leading
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import full_rank
from optserve.primitives.constructors import composite, opaque
from optserve.primitives.linear_algebra.matrix_batches import (
    each,
    floating,
    in_batches,
    right_hand_side,
    square,
    stacked,
    transposed,
)
from optserve.primitives.sums import sum_

__all__ = [
    "cofactors",
    "det",
    "inv",
    "pivots",
    "slogdet",
    "solution_axes",
    "solution_batched",
    "solve",
]


def solution_axes(
    carried: Sequence[int | None], a: Aval, b: Aval, **_attributes: Any
) -> AxisAnswer:
    """The axis rule of a @ x = b: rows may be those of a batch, or the columns of b."""
    rows, of_b = carried
    if rows is None and of_b is not None and b.ndim > 1 and of_b == b.ndim - 1:
        return right_hand_side(a, b).ndim - 1
    rule = in_batches(2, min(b.ndim, 2))
    answer: AxisAnswer = rule(carried, a, b)
    return answer


def solution_batched(
    carried: Sequence[bool], size: Size, a: Aval, b: Aval, **attributes: Any
) -> Leading | None:
    """The fact ``batched`` of a @ x = b: a vector b becomes no batch of vectors."""
    if b.ndim == 1:
        return None if carried[1] else Leading(attributes, operands="some")
    return Leading(attributes) if a.ndim == b.ndim else None


def _solve(a: Value, b: Value) -> Array:
    left, right = floating(a), floating(b)
    columns = right[..., None] if right.ndim == 1 else right
    x: Array = each(np.linalg.solve, left, columns)
    return np.ascontiguousarray(x[..., 0]) if right.ndim == 1 else x


def _solve_pullback(ct: Value, out: Value, a: Value, b: Value) -> tuple[Value, Value]:
    if np.ndim(ct) > np.ndim(b) == 1:  # one vector for a batch of matrices, which ct is none of
        of_a, of_b = _solve_pullback(ct[..., None], out[..., None], a, b[..., None])
        return of_a, of_b[..., 0]
    back = solve(transposed(a), ct)
    left, right = (back, out) if np.ndim(b) > 1 else (back[..., None], out[..., None])
    return -np.matmul(left, transposed(right)), back


SINGULAR = "the matrix is singular: one of its rows is a combination of the others"

solve: Primitive = opaque(
    "solve",
    _solve,
    shape=right_hand_side,
    pullback=_solve_pullback,
    axes=solution_axes,
    domain=(full_rank, real),
    examples=(
        Example(((3, 3), (3,))),
        Example(((3, 3), (3, 2))),
        Example(((2, 2, 2), (2, 1))),
        Example(((2, 2), (2, 2, 1))),
        Example(((2, 2, 2), (2,))),
    ),
    facts=Facts(
        jumps_at="nowhere", batched=solution_batched, remedy=SINGULAR, cost=30.0, lapack=True
    ),
    doc="""
    The x with a @ x = b, for square matrices in the last two axes. b is a vector or, with two axes
    or more, matrices (of a batch of vectors make columns: b[..., None]); leading axes are batches.
    Of a singular matrix it is NaN. Derivative: Giles, Collected matrix derivative results (2008),
    section 2.3.
    """,
)

inv: Primitive = opaque(
    "inv",
    lambda a: each(np.linalg.inv, floating(a)),
    shape=square,
    pullback=lambda ct, out, a: (-np.matmul(np.matmul(transposed(out), ct), transposed(out)),),
    axes=in_batches(2),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((2, 2, 2),)), Example(((0, 0),))),
    facts=Facts(jumps_at="nowhere", batched=stacked(2), remedy=SINGULAR, cost=40.0, lapack=True),
    doc="""
    The inverse of square matrices in the last two axes. Of a singular one it is NaN. Where it is
    only multiplied with something, solve(a, b) is faster and more accurate.
    """,
)


def _pivots(a: Value) -> Array:
    from scipy.linalg import lapack

    matrices = floating(a)
    factor = lapack.sgetrf if matrices.dtype == np.float32 else lapack.dgetrf
    found = np.zeros(matrices.shape[:-1], matrices.dtype)
    for place in np.ndindex(matrices.shape[:-2]):
        if matrices.shape[-1]:
            factors, exchanged, _ = factor(matrices[place])
            odd = np.count_nonzero(exchanged != np.arange(len(exchanged))) % 2
            found[place] = np.diagonal(factors)
            found[(*place, 0)] *= -1.0 if odd else 1.0
    return found


pivots: Primitive = opaque(
    "pivots",
    _pivots,
    shape=lambda a: Aval(square(a).shape[:-1], a.dtype),
    axes=in_batches(2, result=1),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((2, 2, 2),))),
    internal=True,
    facts=Facts(batched=stacked(2), cost=20.0, lapack=True),
    doc="""
    What Gauss's elimination divides by, whose product is the determinant: an odd number of
    exchanges of rows turns the sign of the first. It has no derivative of its own.
    """,
)


def _slogdet(a: Value) -> tuple[Value, Value]:
    found = pivots(a)
    negative = sum_(np.where(found < 0.0, 1.0, 0.0).astype(found.dtype), axis=-1)
    sign = 1.0 - 2.0 * (negative - 2.0 * np.floor(0.5 * negative))
    size = np.abs(found)
    sign = np.where(sum_(np.where(size == 0.0, 1.0, 0.0), axis=-1) > 0.0, 0.0, sign)
    logarithm = sum_(np.log(size), axis=-1)
    return np.where(np.isnan(logarithm), np.nan, sign).astype(found.dtype), logarithm


def _slogdet_pullback(ct: tuple[Value, Value], out: Value, a: Value) -> tuple[Value]:
    return (ct[1][..., None, None] * transposed(inv(a)),)


slogdet: Primitive = composite(
    "slogdet",
    _slogdet,
    impl=lambda a: tuple(np.linalg.slogdet(floating(a))),
    pullback=_slogdet_pullback,
    axes=in_batches(2, result=(0, 0)),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((2, 2, 2),))),
    facts=Facts(batched=stacked(2), remedy=SINGULAR, cost=20.0, lapack=True),
    doc="""
    The sign of the determinant of square matrices in the last two axes, and the logarithm of its
    size: slogdet(a)[1] is log(abs(det(a))) without overflow. Of a singular matrix they are 0 and
    -inf. The sign has no derivative.
    """,
)


def _det_pullback(ct: Value, out: Value, a: Value) -> tuple[Value]:
    return (ct[..., None, None] * cofactors(a),)


det: Primitive = opaque(
    "det",
    lambda a: np.linalg.det(floating(a)),
    shape=lambda a: Aval(square(a).shape[:-2], a.dtype),
    pullback=_det_pullback,
    axes=in_batches(2, result=0),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((2, 2, 2),))),
    facts=Facts(jumps_at="nowhere", batched=stacked(2), cost=20.0, lapack=True),
    doc="""
    The determinant of square matrices in the last two axes. Its derivative is exact for singular
    matrices too, where that is the matrix of cofactors. Large ones overflow: slogdet does not.
    """,
)


def _cofactors(a: Value) -> Array:
    """det(a) * inv(a).T by singular values, which is defined for singular matrices too."""
    matrices = floating(a)
    u, s, vh = each(np.linalg.svd, matrices)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    scaled = u * (sign[..., None] * products_of_others(s))[..., None, :]
    return np.asarray(np.matmul(scaled, vh))


def products_of_others(s: Array) -> Array:
    """For each entry along the last axis the product of the others."""
    one = np.ones((*s.shape[:-1], 1), s.dtype)
    before = np.cumprod(np.concatenate([one, s[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return before * after


def _cofactors_pullback(ct: Value, out: Value, a: Value) -> tuple[Value]:
    """Of det(a) * inv(a).T by the product rule."""
    inverse = transposed(inv(a))
    inner = np.sum(ct * inverse, axis=(-2, -1), keepdims=True)
    return (inner * out - np.matmul(np.matmul(out, transposed(ct)), inverse),)


cofactors: Primitive = opaque(
    "cofactors",
    _cofactors,
    shape=square,
    pullback=_cofactors_pullback,
    axes=in_batches(2),
    domain=full_rank,
    examples=(Example(((3, 3),)), Example(((2, 2, 2),))),
    internal=True,
    facts=Facts(
        jumps_at="nowhere",
        batched=stacked(2),
        derivative_remedy="the second derivative of det is not known at a singular matrix",
        cost=60.0,
        lapack=True,
    ),
    doc="The matrix of cofactors, which is the derivative of the determinant.",
)

"""Eigenvalues and eigenvectors of symmetric matrices, and functions of such a matrix.

``eigh`` cannot know what is done with the eigenvectors of a repeated eigenvalue, which are any
basis of a plane: where a loss uses them one by one, its derivative is not a number. What does not
depend on the basis goes other ways. The derivative of a function of eigenvalues alone is a function
of the matrix, V y V.T, and that has a derivative at repeated eigenvalues too (Daleckii and Krein
1965): divided differences of y, which become its slope where two eigenvalues meet.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, Aval
from optserve.graph.axes import AxisAnswer, Mixed
from optserve.graph.domain import Example, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import symmetric
from optserve.graph.trace import Tracer
from optserve.primitives.arithmetic import mulz
from optserve.primitives.constants import positions
from optserve.primitives.constructors import composite, opaque
from optserve.primitives.linear_algebra.diagonals import diagonal
from optserve.primitives.linear_algebra.matrix_batches import (
    each,
    floating,
    in_batches,
    square,
    stacked,
    transposed,
)
from optserve.primitives.linear_algebra.slopes import slope_of
from optserve.primitives.linear_algebra.triangles import tril
from optserve.primitives.matching import is_number, operand
from optserve.primitives.reductions import entry_count
from optserve.primitives.stopping import stopped
from optserve.primitives.sums import broadcast_to

__all__ = [
    "apart",
    "divided_differences",
    "eigh",
    "eigvalsh",
    "is_zero",
    "rounding_of",
    "spectral",
    "turning",
    "unrounded",
]

REPEATED = (
    "repeated eigenvalues have no eigenvectors of their own: write a function of the matrix as "
    "(v * g(w)) @ v.T, and what depends on eigenvalues alone by eigvalsh"
)


def is_zero(ct: Value) -> bool:
    """Whether a cotangent is known to be nothing but zeros."""
    if not isinstance(ct, Tracer):
        return not np.any(ct)
    inner = operand(ct, broadcast_to)
    return is_number(ct if inner is None else inner, 0.0)


def _of_lower(full: Value) -> Value:
    """A derivative by the lower triangle, of that by all entries of a symmetric matrix."""
    both = full + transposed(full)
    return 0.5 * (tril(both) + tril(both, -1))


def rounding_of(w: Value) -> Value:
    """By how much rounding may change each of these eigenvalues or singular values."""
    bound = 8.0 * float(np.finfo(w.dtype).eps) * entry_count(w, (w.ndim - 1,))
    return bound * np.max(np.abs(w), axis=-1, keepdims=True)


def apart(w: Value) -> Value:
    """w_j - w_i for each pair, and exactly 0 where only rounding tells them apart."""
    gap = w[..., None, :] - w[..., :, None]
    return np.where(np.abs(gap) <= rounding_of(w)[..., None], 0.0, gap)


def turning(v: Value, ct: Value) -> tuple[Value, Value]:
    """How a loss of ``ct`` by vectors ``v`` changes as each pair turns in its plane.

    And how large the parts of that are, for ``unrounded``: where it depends on no basis of the
    plane, it changes by rounding alone.
    """
    inner, size = np.matmul(transposed(v), ct), np.matmul(np.abs(transposed(v)), np.abs(ct))
    return inner - transposed(inner), size + transposed(size)


def unrounded(x: Value, size: Value, length: Value) -> Value:
    """``x``, but exactly 0 where it is only rounding of sums of ``length`` parts of a ``size``.

    Its derivative is that of ``x`` all the same.
    """
    rounding = 32.0 * float(np.finfo(x.dtype).eps) * length * size
    return x - stopped(np.where(np.abs(x) <= rounding, x, 0.0))


def divided_differences(y: Value, w: Value, slope: Value) -> Value:
    """(y_i - y_j) / (w_i - w_j) for each pair; where two of w meet, the slope of y there.

    Where it is not known, or y_i and y_j do not meet too, NaN; on the diagonal 0.
    """
    gap, rise = (x[..., None, :] - x[..., :, None] for x in (w, y))
    mean = 0.5 * (slope[..., :, None] + slope[..., None, :])
    eps = float(np.finfo(w.dtype).eps)
    size = np.max(np.abs(w), axis=-1, keepdims=True)[..., None]
    height = np.max(np.abs(y), axis=-1, keepdims=True)[..., None]
    near = np.abs(gap) <= eps ** (1.0 / 3.0) * size
    meet = np.abs(rise) <= 2.0 * np.abs(mean * gap) + 64.0 * eps * height
    quotient = rise / apart(w)
    index = positions(w, -1)
    other = index[:, None] != index[None, :]
    return np.where(other, np.where(near & meet, mean, quotient), 0.0)


def _eigh_pullback(
    ct: tuple[Value, Value], out: tuple[Value, Value], a: Value, *, upper: bool = False
) -> tuple[Value]:
    del upper
    of_values, of_vectors = ct
    w, v = out
    pulled = spectral.bind(a, of_values, slope_of(of_values, w))
    if is_zero(of_vectors):
        return (_of_lower(pulled),)
    index = positions(w, -1)
    other = index[:, None] != index[None, :]
    rate = np.where(other, 0.5 / apart(w), 0.0)
    turns = unrounded(*turning(v, of_vectors), length=entry_count(v, (v.ndim - 2,)))
    inner = mulz(turns, rate)
    return (_of_lower(pulled + np.matmul(np.matmul(v, inner), transposed(v))),)


def _eigh(a: Value, *, upper: bool = False) -> tuple[Array, Array]:
    given, triangle = (np.swapaxes(a, -1, -2), "U") if upper else (a, "L")
    w, v = each(functools.partial(np.linalg.eigh, UPLO=triangle), floating(given))
    return w, v


eigh: Primitive = opaque(
    "eigh",
    _eigh,
    shape=lambda a, upper=False: (Aval(square(a).shape[:-1], a.dtype), a),
    pullback=_eigh_pullback,
    axes=in_batches(2, result=(1, 2)),
    domain=symmetric,
    examples=(Example(((3, 3),)), Example(((2, 2, 2),))),
    facts=Facts(batched=stacked(2), derivative_remedy=REPEATED, cost=200.0, lapack=True),
    doc="""
    Eigenvalues w, ascending, and eigenvectors v (columns of length 1) of symmetric matrices in the
    last two axes: a @ v = v * w. As in NumPy only the lower triangle is read, and derivatives are
    by it; with ``upper`` LAPACK is given the transposed matrix, which may turn vectors round. At
    repeated eigenvalues (within rounding, 8 n eps times the largest of them) the derivative is
    finite where the loss depends on none of their eigenvectors alone: functions of w,
    (v * g(w)) @ v.T with g entry by entry, and projections v_r @ v_r.T with all vectors of the
    repeated ones in v_r; else it is NaN.
    Derivative: Giles, Collected matrix derivative results (2008), section 3.1.
    """,
)


def _eigvalsh_pullback(ct: Value, out: Value, a: Value) -> tuple[Value]:
    return (_of_lower(spectral.bind(a, ct, slope_of(ct, out))),)


eigvalsh: Primitive = opaque(
    "eigvalsh",
    lambda a: each(np.linalg.eigvalsh, floating(a)),
    shape=lambda a: Aval(square(a).shape[:-1], a.dtype),
    pullback=_eigvalsh_pullback,
    axes=in_batches(2, result=1),
    domain=symmetric,
    examples=(Example(((3, 3),)), Example(((2, 2, 2),))),
    facts=Facts(batched=stacked(2), derivative_remedy=REPEATED, cost=100.0, lapack=True),
    doc="""
    Eigenvalues of symmetric matrices in the last two axes, ascending; only the lower triangle is
    read. Sums of functions of them, sum(log(eigvalsh(a))), have first and second derivatives where
    eigenvalues are repeated too. Derivative: Giles (2008), section 3.1; Lewis and Sendov (2001).
    """,
)


def _spectral(a: Value, y: Value, slope: Value) -> Value:
    if np.shape(a)[-1:] != np.shape(y)[-1:] or np.shape(y) != np.shape(slope):
        raise ShapeError(f"{np.shape(y)} and {np.shape(slope)} are not of {np.shape(a)}")
    _, v = eigh(a)
    return np.matmul(v * y[..., None, :], transposed(v))


def _spectral_pullback(
    ct: Value, out: Value, a: Value, y: Value, slope: Value
) -> tuple[Value, Value, None]:
    w, v = eigh(a)
    inner = np.matmul(np.matmul(transposed(v), ct), v)
    rotated = mulz(0.5 * (inner + transposed(inner)), divided_differences(y, w, slope))
    of_a = np.matmul(np.matmul(v, rotated), transposed(v))
    return _of_lower(of_a), diagonal(inner), None


def _spectral_axes(carried: Sequence[int | None], *avals: Aval) -> AxisAnswer:
    if carried[0] is None and carried[1] is None:
        return Mixed("its value does not depend on the slope")
    answer: AxisAnswer = in_batches(2, 1, 1)(carried, *avals)
    return answer


spectral: Primitive = composite(
    "spectral",
    _spectral,
    pullback=_spectral_pullback,
    axes=_spectral_axes,
    domain=(symmetric, real, real),
    examples=(Example(((3, 3), (3,), (3,))), Example(((2, 2, 2), (2, 2), (2, 2)))),
    internal=True,
    facts=Facts(derivative_remedy=REPEATED, cost=200.0, lapack=True),
    doc="""
    V diag(y) V.T with the eigenvectors V of a symmetric matrix. ``slope`` is the derivative of y by
    the eigenvalues that it was made of, which counts where eigenvalues are repeated: the value does
    not depend on it.
    """,
)

"""The exponential of matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optserve.graph.aval import Array, Aval, broadcast_shapes
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import full_rank
from optserve.primitives.constructors import opaque
from optserve.primitives.linear_algebra.matrix_batches import (
    floating,
    in_batches,
    square,
    stacked,
    transposed,
)

__all__ = ["expm", "expm_slope"]


_PADE = (
    *(64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0),
    *(129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0),
    *(40840800.0, 960960.0, 16380.0, 182.0, 1.0),
)
"""The coefficients of the numerator of order 13 (Higham 2005, equation 2.2)."""

_LARGEST = 5.371920351148152
"""The 1-norm up to which the approximant of order 13 has all digits (Higham 2005, table 2.3)."""


def _expm(a: Value) -> Array:
    """By scaling and squaring, each matrix of a batch as often as its norm asks for."""
    given = floating(a)
    finite = np.isfinite(given).all(axis=(-2, -1), keepdims=True)
    matrices = np.where(finite, given, 0.0).astype(np.float64)
    if not given.size:
        return given
    norm = np.max(np.sum(np.abs(matrices), axis=-2), axis=-1)[..., None, None]
    _, exponent = np.frexp(norm / _LARGEST)
    halvings = np.maximum(exponent, 0)
    with np.errstate(all="ignore"):
        found = _approximant(np.ldexp(matrices, -halvings))
        for done in range(int(np.max(halvings))):
            found = np.where(halvings > done, np.matmul(found, found), found)
    return np.where(finite, found, np.nan).astype(given.dtype)


def _approximant(x: Array) -> Array:
    """Pade's of order 13, in six products."""
    c, one = _PADE, np.eye(x.shape[-1])
    x2 = np.matmul(x, x)
    x4 = np.matmul(x2, x2)
    x6 = np.matmul(x4, x2)
    high = np.matmul(x6, c[13] * x6 + c[11] * x4 + c[9] * x2)
    odd = np.matmul(x, high + c[7] * x6 + c[5] * x4 + c[3] * x2 + c[1] * one)
    high = np.matmul(x6, c[12] * x6 + c[10] * x4 + c[8] * x2)
    even = high + c[6] * x6 + c[4] * x4 + c[2] * x2 + c[0] * one
    return np.asarray(one + 2.0 * np.linalg.solve(even - odd, odd))


def _expm_slope(a: Value, direction: Value) -> Array:
    """The upper right block of expm([[a, direction], [0, a]])."""
    own, along = np.broadcast_arrays(floating(a), floating(direction))
    size = np.max(np.abs(along), axis=(-2, -1), keepdims=True, initial=0.0)
    size = np.where(size == 0.0, 1.0, size)
    block = _expm(_blocks(own, along / size, np.zeros_like(own), own))
    count = own.shape[-1]
    return np.asarray(size * block[..., :count, count:])


def _blocks(a: Value, b: Value, c: Value, d: Value) -> Value:
    top = np.concatenate([a, b], axis=-1)
    return np.concatenate([top, np.concatenate([c, d], axis=-1)], axis=-2)


def _expm_jvp(operands: Sequence[Value], tangents: Sequence[Value]) -> tuple[Value, Value]:
    return expm(*operands), expm_slope.bind(*operands, *tangents)


expm: Primitive = opaque(
    "expm",
    _expm,
    shape=square,
    pullback=lambda ct, out, a: (expm_slope.bind(transposed(a), ct),),
    jvp=_expm_jvp,
    axes=in_batches(2),
    domain=full_rank,
    examples=(Example(((2, 2),)), Example(((2, 2, 2),)), Example(((0, 0),))),
    facts=Facts(jumps_at="nowhere", batched=stacked(2), overflows=True, cost=300.0, lapack=True),
    doc="""
    The exponential of square matrices in the last two axes, 1 + a + a @ a / 2 + ...: of rates of
    change, what they come to after a unit of time. By scaling and squaring (Higham, The scaling and
    squaring method for the matrix exponential revisited, 2005); its derivative is a block of the
    exponential of a larger matrix (Van Loan 1978).
    """,
)


def _expm_slope_shape(a: Aval, direction: Aval) -> Aval:
    return Aval(broadcast_shapes(square(a).shape, square(direction).shape), a.dtype)


def _expm_slope_pullback(ct: Value, out: Value, a: Value, direction: Value) -> tuple[Value, Value]:
    """The slope is a block of expm([[a, direction], [0, a]]), whose derivative is known."""
    nothing = a * 0.0
    block = _blocks(transposed(a), nothing, transposed(direction), transposed(a))
    of_block = expm_slope.bind(block, _blocks(nothing, ct, nothing, nothing))
    size = np.shape(a)[-1]
    first, last = slice(None, size), slice(size, None)
    of_a = of_block[..., first, first] + of_block[..., last, last]
    return of_a, of_block[..., first, last]


def _expm_slope_jvp(
    operands: Sequence[Value], tangents: Sequence[Value | None]
) -> tuple[Value, Value]:
    (a, direction), (of_a, of_direction) = operands, tangents
    change: Value = 0.0
    if of_direction is not None:
        change = expm_slope.bind(a, of_direction)
    if of_a is not None:
        nothing, size = a * 0.0, np.shape(a)[-1]
        twice = expm_slope.bind(
            _blocks(a, direction, nothing, a), _blocks(of_a, nothing, nothing, of_a)
        )
        change = change + twice[..., :size, size:]
    return expm_slope.bind(a, direction), change


expm_slope: Primitive = opaque(
    "expm_slope",
    _expm_slope,
    shape=_expm_slope_shape,
    pullback=_expm_slope_pullback,
    jvp=_expm_slope_jvp,
    axes=in_batches(2, 2),
    domain=full_rank,
    examples=(Example(((2, 2), (2, 2))), Example(((2, 2, 2), (2, 2, 2)))),
    internal=True,
    facts=Facts(jumps_at="nowhere", batched=stacked(2, 2), overflows=True, cost=900.0, lapack=True),
    doc="""
    How the exponential of a matrix changes along a direction: the derivative of expm(a + t *
    direction) by t at 0.
    """,
)

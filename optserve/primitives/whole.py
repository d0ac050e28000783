"""Whole numbers: made of reals, and held to 64 bits.

Neither has a value to stand for "not a number", as reals have NaN: what is none is a numerical
failure.
"""

from __future__ import annotations

import numpy as np

from optserve.errors import NumericalFailure
from optserve.graph.aval import Array
from optserve.graph.domain import integer as integers
from optserve.graph.primitive import Value
from optserve.primitives.constructors import elementwise

__all__ = ["integer", "unwrapped"]

_BEYOND = 2.0**63
"""The least whole number that 64 bits do not hold."""


def _integer(x: Value) -> Value:
    array = np.asarray(x)
    if array.dtype.kind == "f":
        held = (np.rint(array) == array) & (array >= -_BEYOND) & (array < _BEYOND)
        if not held.all():
            raise NumericalFailure(
                f"{_first(array, ~held)} is no whole number of 64 bits",
                remedy="say which one is meant: integer(round(x)), integer(floor(x))",
            )
    return array.astype(np.int64)[()]


integer = elementwise(
    "integer",
    ufunc=_integer,
    partials=lambda out, x: (None,),
    domain=integers(-2, 2),
    floating=False,
    doc="""
    A whole number as an integer, which can be an index; truth values are 0 and 1. What is not
    whole, not finite or beyond 64 bits is a numerical failure.
    """,
)


def _unwrapped(exact: Value, rough: Value, *, of: str = "arithmetic") -> Value:
    # What has wrapped around is off by a multiple of 2**64. NaN compares false.
    held = np.abs(np.asarray(exact, np.float64) - rough) < _BEYOND
    if not np.all(held):
        number = _first(np.asarray(rough), ~held)
        if np.isfinite(number):
            why = "64 bits do not hold it"
            remedy = "begin with 1.0 * to compute in floats, or declare the column `as: float`"
        else:
            why = "that is no whole number"
            remedy = "divide by something else there: n // where(k == 0, 1, k)"
        raise NumericalFailure(f"{of} of whole numbers gives {number:.6g}: {why}", remedy=remedy)
    return np.where(held, exact, 0)[()]


unwrapped = elementwise(
    "unwrapped",
    ufunc=_unwrapped,
    partials=lambda out, exact, rough: (None, None),
    domain=integers(-2, 2),
    floating=False,
    keeps=(0, 1),
    internal=True,
    doc="""
    A whole number that was computed twice, in 64 bits and in floating point. Where the two show
    that it has wrapped around, or that there is none (x // 0), it is a numerical failure;
    ``of`` names what computed it.
    """,
)


def _first(array: Array, bad: Array) -> float:
    """The first entry that is bad."""
    return float(np.broadcast_to(array, bad.shape)[bad].flat[0])

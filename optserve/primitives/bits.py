"""Bits of integers, which Python code may combine as NumPy does; expressions refuse them.

Of truth values they are the logical operations, which have primitives of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval, aval_of, broadcast_shapes
from optserve.graph.axes import aligned
from optserve.graph.primitive import Primitive, Value
from optserve.primitives import comparisons
from optserve.primitives.constructors import opaque

__all__ = [
    "UFUNCS",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "invert",
    "left_shift",
    "right_shift",
]


def _of_integers(ufunc: np.ufunc, expected: str = "integers") -> Primitive:
    """``ufunc`` on integers; others are refused."""
    name = ufunc.__name__

    def shape(*avals: Aval) -> Aval:
        [dtype] = {aval.dtype for aval in avals}
        if dtype.kind not in "iu":
            raise ShapeError(
                f"{name} of {dtype.name}",
                expected=expected,
                remedy="compare first: (x > 0) & (y > 0)",
            )
        return Aval(broadcast_shapes(*(aval.shape for aval in avals)), dtype)

    return opaque(name, ufunc, shape=shape, axes=aligned, floating=False)


_OR_TRUTHS = "integers, or truth values"

bitwise_and = _of_integers(np.bitwise_and, _OR_TRUTHS)
bitwise_or = _of_integers(np.bitwise_or, _OR_TRUTHS)
bitwise_xor = _of_integers(np.bitwise_xor, _OR_TRUTHS)
invert = _of_integers(np.invert, _OR_TRUTHS)
left_shift = _of_integers(np.left_shift)
right_shift = _of_integers(np.right_shift)


def _or_of_truths(primitive: Primitive, logical: Primitive) -> Callable[..., Value]:
    """``primitive`` on integers, ``logical`` on truth values."""

    def apply(*operands: Value) -> Value:
        of_truths = all(_is_truth(operand) for operand in operands)
        return logical(*operands) if of_truths else primitive.bind(*operands)

    return apply


def _is_truth(operand: Value) -> bool:
    return aval_of(operand).dtype.kind == "b"


UFUNCS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.bitwise_and: _or_of_truths(bitwise_and, comparisons.logical_and),
        np.bitwise_or: _or_of_truths(bitwise_or, comparisons.logical_or),
        np.bitwise_xor: _or_of_truths(bitwise_xor, comparisons.not_equal),
        np.invert: _or_of_truths(invert, comparisons.logical_not),
        np.left_shift: left_shift.bind,
        np.right_shift: right_shift.bind,
    }
)
"""What ``&``, ``|``, ``^``, ``~``, ``<<`` and ``>>`` of traced values are."""

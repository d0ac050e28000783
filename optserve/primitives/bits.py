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
from optserve.primitives import selection
from optserve.primitives.constructors import opaque

__all__ = ["UFUNCS"]


def _of_integers(ufunc: np.ufunc, logical: Primitive | None = None) -> Callable[..., Value]:
    """``ufunc`` on integers, ``logical`` (if there is one) on truth values; others are refused."""
    name = ufunc.__name__

    def shape(*avals: Aval) -> Aval:
        [dtype] = {aval.dtype for aval in avals}
        if dtype.kind not in "iu":
            raise ShapeError(
                f"{name} of {dtype.name}",
                expected="integers, or truth values" if logical else "integers",
                remedy="compare first: (x > 0) & (y > 0)",
            )
        return Aval(broadcast_shapes(*(aval.shape for aval in avals)), dtype)

    primitive = opaque(name, ufunc, shape=shape, axes=aligned, floating=False)

    def apply(*operands: Value) -> Value:
        if logical is not None and all(_is_truth(operand) for operand in operands):
            return logical(*operands)
        return primitive.bind(*operands)

    return apply


def _is_truth(operand: Value) -> bool:
    return aval_of(operand).dtype.kind == "b"


UFUNCS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.bitwise_and: _of_integers(np.bitwise_and, selection.logical_and),
        np.bitwise_or: _of_integers(np.bitwise_or, selection.logical_or),
        np.bitwise_xor: _of_integers(np.bitwise_xor, selection.not_equal),
        np.invert: _of_integers(np.invert, selection.logical_not),
        np.left_shift: _of_integers(np.left_shift),
        np.right_shift: _of_integers(np.right_shift),
    }
)
"""What ``&``, ``|``, ``^``, ``~``, ``<<`` and ``>>`` of traced values are."""

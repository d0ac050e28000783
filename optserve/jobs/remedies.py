"""What to do about a value, or a derivative, that is not finite: by the name of the primitive."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from optserve.graph.aval import Array

__all__ = ["of_derivative", "of_value"]

_POSITIVE = "keep what it is given positive: bounds, `transform: log`, or another form of the model"

_OF_VALUE = MappingProxyType(
    {
        "log": _POSITIVE,
        "log1p": "keep what it is given above -1",
        "sqrt": "keep what it is given from falling below 0",
        "power": "a negative number has no fractional power, and 0 no negative one",
        "divide": "keep what it divides by away from 0",
        "reciprocal": "keep what it divides by away from 0",
        "exp": "exp overflows above 709 (above 88 in float32): use logsumexp, softplus or sigmoid, "
        "or shorter steps",
        "expm1": "expm1 overflows above 709 (above 88 in float32)",
        "take": "an index is out of range",
        "take_along_axis": "an index is out of range",
        "cross_entropy": "a label is no class, or a logit is not finite",
        "arcsin": "keep what it is given between -1 and 1",
        "arccos": "keep what it is given between -1 and 1",
    }
)

_OF_DERIVATIVE = MappingProxyType(
    {
        "sqrt": "the derivative of sqrt is infinite at 0: for the root of a sum or mean of squares "
        "use norm, whose derivative there is 0",
        "log": "the derivative of log is infinite at 0: keep what it is given positive, or use "
        "xlogy for x * log(x)",
        "power": "a fractional power has no finite derivative at 0: keep its base positive",
        "divide": "keep what it divides by away from 0",
        "reciprocal": "keep what it divides by away from 0",
        "arcsin": "the derivative is infinite at -1 and 1",
        "arccos": "the derivative is infinite at -1 and 1",
    }
)

_OVERFLOW = "the numbers grow too large: take shorter steps, scale the data, or give bounds"


def of_value(name: str, operands: Sequence[Array]) -> str:
    """What to do where the primitive ``name`` gave a value that is not finite.

    >>> of_value("log1p", [np.float64(-2.0)])
    'keep what it is given above -1'
    """
    return _OVERFLOW if _large(operands) and name != "exp" else _OF_VALUE.get(name, "")


def of_derivative(name: str, operands: Sequence[Array]) -> str:
    """What to do where its derivative was not finite."""
    return _OVERFLOW if _large(operands) else _OF_DERIVATIVE.get(name, "")


def _large(operands: Sequence[Array]) -> bool:
    """Whether some operand is so large that its square overflows."""
    floating = [np.asarray(one) for one in operands if np.asarray(one).dtype.kind == "f"]
    return any(
        np.max(np.abs(one), initial=0.0) >= np.sqrt(np.finfo(one.dtype).max) for one in floating
    )

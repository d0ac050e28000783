"""Numbers as expressions have them: truth values count, and whole numbers do not wrap around.

From Python a primitive means what it means in NumPy. In an expression, nobody chose the size of a
number, so two things are settled where an operation is recorded. Truth values are 0 and 1 wherever
numbers are computed. And what is made of whole numbers is computed a second time, roughly, in
floating point: the two agree unless the first has wrapped around.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optserve.graph.aval import DType
from optserve.graph.primitive import Primitive
from optserve.graph.trace import Trace, Tracer
from optserve.primitives.shaping import cast
from optserve.primitives.whole import unwrapped

__all__ = ["applied", "is_truth"]

_WHOLE, _ROUGH = np.dtype(np.int64), np.dtype(np.float64)


def applied(
    primitive: Primitive, operands: Sequence[Any], attributes: Mapping[str, Any], trace: Trace
) -> Any:
    """The primitive at operands and attributes as they stand in an equation.

    ``trace`` records it where no operand is traced.

    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.arithmetic import add
    >>> from optserve.primitives.tracing import new_trace
    >>> trace = new_trace()
    >>> known = trace.input(Aval((3,), np.dtype(bool)))
    >>> applied(add, [known, known], {}, trace)
    Tracer(int64[3])
    """
    if primitive.facts.counts:
        operands = [_as_number(operand) for operand in operands]
    bind = _binding(primitive, operands, trace)
    result = bind(*operands, **attributes)
    if not primitive.facts.wraps or result.dtype.kind != "i" or all(map(is_truth, operands)):
        return result
    rough = bind(*(_as(operand, _ROUGH) for operand in operands), **attributes)
    return unwrapped.bind(result, rough, of=primitive.name)


def _binding(primitive: Primitive, operands: Sequence[Any], trace: Trace) -> Callable[..., Any]:
    if any(isinstance(operand, Tracer) for operand in operands):
        return primitive.bind
    return lambda *given, **attributes: trace.bind(primitive, given, attributes)


def is_truth(operand: Any) -> bool:
    """Whether an operand is a truth value, or an array of them."""
    if isinstance(operand, Tracer):
        return bool(operand.dtype == np.bool_)
    return isinstance(operand, bool)


def _as_number(operand: Any) -> Any:
    """Truth values as 0 and 1."""
    return _as(operand, _WHOLE) if is_truth(operand) else operand


def _as(operand: Any, dtype: DType) -> Any:
    if isinstance(operand, Tracer):
        return operand if operand.dtype == dtype else cast(operand, dtype=dtype)
    return dtype.type(operand)

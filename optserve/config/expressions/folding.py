"""Operators: numbers are folded in float64, row counts stay exact, the rest is traced.

Folding is bounded: an integer lives up to 2**53 and becomes a float64 beyond, so ``9**9**9`` is
infinite at once. Division by zero and overflow give what IEEE 754 says, without an error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optserve.config.expressions.counting import applied, is_truth
from optserve.config.expressions.tree import LARGEST_INTEGER
from optserve.config.expressions.values import Number, described
from optserve.errors import ShapeError
from optserve.graph.dim import Dim, quotient
from optserve.graph.primitive import Primitive
from optserve.graph.promotion import are_whole
from optserve.graph.trace import Trace, Tracer

__all__ = ["apply_binary", "apply_prefix"]

MOST_TERMS = 16
"""The most terms of a size computed from row counts; nobody needs as many."""

_UFUNCS: Mapping[str, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
    "**": np.power,
    "@": np.matmul,
    "&": np.logical_and,
    "|": np.logical_or,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_EXACT: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}


def apply_binary(symbol: str, left: Number, right: Number, trace: Trace) -> Number:
    """``left symbol right``. ``trace`` is where a row count becomes a value.

    >>> from optserve.primitives.tracing import new_trace
    >>> trace = new_trace()
    >>> [apply_binary("**", 9.0, 387420489.0, trace), apply_binary("//", 7, 2, trace)]
    [inf, 3]
    """
    if symbol in {"&", "|"}:
        _check_truth(symbol, left)
        _check_truth(symbol, right)
    if isinstance(left, Dim) or isinstance(right, Dim):
        size = _size(symbol, left, right)
        if size is not None:
            return size
        whole = symbol in _EXACT and are_whole((left, right))
        left = trace.lift(left, whole=whole) if isinstance(left, Dim) else left
        right = trace.lift(right, whole=whole) if isinstance(right, Dim) else right
    if not isinstance(left, Tracer) and not isinstance(right, Tracer):
        return _folded(symbol, left, right)
    return _recorded(_UFUNCS[symbol], (left, right), trace)


def apply_prefix(symbol: str, operand: Number, trace: Trace) -> Number:
    """``-operand``, ``+operand`` or ``~operand``.

    >>> from optserve.primitives.tracing import new_trace
    >>> apply_prefix("-", 2, new_trace())
    -2
    """
    if symbol == "~":
        _check_truth(symbol, operand)
        if not isinstance(operand, Tracer):
            return not operand
        return _recorded(np.logical_not, (operand,), trace)
    if symbol == "+":
        return operand
    if isinstance(operand, Dim):
        return apply_binary("*", -1, operand, trace)
    return _recorded(np.negative, (operand,), trace) if isinstance(operand, Tracer) else -operand


def _recorded(ufunc: np.ufunc, operands: Sequence[Number], trace: Trace) -> Number:
    """The primitive that ``ufunc`` means in ``trace``."""
    primitive = trace.meaning.ufuncs[ufunc]
    assert isinstance(primitive, Primitive)
    result: Tracer = applied(primitive, operands, {}, trace)
    return result


def _folded(symbol: str, left: int | float, right: int | float) -> Number:
    """The operation on two numbers: exact on integers while they are small, else in float64."""
    if symbol == "@":
        raise ShapeError("@ multiplies arrays, not two numbers", remedy="use *")
    if isinstance(left, int) and isinstance(right, int):
        exact = _EXACT.get(symbol)
        if exact is not None and (right or symbol in {"+", "-", "*"}):
            result: int = exact(int(left), int(right))
            return result if abs(result) <= LARGEST_INTEGER else float(result)
    with np.errstate(all="ignore"):
        value = _UFUNCS[symbol](np.float64(left), np.float64(right))
    if isinstance(value, np.bool_):
        return bool(value)
    whole = symbol == "**" and isinstance(left, int) and isinstance(right, int) and right >= 0
    return int(value) if whole and abs(value) <= LARGEST_INTEGER else float(value)


def _size(symbol: str, left: Number, right: Number) -> int | Dim | None:
    """Exact arithmetic of row counts; ``None`` where the result is not a size."""
    if isinstance(left, bool | float | Tracer) or isinstance(right, bool | float | Tracer):
        return None
    if symbol == "//":
        return quotient(left, right)
    exact = _EXACT.get(symbol) if symbol in {"+", "-", "*"} else None
    if exact is None:
        return None
    size: int | Dim = exact(left, right)
    if isinstance(size, Dim) and len(size.terms) > MOST_TERMS:
        raise ShapeError(
            "this size is computed from row counts in too many terms", code="too-large"
        )
    return size


def _check_truth(symbol: str, operand: Number) -> None:
    if not is_truth(operand):
        alone = symbol == "~"
        raise ShapeError(
            f"{symbol} takes truth values, and is given {described(operand)}",
            expected="a comparison in brackets: ~(a < b)"
            if alone
            else f"comparisons, each in brackets: (a < b) {symbol} (c < d)",
            remedy="a number is true where it is not 0: "
            + ("~(a != 0)" if alone else f"(a != 0) {symbol} (b != 0)"),
            code="wrong-operand",
        )

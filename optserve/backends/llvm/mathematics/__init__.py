"""Mathematical functions on vectors, as IR: range reduction, polynomial, special values.

Written as formulas over ``Lanes``, for any number of lanes of ``double`` or ``float``. They are
straight-line code: both sides of a case are computed and one is chosen; only what is rare, such
as an angle of a million, is behind a branch. No library is called. How precise each is, and how
that is measured, is in ``docs/accuracy.md``.

>>> b = Builder()
>>> FUNCTIONS["exp"](b, IRValue("%x", "<8 x double>")).type
'<8 x double>'
>>> sorted({line.split("@")[1].split(".")[0] for line in b.lines if "call" in line})
['llvm', 'target']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from optserve.backends.llvm.ir.arithmetic import Operation
from optserve.backends.llvm.ir.builder import Builder, IRValue
from optserve.backends.llvm.mathematics import (
    division,
    error_function,
    exponential,
    gamma,
    inverse_trigonometric,
    logarithm,
    polygamma,
    power,
    trigonometric,
)
from optserve.backends.llvm.mathematics.lanes import Lanes

__all__ = ["FUNCTIONS", "of_order"]


def _unary(function: Callable[[Lanes], Lanes]) -> Operation:
    def operation(b: Builder, x: IRValue) -> IRValue:
        return function(Lanes(b, x)).value

    return operation


def _binary(function: Callable[[Lanes, Lanes], Lanes]) -> Operation:
    def operation(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        return function(Lanes(b, x), Lanes(b, y)).value

    return operation


FUNCTIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "arccos": _unary(inverse_trigonometric.arccos),
        "arcsin": _unary(inverse_trigonometric.arcsin),
        "arctan": _unary(inverse_trigonometric.arctan),
        "arctan2": _binary(inverse_trigonometric.arctan2),
        "cbrt": _unary(power.cbrt),
        "cos": _unary(trigonometric.cos),
        "cosh": _unary(exponential.cosh),
        "digamma": _unary(gamma.digamma),
        "erf": _unary(error_function.erf),
        "erfc": _unary(error_function.erfc),
        "exp": _unary(exponential.exp),
        "expm1": _unary(exponential.expm1),
        "floor_divide": _binary(division.floor_divide),
        "gammaln": _unary(gamma.gammaln),
        "hypot": _binary(power.hypot),
        "log": _unary(logarithm.log),
        "log1p": _unary(logarithm.log1p),
        "logaddexp": _binary(logarithm.logaddexp),
        "power": _binary(power.power),
        "remainder": _binary(division.remainder),
        "sigmoid": _unary(exponential.sigmoid),
        "sin": _unary(trigonometric.sin),
        "sinh": _unary(exponential.sinh),
        "softplus": _unary(logarithm.softplus),
        "tan": _unary(trigonometric.tan),
        "tanh": _unary(exponential.tanh),
    }
)
"""Every function of this room, by the name of its primitive."""


def of_order(order: int) -> Operation:
    """``polygamma`` of an order, which is no operand."""
    return _unary(polygamma.polygamma(order))

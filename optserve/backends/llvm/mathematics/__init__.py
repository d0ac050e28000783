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

from optserve.backends.llvm.ir.builder import Builder, IRValue
from optserve.backends.llvm.ir.operations import IROperation
from optserve.backends.llvm.mathematics import (
    division,
    error_function,
    exponentials,
    gamma_functions,
    inverse_trigonometric,
    logarithm,
    polygamma,
    power,
    trigonometric,
)
from optserve.backends.llvm.mathematics.lanes import Lanes

__all__ = ["FUNCTIONS", "of_order"]


def _unary(function: Callable[[Lanes], Lanes]) -> IROperation:
    def operation(b: Builder, x: IRValue) -> IRValue:
        return function(Lanes(b, x)).value

    return operation


def _binary(function: Callable[[Lanes, Lanes], Lanes]) -> IROperation:
    def operation(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        return function(Lanes(b, x), Lanes(b, y)).value

    return operation


FUNCTIONS: Mapping[str, IROperation] = MappingProxyType(
    {
        **{
            function.__name__: _unary(function)
            for function in (
                inverse_trigonometric.arccos,
                inverse_trigonometric.arcsin,
                inverse_trigonometric.arctan,
                power.cbrt,
                trigonometric.cos,
                exponentials.cosh,
                gamma_functions.digamma,
                error_function.erf,
                error_function.erfc,
                exponentials.exp,
                exponentials.expm1,
                gamma_functions.gammaln,
                logarithm.log,
                logarithm.log1p,
                exponentials.sigmoid,
                trigonometric.sin,
                exponentials.sinh,
                logarithm.softplus,
                trigonometric.tan,
                exponentials.tanh,
            )
        },
        **{
            function.__name__: _binary(function)
            for function in (
                inverse_trigonometric.arctan2,
                division.floor_divide,
                power.hypot,
                logarithm.logaddexp,
                power.power,
                division.remainder,
            )
        },
    }
)
"""Every function of this room, by the name of its primitive."""


def of_order(order: int) -> IROperation:
    """``polygamma`` of an order, which is no operand."""
    return _unary(polygamma.polygamma(order))

"""Expressions whose values are real numbers: what losses, metrics and priors are made of."""

from __future__ import annotations

from optserve.config.expressions import Complex, Expression, Scope, Value, build, described
from optserve.errors import Place, ShapeError
from optserve.graph.dim import Dim
from optserve.graph.trace import Trace, Tracer

__all__ = ["check_scalar", "real_array"]


def real_array(expression: Expression, scope: Scope, trace: Trace, what: str) -> Tracer:
    """The value of an expression as an array of floating-point numbers; ``what`` it is to be."""
    value: Value = build(expression, scope, trace)
    with trace.at(expression.place):
        if isinstance(value, int | float | Dim):
            value = trace.lift(value) + trace.precision.type(0)
        if isinstance(value, Tracer) and value.dtype.kind in "iu":
            value = value * trace.precision.type(1)
    if not isinstance(value, Tracer) or value.dtype.kind != "f":
        got = value.aval if isinstance(value, Tracer) else described(value)
        remedy = ""
        if isinstance(value, Complex):
            remedy = "a residual by its parts: {real: real(z), imaginary: imag(z)}; or abs(z)**2"
        raise ShapeError(
            f"{what} is {got}", place=expression.place, expected="real numbers", remedy=remedy
        )
    return value


def check_scalar(value: Tracer, what: str, place: Place, otherwise: str = "") -> None:
    """Refuse a value with a shape; ``otherwise`` is said after the remedy."""
    if value.shape:
        raise ShapeError(
            f"{what} has the shape {value.shape}",
            place=place,
            expected="a scalar",
            remedy=f"sum(...) or mean(...) makes one{otherwise}",
        )

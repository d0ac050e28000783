"""Rewritings of the error function and the normal distribution: see ``rewritings``."""

from __future__ import annotations

import numpy as np

from optserve.graph.primitive import Value
from optserve.graph.trace import Tracer
from optserve.primitives.arithmetic import divide, multiply
from optserve.primitives.matching import (
    both_ways,
    is_number,
    negated,
    number,
    operand,
    operands,
    rewriting,
)
from optserve.primitives.normal_tails import ROOT_HALF, log_erfc, ndtr
from optserve.primitives.special import erf, erfc

__all__ = ["log_of_erfc", "one_minus_erf", "one_minus_ndtr", "one_plus_erf"]


@rewriting("1 + erf(z)", "erfc(-z)", of=[erf])
def one_plus_erf(x: Tracer, y: Tracer) -> Value | None:
    """Far out on the left 1 + erf(z) is a difference of two numbers that are alike."""
    for one, other in both_ways((x, y)):
        z = operand(other, erf)
        if z is not None and is_number(one, 1.0):
            return erfc(negated(z))
    return None


@rewriting("1 - erf(z), 1 - erfc(z)", "erfc(z), erf(z)", of=[erf, erfc])
def one_minus_erf(x: Tracer, y: Tracer) -> Value | None:
    """Far out on the right, or for erfc near 0, likewise."""
    if not is_number(x, 1.0):
        return None
    z, complement = operand(y, erf), operand(y, erfc)
    if z is not None:
        return erfc(z)
    return None if complement is None else erf(complement)


@rewriting(
    "1 - ndtr(z), 1 - erfc(z) / 2", "ndtr(-z), erfc(-z) / 2", of=[ndtr, erfc, multiply, divide]
)
def one_minus_ndtr(x: Tracer, y: Tracer) -> Value | None:
    """The other tail of a normal distribution."""
    if not is_number(x, 1.0):
        return None
    z, (factor, u) = operand(y, ndtr), _of_erfc(y)
    if z is not None:
        return ndtr(negated(z))
    return 0.5 * erfc(negated(u)) if u is not None and factor == 0.5 else None


def _of_erfc(x: Tracer) -> tuple[float, Tracer | None]:
    """a and z of a * erfc(z), a being a number."""
    z = operand(x, erfc)
    if z is not None:
        return 1.0, z
    for one, other in both_ways(operands(x, multiply)):
        factor = number(one)
        if factor is not None:
            inner, z = _of_erfc(other)
            return factor * inner, z
    quotient = operands(x, divide)
    divisor = number(quotient[1]) if quotient else None
    if divisor:
        inner, z = _of_erfc(quotient[0])
        return inner / divisor, z
    return 1.0, None


@rewriting("log(erfc(z)), log(ndtr(z))", "log_erfc(z)", of=[ndtr, erfc, multiply, divide])
def log_of_erfc(x: Tracer) -> Value | None:
    """Also of a number times erfc(z)."""
    u = operand(x, ndtr)
    if u is not None:
        return log_erfc(-ROOT_HALF * u, half=True)
    factor, z = _of_erfc(x)
    if z is None or not factor > 0.0:
        return None
    if factor == 0.5:
        return log_erfc(z, half=True)
    return log_erfc(z) if factor == 1.0 else log_erfc(z) + float(np.log(factor))

"""Tails of the normal distribution: its distribution function, and logarithms that keep digits."""

from __future__ import annotations

import math

import numpy as np

from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import elementwise
from optserve.primitives.special import erf, erfc, gaussian

__all__ = ["ROOT_HALF", "erfc_hazard", "log_erfc", "ndtr"]

ROOT_HALF = math.sqrt(0.5)
_ROOT_PI = math.sqrt(math.pi)
_LOG_HALF = math.log(0.5)

_FAR = 2.0
"""From here on the tail of erfc is exp(-x**2) / (x sqrt(pi)) times a quotient of polynomials in
1 / x**2: that of degree 8 and 8 which is right at Chebyshev's points, to 4e-17."""

_ABOVE = (
    *(1.0, 34.794422408387156, 452.3521344638132, 2800.9051239989667, 8729.731222730612),
    *(13316.950101050172, 8901.336665777837, 1997.0112912789227, 63.739810240270025),
)
_BELOW = (
    *(1.0, 35.29442240838707, 469.24934566804245, 3010.9339800202793, 9942.875746160253),
    *(16707.941571114065, 13244.071712688748, 4152.322682924719, 330.6925449459557),
)


def _polynomial(coefficients: tuple[float, ...], t: Value) -> Value:
    total: Value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * t + coefficient
    return total


def _tail(inverse: Value) -> Value:
    """x sqrt(pi) exp(x**2) erfc(x) for large x, by 1 / x; it is next to 1."""
    t = inverse * inverse
    return _polynomial(_ABOVE, t) / _polynomial(_BELOW, t)


def _erfc_hazard(x: Value) -> Value:
    inverse = np.where(x < 1e10, 1.0 / x, 0.0)  # from there on the tail is 1 to all digits
    return np.where(x > _FAR, 2.0 * x / _tail(inverse), (2.0 / _ROOT_PI) * gaussian(x) / erfc(x))


erfc_hazard = elementwise(
    "erfc_hazard",
    _erfc_hazard,
    facts=Facts(cost=45.0, large_code=True),
    internal=True,
    doc="""
    The derivative of -log(erfc(x)), 2 exp(-x**2) / (sqrt(pi) erfc(x)): it and its own keep
    their digits however small erfc(x) is.
    """,
)


def _log_erfc(x: Value, *, half: bool = False) -> Value:
    inverse = 1.0 / x
    far = x > _FAR
    scaled = np.where(far, _tail(inverse) * inverse / _ROOT_PI, erfc(x))
    whole = np.log(scaled) - np.where(far, x * x, 0.0)
    if half:
        return np.where(x < 0.5, np.log1p(-0.5 * erfc(-x)), whole + _LOG_HALF)
    return np.where(x < 0.5, np.log1p(-erf(x)), whole)


log_erfc: Primitive = elementwise(
    "log_erfc",
    _log_erfc,
    partials=lambda out, x, half: (-erfc_hazard(x),),
    facts=Facts(overflows=True, cost=60.0, large_code=True),
    internal=True,
    doc="""
    log(erfc(x)), or that of ``half`` of it, where erfc(x) is too small for a number and where
    the logarithm is next to 0.
    """,
)

ndtr = elementwise(
    "ndtr",
    lambda x: 0.5 * erfc(-ROOT_HALF * x),
    partials=lambda out, x: ((ROOT_HALF / _ROOT_PI) * gaussian(ROOT_HALF * x),),
    facts=Facts(cost=20.0),
    doc="The chance that a normal number, of mean 0 and variance 1, is less than x.",
)

"""The logarithm of the gamma function, and its derivative.

Float lanes are computed in double, with short polynomials.
"""

from __future__ import annotations

import math

from optserve.backends.llvm.mathematics.coefficients import (
    DIGAMMA,
    DIGAMMA_TAIL,
    LOG_GAMMA,
    STIRLING,
)
from optserve.backends.llvm.mathematics.extended import DoubleDouble, exactly, product
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, rarely, where
from optserve.backends.llvm.mathematics.logarithm import log, log_as_pair, short_log
from optserve.backends.llvm.mathematics.trigonometric import kernels

__all__ = ["digamma", "gammaln"]

PI = (3.141592653589793, 1.2246467991473532e-16)
"""pi as a sum of two."""
DIGAMMA_ROOT = (1.4616321449683622, 9.549995429965697e-17)
"""The positive root of digamma as a sum of two."""
TINY = 2.0**-60
"""Below, the pole at 0 is all there is."""


def gammaln(x: Lanes) -> Lanes:
    """log(abs(gamma(x))); inf at 0, -1, -2, ..., and -inf at -inf, as in SciPy."""
    wide = x if x.scalar == "double" else x.widened()
    precision = "double" if x.scalar == "double" else "short"
    size = abs(wide)
    right = _log_gamma(size, precision)
    [result] = rarely(wide < 0.0, [right], lambda: [_reflected_log_gamma(wide, size, right)])
    return result if x.scalar == "double" else result.narrowed()


def _log_gamma(x: Lanes, precision: str) -> Lanes:
    """For x > 0: about the roots at 1 and 2, and from 5 / 2 on by Stirling's series."""
    logarithm = log_as_pair(x) if precision == "double" else exactly(short_log(x))
    left, middle = x < 1.3, x < 2.5
    y = x - where(left, x.like(1.0), 2.0)
    high = where(left, logarithm.high, 0.0)
    low = where(left, logarithm.low, 0.0)
    near = fma(y, polynomial(y, LOG_GAMMA[precision], first=2), -high) - low

    inverse = 1.0 / x
    series = polynomial(inverse, STIRLING[precision])
    rest = fma(inverse, series, (x - 0.5) * logarithm.low)
    constant = 0.5 * math.log(2.0 * math.pi) - 0.5
    far = fma(x - 0.5, logarithm.high - 1.0, constant) + rest
    near = where(x.equals(0.0), math.inf, near)
    return where(middle, near, where(x < math.inf, far, x))


def _reflected_log_gamma(x: Lanes, size: Lanes, right: Lanes) -> Lanes:
    """log(pi / abs(x sin(pi x))) - log(gamma(-x)) where x < 0."""
    sine, _ = half_turns(size - size.rint())
    value = log(math.pi / (size * sine)) - right
    value = where(sine.equals(0.0), math.inf, where(size < TINY, -log(size), value))
    value = where(x.equals(-math.inf), x, value)
    return where(x < 0.0, value, right)


def half_turns(distance: Lanes) -> tuple[Lanes, Lanes]:
    """abs(sin(pi x)) and abs(cos(pi x)), where ``distance`` is that of x to the nearest integer."""
    size = abs(distance)
    far = size > 0.25
    turns = where(far, 0.5 - size, size)
    angle = product(turns, turns.like(PI[0]))
    sine, cosine = kernels(DoubleDouble(angle.high, fma(turns, PI[1], angle.low)))
    first, second = sine.high + sine.low, cosine.high + cosine.low
    return where(far, second, first), where(far, first, second)


def digamma(x: Lanes) -> Lanes:
    """The derivative of log(gamma(x)); NaN at -1, -2, ..."""
    wide = x if x.scalar == "double" else x.widened()
    precision = "double" if x.scalar == "double" else "short"
    size = abs(wide)
    right = _digamma(size, precision)
    negative = wide.bits() < 0
    [result] = rarely(negative, [right], lambda: [_reflected_digamma(wide, size, right)])
    return result if x.scalar == "double" else result.narrowed()


def _digamma(x: Lanes, precision: str) -> Lanes:
    """For x > 0: about the root, one further on below 1, and from 2 on the asymptotic series."""
    inverse = 1.0 / x
    left = x < 1.0
    y = where(left, x + 1.0, x)
    from_root = (y - DIGAMMA_ROOT[0]) - DIGAMMA_ROOT[1]
    near = from_root * polynomial(y - 1.5, DIGAMMA[precision], first=2) - where(left, inverse, 0.0)

    logarithm = log(x) if precision == "double" else short_log(x)
    far = fma(-inverse, polynomial(inverse, DIGAMMA_TAIL[precision]), logarithm)
    return where(x < 2.0, near, where(x < math.inf, far, x))


def _reflected_digamma(x: Lanes, size: Lanes, right: Lanes) -> Lanes:
    """digamma(-x) - 1 / x - pi / tan(pi x) where x < 0."""
    distance = size - size.rint()
    sine, cosine = half_turns(distance)
    cotangent = (cosine / sine).negated_where(distance.sign_bit())
    value = right + fma(cotangent, math.pi, 1.0 / size)
    value = where(distance.equals(0.0), math.nan, value)
    value = where(size < TINY, -1.0 / x, value)
    return where(x.bits() < 0, value, right)

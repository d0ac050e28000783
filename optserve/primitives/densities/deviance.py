"""What saddle-point forms of densities are made of: deviances, and what Stirling's formula leaves.

After C. Loader, "Fast and accurate computation of binomial probabilities" (2000): a density of
counts is that of the most likely mean, next to 1, times exp of minus half of a deviance. Neither
loses digits where counts are large, as differences of gammaln do.
"""

from __future__ import annotations

import math

import numpy as np

from optserve.graph.domain import Domain, positive
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import elementwise
from optserve.primitives.densities.density import only_if
from optserve.primitives.elementary import xlogy
from optserve.primitives.special import digamma, gammaln, polygamma

__all__ = [
    "STIRLING",
    "bennett",
    "deviance",
    "log1p_less",
    "stirling",
    "stirling_slope",
]

_NEAR = 0.35
_ATANH = tuple(1.0 / (2 * n + 3) for n in range(13))
"""Of the series in (d / (2 + d))**2, which is up to 0.045."""

_HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)

_FEW = 8.0
"""Counts up to which Stirling's formula is not used."""

STIRLING = (
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360360.0,
    1.0 / 156.0,
    -3617.0 / 122400.0,
    43867.0 / 244188.0,
    -174611.0 / 125400.0,
    77683.0 / 5796.0,
    -236364091.0 / 1506960.0,
)
"""Stirling's series: coefficients of 1 / k, 1 / k**3, ... in log(k!)."""

_TINY = 0.02
_LOG_GAMMA = (
    -0.5772156649015329,
    0.8224670334241132,
    -0.40068563438653143,
    0.27058080842778454,
    -0.20738555102867398,
    0.1695571769974082,
    -0.1440498967688461,
    0.12550966952474304,
    -0.11133426586956469,
)
"""gammaln(1 + k) / k in powers of k, for k up to 0.02: Euler's constant, and zeta(n) / n."""

_SLOPE = tuple(-(2 * n + 1) * coefficient for n, coefficient in enumerate(STIRLING))
_BEND = tuple(-(2 * n + 2) * coefficient for n, coefficient in enumerate(_SLOPE))


def _polynomial(coefficients: tuple[float, ...], t: Value) -> Value:
    total: Value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * t + coefficient
    return total


def _bennett(d: Value) -> Value:
    near = np.abs(d) < _NEAR
    small = np.where(near, d, 0.0)
    v = small / (2.0 + small)
    square = v * v
    series = small * v + 2.0 * (1.0 + small) * v * (square * _polynomial(_ATANH, square))
    return np.where(near, series, (1.0 + d) * np.log1p(d) - d)


_ABOVE = Domain("above -1", low=-1.0)

bennett: Primitive = elementwise(
    "bennett",
    _bennett,
    partials=lambda out, d: (np.log1p(d),),
    domain=_ABOVE,
    facts=Facts(cost=30.0, at_infinity="grows"),
    internal=True,
    doc="(1 + d) * log(1 + d) - d, which loses no digits next to 0 (Bennett's function).",
)


def _deviance(x: Value, m: Value, excess: Value) -> Value:
    d = excess / np.where(m == 0.0, 1.0, m)
    near = (m > 0.0) & (d > -0.9)
    positive = np.where(x == 0.0, 1.0, x)
    far = positive * np.log(positive / only_if(m >= 0.0, m)) - excess
    counted = np.where(near, m * bennett(np.where(near, d, 0.0)), far)
    return np.where(x == 0.0, only_if(m >= 0.0, m), counted)


def _log1p_less(d: Value) -> Value:
    near = np.abs(d) < _NEAR
    small = np.where(near, d, 0.0)
    return np.where(near, bennett(small) - small * np.log1p(small), np.log1p(d) - d)


_less_slope: Primitive = elementwise(
    "log1p_less_slope",
    lambda d: np.where(np.abs(d) < 0.5, -d / (1.0 + d), 1.0 / (1.0 + d) - 1.0),
    partials=lambda out, d: (-1.0 / np.square(1.0 + d),),
    domain=_ABOVE,
    facts=Facts(cost=10.0, jumps_at="nowhere"),
    internal=True,
    doc="-d / (1 + d).",
)

log1p_less: Primitive = elementwise(
    "log1p_less",
    _log1p_less,
    partials=lambda out, d: (_less_slope(d),),
    domain=_ABOVE,
    facts=Facts(cost=40.0, at_infinity="grows", jumps_at="nowhere"),
    internal=True,
    doc="log(1 + d) - d, which loses no digits next to 0.",
)

_log_ratio: Primitive = elementwise(
    "log_ratio",
    lambda x, m: np.where(x > 0.5 * m, np.log1p((x - m) / m), np.log(x / m)),
    domain=positive,
    facts=Facts(cost=20.0, at_infinity="grows", jumps_at="nowhere"),
    internal=True,
    doc="log(x / m), which loses no digits where both are about the same.",
)


def _slopes(out: Value, x: Value, m: Value) -> tuple[Value, Value]:
    """log(x / m), but 0 of x = 0, which nothing is counted of; and 1 - x / m."""
    none, m = x == 0.0, only_if(m >= 0.0, m)
    some, within = np.where(none, 1.0, x), np.where(none, 1.0, m)
    by_mean = np.where(none, only_if(m >= 0.0, 1.0), (m - x) / within)
    return np.where(none, 0.0, _log_ratio(some, within)), by_mean


_deviance_of: Primitive = elementwise(
    "deviance",
    lambda x, m: _deviance(x, m, x - m),
    partials=_slopes,
    domain=positive,
    facts=Facts(cost=60.0, at_infinity="grows"),
    internal=True,
    doc="x log(x / m) - (x - m) of a count x and a mean m.",
)


def deviance(x: Value, m: Value, excess: Value | None = None) -> Value:
    """Half of the deviance of a count x from a mean m: x log(x / m) - (x - m).

    ``excess`` is x - m, where that is known better than by their difference. Of x = 0 it is m.
    """
    found: Value = _deviance_of(x, m) if excess is None else _deviance(x, m, excess)
    return found


def _stirling(k: Value) -> Value:
    few = k < _FEW
    small, large = np.where(few, k, 1.0), np.where(few, _FEW, k)
    inverse = 1.0 / large
    series = 0.5 * np.log(large) + (
        _HALF_LOG_2_PI + inverse * _polynomial(STIRLING, inverse * inverse)
    )
    tiny = small < _TINY
    least = np.where(tiny, small, 0.0)
    gammas = np.where(tiny, least * _polynomial(_LOG_GAMMA, least), gammaln(small + 1.0))
    return np.where(few, gammas - xlogy(small, small) + small, series)


def _stirling_slope(k: Value) -> Value:
    few = k < _FEW
    small, inverse = np.where(few, k, 1.0), 1.0 / np.where(few, _FEW, k)
    square = inverse * inverse
    series = 0.5 * inverse + square * _polynomial(_SLOPE, square)
    return np.where(few, digamma(small + 1.0) - np.log(small), series)


def _stirling_bend(k: Value) -> Value:
    few = k < _FEW
    small, inverse = np.where(few, k, 1.0), 1.0 / np.where(few, _FEW, k)
    square = inverse * inverse
    series = square * (inverse * _polynomial(_BEND, square) - 0.5)
    return np.where(few, polygamma(small + 1.0, n=1) - 1.0 / small, series)


_stirling_bend_of: Primitive = elementwise(
    "stirling_bend",
    _stirling_bend,
    domain=positive,
    like_operands=True,
    facts=Facts(cost=60.0, large_code=True, jumps_at="nowhere"),
    internal=True,
    doc="The derivative of stirling_slope: polygamma(1, k + 1) - 1 / k, as exact far out.",
)

stirling_slope: Primitive = elementwise(
    "stirling_slope",
    _stirling_slope,
    partials=lambda out, k: (_stirling_bend_of(k),),
    domain=positive,
    like_operands=True,
    facts=Facts(cost=60.0, large_code=True, jumps_at="nowhere"),
    internal=True,
    doc="The derivative of stirling: digamma(k + 1) - log(k), which loses no digits far out.",
)

stirling: Primitive = elementwise(
    "stirling",
    _stirling,
    partials=lambda out, k: (stirling_slope(k),),
    domain=positive,
    like_operands=True,
    facts=Facts(cost=60.0, large_code=True, jumps_at="nowhere", at_infinity="creeps"),
    internal=True,
    doc="log(k!) - (k log(k) - k): next to log(2 pi k) / 2 of large k, and 0 of k = 0.",
)

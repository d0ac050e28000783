"""Von Mises' distribution, of angles."""

from __future__ import annotations

import math

import numpy as np

from optserve.graph.domain import positive, real
from optserve.graph.primitive import Value
from optserve.primitives.constants import arange_beside
from optserve.primitives.densities.density import density, only_if
from optserve.primitives.densities.incomplete import both_tails
from optserve.primitives.elementary import sigmoid
from optserve.primitives.shaping import cast

__all__ = ["von_mises_logcdf", "von_mises_logpdf", "von_mises_logsf"]

_LARGE = 15.0
_LOG_2_PI = math.log(2.0 * math.pi)
_PERIOD = 2.0 * math.pi

_STEP, _FIRST, _COUNT = 0.0625, -3.75, 121
"""The nodes of a rule for finite intervals: up to 3.75."""

_FALL = 100.0
"""About how far the logarithm of the density falls along the stretch that is integrated."""

_SERIES = tuple(1.0 / math.factorial(n) ** 2 for n in range(32))
"""Bessel's I0 in powers of (x / 2)**2."""

_TAIL = (
    *(1.0, 0.12499999999999596, 0.0703125000051065, 0.07324218496693154, 0.11215275427400652),
    *(0.22700658827104123, 0.5827093579918566, 1.0262609306071164, 39.98032474835087),
    *(-1146.6125437861472, 29101.82816387503, -509062.35199950455, 6195531.468727522),
    *(-49246319.24648033, 229465068.04832047, -466316377.2400155),
)
"""exp(-x) I0(x) sqrt(2 pi x) in powers of 1 / x: that which is right at Chebyshev's points between
0 and 1 / 15, to 1e-18."""


def _polynomial(coefficients: tuple[float, ...], t: Value) -> Value:
    total: Value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * t + coefficient
    return total


def _log_bessel(x: Value) -> Value:
    """log(exp(-x) I0(x)) of x that is not negative."""
    large = x > _LARGE
    near, far = np.where(large, 0.0, x), np.where(large, x, _LARGE)
    by_series = np.log(_polynomial(_SERIES, 0.25 * near * near)) - near
    by_tail = np.log(_polynomial(_TAIL, 1.0 / far)) - 0.5 * np.log(2.0 * math.pi * far)
    return np.where(large, by_tail, by_series)


def _von_mises_logpdf(x: Value, location: Value, concentration: Value) -> Value:
    half = np.sin(0.5 * (x - location))
    concentration = only_if(concentration >= 0.0, concentration)
    return -2.0 * concentration * half * half - _log_bessel(concentration) - _LOG_2_PI


von_mises_logpdf = density(
    "von_mises_logpdf",
    _von_mises_logpdf,
    domain=(real, real, positive),
    remedy="keep concentration positive: `bounds: [0, null]`",
    cost=120.0,
    draws=lambda random, location, concentration: random.vonmises(location, concentration),
    doc="""
    Log density of von Mises' distribution of angles, in radians, at x: proportional to
    exp(concentration * cos(x - location)). It has the period 2 pi; over one of them its integral
    is 1.
    """,
)


def _von_mises_tails(x: Value, location: Value, concentration: Value) -> tuple[Value, Value]:
    """Log chances of an angle from half a turn below the location up to x, and of the rest.

    The smaller part is integrated by the rule tanh-sinh (Takahasi & Mori 1974, Publ. RIMS 9, 721).
    """
    concentration = only_if(concentration >= 0.0, concentration)
    angle = x - location + 0.0 * concentration
    angle = angle - _PERIOD * np.floor((angle + math.pi) / _PERIOD)
    below = angle < 0.0
    y = np.where(below, -angle, angle)
    left = math.pi - y
    slope, curvature = concentration * np.sin(y), np.maximum(concentration * np.cos(y), 0.0)
    steep = slope + np.sqrt(slope * slope + 2.0 * _FALL * curvature)
    falls = steep * left > 2.0 * _FALL
    length = np.where(falls, 2.0 * _FALL / np.where(falls, steep, 1.0), left)
    s = _FIRST + _STEP * cast(arange_beside(_COUNT, y), dtype=np.dtype(y.dtype))
    share = sigmoid(math.pi * np.sinh(s))
    weight = _STEP * math.pi * np.cosh(s) * share * sigmoid(-math.pi * np.sinh(s))
    half = 0.5 * length[..., None] * share
    fall = 2.0 * concentration[..., None] * np.sin(y[..., None] + half) * np.sin(half)
    whole = length * np.sum(weight * np.exp(-fall), axis=-1)
    at_y = -2.0 * concentration * np.square(np.sin(0.5 * y)) - _log_bessel(concentration)
    tail = at_y - _LOG_2_PI + np.log(whole)
    return both_tails(below, tail)


von_mises_logcdf = density(
    "von_mises_logcdf",
    lambda x, location, concentration: _von_mises_tails(x, location, concentration)[0],
    domain=(real, real, positive),
    remedy="keep concentration positive: `bounds: [0, null]`",
    cost=12000.0,
    slow=True,
    doc="""
    Log chance that an angle of von Mises' distribution, taken within half a turn of the location,
    is up to x, taken there too.
    """,
)

von_mises_logsf = density(
    "von_mises_logsf",
    lambda x, location, concentration: _von_mises_tails(x, location, concentration)[1],
    domain=(real, real, positive),
    remedy="keep concentration positive: `bounds: [0, null]`",
    cost=12000.0,
    slow=True,
    doc="""
    Log chance that an angle of von Mises' distribution, taken within half a turn of the location,
    is above x, taken there too.
    """,
)

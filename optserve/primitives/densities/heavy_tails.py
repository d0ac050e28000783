"""Student's t distribution and Cauchy's, whose tails are powers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from optserve.graph.domain import positive, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import elementwise
from optserve.primitives.densities.density import density, only_if, standardized
from optserve.primitives.densities.deviance import bennett, stirling
from optserve.primitives.densities.incomplete import log_beta_tails
from optserve.primitives.elementary import log1mexp, one_minus_square

__all__ = [
    "cauchy_logcdf",
    "cauchy_logpdf",
    "cauchy_logsf",
    "log1p_square",
    "log1p_square_slope",
    "student_t_logcdf",
    "student_t_logpdf",
    "student_t_logsf",
]

_POSITIVE_SCALE = "keep scale positive: `bounds: [0, null]` or `transform: log`"
_HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)
_LOG_2 = math.log(2.0)
_LARGE = 1e9
"""From here on 1 is nothing beside the square."""


def _log1p_square(z: Value) -> Value:
    large = np.abs(z) > _LARGE
    near = np.where(large, 0.0, z)
    return np.where(large, 2.0 * np.log(np.where(large, np.abs(z), 1.0)), np.log1p(near * near))


def _by_halves(z: Value, inner: Callable[[Value], Value], outer: Callable[[Value], Value]) -> Value:
    """A function of z by one formula within 1 of 0, and by one in 1 / z beyond."""
    small = np.abs(z) < 1.0
    near, inverse = np.where(small, z, 0.0), 1.0 / np.where(small, 1.0, z)
    return np.where(small, inner(near), outer(inverse))


def _bend(z: Value) -> Value:
    return 2.0 * one_minus_square(z) / np.square(1.0 + z * z)


log1p_square_slope: Primitive = elementwise(
    "log1p_square_slope",
    lambda z: _by_halves(
        z, lambda near: 2.0 * near / (1.0 + near * near), lambda u: 2.0 * u / (1.0 + u * u)
    ),
    partials=lambda out, z: (_by_halves(z, _bend, lambda u: -u * u * _bend(u)),),
    facts=Facts(cost=10.0),
    internal=True,
    doc="2 z / (1 + z**2), the derivative of log(1 + z**2), also where the square overflows.",
)

log1p_square: Primitive = elementwise(
    "log1p_square",
    _log1p_square,
    partials=lambda out, z: (log1p_square_slope(z),),
    facts=Facts(at_infinity="creeps", cost=15.0),
    internal=True,
    doc="log(1 + z**2), also where the square overflows.",
)


def _student_t_logpdf(x: Value, dof: Value, location: Value, scale: Value) -> Value:
    half = 0.5 * dof
    inverse = 1.0 / dof
    # log of gamma((dof + 1) / 2) / gamma(dof / 2), over sqrt(dof / 2), by Stirling's formula
    gammas = stirling(half + 0.5) - stirling(half) + half * bennett(inverse) - np.log1p(inverse)
    z = (x - location) / scale
    power = (half + 0.5) * log1p_square(z / np.sqrt(dof))
    return gammas - power - np.log(scale) - _HALF_LOG_2_PI


student_t_logpdf = density(
    "student_t_logpdf",
    _student_t_logpdf,
    domain=(real, positive, real, positive),
    remedy="keep dof and scale positive: `bounds: [0, null]` or `transform: log`",
    cost=120.0,
    draws=lambda random, dof, location, scale: location + scale * random.standard_t(dof),
    doc="""
    Log density, at x, of Student's t distribution with dof degrees of freedom, moved to location
    and stretched by scale.
    """,
)

_FAR = 1e20
"""From here on the tail is a power of z, to all digits."""

_MIDDLE = 1e-4
"""Where the chance is 1 / 2 and a cubic of z, to all digits."""


def _log_t_below(z: Value, dof: Value) -> Value:
    """Log chance of Student's t up to z, whose tail is one of a beta distribution."""
    dof = only_if(dof > 0.0, dof)
    middle = np.abs(z) < _MIDDLE * np.minimum(np.sqrt(dof), 1.0)
    size = np.where(middle, 1.0, np.abs(z)) / np.sqrt(dof)
    near = np.minimum(size, _FAR)
    whole = 1.0 + near * near
    half = 0.5 + 0.0 * dof
    tail = log_beta_tails(0.5 * dof, half, 1.0 / whole, near * near / whole)[0] - _LOG_2
    tail = tail - dof * np.log(np.where(size > _FAR, size / _FAR, 1.0))
    outer = np.where(z < 0.0, tail, log1mexp(-tail))
    short = np.where(middle, z, 0.0)
    slope = np.exp(_student_t_logpdf(0.0 * short, dof, 0.0, 1.0 + 0.0 * dof))
    cubic = short - (dof + 1.0) / (6.0 * dof) * short * short * short
    return np.where(middle, np.log1p(2.0 * slope * cubic) - _LOG_2, outer)


student_t_logcdf = density(
    "student_t_logcdf",
    lambda x, dof, location, scale: _log_t_below(standardized(x, location, scale), dof),
    domain=(real, positive, real, positive),
    remedy="keep dof and scale positive: `bounds: [0, null]` or `transform: log`",
    cost=15000.0,
    slow=True,
    doc="Log chance that a number of Student's t distribution is up to x, in both tails.",
)

student_t_logsf = density(
    "student_t_logsf",
    lambda x, dof, location, scale: _log_t_below(-standardized(x, location, scale), dof),
    domain=(real, positive, real, positive),
    remedy="keep dof and scale positive: `bounds: [0, null]` or `transform: log`",
    cost=15000.0,
    slow=True,
    doc="Log chance that a number of Student's t distribution is above x, in both tails.",
)

cauchy_logpdf = density(
    "cauchy_logpdf",
    lambda x, location, scale: -log1p_square((x - location) / scale) - np.log(math.pi * scale),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    draws=lambda random, location, scale: (
        location + scale * random.standard_cauchy(np.shape(scale))
    ),
    doc="Log density of the Cauchy distribution of this median and scale, at x.",
)


def _log_below(z: Value) -> Value:
    """Log chance of a value up to z scales above the location; it is an angle, over pi."""
    angle = np.arctan2(np.ones_like(z), np.where(z < 0.0, -z, z)) / math.pi
    return np.where(z < 0.0, np.log(angle), np.log1p(-angle))


cauchy_logcdf = density(
    "cauchy_logcdf",
    lambda x, location, scale: _log_below(standardized(x, location, scale)),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    doc="Log chance that a Cauchy number of this median and scale is up to x.",
)

cauchy_logsf = density(
    "cauchy_logsf",
    lambda x, location, scale: _log_below(-standardized(x, location, scale)),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    doc="Log chance that a Cauchy number of this median and scale is above x.",
)

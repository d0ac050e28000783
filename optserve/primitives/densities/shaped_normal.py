"""The skew normal distribution, and the normal one between two limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.domain import Domain, positive, real
from optserve.graph.primitive import Value
from optserve.primitives.densities.density import density, only_if, standardized
from optserve.primitives.densities.incomplete import both_tails, decaying_rule
from optserve.primitives.densities.normal import normal_logpdf
from optserve.primitives.elementary import log1mexp
from optserve.primitives.normal_tails import ROOT_HALF, log_erfc

__all__ = [
    "skew_normal_logcdf",
    "skew_normal_logpdf",
    "skew_normal_logsf",
    "truncated_normal_logcdf",
    "truncated_normal_logpdf",
    "truncated_normal_logsf",
]

_LOG_HALF = math.log(0.5)
_HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)
_BETWEEN = Domain("between low and high", low=-1.0, high=1.0)
_LOW, _HIGH = Domain("real", low=-3.0, high=-1.0), Domain("above low", low=1.0, high=3.0)
_LIMITED = "keep std positive, and low below high"


def _skew_normal_logpdf(x: Value, location: Value, scale: Value, shape: Value) -> Value:
    z = (x - location) / scale
    tail = log_erfc(-ROOT_HALF * shape * z, half=True)
    return normal_logpdf(x, location, scale) + tail - _LOG_HALF


def _draw_skew_normal(random: Any, location: Array, scale: Array, shape: Array) -> Array:
    """As of two normal numbers, of which one is folded (Azzalini 1985, Scand. J. Stat. 12, 171)."""
    share = shape / np.hypot(1.0, shape)
    folded, other = np.abs(random.normal(size=shape.shape)), random.normal(size=shape.shape)
    return np.asarray(location + scale * (share * folded + np.sqrt(1.0 - share * share) * other))


skew_normal_logpdf = density(
    "skew_normal_logpdf",
    _skew_normal_logpdf,
    domain=(real, real, positive, real),
    remedy="keep scale positive: `bounds: [0, null]` or `transform: log`",
    cost=80.0,
    draws=_draw_skew_normal,
    doc="""
    Log density of the skew normal distribution at x: twice a normal density of this location and
    scale, times ndtr(shape * z) where x is z scales above the location.
    """,
)


def _skew_normal_tails(
    x: Value, location: Value, scale: Value, shape: Value
) -> tuple[Value, Value]:
    """Log chances of up to x, and of more.

    That part is integrated which does not hold the location, on whose two sides the density bends
    as sharply as the shape is large.
    """
    z = standardized(x, location, scale) + 0.0 * shape
    below = z < 0.0
    y, lean = np.where(below, -z, z), np.where(below, -shape, shape)
    at_y = log_erfc(-ROOT_HALF * lean * y, half=True)
    falls = np.where(lean < 0.0, -lean, 0.0)
    slope = y + falls * np.exp(-0.5 * np.square(falls * y) - _HALF_LOG_2_PI - at_y)
    curvature = 1.0 + falls * falls
    u, weight = decaying_rule(2.0 / (slope + np.sqrt(slope * slope + 2.0 * curvature)))
    there = log_erfc(-ROOT_HALF * lean[..., None] * (y[..., None] + u), half=True)
    parts = np.exp(there - at_y[..., None] - u * (y[..., None] + 0.5 * u))
    tail = at_y - 0.5 * y * y - _HALF_LOG_2_PI - _LOG_HALF
    tail = tail + np.log(np.sum(weight * parts, axis=-1))
    return both_tails(below, tail)


skew_normal_logcdf = density(
    "skew_normal_logcdf",
    lambda x, location, scale, shape: _skew_normal_tails(x, location, scale, shape)[0],
    domain=(real, real, positive, real),
    remedy="keep scale positive: `bounds: [0, null]` or `transform: log`",
    cost=12000.0,
    slow=True,
    doc="Log chance that a skew normal number of this location, scale and shape is up to x.",
)

skew_normal_logsf = density(
    "skew_normal_logsf",
    lambda x, location, scale, shape: _skew_normal_tails(x, location, scale, shape)[1],
    domain=(real, real, positive, real),
    remedy="keep scale positive: `bounds: [0, null]` or `transform: log`",
    cost=12000.0,
    slow=True,
    doc="Log chance that a skew normal number of this location, scale and shape is above x.",
)


def _log_mass(mean: Value, std: Value, low: Value, high: Value) -> Value:
    """Log chance of a normal number between two limits, of which each may be infinite.

    It is the difference of the tails beyond them, on that side where they are smaller.
    """
    std = only_if((std > 0.0) & (low < high), std)
    from_below, to_above = low == -np.inf, high == np.inf
    a = (np.where(from_below, mean, low) - mean) / std
    b = (np.where(to_above, mean, high) - mean) / std
    above = np.where(to_above, True, np.where(from_below, False, a + b > 0.0))
    near, far = np.where(above, a, -b), np.where(above, b, -a)
    tail = log_erfc(ROOT_HALF * near, half=True)
    both = ~(from_below | to_above)
    beyond = log_erfc(ROOT_HALF * np.where(both, far, near + 1.0), half=True)
    one = np.where(from_below & to_above, 0.0 * std, tail)
    return np.where(both, tail + log1mexp(tail - beyond), one)


def _truncated_normal_logpdf(x: Value, mean: Value, std: Value, low: Value, high: Value) -> Value:
    inside = normal_logpdf(x, mean, std) - _log_mass(mean, std, low, high)
    return np.where((x < low) | (x > high), -np.inf, inside)


truncated_normal_logpdf = density(
    "truncated_normal_logpdf",
    _truncated_normal_logpdf,
    domain=(_BETWEEN, real, positive, _LOW, _HIGH),
    remedy=_LIMITED,
    cost=200.0,
    doc="""
    Log density, at x, of a normal number that is known to lie between low and high; either may be
    infinite, and mean and std are those of the number of which that is not known. Elsewhere it is
    -inf, with the derivative 0.
    """,
)


def _log_part(x: Value, mean: Value, std: Value, low: Value, high: Value, *, below: bool) -> Value:
    """Log chance of up to x, or above x."""
    inside = np.where((x <= low) | (x >= high), 0.5 * low + 0.5 * high, x)
    whole = _log_mass(mean, std, low, high)
    down = _log_mass(mean, std, low, inside) - whole
    up = _log_mass(mean, std, inside, high) - whole
    few, many = (down, up) if below else (up, down)
    share = np.where(few < _LOG_HALF, few, log1mexp(-np.where(few < _LOG_HALF, -1.0, many)))
    none, every = (x <= low, x >= high) if below else (x >= high, x <= low)
    return np.where(none, -np.inf, np.where(every, 0.0 * whole, share))


truncated_normal_logcdf = density(
    "truncated_normal_logcdf",
    lambda x, mean, std, low, high: _log_part(x, mean, std, low, high, below=True),
    domain=(_BETWEEN, real, positive, _LOW, _HIGH),
    remedy=_LIMITED,
    cost=600.0,
    doc="""
    Log chance that a normal number which lies between low and high is up to x. At low and below it
    is -inf, with the derivative 0; above high it is 0.
    """,
)

truncated_normal_logsf = density(
    "truncated_normal_logsf",
    lambda x, mean, std, low, high: _log_part(x, mean, std, low, high, below=False),
    domain=(_BETWEEN, real, positive, _LOW, _HIGH),
    remedy=_LIMITED,
    cost=600.0,
    doc="""
    Log chance that a normal number which lies between low and high is above x. Below low it is 0;
    at high and above it is -inf, with the derivative 0.
    """,
)

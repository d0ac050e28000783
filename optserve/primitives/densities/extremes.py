"""The Gumbel and Weibull distributions: of largest and smallest values, and of lifetimes."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import positive, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Steep, Value
from optserve.primitives.constructors import elementwise
from optserve.primitives.densities.density import certain, density, only_if, standardized
from optserve.primitives.elementary import log1mexp, xlogy

__all__ = [
    "gumbel_exponent",
    "gumbel_logcdf",
    "gumbel_logpdf",
    "gumbel_logsf",
    "weibull_logcdf",
    "weibull_logpdf",
    "weibull_logsf",
]

_POSITIVE_SCALE = "keep scale positive: `bounds: [0, null]` or `transform: log`"
_POSITIVE = "keep shape and scale positive: `bounds: [0, null]` or `transform: log`"


def _log_any(v: Value) -> Value:
    """Log chance of any event where exp(v) are expected: log(1 - exp(-exp(v)))."""
    few = v < -5.0
    rare = np.exp(np.where(few, v, -5.0))
    square = rare * rare
    series = square * (1.0 / 24.0 + square * (-1.0 / 2880.0 + square * (1.0 / 181440.0)))
    often = np.exp(np.where(few, 0.0, np.where(v > 7.0, 7.0, v)))  # exp(-exp(7)) is 0
    return np.where(few, v - 0.5 * rare + series, log1mexp(often))


gumbel_exponent: Primitive = elementwise(
    "gumbel_exponent",
    lambda z: z + np.exp(-z),
    partials=lambda out, z: (Steep(-np.expm1(-z)),),
    facts=Facts(overflows=True, at_infinity="grows", cost=8.0),
    internal=True,
    doc="z + exp(-z), whose derivative loses no digits next to 0.",
)


def _gumbel_logpdf(x: Value, location: Value, scale: Value) -> Value:
    return -gumbel_exponent((x - location) / scale) - np.log(scale)


gumbel_logpdf = density(
    "gumbel_logpdf",
    _gumbel_logpdf,
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    draws=lambda random, location, scale: random.gumbel(location, scale),
    doc="""
    Log density, at x, of the Gumbel distribution of largest values; its mode is the location.
    """,
)

gumbel_logcdf = density(
    "gumbel_logcdf",
    lambda x, location, scale: -np.exp(-standardized(x, location, scale)),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    doc="Log chance that a Gumbel number, a largest value, is up to x.",
)

gumbel_logsf = density(
    "gumbel_logsf",
    lambda x, location, scale: _log_any(-standardized(x, location, scale)),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    doc="Log chance that a Gumbel number, a largest value, is above x.",
)


def _passed(x: Value, scale: Value) -> Value:
    """x in scales, of what is positive."""
    return np.where(x <= 0.0, 1.0, x) / only_if(scale > 0.0, scale)


def _weibull_logpdf(x: Value, shape: Value, scale: Value) -> Value:
    y = np.where(x < 0.0, 1.0, x) / only_if(scale > 0.0, scale)
    inside = np.log(shape / scale) + xlogy(shape - 1.0, y) - y**shape
    return np.where(x < 0.0, -np.inf, inside)


weibull_logpdf = density(
    "weibull_logpdf",
    _weibull_logpdf,
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=60.0,
    draws=lambda random, shape, scale: scale * random.weibull(shape),
    doc="""
    Log density of the Weibull distribution at x: of lifetimes whose hazard is a power of x, shape -
    1. Below 0 it is -inf, with the derivative 0.
    """,
)

weibull_logcdf = density(
    "weibull_logcdf",
    lambda x, shape, scale: np.where(
        x <= 0.0, -np.inf, _log_any(only_if(shape > 0.0, shape) * np.log(_passed(x, scale)))
    ),
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=60.0,
    doc="""
    Log chance that a Weibull number is up to x. At 0 and below it is -inf, with the derivative 0.
    """,
)


def _weibull_logsf(x: Value, shape: Value, scale: Value) -> Value:
    passed = _passed(x, scale)
    return only_if(shape > 0.0, np.where(x <= 0.0, certain(passed), -(passed**shape)))


weibull_logsf = density(
    "weibull_logsf",
    _weibull_logsf,
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=40.0,
    doc="""
    Log chance that a Weibull number is above x: that of a life which is only known to be that long.
    At 0 and below it is 0.
    """,
)

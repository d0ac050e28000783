"""The logistic distribution, whose distribution function is the logistic function."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import positive, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Value
from optserve.primitives.constructors import elementwise
from optserve.primitives.densities.density import density, standardized
from optserve.primitives.elementary import softplus

__all__ = ["log_logistic_slope", "logistic_logcdf", "logistic_logpdf", "logistic_logsf"]

_POSITIVE_SCALE = "keep scale positive: `bounds: [0, null]` or `transform: log`"

log_logistic_slope = elementwise(
    "log_logistic_slope",
    lambda z: -np.abs(z) - 2.0 * np.log1p(np.exp(-np.abs(z))),
    partials=lambda out, z: (-np.tanh(0.5 * z),),
    facts=Facts(at_infinity="grows", cost=10.0),
    internal=True,
    doc="Logarithm of the slope of the logistic function: log density of a logistic number.",
)


def _logistic_logpdf(x: Value, location: Value, scale: Value) -> Value:
    return log_logistic_slope((x - location) / scale) - np.log(scale)


logistic_logpdf = density(
    "logistic_logpdf",
    _logistic_logpdf,
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    draws=lambda random, location, scale: random.logistic(location, scale),
    doc="Log density of the logistic distribution of this location and scale, at x.",
)

logistic_logcdf = density(
    "logistic_logcdf",
    lambda x, location, scale: -softplus(-standardized(x, location, scale)),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    doc="Log chance that a logistic number of this location and scale is up to x.",
)

logistic_logsf = density(
    "logistic_logsf",
    lambda x, location, scale: -softplus(standardized(x, location, scale)),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    doc="Log chance that a logistic number of this location and scale is above x.",
)

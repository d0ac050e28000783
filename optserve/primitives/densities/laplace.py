"""The Laplace distribution, whose log density falls with the distance from its middle."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import positive, real
from optserve.graph.primitive import Value
from optserve.primitives.densities.density import density, standardized

__all__ = ["laplace_logcdf", "laplace_logpdf", "laplace_logsf"]

_POSITIVE_SCALE = "keep scale positive: `bounds: [0, null]` or `transform: log`"
_LOG_2 = float(np.log(2.0))

laplace_logpdf = density(
    "laplace_logpdf",
    lambda x, location, scale: -np.abs(x - location) / scale - np.log(scale) - _LOG_2,
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    cost=12.0,
    draws=lambda random, location, scale: random.laplace(location, scale),
    doc="""
    Log density of the Laplace distribution at x; scale is the mean distance from the location.
    """,
)


def _log_below(z: Value) -> Value:
    """Log chance of a value up to z scales above the location."""
    return np.where(z < 0.0, z - _LOG_2, np.log1p(-0.5 * np.exp(-np.where(z < 0.0, 0.0, z))))


laplace_logcdf = density(
    "laplace_logcdf",
    lambda x, location, scale: _log_below(standardized(x, location, scale)),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    doc="""
    Log chance that a Laplace number is up to x; scale is the mean distance from the location.
    """,
)

laplace_logsf = density(
    "laplace_logsf",
    lambda x, location, scale: _log_below(-standardized(x, location, scale)),
    domain=(real, real, positive),
    remedy=_POSITIVE_SCALE,
    doc="""
    Log chance that a Laplace number is above x; scale is the mean distance from the location.
    """,
)

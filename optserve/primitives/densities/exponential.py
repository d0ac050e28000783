"""The exponential distribution: of waiting times between independent events."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import positive
from optserve.graph.primitive import Value
from optserve.primitives.densities.density import density, only_if
from optserve.primitives.elementary import log1mexp

__all__ = ["exponential_logcdf", "exponential_logpdf", "exponential_logsf"]

_POSITIVE_RATE = "keep rate positive: `bounds: [0, null]` or `transform: log`"


exponential_logpdf = density(
    "exponential_logpdf",
    lambda x, rate: np.where(x < 0.0, -np.inf, np.log(rate) - rate * x),
    domain=positive,
    remedy=_POSITIVE_RATE,
    cost=8.0,
    draws=lambda random, *, rate: random.exponential(1.0 / rate),
    doc="""
    Log density of the exponential distribution of this rate, 1 / its mean, at x. Below 0 it is
    -inf, with the derivative 0.
    """,
)


def _exponential_logcdf(x: Value, rate: Value) -> Value:
    passed = np.where(x <= 0.0, 1.0, x) * only_if(rate > 0.0, rate)
    return np.where(x <= 0.0, -np.inf, log1mexp(passed))


exponential_logcdf = density(
    "exponential_logcdf",
    _exponential_logcdf,
    domain=positive,
    remedy=_POSITIVE_RATE,
    doc="""
    Log chance that an exponential number of this rate, 1 / its mean, is up to x. At 0 and below it
    is -inf, with the derivative 0.
    """,
)

exponential_logsf = density(
    "exponential_logsf",
    lambda x, rate: -only_if(rate > 0.0, rate) * np.maximum(x, 0.0),
    domain=positive,
    remedy=_POSITIVE_RATE,
    cost=4.0,
    doc="""
    Log chance that an exponential number of this rate, 1 / its mean, is above x. Below 0 it is 0.
    """,
)

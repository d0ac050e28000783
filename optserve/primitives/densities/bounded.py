"""Distributions on an interval, or from a least value on: beta, uniform, Pareto."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import Domain, positive, unit
from optserve.graph.primitive import Value
from optserve.primitives.densities.density import certain, density, only_if
from optserve.primitives.densities.deviance import deviance, stirling
from optserve.primitives.densities.incomplete import log_beta_tails
from optserve.primitives.elementary import log1mexp, xlogy

__all__ = [
    "beta_logcdf",
    "beta_logpdf",
    "beta_logsf",
    "pareto_logcdf",
    "pareto_logpdf",
    "pareto_logsf",
    "uniform_logcdf",
    "uniform_logpdf",
    "uniform_logsf",
]

_LOW, _HIGH = Domain("real", high=-1.5), Domain("above low", low=1.5)
_ABOVE_MINIMUM = Domain("above the minimum", low=2.0, typical=4.0)
_MINIMUM = Domain("positive", low=0.0, high=2.0)


def _beta_logpdf(x: Value, a: Value, b: Value) -> Value:
    at_end = (x == 0.0) | (x == 1.0)
    inside = np.where((x <= 0.0) | (x >= 1.0), 0.5, x)
    n = a + b
    most = np.log(a * b / n) - stirling(a) - stirling(b) + stirling(n)
    apart = deviance(a, n * inside) + deviance(b, n * (1.0 - inside))
    found = most - apart - np.log(inside) - np.log1p(-inside)
    end = np.where(at_end, x, 0.5)
    powers = xlogy(a - 1.0, end) + xlogy(b - 1.0, 1.0 - end)
    found = np.where(at_end, powers + np.log(np.where(x == 0.0, b, a)), found)
    return np.where((x < 0.0) | (x > 1.0), -np.inf, found)


beta_logpdf = density(
    "beta_logpdf",
    _beta_logpdf,
    domain=(unit, positive, positive),
    remedy="keep a and b positive: `bounds: [0, null]` or `transform: log`",
    cost=250.0,
    draws=lambda random, a, b: random.beta(a, b),
    doc="""
    Log density of the beta distribution at x, between 0 and 1; its mean is a / (a + b). Elsewhere
    it is -inf, with the derivative 0.
    """,
)


def _beta_tails(x: Value, a: Value, b: Value) -> tuple[Value, Value]:
    a, b = only_if(a > 0.0, a), only_if(b > 0.0, b)
    inside = np.where((x <= 0.0) | (x >= 1.0), 0.5, x)
    up_to, above = log_beta_tails(a, b, inside, 1.0 - inside)
    sure = certain(a, b)
    up_to = np.where(x <= 0.0, -np.inf, np.where(x >= 1.0, sure, up_to))
    return up_to, np.where(x >= 1.0, -np.inf, np.where(x <= 0.0, sure, above))


beta_logcdf = density(
    "beta_logcdf",
    lambda x, a, b: _beta_tails(x, a, b)[0],
    domain=(unit, positive, positive),
    remedy="keep a and b positive: `bounds: [0, null]` or `transform: log`",
    cost=15000.0,
    slow=True,
    doc="""
    Log chance that a beta number is up to x. At 0 and below it is -inf, with the derivative 0; from
    1 on it is 0.
    """,
)

beta_logsf = density(
    "beta_logsf",
    lambda x, a, b: _beta_tails(x, a, b)[1],
    domain=(unit, positive, positive),
    remedy="keep a and b positive: `bounds: [0, null]` or `transform: log`",
    cost=15000.0,
    slow=True,
    doc="""
    Log chance that a beta number is above x. At 0 and below it is 0; from 1 on it is -inf, with the
    derivative 0.
    """,
)


def _uniform_logpdf(x: Value, low: Value, high: Value) -> Value:
    width = only_if(low < high, high - low)
    return np.where((x < low) | (x > high), -np.inf, certain(x) - np.log(width))


uniform_logpdf = density(
    "uniform_logpdf",
    _uniform_logpdf,
    domain=(unit, _LOW, _HIGH),
    remedy="keep low below high",
    cost=8.0,
    draws=lambda random, low, high: random.uniform(low, high),
    doc="""
    Log density of the uniform distribution from low to high, at x. Elsewhere it is -inf, with the
    derivative 0.
    """,
)


def _log_share(part: Value, rest: Value, low: Value, high: Value) -> Value:
    """Log of the share that ``part`` is of the interval; ``rest`` is what it leaves."""
    width = only_if(low < high, high - low)
    few = part < rest
    inside = np.where(
        few, np.log(np.where(few, part, 1.0) / width), np.log1p(-np.where(few, 0.0, rest) / width)
    )
    return np.where(part <= 0.0, -np.inf, np.where(rest <= 0.0, certain(width), inside))


uniform_logcdf = density(
    "uniform_logcdf",
    lambda x, low, high: _log_share(x - low, high - x, low, high),
    domain=(unit, _LOW, _HIGH),
    remedy="keep low below high",
    cost=20.0,
    doc="""
    Log chance that a number which is uniform from low to high is up to x. At low and below it is
    -inf, with the derivative 0; above high it is 0.
    """,
)

uniform_logsf = density(
    "uniform_logsf",
    lambda x, low, high: _log_share(high - x, x - low, low, high),
    domain=(unit, _LOW, _HIGH),
    remedy="keep low below high",
    cost=20.0,
    doc="""
    Log chance that a number which is uniform from low to high is above x. Below low it is 0; at
    high and above it is -inf, with the derivative 0.
    """,
)


def _octaves(x: Value, minimum: Value) -> Value:
    """log(x / minimum), which keeps its digits where they are close."""
    close = x < 2.0 * minimum
    above = np.where(close, (x - minimum) / minimum, 0.0)
    return np.where(close, np.log1p(above), np.log(np.where(close, 1.0, x / minimum)))


def _pareto_logpdf(x: Value, minimum: Value, shape: Value) -> Value:
    inside = np.log(shape / only_if(minimum > 0.0, x)) - shape * _octaves(x, minimum)
    return np.where(x < minimum, -np.inf, inside)


pareto_logpdf = density(
    "pareto_logpdf",
    _pareto_logpdf,
    domain=(_ABOVE_MINIMUM, _MINIMUM, positive),
    remedy="keep minimum and shape positive",
    draws=lambda random, minimum, shape: minimum * (1.0 + random.pareto(shape)),
    doc="""
    Log density of the Pareto distribution at x, whose tail falls as 1 / x**shape. Below the minimum
    it is -inf, with the derivative 0.
    """,
)


def _pareto_logsf(x: Value, minimum: Value, shape: Value) -> Value:
    positive_shape = only_if((minimum > 0.0) & (shape > 0.0), shape)
    return np.where(x <= minimum, certain(positive_shape), -positive_shape * _octaves(x, minimum))


pareto_logsf = density(
    "pareto_logsf",
    _pareto_logsf,
    domain=(_ABOVE_MINIMUM, _MINIMUM, positive),
    remedy="keep minimum and shape positive",
    doc="""
    Log chance that a Pareto number is above x: -shape * log(x / minimum). Below the minimum it
    is 0.
    """,
)

pareto_logcdf = density(
    "pareto_logcdf",
    lambda x, minimum, shape: np.where(
        x <= minimum, -np.inf, log1mexp(-_pareto_logsf(x, minimum, shape))
    ),
    domain=(_ABOVE_MINIMUM, _MINIMUM, positive),
    remedy="keep minimum and shape positive",
    cost=50.0,
    doc="""
    Log chance that a Pareto number is up to x. At the minimum and below it is -inf, with the
    derivative 0.
    """,
)

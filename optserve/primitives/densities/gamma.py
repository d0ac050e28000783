"""The gamma distribution, that of the inverse of a gamma number, and chi-squared."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import positive
from optserve.graph.primitive import Value
from optserve.primitives.densities.density import certain, density, only_if
from optserve.primitives.densities.deviance import bennett, deviance, stirling
from optserve.primitives.densities.incomplete import log_gamma_tails
from optserve.primitives.elementary import xlogy

__all__ = [
    "chi2_logcdf",
    "chi2_logpdf",
    "chi2_logsf",
    "gamma_logcdf",
    "gamma_logpdf",
    "gamma_logsf",
    "inverse_gamma_logcdf",
    "inverse_gamma_logpdf",
    "inverse_gamma_logsf",
]

_POSITIVE = "keep its parameters positive: `bounds: [0, null]` or `transform: log`"


def _gamma_logpdf(x: Value, shape: Value, rate: Value) -> Value:
    y = rate * np.where(x < 0.0, 1.0, x)
    ratio = y / shape
    near = (ratio > 0.5) & (ratio < 2.0)
    middle = np.where(near, y, 1.0)
    by_deviance = -middle * bennett(np.where(near, shape - y, 0.0) / middle)
    by_powers = shape - y + xlogy(shape - 1.0, np.where(near, 1.0, ratio))
    found = np.where(near, by_deviance - np.log(ratio), by_powers)
    inside = np.log(rate) - stirling(shape) + found
    return np.where(x < 0.0, -np.inf, inside)


gamma_logpdf = density(
    "gamma_logpdf",
    _gamma_logpdf,
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=120.0,
    draws=lambda random, shape, *, rate: random.gamma(shape, 1.0 / rate),
    doc="""
    Log density of the gamma distribution at x; its mean is shape / rate. Below 0 it is -inf, with
    the derivative 0.
    """,
)


def _inverse_gamma_logpdf(x: Value, shape: Value, scale: Value) -> Value:
    inside = np.where(x <= 0.0, 1.0, x)
    most = np.log(shape) - stirling(shape)
    found = most - deviance(shape, scale / inside) - np.log(inside)
    return np.where(x <= 0.0, -np.inf, found)


inverse_gamma_logpdf = density(
    "inverse_gamma_logpdf",
    _inverse_gamma_logpdf,
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=120.0,
    draws=lambda random, shape, scale: scale / random.gamma(shape),
    doc="""
    Log density, at x, of 1 / g where g is gamma of this shape and of the rate that is here called
    scale. At 0 and below it is -inf, with the derivative 0.
    """,
)

chi2_logpdf = density(
    "chi2_logpdf",
    lambda x, dof: _gamma_logpdf(x, 0.5 * dof, 0.5 + 0.0 * dof),
    domain=(positive, positive),
    remedy="keep dof positive",
    cost=120.0,
    draws=lambda random, dof: random.chisquare(dof),
    doc="""
    Log density, at x, of the sum of the squares of dof independent normal numbers of mean 0 and
    variance 1. Below 0 it is -inf, with the derivative 0.
    """,
)


def _gamma_tails(x: Value, shape: Value, rate: Value) -> tuple[Value, Value]:
    """Log chances of up to x and of more, at the ends of the support too."""
    shape, rate = only_if(shape > 0.0, shape), only_if(rate > 0.0, rate)
    low, high = x <= 0.0, x == np.inf
    up_to, above = log_gamma_tails(shape, np.where(low | high, 1.0, x) * rate)
    sure = certain(shape, rate)
    up_to = np.where(low, -np.inf, np.where(high, sure, up_to))
    return up_to, np.where(low, sure, np.where(high, -np.inf, above))


gamma_logcdf = density(
    "gamma_logcdf",
    lambda x, shape, rate: _gamma_tails(x, shape, rate)[0],
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=8000.0,
    slow=True,
    doc="""
    Log chance that a gamma number of this shape and rate is up to x. At 0 and below it is -inf,
    with the derivative 0.
    """,
)

gamma_logsf = density(
    "gamma_logsf",
    lambda x, shape, rate: _gamma_tails(x, shape, rate)[1],
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=8000.0,
    slow=True,
    doc="""
    Log chance that a gamma number of this shape and rate is above x. At 0 and below it is 0.
    """,
)


def _inverse_gamma_tails(x: Value, shape: Value, scale: Value) -> tuple[Value, Value]:
    """Log chances of up to x, and of more: 1 / x is infinite of what is not positive."""
    none = x <= 0.0
    below, up_to = _gamma_tails(np.where(none, np.inf, 1.0 / np.where(none, 1.0, x)), shape, scale)
    return up_to, below


inverse_gamma_logcdf = density(
    "inverse_gamma_logcdf",
    lambda x, shape, scale: _inverse_gamma_tails(x, shape, scale)[0],
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=8000.0,
    slow=True,
    doc="""
    Log chance that 1 / g is up to x, g being gamma of this shape and of the rate that is here
    called scale. At 0 and below it is -inf, with the derivative 0.
    """,
)

inverse_gamma_logsf = density(
    "inverse_gamma_logsf",
    lambda x, shape, scale: _inverse_gamma_tails(x, shape, scale)[1],
    domain=(positive, positive, positive),
    remedy=_POSITIVE,
    cost=8000.0,
    slow=True,
    doc="""
    Log chance that 1 / g is above x, g being gamma of this shape and of the rate that is here
    called scale. At 0 and below it is 0.
    """,
)

chi2_logcdf = density(
    "chi2_logcdf",
    lambda x, dof: _gamma_tails(x, 0.5 * dof, 0.5 + 0.0 * dof)[0],
    domain=(positive, positive),
    remedy="keep dof positive",
    cost=8000.0,
    slow=True,
    doc="""
    Log chance that the sum of the squares of dof independent normal numbers of variance 1 is up to
    x. At 0 and below it is -inf, with the derivative 0.
    """,
)

chi2_logsf = density(
    "chi2_logsf",
    lambda x, dof: _gamma_tails(x, 0.5 * dof, 0.5 + 0.0 * dof)[1],
    domain=(positive, positive),
    remedy="keep dof positive",
    cost=8000.0,
    slow=True,
    doc="""
    Log chance that the sum of the squares of dof independent normal numbers of variance 1 is above
    x. At 0 and below it is 0.
    """,
)

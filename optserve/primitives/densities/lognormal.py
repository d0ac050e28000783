"""The lognormal distribution: of numbers whose logarithm is normal."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import positive, real
from optserve.graph.primitive import Value
from optserve.primitives.densities.density import certain, density, standardized
from optserve.primitives.densities.normal import normal_logpdf
from optserve.primitives.normal_tails import ROOT_HALF, log_erfc

__all__ = ["lognormal_logcdf", "lognormal_logpdf", "lognormal_logsf"]

_POSITIVE_STD = "keep std positive: `bounds: [0, null]` or `transform: log`"


def _log(x: Value) -> Value:
    """The logarithm, of numbers that have none as of 1: what is made of that is not selected."""
    return np.log(np.where(x <= 0.0, 1.0, x))


def _lognormal_logpdf(x: Value, mean: Value, std: Value) -> Value:
    log_x = _log(x)
    return np.where(x <= 0.0, -np.inf, normal_logpdf(log_x, mean, std) - log_x)


lognormal_logpdf = density(
    "lognormal_logpdf",
    _lognormal_logpdf,
    domain=(positive, real, positive),
    remedy=_POSITIVE_STD,
    draws=lambda random, mean, std: random.lognormal(mean, std),
    doc="""
    Log density of the lognormal distribution at x; mean and std are those of log(x). At 0 and below
    it is -inf, with the derivative 0.
    """,
)


def _lognormal_logcdf(x: Value, mean: Value, std: Value) -> Value:
    z = standardized(_log(x), mean, std)
    return np.where(x <= 0.0, -np.inf, log_erfc(-ROOT_HALF * z, half=True))


lognormal_logcdf = density(
    "lognormal_logcdf",
    _lognormal_logcdf,
    domain=(positive, real, positive),
    remedy=_POSITIVE_STD,
    cost=70.0,
    doc="""
    Log chance that a lognormal number is up to x; mean and std are those of log(x). At 0 and below
    it is -inf, with the derivative 0.
    """,
)


def _lognormal_logsf(x: Value, mean: Value, std: Value) -> Value:
    z = standardized(_log(x), mean, std)
    return np.where(x <= 0.0, certain(z), log_erfc(ROOT_HALF * z, half=True))


lognormal_logsf = density(
    "lognormal_logsf",
    _lognormal_logsf,
    domain=(positive, real, positive),
    remedy=_POSITIVE_STD,
    cost=70.0,
    doc="""
    Log chance that a lognormal number is above x; mean and std are those of log(x). At 0 and below
    it is 0.
    """,
)

"""The normal distribution, and that of the size of a normal number."""

from __future__ import annotations

import math

import numpy as np

from optserve.graph.domain import positive, real
from optserve.graph.primitive import Value
from optserve.primitives.densities.density import density, only_if, standardized
from optserve.primitives.normal_tails import ROOT_HALF, log_erfc
from optserve.primitives.special import erf, erfc

__all__ = [
    "half_normal_logcdf",
    "half_normal_logpdf",
    "half_normal_logsf",
    "normal_logcdf",
    "normal_logpdf",
    "normal_logsf",
]

_HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)
_HALF_LOG_HALF_PI = 0.5 * math.log(0.5 * math.pi)
_POSITIVE_STD = "keep std positive: `bounds: [0, null]` or `transform: log`"


def _normal_logpdf(x: Value, mean: Value, std: Value) -> Value:
    z = (x - mean) / std
    return -0.5 * np.square(z) - np.log(std) - _HALF_LOG_2_PI


normal_logpdf = density(
    "normal_logpdf",
    _normal_logpdf,
    domain=(real, real, positive),
    remedy=_POSITIVE_STD,
    cost=12.0,
    draws=lambda random, mean, std: random.normal(mean, std),
    doc="""
    Log density of the normal distribution of this mean and standard deviation, at x.
    """,
)

normal_logcdf = density(
    "normal_logcdf",
    lambda x, mean, std: log_erfc(-ROOT_HALF * standardized(x, mean, std), half=True),
    domain=(real, real, positive),
    remedy=_POSITIVE_STD,
    cost=60.0,
    doc="""
    Log chance that a normal number of this mean and standard deviation is up to x: that of a value
    which is only known to be below x. It keeps its digits where the chance is too small for a
    number, and where it is next to 1.
    """,
)

normal_logsf = density(
    "normal_logsf",
    lambda x, mean, std: log_erfc(ROOT_HALF * standardized(x, mean, std), half=True),
    domain=(real, real, positive),
    remedy=_POSITIVE_STD,
    cost=60.0,
    doc="""
    Log chance that a normal number of this mean and standard deviation is above x: that of a value
    which is only known to be that large. It keeps its digits in both tails.
    """,
)


def _half_normal_logpdf(x: Value, std: Value) -> Value:
    z = x / std
    inside = -0.5 * np.square(z) - np.log(std) - _HALF_LOG_HALF_PI
    return np.where(x < 0.0, -np.inf, inside)


half_normal_logpdf = density(
    "half_normal_logpdf",
    _half_normal_logpdf,
    domain=(positive, positive),
    remedy=_POSITIVE_STD,
    cost=12.0,
    draws=lambda random, std: np.abs(random.normal(0.0, std)),
    doc="""
    Log density, at x, of the size of a normal number of mean 0 and standard deviation std. Below 0
    it is -inf, with the derivative 0.
    """,
)


def _half_normal_logcdf(x: Value, std: Value) -> Value:
    z = ROOT_HALF * x / only_if(std > 0.0, std)
    inside = np.where(z < 0.5, np.log(erf(z)), np.log1p(-erfc(z)))
    return np.where(x <= 0.0, -np.inf, inside)


half_normal_logcdf = density(
    "half_normal_logcdf",
    _half_normal_logcdf,
    domain=(positive, positive),
    remedy=_POSITIVE_STD,
    cost=80.0,
    doc="""
    Log chance that the size of a normal number of mean 0 and standard deviation std is up to x. At
    0 and below it is -inf, with the derivative 0.
    """,
)


def _half_normal_logsf(x: Value, std: Value) -> Value:
    return log_erfc(np.maximum(ROOT_HALF * x / only_if(std > 0.0, std), 0.0))


half_normal_logsf = density(
    "half_normal_logsf",
    _half_normal_logsf,
    domain=(positive, positive),
    remedy=_POSITIVE_STD,
    cost=60.0,
    doc="""
    Log chance that the size of a normal number of mean 0 and standard deviation std is above x.
    At 0 and below it is 0.
    """,
)

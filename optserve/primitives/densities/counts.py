"""Distributions of counts: Poisson, negative binomial, geometric, and those with more zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.domain import integer, positive, unit
from optserve.graph.facts import Facts
from optserve.graph.primitive import Value
from optserve.primitives.constructors import elementwise
from optserve.primitives.densities.density import certain, density, no_count, only_if
from optserve.primitives.densities.deviance import (
    deviance,
    log1p_less,
    stirling,
    stirling_slope,
)
from optserve.primitives.densities.incomplete import log_beta_tails, log_gamma_tails
from optserve.primitives.elementary import log1mexp

__all__ = [
    "geometric_logcdf",
    "geometric_logpmf",
    "geometric_logsf",
    "inflated",
    "negative_binomial",
    "negative_binomial_logcdf",
    "negative_binomial_logpmf",
    "negative_binomial_logsf",
    "poisson_logcdf",
    "poisson_logpmf",
    "poisson_logsf",
    "unless_zero",
    "with_zeros",
    "zero_inflated_negative_binomial_logcdf",
    "zero_inflated_negative_binomial_logpmf",
    "zero_inflated_negative_binomial_logsf",
    "zero_inflated_poisson_logcdf",
    "zero_inflated_poisson_logpmf",
    "zero_inflated_poisson_logsf",
]

_COUNT = integer(0, 6)
_POSITIVE_MEAN = "keep mean positive: `bounds: [0, null]`, `transform: log`, or exp(...)"
_CHANCE = "keep it between 0 and 1: `bounds: [0, 1]`, or sigmoid(...)"


def _poisson(k: Value, mean: Value) -> Value:
    """Log probability of a count that is one."""
    return -deviance(k, mean) - stirling(k)


poisson_logpmf = density(
    "poisson_logpmf",
    lambda k, mean: np.where(no_count(k), -np.inf, _poisson(np.where(no_count(k), 0.0, k), mean)),
    domain=(_COUNT, positive),
    remedy=_POSITIVE_MEAN,
    cost=100.0,
    draws=lambda random, mean: random.poisson(mean),
    doc="""
    Log probability of k under the Poisson distribution of this mean. Of what is no count it is
    -inf.
    """,
)


def _count_tails(
    k: Value, mean: Value, tails: Callable[[Value, Value], tuple[Value, Value]]
) -> tuple[Value, Value]:
    """Log chances of up to k and of more, at the ends too; ``tails`` are those where more than k
    events are waited for and the mean is positive.

    Of a mean next to 0 they are -mean or 0, and (k + 1) log(mean).
    """
    mean = only_if(mean >= 0.0, mean)
    none, all_, never = k < 0.0, k == np.inf, mean == 0.0
    events = np.floor(np.where(none | all_, 0.0, k)) + 1.0
    up_to, more = tails(events, np.where(never, 1.0, mean))
    up_to = np.where(never, np.where(events == 1.0, -mean, certain(mean, events)), up_to)
    more = np.where(never, events * np.log(mean), more)
    sure = certain(up_to)
    up_to = np.where(none, -np.inf, np.where(all_, sure, up_to))
    return up_to, np.where(none, sure, np.where(all_, -np.inf, more))


def _poisson_tails(k: Value, mean: Value) -> tuple[Value, Value]:
    """Log chances of up to k, and of more: those of the waiting time of k + 1 events."""

    def tails(events: Value, mean: Value) -> tuple[Value, Value]:
        more, up_to = log_gamma_tails(events, mean)
        return up_to, more

    return _count_tails(k, mean, tails)


poisson_logcdf = density(
    "poisson_logcdf",
    lambda k, mean: _poisson_tails(k, mean)[0],
    domain=(_COUNT, positive),
    remedy=_POSITIVE_MEAN,
    cost=8000.0,
    slow=True,
    doc="Log chance of a Poisson number of up to k. Below 0 it is -inf.",
)

poisson_logsf = density(
    "poisson_logsf",
    lambda k, mean: _poisson_tails(k, mean)[1],
    domain=(_COUNT, positive),
    remedy=_POSITIVE_MEAN,
    cost=8000.0,
    slow=True,
    doc="Log chance of a Poisson number of more than k. Below 0 it is 0.",
)


def _negative_binomial(k: Value, mean: Value, dispersion: Value) -> Value:
    """As of two counts, k and the dispersion, which deviate from their means by as much."""
    dispersion = only_if(dispersion > 0.0, dispersion)
    share = dispersion / (dispersion + mean)
    excess = (k - mean) * share
    total = k + dispersion
    most = stirling(total) - stirling(dispersion) - stirling(k) - np.log1p(k / dispersion)
    apart = deviance(dispersion, total * share, -excess)
    return most - apart - deviance(k, total * mean / (dispersion + mean), excess)


def _slopes(out: Value, k: Value, mean: Value, dispersion: Value) -> tuple[Value | None, ...]:
    """Written such that no digits are lost where counts are large, or the distribution Poisson's.

    By the dispersion r it is digamma(k + r) - digamma(r) + log(r / (r + mean)) + 1 - (k + r) /
    (r + mean), by k digamma(k + r) - digamma(k + 1) + log(mean / (r + mean)).
    """
    r, mean = only_if(dispersion > 0.0, dispersion), only_if(mean >= 0.0, mean)
    total, means, none = k + r, r + mean, k == 0.0
    excess, slope = k - mean, stirling_slope(total)
    by_mean = r / means * np.where(none, -1.0, excess / np.where(none, 1.0, mean))
    away = excess / means
    near = away > -0.9
    apart = np.log(np.where(near, 1.0, total / means)) - away
    apart = np.where(near, log1p_less(np.where(near, away, 0.0)), apart)
    by_dispersion = (slope - stirling_slope(r)) + k / (r * total) + apart
    share = total * mean / means
    some, within = np.where(none, 1.0, k), np.where(none, 1.0, share)
    more = np.where(none, 0.0, excess * (r / means) / within)
    near = more > -0.9
    counted = np.where(near, np.log1p(np.where(near, more, 0.0)), np.log(some / within))
    counted = np.where(none, -np.euler_gamma - np.log(share), counted + stirling_slope(some))
    by_count = slope - 1.0 / total - counted
    return by_count, by_mean, by_dispersion


_of_a_count = elementwise(
    "negative_binomial",
    _negative_binomial,
    partials=_slopes,
    domain=positive,
    like_operands=True,
    facts=Facts(cost=300.0, large_code=True, jumps_at="nowhere"),
    internal=True,
    doc="Log probability of a count that is one, of this mean and dispersion.",
)


def negative_binomial(k: Value, mean: Value, dispersion: Value) -> Value:
    """Log probability of a count that is one."""
    return _of_a_count(k, mean, dispersion)


negative_binomial_logpmf = density(
    "negative_binomial_logpmf",
    lambda k, mean, dispersion: np.where(
        no_count(k), -np.inf, negative_binomial(np.where(no_count(k), 0.0, k), mean, dispersion)
    ),
    domain=(_COUNT, positive, positive),
    remedy="keep mean and dispersion positive: `bounds: [0, null]`, `transform: log`",
    cost=300.0,
    draws=lambda random, *, mean, dispersion: random.negative_binomial(
        dispersion, dispersion / (dispersion + mean)
    ),
    doc="""
    Log probability of k under the negative binomial distribution of this mean, and of the variance
    mean + mean**2 / dispersion; it is Poisson's for large dispersion. Of what is no count it is
    -inf.
    """,
)


def _negative_binomial_tails(k: Value, mean: Value, dispersion: Value) -> tuple[Value, Value]:
    """Log chances of up to k, and of more."""
    dispersion = only_if(dispersion > 0.0, dispersion)

    def tails(events: Value, mean: Value) -> tuple[Value, Value]:
        total = mean + dispersion
        return log_beta_tails(dispersion, events, dispersion / total, mean / total)

    return _count_tails(k, mean + certain(dispersion), tails)


negative_binomial_logcdf = density(
    "negative_binomial_logcdf",
    lambda k, mean, dispersion: _negative_binomial_tails(k, mean, dispersion)[0],
    domain=(_COUNT, positive, positive),
    remedy="keep mean and dispersion positive: `bounds: [0, null]`, `transform: log`",
    cost=15000.0,
    slow=True,
    doc="Log chance of a negative binomial number of up to k. Below 0 it is -inf.",
)

negative_binomial_logsf = density(
    "negative_binomial_logsf",
    lambda k, mean, dispersion: _negative_binomial_tails(k, mean, dispersion)[1],
    domain=(_COUNT, positive, positive),
    remedy="keep mean and dispersion positive: `bounds: [0, null]`, `transform: log`",
    cost=15000.0,
    slow=True,
    doc="Log chance of a negative binomial number of more than k. Below 0 it is 0.",
)


def inflated(log_chance: Value, inflation: Value) -> Value:
    """Log of a chance where ``inflation`` of the cases are sure."""
    missing = (1.0 - inflation) * np.expm1(log_chance)
    often, some = missing > -0.5, inflation > 0.0
    none = np.where(some | often, 0.0, inflation)  # whose log has no derivative
    slope = np.expm1(np.minimum(-log_chance, 80.0))  # beyond that it is endless
    return np.where(
        often,
        np.log1p(np.where(often, missing, 0.0)),
        np.where(
            some,
            np.logaddexp(np.log(inflation), np.log1p(-inflation) + log_chance),
            log_chance + np.log1p(none * slope),
        ),
    )


def with_zeros(k: Value, logpmf: Value, inflation: Value) -> Value:
    """Log probability where ``inflation`` of the counts are 0 anyway."""
    at_zero = inflated(np.where(k == 0.0, logpmf, 0.0), inflation)
    return np.where(k == 0.0, at_zero, np.log1p(-inflation) + logpmf)


def unless_zero(random: Any, inflation: Array, drawn: Array) -> Array:
    """Counts that are drawn, of which ``inflation`` are 0 anyway."""
    return np.where(random.random(inflation.shape) < inflation, 0, drawn)


zero_inflated_poisson_logpmf = density(
    "zero_inflated_poisson_logpmf",
    lambda k, mean, inflation: np.where(
        no_count(k),
        -np.inf,
        with_zeros(k, _poisson(np.where(no_count(k), 0.0, k), mean), inflation),
    ),
    domain=(_COUNT, positive, unit),
    remedy=f"{_POSITIVE_MEAN}; inflation: {_CHANCE}",
    cost=130.0,
    draws=lambda random, mean, inflation: unless_zero(random, inflation, random.poisson(mean)),
    doc="""
    Log probability of k, which is 0 with the probability inflation, and else Poisson of this mean.
    Of what is no count it is -inf.
    """,
)

_INFLATED_POISSON = f"{_POSITIVE_MEAN}; inflation: {_CHANCE}"

zero_inflated_poisson_logcdf = density(
    "zero_inflated_poisson_logcdf",
    lambda k, mean, inflation: np.where(
        k < 0.0, -np.inf, inflated(_poisson_tails(k, mean)[0], inflation)
    ),
    domain=(_COUNT, positive, unit),
    remedy=_INFLATED_POISSON,
    cost=8000.0,
    slow=True,
    doc="""
    Log chance of up to k, of a number that is 0 with the probability inflation, and else Poisson of
    this mean. Below 0 it is -inf.
    """,
)

zero_inflated_poisson_logsf = density(
    "zero_inflated_poisson_logsf",
    lambda k, mean, inflation: np.where(
        k < 0.0, 0.0, np.log1p(-inflation) + _poisson_tails(k, mean)[1]
    ),
    domain=(_COUNT, positive, unit),
    remedy=_INFLATED_POISSON,
    cost=8000.0,
    slow=True,
    doc="""
    Log chance of more than k, of a number that is 0 with the probability inflation, and else
    Poisson of this mean. Below 0 it is 0.
    """,
)

zero_inflated_negative_binomial_logpmf = density(
    "zero_inflated_negative_binomial_logpmf",
    lambda k, mean, dispersion, inflation: np.where(
        no_count(k),
        -np.inf,
        with_zeros(
            k, negative_binomial(np.where(no_count(k), 0.0, k), mean, dispersion), inflation
        ),
    ),
    domain=(_COUNT, positive, positive, unit),
    remedy=f"keep mean and dispersion positive; inflation: {_CHANCE}",
    cost=330.0,
    draws=lambda random, mean, dispersion, inflation: unless_zero(
        random, inflation, random.negative_binomial(dispersion, dispersion / (dispersion + mean))
    ),
    doc="""
    Log probability of k, which is 0 with the probability inflation, and else negative binomial of
    this mean and dispersion. Of what is no count it is -inf.
    """,
)


_INFLATED_NEGATIVE_BINOMIAL = f"keep mean and dispersion positive; inflation: {_CHANCE}"

zero_inflated_negative_binomial_logcdf = density(
    "zero_inflated_negative_binomial_logcdf",
    lambda k, mean, dispersion, inflation: np.where(
        k < 0.0, -np.inf, inflated(_negative_binomial_tails(k, mean, dispersion)[0], inflation)
    ),
    domain=(_COUNT, positive, positive, unit),
    remedy=_INFLATED_NEGATIVE_BINOMIAL,
    cost=15000.0,
    slow=True,
    doc="""
    Log chance of up to k, of a number that is 0 with the probability inflation, and else negative
    binomial of this mean and dispersion. Below 0 it is -inf.
    """,
)

zero_inflated_negative_binomial_logsf = density(
    "zero_inflated_negative_binomial_logsf",
    lambda k, mean, dispersion, inflation: np.where(
        k < 0.0, 0.0, np.log1p(-inflation) + _negative_binomial_tails(k, mean, dispersion)[1]
    ),
    domain=(_COUNT, positive, positive, unit),
    remedy=_INFLATED_NEGATIVE_BINOMIAL,
    cost=15000.0,
    slow=True,
    doc="""
    Log chance of more than k, of a number that is 0 with the probability inflation, and else
    negative binomial of this mean and dispersion. Below 0 it is 0.
    """,
)


def _failures(k: Value, chance: Value) -> Value:
    """Log chance of so many failures in a row."""
    chance = only_if((chance > 0.0) & (chance <= 1.0), chance)
    return np.where(k == 0.0, certain(chance), k * np.log1p(-chance))


def _geometric_logcdf(k: Value, chance: Value) -> Value:
    none, all_, at_once = k < 0.0, k == np.inf, chance == 1.0
    failures = np.floor(np.where(none | all_, 0.0, k)) + 1.0
    found = log1mexp(-_failures(failures, np.where(at_once, 0.5, chance)))
    sure = np.where(failures == 1.0, np.log(chance), certain(chance, failures))
    found = np.where(at_once, sure, found)
    return np.where(none, -np.inf, np.where(all_, certain(found), found))


geometric_logpmf = density(
    "geometric_logpmf",
    lambda k, chance: np.where(
        no_count(k), -np.inf, _failures(np.where(no_count(k), 0.0, k), chance) + np.log(chance)
    ),
    domain=(_COUNT, unit),
    remedy=f"chance: {_CHANCE}",
    draws=lambda random, *, chance: random.geometric(chance) - 1,
    doc="""
    Log probability of k failures before the first success, of which each trial has this chance; the
    mean is (1 - chance) / chance. Of what is no count it is -inf.
    """,
)

geometric_logcdf = density(
    "geometric_logcdf",
    _geometric_logcdf,
    domain=(_COUNT, unit),
    remedy=f"chance: {_CHANCE}",
    doc="Log chance of up to k failures before the first success. Below 0 it is -inf.",
)

geometric_logsf = density(
    "geometric_logsf",
    lambda k, chance: _failures(np.maximum(np.floor(k) + 1.0, 0.0), chance),
    domain=(_COUNT, unit),
    remedy=f"chance: {_CHANCE}",
    doc="Log chance of more than k failures before the first success. Below 0 it is 0.",
)

"""Distributions of successes among trials: Bernoulli, binomial, beta-binomial."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import integer, positive, real, unit
from optserve.graph.primitive import Value
from optserve.primitives.densities.counts import (
    inflated,
    negative_binomial,
    unless_zero,
    with_zeros,
)
from optserve.primitives.densities.density import certain, density, no_count, only_if
from optserve.primitives.densities.deviance import deviance, stirling
from optserve.primitives.densities.incomplete import log_beta_tails
from optserve.primitives.densities.log_odds import log_beta_above
from optserve.primitives.elementary import softplus

__all__ = [
    "bernoulli_logcdf",
    "bernoulli_logit_logcdf",
    "bernoulli_logit_logpmf",
    "bernoulli_logit_logsf",
    "bernoulli_logpmf",
    "bernoulli_logsf",
    "beta_binomial_logcdf",
    "beta_binomial_logpmf",
    "beta_binomial_logsf",
    "binomial_logcdf",
    "binomial_logpmf",
    "binomial_logsf",
    "zero_inflated_binomial_logcdf",
    "zero_inflated_binomial_logpmf",
    "zero_inflated_binomial_logsf",
]

_SUCCESSES, _TRIALS = integer(0, 4), integer(4, 9)
_MORE_TRIALS = integer(5, 9)
_CHANCE = "keep chance between 0 and 1: `bounds: [0, 1]`, or sigmoid(...)"


def _bernoulli_logit_logpmf(k: Value, logit: Value) -> Value:
    is_none = (k != 0.0) & (k != 1.0)
    return np.where(is_none, -np.inf, -softplus(np.where(k == 1.0, -logit, logit)))


bernoulli_logit_logpmf = density(
    "bernoulli_logit_logpmf",
    _bernoulli_logit_logpmf,
    domain=(integer(0, 1), real),
    cost=12.0,
    draws=lambda random, logit: random.binomial(1, 1.0 / (1.0 + np.exp(-logit))),
    doc="""
    Log probability of k, 1 or 0, where that of 1 is sigmoid(logit): minus the loss of a logistic
    regression. Of any other k it is -inf.
    """,
)


bernoulli_logit_logcdf = density(
    "bernoulli_logit_logcdf",
    lambda k, logit: np.where(k < 0.0, -np.inf, np.where(k >= 1.0, 0.0, -softplus(logit))),
    domain=(integer(0, 1), real),
    cost=12.0,
    doc="Log chance of up to k, of 1 or 0, where that of 1 is sigmoid(logit). Below 0 it is -inf.",
)

bernoulli_logit_logsf = density(
    "bernoulli_logit_logsf",
    lambda k, logit: np.where(k < 0.0, 0.0, np.where(k >= 1.0, -np.inf, -softplus(-logit))),
    domain=(integer(-1, 0), real),  # at 1 it is -inf, which has no derivative
    cost=12.0,
    doc="Log chance of more than k, of 1 or 0, where that of 1 is sigmoid(logit). From 1 on: -inf.",
)


def _bernoulli_logpmf(k: Value, chance: Value) -> Value:
    chance, is_one = _held(chance), k == 1.0
    is_none = (k != 0.0) & ~is_one
    one, zero = np.log(np.where(is_one, chance, 1.0)), np.log1p(-np.where(is_one, 0.0, chance))
    return np.where(is_none, -np.inf, np.where(is_one, one, zero))


bernoulli_logpmf = density(
    "bernoulli_logpmf",
    _bernoulli_logpmf,
    domain=(integer(0, 1), unit),
    remedy=_CHANCE,
    cost=20.0,
    draws=lambda random, chance: random.random(chance.shape) < chance,
    doc="""
    Log probability of k, 1 or 0, where that of 1 is this chance. Of any other k it is -inf.
    """,
)


bernoulli_logcdf = density(
    "bernoulli_logcdf",
    lambda k, chance: np.where(
        k < 0.0, -np.inf, np.log1p(-np.where(k >= 1.0, 0.0 * _held(chance), _held(chance)))
    ),
    domain=(integer(0, 1), unit),
    remedy=_CHANCE,
    cost=20.0,
    doc="Log chance of up to k, of 1 or 0, where that of 1 is this chance. Below 0 it is -inf.",
)

bernoulli_logsf = density(
    "bernoulli_logsf",
    lambda k, chance: np.where(
        k >= 1.0, -np.inf, np.log(np.where(k < 0.0, 1.0 + 0.0 * _held(chance), _held(chance)))
    ),
    domain=(integer(-1, 0), unit),  # at 1 it is -inf, which has no derivative
    remedy=_CHANCE,
    cost=20.0,
    doc="Log chance of more than k, of 1 or 0, where that of 1 is this chance. From 1 on: -inf.",
)


def _held(chance: Value) -> Value:
    """A chance; NaN of what is none."""
    return only_if((chance >= 0.0) & (chance <= 1.0), chance)


def _no_part(k: Value, trials: Value) -> Value:
    """Whether k is no number of successes."""
    return no_count(k) | (k > trials)


def _binomial(k: Value, trials: Value, chance: Value) -> Value:
    chance = only_if((chance >= 0.0) & (chance <= 1.0), chance)
    trials = only_if(~no_count(trials), trials)
    k = np.where(_no_part(k, trials), 0.0, k)
    rest = trials - k
    most = stirling(trials) - stirling(k) - stirling(rest)
    return most - deviance(k, trials * chance) - deviance(rest, trials * (1.0 - chance))


binomial_logpmf = density(
    "binomial_logpmf",
    lambda k, trials, chance: np.where(_no_part(k, trials), -np.inf, _binomial(k, trials, chance)),
    domain=(_SUCCESSES, _TRIALS, unit),
    remedy=_CHANCE,
    cost=250.0,
    draws=lambda random, trials, chance: random.binomial(np.asarray(trials, np.int64), chance),
    doc="""
    Log probability of k successes in so many trials, each of this chance. Where k is no whole
    number from 0 to trials it is -inf.
    """,
)


def _binomial_tails(k: Value, trials: Value, chance: Value) -> tuple[Value, Value]:
    """Log chances of up to k, and of more, at the ends too.

    Of a chance next to 0 they are -trials * chance or 0, and (k + 1) log(chance).
    """
    trials = only_if(~no_count(trials), trials)
    chance = only_if((chance >= 0.0) & (chance <= 1.0), chance)
    none, all_, never, always = k < 0.0, k >= trials, chance == 0.0, chance == 1.0
    most = np.where(none | all_, 0.0, np.floor(k))
    inner, rest = np.where(never | always, 0.5, chance), 1.0 - chance
    more, up_to = log_beta_tails(most + 1.0, trials - most, inner, 1.0 - inner)
    sure = certain(trials, chance, most)
    up_to = np.where(never, np.where(most == 0.0, -trials * chance, sure), up_to)
    up_to = np.where(always, (trials - most) * np.log(rest), up_to)
    more = np.where(never, (most + 1.0) * np.log(chance), more)
    more = np.where(always, np.where(most + 1.0 == trials, -trials * rest, sure), more)
    up_to = np.where(none, -np.inf, np.where(all_, sure, up_to))
    return up_to, np.where(none, sure, np.where(all_, -np.inf, more))


binomial_logcdf = density(
    "binomial_logcdf",
    lambda k, trials, chance: _binomial_tails(k, trials, chance)[0],
    domain=(_SUCCESSES, _MORE_TRIALS, unit),
    remedy=_CHANCE,
    cost=15000.0,
    slow=True,
    doc="""
    Log chance of up to k successes in so many trials, each of this chance. Below 0 it is -inf.
    """,
)

binomial_logsf = density(
    "binomial_logsf",
    lambda k, trials, chance: _binomial_tails(k, trials, chance)[1],
    domain=(_SUCCESSES, _MORE_TRIALS, unit),
    remedy=_CHANCE,
    cost=15000.0,
    slow=True,
    doc="""
    Log chance of more than k successes in so many trials, each of this chance. From all of
    them on it is -inf.
    """,
)

zero_inflated_binomial_logpmf = density(
    "zero_inflated_binomial_logpmf",
    lambda k, trials, chance, inflation: np.where(
        _no_part(k, trials), -np.inf, with_zeros(k, _binomial(k, trials, chance), inflation)
    ),
    domain=(_SUCCESSES, _TRIALS, unit, unit),
    remedy=f"{_CHANCE}; inflation too",
    cost=280.0,
    draws=lambda random, trials, chance, inflation: unless_zero(
        random, inflation, random.binomial(np.asarray(trials, np.int64), chance)
    ),
    doc="""
    Log probability of k, which is 0 with the probability inflation, and else the successes in so
    many trials of this chance. Where k is no whole number from 0 to trials it is -inf.
    """,
)


zero_inflated_binomial_logcdf = density(
    "zero_inflated_binomial_logcdf",
    lambda k, trials, chance, inflation: np.where(
        k < 0.0,
        -np.inf,
        np.where(k >= trials, 0.0, inflated(_binomial_tails(k, trials, chance)[0], inflation)),
    ),
    domain=(_SUCCESSES, _MORE_TRIALS, unit, unit),
    remedy=f"{_CHANCE}; inflation too",
    cost=15000.0,
    slow=True,
    doc="""
    Log chance of up to k, of a number that is 0 with the probability inflation, and else the
    successes in so many trials, each of a chance above 0 and below 1. Below 0 it is -inf.
    """,
)

zero_inflated_binomial_logsf = density(
    "zero_inflated_binomial_logsf",
    lambda k, trials, chance, inflation: np.where(
        k < 0.0,
        0.0,
        np.where(
            k >= trials, -np.inf, np.log1p(-inflation) + _binomial_tails(k, trials, chance)[1]
        ),
    ),
    domain=(_SUCCESSES, _MORE_TRIALS, unit, unit),
    remedy=f"{_CHANCE}; inflation too",
    cost=15000.0,
    slow=True,
    doc="""
    Log chance of more than k, of a number that is 0 with the probability inflation, and else the
    successes in so many trials, each of a chance above 0 and below 1. From all of them on: -inf.
    """,
)


_POSITIVE = "keep a and b positive: `bounds: [0, null]` or `transform: log`"


def _beta_binomial(k: Value, trials: Value, a: Value, b: Value) -> Value:
    """As of two negative binomial counts, whose sum is known."""
    trials = only_if(~no_count(trials), trials)
    k = np.where(_no_part(k, trials), 0.0, k)
    share = trials / (a + b)
    parts = negative_binomial(k, share * a, a) + negative_binomial(trials - k, share * b, b)
    return parts - negative_binomial(trials, trials, a + b)


beta_binomial_logpmf = density(
    "beta_binomial_logpmf",
    lambda k, trials, a, b: np.where(_no_part(k, trials), -np.inf, _beta_binomial(k, trials, a, b)),
    domain=(_SUCCESSES, _TRIALS, positive, positive),
    remedy=_POSITIVE,
    cost=900.0,
    draws=lambda random, trials, a, b: random.binomial(
        np.asarray(trials, np.int64), random.beta(a, b)
    ),
    doc="""
    Log probability of k successes in so many trials, whose chance is itself a beta number of a and
    b. Where k is no whole number from 0 to trials it is -inf.
    """,
)


def _beta_binomial_tails(k: Value, trials: Value, a: Value, b: Value) -> tuple[Value, Value]:
    """Log chances of up to k, and of more: that the chance of success is below that of which the
    number k + 1, in ascending order, of so many uniform numbers is drawn, and above."""
    trials = only_if(~no_count(trials), trials)
    a, b = only_if(a > 0.0, a), only_if(b > 0.0, b)
    none, all_ = k < 0.0, k >= trials
    most = np.where(none | all_, 0.0, np.floor(k))
    rest = np.where(none | all_, 1.0, trials - most)
    up_to, more = log_beta_above(most + 1.0, rest, a, b)
    sure = certain(trials, a, b, most)
    up_to = np.where(none, -np.inf, np.where(all_, sure, up_to))
    return up_to, np.where(none, sure, np.where(all_, -np.inf, more))


beta_binomial_logcdf = density(
    "beta_binomial_logcdf",
    lambda k, trials, a, b: _beta_binomial_tails(k, trials, a, b)[0],
    domain=(_SUCCESSES, _MORE_TRIALS, positive, positive),
    remedy=_POSITIVE,
    cost=40000.0,
    slow=True,
    doc="""
    Log chance of up to k successes in so many trials, whose chance is itself a beta number of a
    and b. Below 0 it is -inf.
    """,
)

beta_binomial_logsf = density(
    "beta_binomial_logsf",
    lambda k, trials, a, b: _beta_binomial_tails(k, trials, a, b)[1],
    domain=(_SUCCESSES, _MORE_TRIALS, positive, positive),
    remedy=_POSITIVE,
    cost=40000.0,
    slow=True,
    doc="""
    Log chance of more than k successes in so many trials, whose chance is itself a beta number of
    a and b. From all of them on it is -inf.
    """,
)

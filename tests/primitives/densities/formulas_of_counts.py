"""The densities of counts in exact arithmetic, and the points at which they are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mpmath import mp, mpf

from tests.primitives.densities.exact import Exact

__all__ = ["OF_COUNTS", "beta_tails"]

COUNTS = (-1.0, 0.0, 0.5, 1.0, 7.0, 40.0, 12000.0)
SUCCESSES = (-1.0, 0.0, 1.0, 0.5, 7.0, 40.0, 41.0)
MEANS = (1e-9, 0.7, 8.0, 600.0)
CHANCES = (1e-12, 0.02, 0.7, 1 - 2**-40)


def _if_count(k: Any, value: Callable[[], Any]) -> Any:
    return value() if k >= 0 and k == mp.floor(k) else -mp.inf


def _poisson(k: Any, mean: Any) -> Any:
    return k * mp.log(mean) - mean - mp.loggamma(k + 1)


def _poisson_up_to(k: Any, mean: Any) -> Any:
    above = mp.gammainc(mp.floor(k) + 1, mean, mp.inf, regularized=True)
    if mean > k:
        return mp.log(above)
    return mp.log1p(-mp.gammainc(mp.floor(k) + 1, 0, mean, regularized=True))


def _poisson_more(k: Any, mean: Any) -> Any:
    if mean > k:
        return mp.log1p(-mp.gammainc(mp.floor(k) + 1, mean, mp.inf, regularized=True))
    return mp.log(mp.gammainc(mp.floor(k) + 1, 0, mean, regularized=True))


def _negative_binomial(k: Any, mean: Any, spread: Any) -> Any:
    return (
        mp.loggamma(k + spread)
        - mp.loggamma(spread)
        - mp.loggamma(k + 1)
        - spread * mp.log1p(mean / spread)
        + (k * mp.log(mean / (mean + spread)) if k else 0)
    )


def beta_tails(x: Any, a: Any, b: Any) -> Any:
    """Log chances that a beta number is up to x, and above x."""
    low = mp.betainc(a, b, 0, x, regularized=True)
    high = mp.betainc(b, a, 0, 1 - x, regularized=True)
    return (mp.log(low), mp.log1p(-low)) if low < high else (mp.log1p(-high), mp.log(high))


def _negative_binomial_tails(k: Any, mean: Any, spread: Any) -> Any:
    if k < 0:
        return -mp.inf, mpf(0)
    return beta_tails(spread / (spread + mean), spread, mp.floor(k) + 1)


def _binomial_tails(k: Any, n: Any, p: Any) -> Any:
    if k < 0:
        return -mp.inf, mpf(0)
    return beta_tails(p, mp.floor(k) + 1, n - mp.floor(k))[::-1]


def _binomial(k: Any, n: Any, p: Any) -> Any:
    powers = (k * mp.log(p) if k else 0) + ((n - k) * mp.log1p(-p) if n - k else 0)
    return mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1) + powers


def _log_beta(a: Any, b: Any) -> Any:
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def _beta_binomial(k: Any, n: Any, a: Any, b: Any) -> Any:
    ways = mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)
    return ways + _log_beta(k + a, n - k + b) - _log_beta(a, b)


def _beta_binomial_tails(k: Any, n: Any, a: Any, b: Any) -> Any:
    if k < 0 or k >= n:
        return (-mp.inf, mpf(0)) if k < 0 else (mpf(0), -mp.inf)
    every = [mpf(1)]  # in proportion to the first
    for j in range(int(n)):
        every.append(every[-1] * (n - j) * (a + j) / ((j + 1) * (b + n - 1 - j)))
    parts = mp.fsum(every[: int(k) + 1]), mp.fsum(every[int(k) + 1 :])
    up_to, more = (part / sum(parts) for part in parts)
    return (mp.log(up_to), mp.log1p(-up_to)) if up_to < more else (mp.log1p(-more), mp.log(more))


def _with_zeros(k: Any, value: Any, inflation: Any) -> Any:
    counted = mp.log1p(-inflation) + value
    return mp.log(inflation + mp.exp(counted)) if k == 0 else counted


def _bernoulli(k: Any, logit: Any) -> Any:
    if k not in (0, 1):
        return -mp.inf
    z = logit if k == 1 else -logit
    return z - mp.log1p(mp.exp(z)) if z < 0 else -mp.log1p(mp.exp(-z))


def _bernoulli_tails(k: Any, logit: Any) -> Any:
    if k < 0 or k >= 1:
        return (-mp.inf, mpf(0)) if k < 0 else (mpf(0), -mp.inf)
    return _bernoulli(mpf(0), logit), _bernoulli(mpf(1), logit)


def _inflated(tails: Any, inflation: Any) -> Any:
    """Log chances of up to k, and of more, where some of the counts are 0 anyway."""
    below, above = tails
    if below == -mp.inf:
        return tails
    if above == -mp.inf:
        return mpf(0), above
    more = mp.log1p(-inflation) + above
    return mp.log(inflation + (1 - inflation) * mp.exp(below)), more


def _log_failures_fewer(k: Any, p: Any) -> Any:
    power = (mp.floor(k) + 1) * mp.log1p(-p)
    return mp.log(-mp.expm1(power)) if power > -1 else mp.log1p(-mp.exp(power))


OF_COUNTS: Mapping[str, Exact] = MappingProxyType(
    {
        "poisson_logpmf": Exact(
            lambda k, m: _if_count(k, lambda: _poisson(k, m)), (COUNTS, MEANS), by=(1,)
        ),
        "poisson_logcdf": Exact(
            lambda k, m: _poisson_up_to(k, m) if k >= 0 else -mp.inf,
            (COUNTS[:-1], MEANS[1:]),
            by=(1,),
        ),
        "poisson_logsf": Exact(
            lambda k, m: _poisson_more(k, m) if k >= 0 else mpf(0),
            (COUNTS[:-1], MEANS[1:]),
            by=(1,),
        ),
        "negative_binomial_logcdf": Exact(
            lambda k, m, s: _negative_binomial_tails(k, m, s)[0],
            (COUNTS[:-1], (0.7, 8.0), (0.3, 40.0)),
            by=(1, 2),
        ),
        "negative_binomial_logsf": Exact(
            lambda k, m, s: _negative_binomial_tails(k, m, s)[1],
            (COUNTS[:-1], (0.7, 8.0), (0.3, 40.0)),
            by=(1, 2),
        ),
        "binomial_logcdf": Exact(
            lambda k, n, p: _binomial_tails(k, n, p)[0],
            (SUCCESSES[:-2], (40.0,), (1e-6, 0.02, 0.7)),
            by=(2,),
        ),
        "binomial_logsf": Exact(
            lambda k, n, p: _binomial_tails(k, n, p)[1],
            (SUCCESSES[:-2], (40.0,), (1e-6, 0.02, 0.7)),
            by=(2,),
        ),
        "negative_binomial_logpmf": Exact(
            lambda k, m, s: _if_count(k, lambda: _negative_binomial(k, m, s)),
            (COUNTS, MEANS[1:], (0.02, 3.0, 1e4)),
            by=(1, 2),
        ),
        "zero_inflated_poisson_logpmf": Exact(
            lambda k, m, z: _if_count(k, lambda: _with_zeros(k, _poisson(k, m), z)),
            (COUNTS, MEANS, (1e-6, 0.3)),
            by=(1, 2),
        ),
        "zero_inflated_negative_binomial_logpmf": Exact(
            lambda k, m, s, z: _if_count(k, lambda: _with_zeros(k, _negative_binomial(k, m, s), z)),
            (COUNTS, (0.7, 8.0), (0.02, 3.0), (1e-6, 0.3)),
            by=(1, 2, 3),
        ),
        "zero_inflated_poisson_logcdf": Exact(
            lambda k, m, z: _inflated((_poisson_up_to(k, m), 0), z)[0] if k >= 0 else -mp.inf,
            (COUNTS[:-2], MEANS[1:], (1e-6, 0.3)),
            by=(1, 2),
        ),
        "zero_inflated_poisson_logsf": Exact(
            lambda k, m, z: _poisson_more(k, m) + mp.log1p(-z) if k >= 0 else mpf(0),
            (COUNTS[:-2], MEANS[1:], (1e-6, 0.3)),
            by=(1, 2),
        ),
        "zero_inflated_negative_binomial_logcdf": Exact(
            lambda k, m, s, z: _inflated(_negative_binomial_tails(k, m, s), z)[0],
            ((-1.0, 0.0, 7.0), (8.0,), (0.3,), (1e-6, 0.3)),
            by=(1, 2, 3),
        ),
        "zero_inflated_negative_binomial_logsf": Exact(
            lambda k, m, s, z: _inflated(_negative_binomial_tails(k, m, s), z)[1],
            ((-1.0, 0.0, 7.0), (8.0,), (0.3,), (1e-6, 0.3)),
            by=(1, 2, 3),
        ),
        "zero_inflated_binomial_logcdf": Exact(
            lambda k, n, p, z: _inflated(_binomial_tails(k, n, p), z)[0],
            (SUCCESSES[:-2], (40.0,), (1e-6, 0.7), (1e-6, 0.3)),
            by=(2, 3),
        ),
        "zero_inflated_binomial_logsf": Exact(
            lambda k, n, p, z: _inflated(_binomial_tails(k, n, p), z)[1],
            (SUCCESSES[:-2], (40.0,), (1e-6, 0.7), (1e-6, 0.3)),
            by=(2, 3),
        ),
        "bernoulli_logpmf": Exact(
            lambda k, p: mp.log(p) if k == 1 else mp.log1p(-p) if k == 0 else -mp.inf,
            ((-1.0, 0.0, 0.5, 1.0), CHANCES),
            by=(1,),
        ),
        "bernoulli_logcdf": Exact(
            lambda k, p: -mp.inf if k < 0 else mpf(0) if k >= 1 else mp.log1p(-p),
            ((-1.0, 0.0, 0.5, 1.0), CHANCES),
            by=(1,),
        ),
        "bernoulli_logsf": Exact(
            lambda k, p: mpf(0) if k < 0 else -mp.inf if k >= 1 else mp.log(p),
            ((-1.0, 0.0, 0.5, 1.0), CHANCES),
            by=(1,),
        ),
        "bernoulli_logit_logcdf": Exact(
            lambda k, logit: _bernoulli_tails(k, logit)[0],
            ((-1.0, 0.0, 0.5, 1.0), (-800.0, -3.0, 1e-9, 2.0, 40.0)),
            by=(1,),
        ),
        "bernoulli_logit_logsf": Exact(
            lambda k, logit: _bernoulli_tails(k, logit)[1],
            ((-1.0, 0.0, 0.5, 1.0), (-800.0, -3.0, 1e-9, 2.0, 40.0)),
            by=(1,),
        ),
        "geometric_logpmf": Exact(
            lambda k, p: _if_count(k, lambda: k * mp.log1p(-p) + mp.log(p)),
            (COUNTS, CHANCES),
            by=(1,),
        ),
        "geometric_logcdf": Exact(
            lambda k, p: _log_failures_fewer(k, p) if k >= 0 else -mp.inf,
            (COUNTS, (1e-12, 0.02, 0.9)),
            by=(1,),
        ),
        "geometric_logsf": Exact(
            lambda k, p: (mp.floor(k) + 1) * mp.log1p(-p) if k >= 0 else mpf(0),
            (COUNTS, CHANCES),
            by=(1,),
        ),
        "bernoulli_logit_logpmf": Exact(
            _bernoulli, ((-1.0, 0.0, 0.5, 1.0), (-800.0, -3.0, 1e-9, 2.0, 40.0)), by=(1,)
        ),
        "binomial_logpmf": Exact(
            lambda k, n, p: _if_count(k, lambda: _binomial(k, n, p) if k <= n else -mp.inf),
            (SUCCESSES, (40.0,), CHANCES),
            by=(2,),
        ),
        "zero_inflated_binomial_logpmf": Exact(
            lambda k, n, p, z: _if_count(
                k, lambda: _with_zeros(k, _binomial(k, n, p), z) if k <= n else -mp.inf
            ),
            (SUCCESSES, (40.0,), CHANCES, (1e-6, 0.3)),
            by=(2, 3),
        ),
        "beta_binomial_logpmf": Exact(
            lambda k, n, a, b: _if_count(
                k, lambda: _beta_binomial(k, n, a, b) if k <= n else -mp.inf
            ),
            (SUCCESSES, (40.0,), (0.02, 1.5, 60.0), (0.3, 40.0)),
            by=(2, 3),
        ),
        "beta_binomial_logcdf": Exact(
            lambda k, n, a, b: _beta_binomial_tails(k, n, a, b)[0],
            ((-1.0, 0.0, 0.5, 7.0, 39.0, 40.0), (40.0,), (1e-3, 1.5, 60.0), (0.3, 40.0, 1e5)),
            by=(2, 3),
        ),
        "beta_binomial_logsf": Exact(
            lambda k, n, a, b: _beta_binomial_tails(k, n, a, b)[1],
            ((-1.0, 0.0, 0.5, 7.0, 39.0, 40.0), (40.0,), (1e-3, 1.5, 60.0), (0.3, 40.0, 1e5)),
            by=(2, 3),
        ),
    }
)

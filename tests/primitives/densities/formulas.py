"""The densities of numbers in exact arithmetic, and the points at which they are compared.

In the middle, far in both tails, at the ends of the support.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mpmath import mp, mpf

from tests.primitives.densities.exact import Exact
from tests.primitives.densities.formulas_of_counts import OF_COUNTS, beta_tails
from tests.primitives.densities.formulas_of_shapes import OF_SHAPES

__all__ = ["EXACT"]


def _log_normal_below(z: Any) -> Any:
    u = z / mp.sqrt(2)
    return mp.log(mp.erfc(-u) / 2) if z < 0 else mp.log1p(-mp.erfc(u) / 2)


def _log1mexp(u: Any) -> Any:
    return mp.log(-mp.expm1(-u)) if u < 1 else mp.log1p(-mp.exp(-u))


def _normal(x: Any, mean: Any, std: Any) -> Any:
    return -(((x - mean) / std) ** 2) / 2 - mp.log(std) - mp.log(2 * mp.pi) / 2


def _log_normal_size(z: Any) -> Any:
    u = z / mp.sqrt(2)
    return mp.log(mp.erf(u)) if z < 1 else mp.log1p(-mp.erfc(u))


def _inside(holds: Any, value: Callable[[], Any], outside: Any = -mp.inf) -> Any:
    return value() if holds else outside


def _laplace_below(z: Any) -> Any:
    return z - mp.log(2) if z < 0 else mp.log1p(-mp.exp(-z) / 2)


def _logistic_below(z: Any) -> Any:
    return z - mp.log1p(mp.exp(z)) if z < 0 else -mp.log1p(mp.exp(-z))


def _cauchy_below(z: Any) -> Any:
    angle = mp.atan2(1, abs(z)) / mp.pi
    return mp.log(angle) if z < 0 else mp.log1p(-angle)


def _gamma(x: Any, shape: Any, rate: Any) -> Any:
    if x < 0:
        return -mp.inf
    return shape * mp.log(rate) - mp.loggamma(shape) + (shape - 1) * mp.log(x) - rate * x


def _gamma_below(y: Any, shape: Any) -> Any:
    if y <= 0:
        return -mp.inf
    if y < shape + 1:
        return mp.log(mp.gammainc(shape, 0, y, regularized=True))
    return mp.log1p(-mp.gammainc(shape, y, mp.inf, regularized=True))


def _gamma_above(y: Any, shape: Any) -> Any:
    if y <= 0:
        return mpf(0)
    if y < shape + 1:
        return mp.log1p(-mp.gammainc(shape, 0, y, regularized=True))
    return mp.log(mp.gammainc(shape, y, mp.inf, regularized=True))


def _t_below(z: Any, dof: Any) -> Any:
    share = dof / (dof + z * z)
    tail = mp.betainc(dof / 2, mpf(1) / 2, 0, share, regularized=True) / 2
    return mp.log(tail) if z < 0 else mp.log1p(-tail)


def _beta_tails(x: Any, a: Any, b: Any) -> Any:
    return (
        beta_tails(x, a, b) if 0 < x < 1 else ((-mp.inf, mpf(0)) if x <= 0 else (mpf(0), -mp.inf))
    )


def _log_between(a: Any, b: Any) -> Any:
    """Log chance of a normal number between a and b, by its smaller tails."""
    if a + b < 0:
        a, b = -b, -a
    root = mp.sqrt(2)
    return mp.log((mp.erfc(a / root) - mp.erfc(b / root)) / 2)


SPREAD = (-1e8, -400.0, -40.0, -3.0, -0.1, 1e-9, 0.3, 2.0, 37.0, 1e4)
SIZES = (1e-30, 1e-9, 0.02, 0.7, 1.0, 3.0, 40.0, 600.0, 1e6)
LOCATIONS = (0.0, 0.25)
SCALES = (0.5, 3.25)
RATES = (1e-3, 0.7, 5.0)
GUMBEL = (-4.0, -0.1, 1e-9, 0.3, 2.0, 37.0, 1e4)
LIFETIMES = (1e-30, 1e-9, 0.02, 0.7, 1.0, 3.0, 40.0)
SHARES = (-2.0, -1.4999, -0.3, 0.7, 1.4999, 3.0)
GAMMA = ((-1.0, 1e-9, 0.3, 3.0, 60.0), (0.3, 2.5, 40.0), (0.7,))
BETA = ((-1.0, 1e-9, 0.3, 0.9, 1.5), (0.3, 40.0), (0.5, 7.0))
STUDENT = ((-1e8, -3.0, -0.1, 0.25 + 2**-30, 2.0), (0.7, 4.0, 60.0), (0.25,), (2.5,))
PARETO = (0.1, 0.5000001, 0.7, 3.5, 40.0, 1e8)
LIMITED = (
    (-2.0, -0.9, 0.3, 0.99, 2.0),
    (-30.0, -0.25, 0.1, 50.0),
    (0.5, 3.0),
    (-1.0,),
    (1.0,),
)


EXACT: Mapping[str, Exact] = MappingProxyType(
    {
        "normal_logpdf": Exact(_normal, (SPREAD, LOCATIONS, SCALES)),
        "normal_logcdf": Exact(
            lambda x, m, s: _log_normal_below((x - m) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "normal_logsf": Exact(
            lambda x, m, s: _log_normal_below((m - x) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "half_normal_logpdf": Exact(
            lambda x, s: _inside(x >= 0, lambda: _normal(x, 0, s) + mp.log(2)),
            ((-1.0, *SIZES), SCALES),
        ),
        "half_normal_logcdf": Exact(
            lambda x, s: _inside(x > 0, lambda: _log_normal_size(x / s)),
            ((-1.0, *SIZES), SCALES),
        ),
        "half_normal_logsf": Exact(
            lambda x, s: _inside(x > 0, lambda: mp.log(mp.erfc(x / s / mp.sqrt(2))), mpf(0)),
            ((-1.0, *SIZES), SCALES),
        ),
        "lognormal_logpdf": Exact(
            lambda x, m, s: _inside(x > 0, lambda: _normal(mp.log(x), m, s) - mp.log(x)),
            ((-1.0, *SIZES), LOCATIONS, SCALES),
        ),
        "lognormal_logcdf": Exact(
            lambda x, m, s: _inside(x > 0, lambda: _log_normal_below((mp.log(x) - m) / s)),
            ((-1.0, *SIZES), LOCATIONS, SCALES),
        ),
        "lognormal_logsf": Exact(
            lambda x, m, s: _inside(x > 0, lambda: _log_normal_below((m - mp.log(x)) / s), mpf(0)),
            ((-1.0, *SIZES), LOCATIONS, SCALES),
        ),
        "exponential_logpdf": Exact(
            lambda x, r: _inside(x >= 0, lambda: mp.log(r) - r * x), ((-1.0, *SIZES), RATES)
        ),
        "exponential_logcdf": Exact(
            lambda x, r: _inside(x > 0, lambda: _log1mexp(r * x)), ((-1.0, *SIZES), RATES)
        ),
        "exponential_logsf": Exact(
            lambda x, r: _inside(x > 0, lambda: -r * x, mpf(0)), ((-1.0, *SIZES), RATES)
        ),
        "laplace_logpdf": Exact(
            lambda x, m, s: -abs(x - m) / s - mp.log(2 * s), (SPREAD, LOCATIONS, SCALES)
        ),
        "laplace_logcdf": Exact(
            lambda x, m, s: _laplace_below((x - m) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "laplace_logsf": Exact(
            lambda x, m, s: _laplace_below((m - x) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "logistic_logpdf": Exact(
            lambda x, m, s: -abs(x - m) / s - 2 * mp.log1p(mp.exp(-abs(x - m) / s)) - mp.log(s),
            (SPREAD, LOCATIONS, SCALES),
        ),
        "logistic_logcdf": Exact(
            lambda x, m, s: _logistic_below((x - m) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "logistic_logsf": Exact(
            lambda x, m, s: _logistic_below((m - x) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "cauchy_logpdf": Exact(
            lambda x, m, s: -mp.log1p(((x - m) / s) ** 2) - mp.log(mp.pi * s),
            (SPREAD, LOCATIONS, SCALES),
        ),
        "cauchy_logcdf": Exact(
            lambda x, m, s: _cauchy_below((x - m) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "cauchy_logsf": Exact(
            lambda x, m, s: _cauchy_below((m - x) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "student_t_logpdf": Exact(
            lambda x, d, m, s: (
                mp.loggamma((d + 1) / 2)
                - mp.loggamma(d / 2)
                - mp.log(d * mp.pi) / 2
                - mp.log(s)
                - (d + 1) / 2 * mp.log1p(((x - m) / s) ** 2 / d)
            ),
            ((-1e8, -3.0, 1e-9, 2.0), (0.1, 1.0, 4.0, 30.0, 600.0), (0.25,), SCALES),
        ),
        "gumbel_logpdf": Exact(
            lambda x, m, s: -(x - m) / s - mp.exp(-(x - m) / s) - mp.log(s),
            (GUMBEL, LOCATIONS, SCALES),
        ),
        "gumbel_logcdf": Exact(lambda x, m, s: -mp.exp(-(x - m) / s), (GUMBEL, LOCATIONS, SCALES)),
        "gumbel_logsf": Exact(
            lambda x, m, s: _log1mexp(mp.exp(-(x - m) / s)), (GUMBEL, LOCATIONS, SCALES)
        ),
        "weibull_logpdf": Exact(
            lambda x, k, s: _inside(
                x >= 0, lambda: mp.log(k / s) + (k - 1) * mp.log(x / s) - (x / s) ** k
            ),
            ((-1.0, *LIFETIMES), (0.3, 2.5), SCALES),
        ),
        "weibull_logcdf": Exact(
            lambda x, k, s: _inside(x > 0, lambda: _log1mexp((x / s) ** k)),
            ((-1.0, *LIFETIMES), (0.3, 2.5), SCALES),
        ),
        "weibull_logsf": Exact(
            lambda x, k, s: _inside(x > 0, lambda: -((x / s) ** k), mpf(0)),
            ((-1.0, *LIFETIMES), (0.3, 2.5), SCALES),
        ),
        "gamma_logpdf": Exact(
            _gamma, ((-1.0, *LIFETIMES), (0.02, 1.0, 3.5, 60.0, 1e6), (0.7, 5.0))
        ),
        "gamma_logcdf": Exact(lambda x, a, b: _gamma_below(b * x, a), GAMMA),
        "gamma_logsf": Exact(lambda x, a, b: _gamma_above(b * x, a), GAMMA),
        "inverse_gamma_logcdf": Exact(
            lambda x, a, b: _gamma_above(b / x, a) if x > 0 else -mp.inf, GAMMA
        ),
        "inverse_gamma_logsf": Exact(
            lambda x, a, b: _gamma_below(b / x, a) if x > 0 else mpf(0), GAMMA
        ),
        "chi2_logcdf": Exact(lambda x, d: _gamma_below(x / 2, d / 2), GAMMA[:2]),
        "chi2_logsf": Exact(lambda x, d: _gamma_above(x / 2, d / 2), GAMMA[:2]),
        "inverse_gamma_logpdf": Exact(
            lambda x, a, b: _inside(x > 0, lambda: _gamma(1 / x, a, b) - 2 * mp.log(x)),
            ((-1.0, *LIFETIMES), (0.02, 1.0, 3.5, 60.0, 1e6), (0.7, 5.0)),
        ),
        "chi2_logpdf": Exact(
            lambda x, d: _gamma(x, d / 2, mpf(1) / 2), ((-1.0, *LIFETIMES), (0.1, 1.0, 7.0, 1e6))
        ),
        "beta_logpdf": Exact(
            lambda x, a, b: _inside(
                0 < x < 1,
                lambda: (
                    (a - 1) * mp.log(x)
                    + (b - 1) * mp.log1p(-x)
                    - mp.loggamma(a)
                    - mp.loggamma(b)
                    + mp.loggamma(a + b)
                ),
            ),
            (
                (-1.0, 1e-30, 1e-3, 0.3, 0.96875, 1 - 2**-40, 1.5),
                (0.02, 1.5, 60.0, 1e5),
                (0.3, 40.0),
            ),
        ),
        "beta_logcdf": Exact(lambda x, a, b: _beta_tails(x, a, b)[0], BETA),
        "beta_logsf": Exact(lambda x, a, b: _beta_tails(x, a, b)[1], BETA),
        "student_t_logcdf": Exact(lambda x, d, m, s: _t_below((x - m) / s, d), STUDENT),
        "student_t_logsf": Exact(lambda x, d, m, s: _t_below((m - x) / s, d), STUDENT),
        "uniform_logpdf": Exact(
            lambda x, a, b: _inside(a <= x <= b, lambda: -mp.log(b - a)),
            (SHARES, (-1.5,), (1.5, 2.5)),
        ),
        "uniform_logcdf": Exact(
            lambda x, a, b: _inside(x > a, lambda: mp.log((x - a) / (b - a)) if x < b else mpf(0)),
            (SHARES, (-1.5,), (1.5, 2.5)),
        ),
        "uniform_logsf": Exact(
            lambda x, a, b: _inside(x < b, lambda: mp.log((b - x) / (b - a)) if x > a else mpf(0)),
            (SHARES, (-1.5,), (1.5, 2.5)),
        ),
        "pareto_logpdf": Exact(
            lambda x, m, a: _inside(x >= m, lambda: mp.log(a / x) - a * mp.log(x / m)),
            (PARETO, (0.5, 3.0), (0.3, 4.0)),
        ),
        "pareto_logcdf": Exact(
            lambda x, m, a: _inside(x > m, lambda: _log1mexp(a * mp.log(x / m))),
            (PARETO, (0.5, 3.0), (0.3, 4.0)),
        ),
        "pareto_logsf": Exact(
            lambda x, m, a: _inside(x > m, lambda: -a * mp.log(x / m), mpf(0)),
            (PARETO, (0.5, 3.0), (0.3, 4.0)),
        ),
        "von_mises_logpdf": Exact(
            lambda x, m, k: k * mp.cos(x - m) - mp.log(2 * mp.pi * mp.besseli(0, k)),
            ((-3.0, 0.1, 0.25 + 2**-30, 2.0), (0.25,), (1e-3, 0.7, 5.0, 14.0, 16.0, 400.0)),
        ),
        "skew_normal_logpdf": Exact(
            lambda x, m, s, a: _normal(x, m, s) + mp.log(2) + _log_normal_below(a * (x - m) / s),
            ((-400.0, -3.0, 1e-9, 2.0, 37.0), (0.25,), SCALES, (-4.0, 0.5)),
        ),
        "truncated_normal_logpdf": Exact(
            lambda x, m, s, a, b: _inside(
                a <= x <= b, lambda: _normal(x, m, s) - _log_between((a - m) / s, (b - m) / s)
            ),
            LIMITED,
        ),
        "truncated_normal_logcdf": Exact(
            lambda x, m, s, a, b: _inside(
                x > a,
                lambda: (
                    _log_between((a - m) / s, (x - m) / s) - _log_between((a - m) / s, (b - m) / s)
                    if x < b
                    else mpf(0)
                ),
            ),
            LIMITED,
        ),
        "truncated_normal_logsf": Exact(
            lambda x, m, s, a, b: _inside(
                x < b,
                lambda: (
                    _log_between((x - m) / s, (b - m) / s) - _log_between((a - m) / s, (b - m) / s)
                    if x > a
                    else mpf(0)
                ),
            ),
            LIMITED,
        ),
        **OF_COUNTS,
        **OF_SHAPES,
    }
)

"""Error functions, exponential integrals and what else is made of exponentials."""

from __future__ import annotations

import numpy as np
from scipy import special

from optserve.plugin import Domain, Facts, Primitive, Value, elementwise, positive, unit
from optserve_special.static import of_orders

__all__ = [
    "dawsn",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp1",
    "expi",
    "expn",
    "exprel",
    "lambertw",
    "ndtri",
    "spence",
]

_COST = Facts(cost=40.0)
_HALF_SQRT_PI = 0.5 * np.sqrt(np.pi)
_FAR = 12.0
"""From here on the asymptotic series below are accurate to the last digit."""

# 1 * 3 * ... * (2k - 1) / 2**(k - 1), for k from 1 on.
_ODD = tuple(float(special.factorial2(2 * k - 1) / 2.0 ** (k - 1)) for k in range(1, 19))
_ALTERNATING = tuple((-1.0) ** k * one for k, one in enumerate(_ODD, start=1))


def _series(x: Value, coefficients: tuple[float, ...]) -> Value:
    found: Value = 0.0
    for one in reversed(coefficients):
        found = found * x + one
    return found


erfinv: Primitive = elementwise(
    "erfinv",
    ufunc=special.erfinv,
    partials=lambda out, x: (_HALF_SQRT_PI * np.exp(out * out),),
    domain=Domain("in (-1, 1)", low=-1.0, high=1.0),
    facts=_COST,
    doc="The inverse of the error function.",
)

erfcinv: Primitive = elementwise(
    "erfcinv",
    ufunc=special.erfcinv,
    partials=lambda out, x: (-_HALF_SQRT_PI * np.exp(out * out),),
    domain=Domain("in (0, 2)", low=0.0, high=2.0),
    facts=_COST,
    doc="The inverse of 1 - erf(x).",
)

ndtri: Primitive = elementwise(
    "ndtri",
    ufunc=special.ndtri,
    partials=lambda out, x: (np.sqrt(2.0 * np.pi) * np.exp(0.5 * out * out),),
    domain=unit,
    facts=_COST,
    doc="The quantile of a normal number of mean 0 and variance 1: the inverse of ndtr.",
)


def _erfcx_slope(out: Value, x: Value) -> tuple[Value]:
    far = x > _FAR
    u = 1.0 / np.where(far, x, _FAR) ** 2
    # 2 x erfcx(x) - 2 / sqrt(pi) cancels far out: its asymptotic series (DLMF 7.12.1).
    near = 2.0 * np.where(far, 0.0, x) * out - 1.0 / _HALF_SQRT_PI
    return (np.where(far, u * _series(u, _ALTERNATING) / (2.0 * _HALF_SQRT_PI), near),)


erfcx: Primitive = elementwise(
    "erfcx",
    ufunc=special.erfcx,
    partials=_erfcx_slope,
    facts=Facts(cost=40.0, overflows=True),
    doc="exp(x**2) * erfc(x), which does not vanish far out.",
)


def _dawsn_slope(out: Value, x: Value) -> tuple[Value]:
    far = np.abs(x) > _FAR
    u = 1.0 / np.where(far, x, _FAR) ** 2
    # 1 - 2 x dawsn(x) cancels far out: its asymptotic series (DLMF 7.12.1, of an imaginary x).
    return (np.where(far, -0.5 * u * _series(u, _ODD), 1.0 - 2.0 * np.where(far, 0.0, x) * out),)


dawsn: Primitive = elementwise(
    "dawsn",
    ufunc=special.dawsn,
    partials=_dawsn_slope,
    facts=_COST,
    doc="Dawson's integral, exp(-x**2) times the integral of exp(t**2) from 0 to x.",
)

expi: Primitive = elementwise(
    "expi",
    ufunc=special.expi,
    partials=lambda out, x: (np.exp(x) / x,),
    domain=positive,
    facts=Facts(cost=40.0, overflows=True),
    doc="Exponential integral, of exp(t) / t from minus infinity to x.",
)

exp1: Primitive = elementwise(
    "exp1",
    ufunc=special.exp1,
    partials=lambda out, x: (-np.exp(-x) / x,),
    domain=positive,
    facts=_COST,
    doc="Exponential integral, of exp(-t) / t from x on.",
)

expn: Primitive = of_orders(
    "expn",
    lambda n, x: special.expn(int(n), x),
    lambda out, x, n: -expn(n - 1.0, x) if n else -np.exp(-x) * (1.0 + 1.0 / x) / x,
    "Exponential integral of whole order n, of exp(-x * t) / t**n from 1 on.",
    orders={"n": 3.0},
    domain=positive,
)

_EXPREL_NEAR = 0.5
_EXPREL_TERMS = tuple(float((n + 1.0) / special.factorial(n + 2)) for n in range(16))


def _exprel_slope(out: Value, x: Value) -> tuple[Value]:
    near = np.abs(x) < _EXPREL_NEAR
    away = np.where(near, 1.0, x)
    inner = np.where(near, x, 0.0)
    return (np.where(near, _series(inner, _EXPREL_TERMS), (np.exp(away) - out) / away),)


exprel: Primitive = elementwise(
    "exprel",
    ufunc=special.exprel,
    partials=_exprel_slope,
    facts=Facts(cost=20.0, overflows=True),
    doc="(exp(x) - 1) / x, accurate for x near 0.",
)


def _lambertw(x: Value) -> Value:
    found = special.lambertw(x)
    return np.where(found.imag == 0.0, found.real, np.nan).astype(np.asarray(x).dtype)[()]


lambertw: Primitive = elementwise(
    "lambertw",
    ufunc=_lambertw,
    partials=lambda out, x: (np.exp(-out) / (1.0 + out),),
    domain=Domain("above -1/e", low=-1.0 / np.e),
    facts=Facts(cost=100.0),
    doc="The w of w * exp(w) = x, on the branch through 0; NaN below -1/e.",
)

_SPENCE_NEAR = 0.25
_SPENCE_TERMS = tuple((-1.0) ** (n + 1) / (n + 1.0) for n in range(40))


def _spence_slope(out: Value, x: Value) -> tuple[Value]:
    near = np.abs(x - 1.0) < _SPENCE_NEAR
    away = np.where(near, 2.0, x)
    inner = np.where(near, x - 1.0, 0.0)
    return (np.where(near, _series(inner, _SPENCE_TERMS), np.log(away) / (1.0 - away)),)


spence: Primitive = elementwise(
    "spence",
    ufunc=special.spence,
    partials=_spence_slope,
    domain=positive,
    facts=_COST,
    doc="The dilogarithm, the integral of log(t) / (1 - t) from 1 to x.",
)

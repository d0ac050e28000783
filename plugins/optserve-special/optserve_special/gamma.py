"""The gamma and beta functions, and their incomplete integrals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from optserve.plugin import Domain, Facts, Primitive, Value, elementwise, positive, unit
from optserve.primitives.special import digamma, gammaln
from optserve_special.differences import TOLERANCE, central, primitive_by
from optserve_special.static import of_orders

__all__ = [
    "beta",
    "betainc",
    "betaincinv",
    "betaln",
    "binom",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammaincinv",
    "poch",
    "rgamma",
    "zeta",
]

_COST = Facts(cost=40.0)
_GROWS = Facts(cost=40.0, overflows=True)

zeta: Primitive = of_orders(
    "zeta",
    special.zeta,
    lambda out, x, s: -s * zeta(s + 1.0, x),
    "Hurwitz's zeta function, the sum of (k + x)**-s over k = 0, 1, ...; Riemann's where x is 1.",
    orders={"s": 2.5},
    domain=positive,
)

gamma: Primitive = elementwise(
    "gamma",
    ufunc=special.gamma,
    partials=lambda out, x: (out * digamma(x),),
    domain=positive,
    facts=_GROWS,
    doc="The gamma function.",
)

rgamma: Primitive = elementwise(
    "rgamma",
    ufunc=special.rgamma,
    partials=lambda out, x: (-out * digamma(x),),
    domain=positive,
    facts=_COST,
    doc="1 / gamma(x), which does not overflow.",
)

betaln: Primitive = elementwise(
    "betaln",
    ufunc=special.betaln,
    partials=lambda out, a, b: (digamma(a) - digamma(a + b), digamma(b) - digamma(a + b)),
    domain=positive,
    facts=_COST,
    doc="Logarithm of the beta function.",
)

beta: Primitive = elementwise(
    "beta",
    ufunc=special.beta,
    partials=lambda out, a, b: (
        out * (digamma(a) - digamma(a + b)),
        out * (digamma(b) - digamma(a + b)),
    ),
    domain=positive,
    facts=_COST,
    doc="The beta function.",
)

poch: Primitive = elementwise(
    "poch",
    ufunc=special.poch,
    partials=lambda out, z, m: (
        out * (digamma(z + m) - digamma(z)),
        out * digamma(z + m),
    ),
    domain=positive,
    facts=_GROWS,
    doc="The rising factorial, gamma(z + m) / gamma(z).",
)


def _binom_slopes(out: Value, n: Value, k: Value) -> tuple[Value, Value]:
    rest = digamma(n - k + 1.0)
    return out * (digamma(n + 1.0) - rest), out * (rest - digamma(k + 1.0))


binom: Primitive = elementwise(
    "binom",
    ufunc=special.binom,
    partials=_binom_slopes,
    domain=(positive, unit),
    facts=_GROWS,
    doc="Binomial coefficient, of real numbers too.",
)


_NEAR = 0.02
"""How far apart differences are taken, of a shape, and of its root where that is smaller."""


def _room(shape: Any) -> Any:
    return _NEAR * np.minimum(shape, np.sqrt(shape))


def _by(function: Callable[..., Any], *numbers: int) -> Callable[..., Any]:
    """The derivative of ``function`` by each of its operands ``numbers`` in turn."""
    if not numbers:
        return function
    number, inner = numbers[0], _by(function, *numbers[1:])

    def computed(*operands: Any) -> Any:
        before, at, after = operands[:number], operands[number], operands[number + 1 :]
        return central(lambda one: inner(*before, one, *after), at, _room(at))

    return computed


def _gamma_density(a: Value, x: Value) -> Value:
    return np.exp((a - 1.0) * np.log(x) - x - gammaln(a))


def _beta_density(a: Value, b: Value, x: Value) -> Value:
    return np.exp((a - 1.0) * np.log(x) + (b - 1.0) * np.log1p(-x) - betaln(a, b))


def _gamma_score(a: Value, x: Value) -> Value:
    """The derivative of the gamma density by a."""
    return _gamma_density(a, x) * (np.log(x) - digamma(a))


def _beta_score(a: Value, b: Value, x: Value) -> Value:
    """The derivative of the beta density by a."""
    return _beta_density(a, b, x) * (np.log(x) - digamma(a) + digamma(a + b))


_SHAPES = (positive, positive)
_SHAPES_AND_UNIT = (positive, positive, unit)

_lower_by_aa = primitive_by("gammainc_by_aa", _by(special.gammainc, 0, 0), _SHAPES)
_lower_by_a: Primitive = primitive_by(
    "gammainc_by_a",
    _by(special.gammainc, 0),
    _SHAPES,
    lambda out, a, x: (_lower_by_aa(a, x), _gamma_score(a, x)),
)
_upper_by_a: Primitive = primitive_by(
    "gammaincc_by_a",
    _by(special.gammaincc, 0),
    _SHAPES,
    lambda out, a, x: (-_lower_by_aa(a, x), -_gamma_score(a, x)),
)
_beta_by_aa = primitive_by("betainc_by_aa", _by(special.betainc, 0, 0), _SHAPES_AND_UNIT)
_beta_by_ab = primitive_by("betainc_by_ab", _by(special.betainc, 0, 1), _SHAPES_AND_UNIT)
_beta_by_bb = primitive_by("betainc_by_bb", _by(special.betainc, 1, 1), _SHAPES_AND_UNIT)
_beta_by_a: Primitive = primitive_by(
    "betainc_by_a",
    _by(special.betainc, 0),
    _SHAPES_AND_UNIT,
    lambda out, a, b, x: (_beta_by_aa(a, b, x), _beta_by_ab(a, b, x), _beta_score(a, b, x)),
)
_beta_by_b: Primitive = primitive_by(
    "betainc_by_b",
    _by(special.betainc, 1),
    _SHAPES_AND_UNIT,
    lambda out, a, b, x: (
        _beta_by_ab(a, b, x),
        _beta_by_bb(a, b, x),
        _beta_score(b, a, 1.0 - x),
    ),
)


def _gamma_quantile_slopes(out: Value, a: Value, y: Value) -> tuple[Value, Value]:
    there = out > 0.0  # a quantile so small that it is 0 does not move
    x = np.where(there, out, 1.0)
    slope = 1.0 / _gamma_density(a, x)  # by the implicit function theorem
    return np.where(there, -slope * _lower_by_a(a, x), 0.0), np.where(there, slope, 0.0)


def _beta_quantile_slopes(out: Value, a: Value, b: Value, y: Value) -> tuple[Value, ...]:
    there = (out > 1e-290) & (out < 1.0)  # nor does one that is rounded to an end
    x = np.where(there, out, 0.5)
    slope = 1.0 / _beta_density(a, b, x)
    slopes = -slope * _beta_by_a(a, b, x), -slope * _beta_by_b(a, b, x), slope
    return tuple(np.where(there, one, 0.0) for one in slopes)


gammainc: Primitive = elementwise(
    "gammainc",
    ufunc=special.gammainc,
    partials=lambda out, a, x: (_lower_by_a(a, x), _gamma_density(a, x)),
    domain=positive,
    tolerance=TOLERANCE,
    facts=_COST,
    doc="Incomplete gamma function from 0 to x, regularized: a gamma distribution's chances.",
)

gammaincc: Primitive = elementwise(
    "gammaincc",
    ufunc=special.gammaincc,
    partials=lambda out, a, x: (_upper_by_a(a, x), -_gamma_density(a, x)),
    domain=positive,
    tolerance=TOLERANCE,
    facts=_COST,
    doc="1 - gammainc(a, x), accurate where it is small.",
)

gammaincinv: Primitive = elementwise(
    "gammaincinv",
    ufunc=special.gammaincinv,
    partials=_gamma_quantile_slopes,
    domain=(positive, unit),
    tolerance=TOLERANCE,
    facts=_COST,
    doc="The x of gammainc(a, x) = y: a gamma distribution's quantiles.",
)

betainc: Primitive = elementwise(
    "betainc",
    ufunc=special.betainc,
    partials=lambda out, a, b, x: (
        _beta_by_a(a, b, x),
        _beta_by_b(a, b, x),
        _beta_density(a, b, x),
    ),
    domain=_SHAPES_AND_UNIT,
    tolerance=TOLERANCE,
    facts=_COST,
    doc="Incomplete beta function from 0 to x, regularized: a beta distribution's chances.",
)

_NOT_SMALL = Domain("positive, not near 0", low=0.25)

betaincinv: Primitive = elementwise(
    "betaincinv",
    ufunc=special.betaincinv,
    partials=_beta_quantile_slopes,
    domain=(_NOT_SMALL, _NOT_SMALL, unit),  # where quantiles are no smaller than rounding of 1
    tolerance=TOLERANCE,
    facts=_COST,
    doc="The x of betainc(a, b, x) = y: a beta distribution's quantiles.",
)

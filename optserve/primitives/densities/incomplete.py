"""Logarithms of the incomplete gamma and beta functions, and derivatives by every operand.

The integrals are taken over the logarithm of their variable, on the side where they are the smaller
part, by the double exponential rule (Takahasi & Mori 1974, Publ. RIMS 9, 721). What is summed is
smooth in all operands, so that the derivatives of the sum are as right as the sum.
"""

from __future__ import annotations

import math

import numpy as np

from optserve.graph.domain import Domain
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constants import arange_beside
from optserve.primitives.constructors import elementwise
from optserve.primitives.densities.deviance import bennett, deviance, stirling
from optserve.primitives.elementary import log1mexp
from optserve.primitives.shaping import cast

__all__ = ["both_tails", "decaying_rule", "exponential_rest", "log_beta_tails", "log_gamma_tails"]

_STEP = 0.0625
_FIRST = -4.0
_COUNT = 134
"""Nodes of the rule: up to exp(4.3), where what decays as exp(-u) is 0."""

_FACTORIALS = tuple(1.0 / math.factorial(n) for n in range(2, 17))


def both_tails(lower: Value, tail: Value) -> tuple[Value, Value]:
    """Log chances below and above: ``tail`` is the first where ``lower``, and else the second."""
    other = log1mexp(-tail)
    return np.where(lower, tail, other), np.where(lower, other, tail)


def _exponential_rest(u: Value) -> Value:
    near = np.abs(u) < 0.5
    small = np.where(near, u, 0.0)
    total: Value = _FACTORIALS[-1]
    for coefficient in _FACTORIALS[-2::-1]:
        total = total * small + coefficient
    return np.where(near, small * small * total, np.expm1(u) - u)


exponential_rest: Primitive = elementwise(
    "exponential_rest",
    _exponential_rest,
    partials=lambda out, u: (np.expm1(u),),
    domain=Domain("real"),
    facts=Facts(overflows=True, cost=25.0),
    internal=True,
    doc="exp(u) - 1 - u, which loses no digits next to 0.",
)


def decaying_rule(width: Value) -> tuple[Value, Value]:
    """Nodes u and weights along a new last axis, for the integral over u > 0 of what decays on the
    scale ``width`` as an exponential does, or faster."""
    index = cast(arange_beside(_COUNT, width), dtype=np.dtype(width.dtype))
    s = _FIRST + _STEP * index
    v = np.exp(s - np.exp(-s))
    return width[..., None] * v, _STEP * width[..., None] * ((1.0 + np.exp(-s)) * v)


def _log_integral(rate: Value, curvature: Value, sign: Value, width: Value) -> Value:
    """Log of the integral of exp(-rate u - curvature r(sign u)) over u > 0, r being the rest.

    ``width`` is about where the exponent is -1.
    """
    u, weight = decaying_rule(width)
    rest = exponential_rest(sign[..., None] * u)
    parts = np.exp(-rate[..., None] * u - curvature[..., None] * rest)
    return np.log(np.sum(weight * parts, axis=-1))


def log_gamma_tails(shape: Value, x: Value) -> tuple[Value, Value]:
    """Log chances that a gamma number of rate 1 is up to x, and above x, x being positive."""
    shape, x = shape + 0.0 * x, x + 0.0 * shape
    lower = (x <= shape) | (x <= 1.0)
    rate = np.where(lower, shape - x, x - shape)
    most = np.log(shape) - stirling(shape) - deviance(shape, x)
    sign = np.where(lower, -np.ones_like(x), np.ones_like(x))
    # Of small x the lower integrand decays as exp(-shape u) in the end.
    small = x <= 1.0
    steep = np.where(small, 1.0, rate)
    width = np.where(small, 1.0 / shape, 2.0 / (steep + np.sqrt(steep * steep + 2.0 * x)))
    tail = most + _log_integral(rate, x, sign, width)
    return both_tails(lower, tail)


def _log_rest(p: Value, q: Value, u: Value) -> Value:
    """log(q + p exp(-u)) + p u, p + q being 1: about p q u**2 / 2 next to 0, and never negative."""
    by_p = np.where(p <= 0.5, p, 0.0)
    near = (p > 0.5) & (u < 3.0)
    by_q, short = np.where(near, q, 0.0), np.where(near, u, 0.0)
    return np.where(
        p <= 0.5,
        by_p * exponential_rest(-u) - _logarithm_rest(by_p * np.expm1(-u)),
        np.where(
            near,
            by_q * exponential_rest(short) - _logarithm_rest(by_q * np.expm1(short)),
            np.log1p(np.where(p <= 0.5, 0.0, p) * np.expm1(-u)) + p * u,
        ),
    )


def _logarithm_rest(y: Value) -> Value:
    """y - log(1 + y), of y from -1 / 2 on."""
    return (y * y - bennett(y)) / (1.0 + y)


def log_beta_tails(a: Value, b: Value, p: Value, q: Value) -> tuple[Value, Value]:
    """Log chances that a beta number is up to p, and above p, which is 1 - q; neither is 0."""
    a, b, p = a + 0.0 * (b + p), b + 0.0 * (a + p), p + 0.0 * (a + b)
    q = q + 0.0 * p
    n = a + b
    few, many = n * p <= 1.0, n * q <= 1.0
    lower = np.where(few & many, p <= 0.5, few | (~many & (n * p <= a)))
    most = np.log(a / n * b) - stirling(a) - stirling(b) + stirling(n)
    most = most - deviance(a, n * p) - deviance(b, n * q)
    own: Value = np.where(lower, a, b)
    x: Value = np.where(lower, p, q)
    rest: Value = np.where(lower, q, p)
    small = n * x <= 1.0
    rate = own - n * x
    steep = np.where(small, 1.0, rate)
    curved = steep * steep + 2.0 * n * x * rest
    width: Value = np.where(small, 1.0 / own, 2.0 / (steep + np.sqrt(curved)))
    u, weight = decaying_rule(width)
    over = n[..., None] * _log_rest(x[..., None], rest[..., None], u)
    parts = np.exp(-rate[..., None] * u - over)
    tail = most + np.log(np.sum(weight * parts, axis=-1))
    return both_tails(lower, tail)

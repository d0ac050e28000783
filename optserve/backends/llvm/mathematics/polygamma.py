"""The derivatives of digamma, of orders that are known when the code is written.

Up to a sign and a factorial they are Hurwitz's zeta function, the sum of ``(x + k) ** -(n + 1)``:
its first terms as they are, the others by Euler and Maclaurin's formula. Float lanes are computed
in double.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache

from optserve.backends.llvm.mathematics.gamma_functions import half_turns
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, rarely, where

__all__ = ["HIGHEST", "polygamma"]

HIGHEST = 16
"""The highest order: beyond, the terms of the formula grow before they fall."""
TERMS = 12
"""Terms that are added as they are, and of the formula for the others."""


def polygamma(order: int) -> Callable[[Lanes], Lanes]:
    """The function for one order from 1 to ``HIGHEST``."""
    sign = 1.0 if order % 2 else -1.0

    def function(x: Lanes) -> Lanes:
        wide = x if x.scalar == "double" else x.widened()
        size = abs(wide)
        right = sign * math.factorial(order) * _zeta(order + 1, size)
        [result] = rarely(wide < 0.0, [right], lambda: [_reflected(order, wide, size, right)])
        return result if x.scalar == "double" else result.narrowed()

    return function


def _zeta(s: int, x: Lanes) -> Lanes:
    """The sum of ``(x + k) ** -s`` over k from 0 on, where x >= 0; small terms are added first."""
    inverse = 1.0 / (x + float(TERMS))
    rest = polynomial(inverse * inverse, _tail(s))
    total = _power(inverse, s - 1) * fma(inverse, 0.5, rest)
    for k in reversed(range(TERMS)):
        total = total + _power(1.0 / (x + float(k)), s)
    return total


@cache
def _tail(s: int) -> tuple[float, ...]:
    """1 / (s - 1) and Bernoulli's numbers B(2 j) s (s + 1) ... (s + 2 j - 2) / (2 j)!."""
    terms = [Fraction(1, s - 1)]
    for j in range(1, TERMS + 1):
        rising = math.prod(range(s, s + 2 * j - 1))
        terms.append(_bernoulli(2 * j) * rising / math.factorial(2 * j))
    return tuple(map(float, terms))


@cache
def _bernoulli(n: int) -> Fraction:
    """Bernoulli's numbers: 1, -1/2, 1/6, 0, -1/30, ..."""
    if n == 0:
        return Fraction(1)
    return -sum((math.comb(n + 1, k) * _bernoulli(k) for k in range(n)), Fraction()) / (n + 1)


def _power(x: Lanes, exponent: int) -> Lanes:
    """x multiplied by itself; the exponent is at least 1."""
    if exponent == 1:
        return x
    half = _power(x, exponent // 2)
    return half * half * x if exponent % 2 else half * half


def _reflected(order: int, x: Lanes, size: Lanes, right: Lanes) -> Lanes:
    """Where x < 0 by way of 1 - x and a derivative of pi / tan(pi x); infinite at -1, -2, ..."""
    sign = 1.0 if order % 2 else -1.0
    distance = size - size.rint()
    sine, cosine = half_turns(distance)
    cotangent = (-(cosine / sine)).negated_where(distance.sign_bit())
    slope = polynomial(cotangent, _cotangent(order)) * math.pi ** (order + 1)
    value = -math.factorial(order) * _zeta(order + 1, size + 1.0) - slope
    value = where(distance.equals(0.0), sign * math.inf, value)
    value = where(x.equals(-math.inf), sign * math.inf, value)
    return where(x < 0.0, value, right)


@cache
def _cotangent(order: int) -> tuple[float, ...]:
    """A derivative of cot(y) as a polynomial in cot(y): that of cot is -(1 + cot ** 2)."""
    terms = [0, 1]
    for _ in range(order):
        slope = [k * term for k, term in enumerate(terms)][1:]
        terms = [0] * (len(terms) + 1)
        for k, term in enumerate(slope):
            terms[k] -= term
            terms[k + 2] -= term
    return tuple(map(float, terms))

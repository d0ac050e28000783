"""Quantiles of Student's t: half the width of an interval, in standard errors.

``scipy.special`` has them, at 0.3 s for its import, which is more than a whole small fit takes.
"""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, inf, lgamma, log, log1p, pi, sqrt

__all__ = ["student_t_quantile"]

NEARLY_NORMAL = 2e3
"""Degrees of freedom from which on an expansion around the normal is right to the last digits."""


@lru_cache(maxsize=256)
def student_t_quantile(level: float, dof: float) -> float:
    """The t between whose minus and plus a fraction ``level`` of the distribution lies.

    ``dof`` are its degrees of freedom; infinitely many give the normal distribution. Accurate to
    1e-11 for levels from 0.5 to 0.9999.

    >>> round(student_t_quantile(0.95, 12), 8), round(student_t_quantile(0.95, inf), 8)
    (2.17881283, 1.95996398)
    """
    tail = 1.0 - level
    normal = _normal_quantile(tail)
    if dof > NEARLY_NORMAL:
        return _expansion(normal, dof)
    # Newton's method for log P(|T| > t) in log t, which is nearly linear for heavy tails too.
    t = normal if dof > 2 else max(normal, (2.0 / (pi * tail)) ** (1.0 / dof))
    for _ in range(50):
        outside = _outside(t, dof)
        step = (outside * log(outside / tail)) / (2.0 * _density(t, dof) * t)
        t *= exp(max(-2.0, min(2.0, step)))
        if abs(step) < 1e-14:
            break
    return t


def _normal_quantile(tail: float) -> float:
    """z with P(|Z| > z) = tail, by Newton's method from the left, where it is monotone."""
    z = 0.0
    for _ in range(100):
        step = (erfc(z / sqrt(2.0)) - tail) * sqrt(pi / 2.0) * exp(0.5 * z * z)
        z += step
        if abs(step) <= 1e-15 * z:
            break
    return z


def _expansion(z: float, dof: float) -> float:
    """Cornish and Fisher's expansion (Abramowitz & Stegun 1964, 26.7.5)."""
    if dof == inf:
        return z
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    third = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    return z + first / dof + second / dof**2 + third / dof**3


def _density(t: float, dof: float) -> float:
    constant = lgamma(0.5 * (dof + 1.0)) - lgamma(0.5 * dof) - 0.5 * log(dof * pi)
    return exp(constant - 0.5 * (dof + 1.0) * log1p(t * t / dof))


def _outside(t: float, dof: float) -> float:
    """P(|T| > t), an incomplete beta function."""
    x = dof / (dof + t * t)
    a, b = 0.5 * dof, 0.5
    front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    if x < (a + 1.0) / (a + b + 2.0):
        return exp(front) * _continued_fraction(x, a, b) / a
    return 1.0 - exp(front) * _continued_fraction(1.0 - x, b, a) / b


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Of the incomplete beta function (Press et al. 2007, section 6.4), by Lentz's method."""
    c = 1.0
    d = 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for numerator in (even, odd):
            d = 1.0 / (1.0 + numerator * d)
            c = 1.0 + numerator / c
            value *= c * d
        if abs(c * d - 1.0) <= 4e-16:
            break
    return value

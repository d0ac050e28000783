"""arctan, arctan2, arcsin and arccos, as small angles that are taken from multiples of pi / 4."""

from __future__ import annotations

import math

from optserve.backends.llvm.mathematics.angles import RIGHT
from optserve.backends.llvm.mathematics.coefficients import ARCSIN, ARCTAN
from optserve.backends.llvm.mathematics.extended import DoubleDouble, exactly, quick_sum, quotient
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, rarely, where

__all__ = ["arccos", "arcsin", "arctan", "arctan2"]

TANGENT = math.tan(math.pi / 8)
"""Ratios up to this are the tangent of a small angle; beyond, the angle is taken from pi / 4."""


def small_angle(t: DoubleDouble) -> DoubleDouble:
    """arctan(t) for abs(t) <= tan(pi / 8)."""
    square = t.high * t.high
    tail = polynomial(square, ARCTAN[t.high.scalar])
    return DoubleDouble(t.high, fma(square * t.high, tail, t.low - t.low * square))


def arctan(x: Lanes) -> Lanes:
    """arctan(x) from x, (x - 1) / (x + 1) or -1 / x, whichever is small."""
    high, low, _ = RIGHT[x.scalar]
    size = abs(x).at_most(x.pick(2.0**64, 2.0**32))
    medium, large = size > TANGENT, size > 1.0 / TANGENT
    total = quick_sum(1.0, size)
    numerator = where(large, -1.0, where(medium, size - 1.0, size))
    denominator = DoubleDouble(
        where(large, size, where(medium, total.high, 1.0)),
        where(large, 0.0, where(medium, total.low, 0.0)),
    )
    angle = small_angle(quotient(exactly(numerator), denominator))
    offset = where(large, x.like(high), where(medium, x.like(high / 2.0), 0.0))
    rest = where(large, x.like(low), where(medium, x.like(low / 2.0), 0.0))
    return (offset + (angle.high + (angle.low + rest))).with_sign_of(x)


def arctan2(y: Lanes, x: Lanes) -> Lanes:
    """The angle of the point (x, y), from -pi to pi."""
    high, low, _ = RIGHT[x.scalar]
    swapped = abs(y) > abs(x)
    smaller = where(swapped, abs(x), abs(y))
    larger = where(swapped, abs(y), abs(x))
    larger = where(larger.equals(0.0), 1.0, larger)
    extreme = ~((larger > x.pick(2.0**-500, 2.0**-60)) & (larger < x.pick(2.0**1000, 2.0**100)))
    smaller, larger = rarely(extreme, (smaller, larger), lambda: _rescaled(smaller, larger))

    medium = smaller > TANGENT * larger
    total = quick_sum(larger, smaller)
    numerator = where(medium, smaller - larger, smaller)
    denominator = DoubleDouble(where(medium, total.high, larger), where(medium, total.low, 0.0))
    angle = small_angle(quotient(exactly(numerator), denominator))
    base = quick_sum(where(medium, x.like(high / 2.0), 0.0), angle.high)
    rest = base.low + (angle.low + where(medium, x.like(low / 2.0), 0.0))

    left = x.bits() < 0
    turned = swapped ^ left
    first = where(turned, -base.high, base.high)
    second = where(turned, -rest, rest)
    offset = where(swapped, x.like(high), where(left, x.like(2.0 * high), 0.0))
    second = second + where(swapped, x.like(low), where(left, x.like(2.0 * low), 0.0))
    return (offset + (first + second)).with_sign_of(y)


def _rescaled(smaller: Lanes, larger: Lanes) -> tuple[Lanes, Lanes]:
    """Numbers of the same ratio whose reciprocals and products are normal."""
    infinite = larger.equals(math.inf)
    nan = smaller.unordered(larger)
    smaller = where(infinite, where(smaller.equals(math.inf), smaller.like(1.0), 0.0), smaller)
    larger = where(infinite, 1.0, larger)
    up, down = larger.pick(2.0**600, 2.0**80), larger.pick(2.0**-100, 2.0**-30)
    high, low = larger.pick(2.0**1000, 2.0**100), larger.pick(2.0**-500, 2.0**-60)
    factor = where(larger >= high, larger.like(down), where(larger <= low, larger.like(up), 1.0))
    return where(nan, math.nan, smaller * factor), larger * factor


def of_sine(size: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """Whether ``size`` is at most 1 / 2, and s and p with arcsin(s) = s + p.

    s is ``size``, or else the sine of half the angle whose cosine it is: NaN above 1.
    """
    small = size <= 0.5
    square = where(small, size * size, fma(size, -0.5, 0.5))
    s = where(small, size, square.sqrt())
    return small, s, (s * square) * polynomial(square, ARCSIN[size.scalar])


def arcsin(x: Lanes) -> Lanes:
    """arcsin(x); NaN outside of [-1, 1]."""
    high, low, _ = RIGHT[x.scalar]
    small, s, p = of_sine(abs(x))
    complement = quick_sum(x.like(high), -2.0 * s)
    large = complement.high + fma(p, -2.0, complement.low + low)
    return where(small, s + p, large).with_sign_of(x)


def arccos(x: Lanes) -> Lanes:
    """arccos(x); NaN outside of [-1, 1]."""
    high, low, _ = RIGHT[x.scalar]
    small, s, p = of_sine(abs(x))
    negative = x < 0.0
    signed_s, signed_p = where(negative, -s, s), where(negative, -p, p)
    complement = quick_sum(x.like(high), -signed_s)
    from_right = complement.high + (complement.low + (low - signed_p))
    double = 2.0 * (s + p)
    from_half_turn = 2.0 * high - (double - 2.0 * low)
    return where(small, from_right, where(negative, from_half_turn, double))

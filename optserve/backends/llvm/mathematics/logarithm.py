"""log and its kin: log1p, softplus, logaddexp.

x = 2**k m with m from sqrt(1/2) to sqrt(2), and log(m) from s = (m - 1) / (m + 1), arranged as in
fdlibm (Sun Microsystems 1993, ``e_log.c``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from optserve.backends.llvm.mathematics.coefficients import LOG
from optserve.backends.llvm.mathematics.exponential import LOG2_HIGH, LOG2_LOW, exp, power_of_two
from optserve.backends.llvm.mathematics.extended import Pair, quick_sum
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, where
from optserve.frozen import frozen

__all__ = [
    "LOG2_SHORT",
    "Parts",
    "log",
    "log1p",
    "log_as_pair",
    "logaddexp",
    "normal_parts",
    "parts",
    "short_log",
    "softplus",
]

SQRT_HALF_BITS: Mapping[str, int] = MappingProxyType({"i64": 0x3FE6A09E667F3BCD, "i32": 0x3F3504F3})
LOG2_SHORT = (0.6931471805598903, 5.497923018708371e-14)
"""log 2 in double precision as a sum of two; multiples up to 2**11 of the first are exact."""
ONE_BITS: Mapping[str, int] = MappingProxyType({"i64": 0x3FF0000000000000, "i32": 0x3F800000})


@frozen
class Parts:
    """x = 2**k m, where k is an integer as a real."""

    k: Lanes
    m: Lanes


def parts(x: Lanes) -> Parts:
    """The parts of a positive normal number; of others, numbers without meaning."""
    form = x.format
    bits = x.bits()
    moved = bits + (ONE_BITS[bits.scalar] - SQRT_HALF_BITS[bits.scalar])
    biased = moved >> form.mantissa
    integer = 2.0**form.mantissa
    k = (biased | x.like(integer).bits()).reals() - (integer + form.bias)
    fraction = (moved & ((1 << form.mantissa) - 1)) + SQRT_HALF_BITS[bits.scalar]
    return Parts(k, fraction.reals())


def normal_parts(x: Lanes) -> Parts:
    """The parts of a positive finite number, subnormal ones too."""
    subnormal = x < x.format.smallest_normal
    shift = float(x.format.mantissa + 2)
    split = parts(where(subnormal, x * 2.0**shift, x))
    return Parts(split.k - where(subnormal, x.like(shift), 0.0), split.m)


def without_first(f: Lanes) -> tuple[Lanes, Lanes]:
    """h and t with log(1 + f) = f - (h - t), where f and h = f**2 / 2 are known best."""
    s = f / (f + 2.0)
    square = s * s
    half = (0.5 * f) * f
    return half, s * fma(square, polynomial(square, LOG[f.scalar]), half)


def combined(k: Lanes, f: Lanes) -> Lanes:
    """k log 2 + log(1 + f), smallest terms first."""
    half, rest = without_first(f)
    low = half - fma(k, LOG2_LOW[f.scalar], rest)
    return fma(k, LOG2_HIGH[f.scalar], f - low)


def short_log(x: Lanes) -> Lanes:
    """log(x) of positive normal double lanes, to 2**-43: for what will be rounded to float."""
    split = parts(x)
    f = split.m - 1.0
    s = f / (f + 2.0)
    square = s * s
    fraction = fma(s * square, polynomial(square, LOG["short"]), 2.0 * s)
    return fma(split.k, math.log(2.0), fraction)


def log_as_pair(x: Lanes) -> Pair:
    """log(x) of positive finite double lanes, to some 56 bits after the point."""
    split = normal_parts(x)
    f = split.m - 1.0
    half, rest = without_first(f)
    first = quick_sum(split.k * LOG2_SHORT[0], f)
    return quick_sum(first.high, first.low + (fma(split.k, LOG2_SHORT[1], rest) - half))


def without_logarithm(result: Lanes, x: Lanes) -> Lanes:
    """``result`` where x is positive and finite; elsewhere what a logarithm of x is."""
    result = where(x < math.inf, result, x)
    return where(x > 0.0, result, where(x.equals(0.0), x.like(-math.inf), math.nan))


def log(x: Lanes) -> Lanes:
    """log(x); -inf at 0, NaN below."""
    split = normal_parts(x)
    return without_logarithm(combined(split.k, split.m - 1.0), x)


def log1p(x: Lanes) -> Lanes:
    """log(1 + x); -inf at -1, NaN below."""
    u = x + 1.0
    result = log_of_sum(u, rounding_of_increment(x, u))
    return without_logarithm(result, u).with_sign_of(x)


def rounding_of_increment(x: Lanes, u: Lanes) -> Lanes:
    """(1 + x) - u, where u is 1 + x rounded: exact for any size of x (Knuth's TwoSum)."""
    virtual = u - x
    return (1.0 - virtual) + (x - (u - virtual))


def log_of_sum(u: Lanes, low: Lanes) -> Lanes:
    """log(u + low) for a positive normal u, of which ``low`` is a rounding error."""
    split = parts(u)
    shift = u.format.magic + u.format.bias
    inverse = power_of_two((shift - split.k.at_most(u.pick(1000.0, 100.0))).bits())
    return combined(split.k, fma(low, inverse, split.m - 1.0))


def softplus(x: Lanes) -> Lanes:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-abs(x)))."""
    return where(x > 0.0, x, where(x.differs(x), x, 0.0)) + log_of_one_plus(exp(-abs(x)))


def log_of_one_plus(e: Lanes) -> Lanes:
    """log(1 + e) for e from 0 to 1."""
    u = 1.0 + e
    return log_of_sum(u, e - (u - 1.0))


def logaddexp(x: Lanes, y: Lanes) -> Lanes:
    """log(exp(x) + exp(y)) = max(x, y) + log1p(exp(-abs(x - y)))."""
    larger = where(x > y, x, y)
    distance = x - y
    result = larger + log_of_one_plus(exp(-abs(distance)))
    return where(x.equals(y), x + math.log(2.0), result)

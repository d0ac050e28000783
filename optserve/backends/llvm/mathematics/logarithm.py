"""log and its kin: log1p, softplus, logaddexp.

x = 2**k m with m from sqrt(1/2) to sqrt(2), and log(m) from s = (m - 1) / (m + 1), arranged as in
fdlibm (Sun Microsystems 1993, ``e_log.c``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from optserve.backends.llvm.mathematics.coefficients import LOG, LOG_WIDE
from optserve.backends.llvm.mathematics.exponentials import (
    LOG2_HIGH,
    LOG2_LOW,
    exp_for_sum,
    power_of_two,
)
from optserve.backends.llvm.mathematics.extended import DoubleDouble, quick_sum, sum_of
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, where

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

LOG2_SHORT = (0.6931471805598903, 5.497923018708371e-14)
"""log 2 in double precision as a sum of two; multiples up to 2**11 of the first are exact."""

ONE_BITS: Mapping[str, int] = MappingProxyType({"i64": 0x3FF0000000000000, "i32": 0x3F800000})
SQRT_HALF_BITS: Mapping[str, int] = MappingProxyType({"i64": 0x3FE6A09E667F3BCD, "i32": 0x3F3504F3})


@dataclass(frozen=True)
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


def without_first(
    f: Lanes, table: Mapping[str, tuple[float, ...]], k: Lanes | None = None, low: float = 0.0
) -> Lanes:
    """f - log(1 + f) - k low: what is left to take from k log 2 + f, mostly f**2 / 2."""
    s = f / (f + 2.0)
    square = s * s
    half = (0.5 * f) * f
    start = half if k is None else fma(k, -low, half)
    return fma(-s, fma(square, polynomial(square, table[f.scalar]), half), start)


def combined(k: Lanes, f: Lanes) -> Lanes:
    """k log 2 + log(1 + f), smallest terms first."""
    rest = without_first(f, LOG, k, LOG2_LOW[f.scalar])
    return fma(k, LOG2_HIGH[f.scalar], f - rest)


def short_log(x: Lanes) -> Lanes:
    """log(x) of positive normal double lanes, to 2**-43: for what will be rounded to float."""
    split = parts(x)
    f = split.m - 1.0
    s = f / (f + 2.0)
    square = s * s
    fraction = fma(s * square, polynomial(square, LOG["short"]), 2.0 * s)
    return fma(split.k, math.log(2.0), fraction)


def log_as_pair(x: Lanes) -> DoubleDouble:
    """log(x) of positive finite double lanes, to some 56 bits after the point."""
    split = normal_parts(x)
    f = split.m - 1.0
    rest = without_first(f, LOG, split.k, LOG2_SHORT[1])
    first = quick_sum(split.k * LOG2_SHORT[0], f)
    return quick_sum(first.high, first.low - rest)


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
    total = sum_of(x, 1.0)
    split = parts(total.high)
    shift = x.format.magic + x.format.bias
    inverse = power_of_two((shift - split.k.at_most(x.pick(1000.0, 100.0))).bits())
    result = combined(split.k, fma(total.low, inverse, split.m - 1.0))
    return without_logarithm(result, total.high).with_sign_of(x)


def softplus(x: Lanes) -> Lanes:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-abs(x)))."""
    return plus_log_of_one_plus(x.at_least(0.0), exp_for_sum(-abs(x)))


def logaddexp(x: Lanes, y: Lanes) -> Lanes:
    """log(exp(x) + exp(y)) = max(x, y) + log(1 + exp(-abs(x - y)))."""
    result = plus_log_of_one_plus(where(x > y, x, y), exp_for_sum(-abs(x - y)))
    return where(x.equals(y), x + math.log(2.0), result)


def plus_log_of_one_plus(x: Lanes, e: Lanes) -> Lanes:
    """x + log(1 + e) for e from 0 to 1."""
    rest = without_first(e, LOG_WIDE)
    total = sum_of(x, e)
    return where(e.equals(0.0), x, total.high + (total.low - rest))

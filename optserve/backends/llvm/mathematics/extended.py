"""Numbers as sums of two, twice as precise: error-free sums and products (Dekker 1971)."""

from __future__ import annotations

from dataclasses import dataclass

from optserve.backends.llvm.mathematics.lanes import Lanes, fma

__all__ = ["DoubleDouble", "exactly", "product", "quick_sum", "quotient", "sum_of"]


@dataclass(frozen=True)
class DoubleDouble:
    """high + low, where ``low`` is of the size of the rounding error of ``high``."""

    high: Lanes
    low: Lanes


def exactly(x: Lanes) -> DoubleDouble:
    """x, as a sum with 0."""
    return DoubleDouble(x, x.like(0.0))


def quick_sum(x: Lanes | float, y: Lanes) -> DoubleDouble:
    """x + y without error, where abs(x) >= abs(y) or x is 0 (Dekker's FastTwoSum).

    Or where x is a power of two and y, of the same sign, is not as large as 2**52 of it.
    """
    total = x + y
    return DoubleDouble(total, y - (total - x))


def sum_of(x: Lanes, y: Lanes | float) -> DoubleDouble:
    """x + y without error, unless it overflows (Knuth's TwoSum)."""
    total = x + y
    virtual = total - x
    return DoubleDouble(total, (x - (total - virtual)) + (y - virtual))


def product(x: Lanes, y: Lanes) -> DoubleDouble:
    """x * y without error."""
    high = x * y
    return DoubleDouble(high, fma(x, y, -high))


def quotient(numerator: DoubleDouble, denominator: DoubleDouble) -> DoubleDouble:
    """numerator / denominator, one division; both parts within the range of normal numbers."""
    inverse = 1.0 / denominator.high
    high = numerator.high * inverse
    remainder = fma(-high, denominator.high, numerator.high)
    remainder = remainder + fma(-high, denominator.low, numerator.low)
    return DoubleDouble(high, remainder * inverse)

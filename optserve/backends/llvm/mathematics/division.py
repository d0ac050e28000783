"""Division with a whole quotient, as NumPy has it: floor_divide and remainder.

The remainder of two reals is exact. Where the quotient has more digits than a number, it is
found by long division of integers, in a function of its own that is called only then.
"""

from __future__ import annotations

import math

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, rarely, where

__all__ = ["floor_divide", "remainder"]

NAME = "optserve.long_division"
PARAMETERS = "ptr %x, ptr %y, ptr %remainder, i64 %count"
STEP = 11
"""Digits that a step of the long division brings down: a remainder has 53 bits, a word 64."""


def floor_divide(x: Lanes, y: Lanes) -> Lanes:
    """floor(x / y), of integers or reals."""
    if not x.is_real:
        return _whole(x, y)[0]
    rest = _truncated_remainder(x, y)
    quotient = (x - rest) / y
    crossed = (rest.differs(0.0)) & ((y < 0.0) ^ (rest < 0.0))
    quotient = where(crossed, quotient - 1.0, quotient)
    down = quotient.floor()
    nearest = where(quotient - down > 0.5, down + 1.0, down)
    ratio = x / y
    result = where(quotient.equals(0.0), x.like(0.0).with_sign_of(ratio), nearest)
    return where(y.equals(0.0), ratio, result)


def remainder(x: Lanes, y: Lanes) -> Lanes:
    """x - y floor(x / y), with the sign of y; exact for reals."""
    if not x.is_real:
        return _whole(x, y)[1]
    rest = _truncated_remainder(x, y)
    crossed = (y < 0.0) ^ (rest < 0.0)
    result = where(crossed, rest + y, rest)
    return where(rest.equals(0.0), x.like(0.0).with_sign_of(y), result)


def _whole(x: Lanes, y: Lanes) -> tuple[Lanes, Lanes]:
    """Quotient and remainder of integers; 0 and 0 where y is 0, as in NumPy."""
    zero, minus_one = y.equals(0), y.equals(-1)
    divisor = where(zero | minus_one, 1, y)  # neither division by zero nor overflow
    quotient, rest = x.quotient(divisor), x.modulo(divisor)
    crossed = rest.differs(0) & ((rest ^ divisor) < 0)
    quotient = where(crossed, quotient - 1, quotient)
    rest = where(crossed, rest + divisor, rest)
    quotient = where(minus_one, -x, quotient)
    return where(zero, 0, quotient), where(zero | minus_one, 0, rest)


def _truncated_remainder(x: Lanes, y: Lanes) -> Lanes:
    """What is left of x, with its sign, after a whole number of y: C's ``fmod``."""
    size, unit = abs(x), abs(y)
    quotient = (size / unit).trunc()
    rest = fma(-quotient, unit, size)  # exact, but for one y too few where x / y was rounded up
    rest = where(rest < 0.0, rest + unit, rest)
    rest = where(size < unit, size, rest)
    long = quotient >= 2.0 ** (x.format.mantissa + 1)
    [rest] = rarely(long, [rest], lambda: [where(long, _long_division(size, unit), rest)])
    return rest.with_sign_of(x)


def _long_division(size: Lanes, unit: Lanes) -> Lanes:
    """The remainder where the quotient is long; NaN where it is infinite."""
    wide, divisor = (v if v.scalar == "double" else v.widened() for v in (size, unit))
    b, count = size.builder, size.count
    if NAME not in b.declarations:
        b.subroutine(NAME, PARAMETERS, _subroutine())
    x, y, out = (b.alloca("double", count) for _ in range(3))
    b.store(wide.value, x)
    b.store(divisor.value, y)
    b.call(NAME, x, y, out, constant(count, "i64"))
    rest = Lanes(b, b.load(out, wide.value.type))
    rest = where((wide < math.inf) & (divisor > 0.0), rest, math.nan)
    return rest if size.scalar == "double" else rest.narrowed()


def _subroutine() -> Builder:
    """``void (ptr x, ptr y, ptr remainder, i64 count)`` of numbers m 2**e, not negative.

    With m of x followed by as many zeros as the exponents differ by, m modulo the m of y.
    """
    b = Builder()
    slot = b.alloca("i64", align=8)
    with b.loop(0, IRValue("%count", "i64")) as index:
        x_exponent, x_mantissa = _decomposed(_entry(b, "%x", index))
        y_exponent, mantissa = _decomposed(_entry(b, "%y", index))
        y_mantissa = mantissa.at_least(1)  # y = 0 has no remainder
        digits = (x_exponent - y_exponent).at_least(0)
        steps = digits.quotient(digits.like(STEP))
        first = digits - steps * STEP
        b.store((x_mantissa << first).residue(y_mantissa).value, slot)
        with b.loop(0, steps.value):
            rest = Lanes(b, b.load(slot, "i64")) << STEP
            b.store(rest.residue(y_mantissa).value, slot)
        found = Lanes(b, b.load(slot, "i64")).cast("sitofp", "double") * 2.0**-52
        result = found * (y_exponent << 52).reals()
        b.store(result.value, b.at(IRValue("%remainder", "ptr"), "double", index))
    return b


def _entry(b: Builder, array: str, index: IRValue) -> Lanes:
    return Lanes(b, b.load(b.at(IRValue(array, "ptr"), "double", index), "double"))


def _decomposed(x: Lanes) -> tuple[Lanes, Lanes]:
    """The biased exponent, 1 for subnormal numbers, and the mantissa as an integer."""
    bits = x.bits()
    exponent = (bits >> 52) & 0x7FF
    fraction = bits & ((1 << 52) - 1)
    return exponent.at_least(1), where(exponent > 0, fraction | (1 << 52), fraction)

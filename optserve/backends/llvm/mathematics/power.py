"""Powers and roots: power, cbrt, hypot.

``power`` takes the logarithm to about 64 bits, as a sum of two numbers, so that y log(x), which
may be as large as 745, still has 53 bits after its point. For float lanes all is done in double,
with short polynomials.
"""

from __future__ import annotations

import math

from optserve.backends.llvm.mathematics.coefficients import INVERSE_CUBE_ROOT, LOG_REST
from optserve.backends.llvm.mathematics.exponentials import exp_of_normal, exp_of_sum, power_of_two
from optserve.backends.llvm.mathematics.extended import DoubleDouble, product, quick_sum
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, rarely, where
from optserve.backends.llvm.mathematics.logarithm import LOG2_SHORT, normal_parts, short_log

__all__ = ["cbrt", "hypot", "power"]

TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)


def power(x: Lanes, y: Lanes) -> Lanes:
    """x**y, with the special values of IEEE 754 (``pow``)."""
    simple = _constant_power(x, y)
    if simple is not None:
        return simple
    size = abs(x)
    if x.scalar == "double":
        result = exp_of_sum(*_scaled_logarithm(size, y))
    else:
        result = _single(size, y)

    whole = y.rint().equals(y)
    half = 0.5 * y
    odd = whole & half.rint().differs(half)
    signed = where(odd, result.with_sign_of(x), result)
    outside = (x < 0.0) & ~whole & (size < math.inf)
    signed = where(outside, math.nan, signed)
    return where(x.equals(1.0) | y.equals(0.0), 1.0, signed)


def _scaled_logarithm(size: Lanes, y: Lanes) -> tuple[Lanes, Lanes]:
    """y log(size) as a sum; ``size`` is not negative."""
    logarithm = _logarithm(size)
    # Any y beyond this over- or underflows, but where the logarithm is 0.
    bounded = y.at_most(2.0**70).at_least(-(2.0**70))
    high = bounded * logarithm.high
    return high, fma(bounded, logarithm.low, fma(bounded, logarithm.high, -high))


def _logarithm(size: Lanes) -> DoubleDouble:
    """log(size) to some 64 bits; -inf at 0."""
    split = normal_parts(size)
    f = split.m - 1.0
    g = quick_sum(1.0, split.m)
    inverse = 1.0 / g.high
    s = f * inverse
    s_low = (fma(-s, g.high, f) - s * g.low) * inverse

    square = product(s, s)
    square_low = fma(2.0 * s, s_low, square.low)
    cube = product(s, square.high)
    cube_low = fma(s, square_low, fma(s_low, square.high, cube.low))
    tail = fma(square.high, polynomial(square.high, LOG_REST["double"]), TWO_THIRDS[1])
    factor = quick_sum(TWO_THIRDS[0], tail)
    term = product(cube.high, factor.high)
    term_low = fma(cube.high, factor.low, fma(cube_low, factor.high, term.low))

    fraction = quick_sum(2.0 * s, term.high)
    total = quick_sum(split.k * LOG2_SHORT[0], fraction.high)
    low = fma(split.k, LOG2_SHORT[1], fma(s_low, 2.0, term_low) + (fraction.low + total.low))
    high = where(size < math.inf, total.high, size)
    return DoubleDouble(where(size.equals(0.0), -math.inf, high), low)


def _single(size: Lanes, y: Lanes) -> Lanes:
    """size**y for float lanes, in double: every float is a normal double."""
    wide, exponent = size.widened(), y.widened()
    logarithm = short_log(wide)
    logarithm = where(wide < math.inf, logarithm, wide)
    logarithm = where(wide.equals(0.0), -math.inf, logarithm)
    bounded = exponent.at_most(2.0**70).at_least(-(2.0**70))
    scaled = (bounded * logarithm).at_most(200.0).at_least(-200.0)
    return exp_of_normal(scaled, "float").narrowed()


def _constant_power(x: Lanes, y: Lanes) -> Lanes | None:
    """Small whole exponents and halves of them, where ``y`` is a constant."""
    for whole in (-2, -1, 1, 2, 3, 4):
        if y.value == y.like(whole).value:
            base = 1.0 / x if whole < 0 else x
            square = base * base
            return {1: base, 2: square, 3: square * base, 4: square * square}[abs(whole)]
    for half in (-0.5, 0.5, 1.5):
        if y.value == y.like(half).value:
            root = x.sqrt() + 0.0  # of -0.0 it is 0.0, unlike a square root
            value = {-0.5: 1.0 / root, 0.5: root, 1.5: x * root}[half]
            return where(x.equals(-math.inf), 0.0 if half < 0 else math.inf, value)
    return None


def cbrt(x: Lanes) -> Lanes:
    """The real cube root, of negative numbers too."""
    size = abs(x)
    split = normal_parts(size)
    magic = x.format.magic
    third = fma(split.k, 1.0 / 3.0, magic) - magic
    left = fma(third, -3.0, split.k)
    up, down = left > 0.0, left < 0.0
    m = split.m * where(up, x.like(2.0), where(down, x.like(0.5), 1.0))
    turn = 2.0 ** (1.0 / 3.0)
    y = polynomial(split.m, INVERSE_CUBE_ROOT[x.scalar])
    y = y * where(up, x.like(1.0 / turn), where(down, x.like(turn), 1.0))
    if x.scalar == "double":  # one step of Halley's method; for float the start is near enough
        h = 1.0 - (m * y) * (y * y)
        y = fma(y * h, fma(h, 2.0 / 9.0, 1.0 / 3.0), y)
    inverse = y * y
    root = m * inverse
    square = product(root, root)
    error = fma(-root, square.low, fma(-root, square.high, m))
    root = fma(error, inverse * (1.0 / 3.0), root)
    result = root * power_of_two((third + (magic + x.format.bias)).bits())
    return where((size < math.inf) & (size > 0.0), result, size).with_sign_of(x)


def hypot(x: Lanes, y: Lanes) -> Lanes:
    """sqrt(x**2 + y**2) without overflow; inf where either is infinite."""
    swapped = abs(y) > abs(x)
    larger = where(swapped, abs(y), abs(x))
    smaller = where(swapped, abs(x), abs(y))
    high, low = x.pick(2.0**510, 2.0**62), x.pick(2.0**-450, 2.0**-40)
    small = (larger <= low) & (larger > 0.0)
    extreme = ~(larger < high) | small

    def rescaled() -> tuple[Lanes, Lanes, Lanes]:
        down, up = x.pick(2.0**-600, 2.0**-90), x.pick(2.0**600, 2.0**90)
        factor = where(larger >= high, x.like(down), where(small, x.like(up), 1.0))
        inverse = where(larger >= high, x.like(up), where(small, x.like(down), 1.0))
        infinite = larger.equals(math.inf) | smaller.equals(math.inf)
        return (
            where(infinite, math.inf, larger * factor),
            where(infinite, 0.0, smaller * factor),
            inverse,
        )

    larger, smaller, inverse = rarely(extreme, (larger, smaller, x.like(1.0)), rescaled)
    return fma(larger, larger, smaller * smaller).sqrt() * inverse

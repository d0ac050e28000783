"""exp and its kin: expm1, sinh, cosh, tanh, sigmoid.

All start from x = n log 2 + r with an integer n and abs(r) <= log(2) / 2 (Cody and Waite 1980,
chapter 6), and from the even and odd parts of exp(r), cosh(r) and sinh(r), as polynomials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from optserve.backends.llvm.mathematics.coefficients import EXP_EVEN, EXP_ODD
from optserve.backends.llvm.mathematics.extended import DoubleDouble, exactly, quick_sum, quotient
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, where

__all__ = [
    "LOG2_HIGH",
    "LOG2_LOW",
    "cosh",
    "exp",
    "exp_for_sum",
    "exp_of_normal",
    "exp_of_sum",
    "expm1",
    "power_of_two",
    "scaled_by_bits",
    "sigmoid",
    "sinh",
    "tanh",
]

LOG2_HIGH: Mapping[str, float] = MappingProxyType(
    {"double": 0.6931471805599453, "float": 0.6931471824645996}
)
"""log 2 to the nearest number of the format."""
LOG2_LOW: Mapping[str, float] = MappingProxyType(
    {"double": 2.3190468138462996e-17, "float": -1.904654299957768e-09}
)
"""log 2 - LOG2_HIGH."""


@dataclass(frozen=True)
class ReducedArgument:
    """x = n log 2 + r, where r is ``first - n LOG2_LOW``; ``bits`` end in n plus an offset."""

    n: Lanes
    first: Lanes
    r: Lanes
    bits: Lanes


def reduced(x: Lanes, offset: int) -> ReducedArgument:
    """The nearest n, for finite x; NaN leaves NaN in r."""
    magic = x.format.magic + offset
    shifted = fma(x, 1.0 / math.log(2.0), magic)
    n = shifted - magic
    first = fma(n, -LOG2_HIGH[x.scalar], x)  # exact: the leading bits cancel
    return ReducedArgument(n, first, fma(n, -LOG2_LOW[x.scalar], first), shifted.bits())


def power_of_two(biased: Lanes) -> Lanes:
    """2**n from integers that end in n plus the bias of the format."""
    mantissa = 52 if biased.scalar == "i64" else 23
    return (biased << mantissa).reals()


def scaled(p: Lanes, given: ReducedArgument) -> Lanes:
    """p 2**n, rounded once; the bits of ``given`` end in n plus twice the bias."""
    b, form = p.builder, p.format
    if p.count * form.size not in (256, 512):
        return scaled_by_bits(p, given.bits)
    name = f"target.scaled.v{p.count}f{form.size}"
    operands = ", ".join(f"{x.value.type} {x.value}" for x in (p, given.n, given.bits))
    return Lanes(b, b.emit(f"call {p.value.type} @{name}({operands})", p.value.type))


def scaled_by_bits(p: Lanes, bits: Lanes) -> Lanes:
    """p 2**n from integers that end in n plus twice the bias: in two steps, rounded once.

    Each step is a normal number, where 2**n itself may overflow or be subnormal.
    """
    half = bits >> 1
    return p * power_of_two(half) * power_of_two(bits - half)


def tail(r: Lanes) -> Lanes:
    """exp(r) - 1 - r for abs(r) <= log(2) / 2."""
    square, factor = _tail_factors(r, r.scalar)
    return square * factor


def rise(r: Lanes, precision: str = "") -> Lanes:
    """exp(r) - 1 for abs(r) <= log(2) / 2, as precise as its format unless said."""
    square, factor = _tail_factors(r, precision or r.scalar)
    return fma(square, factor, r)


def _tail_factors(r: Lanes, precision: str) -> tuple[Lanes, Lanes]:
    square = r * r
    even = polynomial(square, EXP_EVEN[precision])
    odd = polynomial(square, EXP_ODD[precision])
    return square, fma(odd, r, even)


def exp_of_normal(x: Lanes, precision: str = "") -> Lanes:
    """exp(x) where it is a normal number."""
    given = reduced(x, x.format.bias)
    return (1.0 + rise(given.r, precision)) * power_of_two(given.bits)


def exp(x: Lanes) -> Lanes:
    """exp(x)."""
    x = x.at_most(x.pick(710.0, 89.0)).at_least(x.pick(-746.0, -104.0))
    given = reduced(x, 2 * x.format.bias)
    return scaled(1.0 + rise(given.r), given)


def exp_for_sum(x: Lanes) -> Lanes:
    """exp(x) for x <= 0, more precise, because other errors will be added to its own."""
    given = reduced(x.at_least(x.pick(-746.0, -104.0)), 2 * x.format.bias)
    total = quick_sum(1.0, given.r)
    return scaled(total.high + (total.low + tail(given.r)), given)


def exp_of_sum(high: Lanes, low: Lanes) -> Lanes:
    """exp(high + low) for a small ``low``, almost as precise as can be.

    Where ``high`` over- or underflows, ``low`` is left out, whatever it is.
    """
    top, bottom = high.pick(710.0, 89.0), high.pick(-746.0, -104.0)
    inside = (high < top) & (high > bottom)
    given = reduced(high.at_most(top).at_least(bottom), 2 * high.format.bias)
    r = quick_sum(given.first, fma(given.n, -LOG2_LOW[high.scalar], where(inside, low, 0.0)))
    total = quick_sum(1.0, r.high)
    return scaled(total.high + (total.low + (tail(r.high) + r.low)), given)


def expm1(x: Lanes) -> Lanes:
    """exp(x) - 1 = 2**n (exp(r) - 1) + (2**n - 1); halved on the way, so that 2**n is finite."""
    clamped = x.at_most(x.pick(710.0, 89.0)).at_least(x.pick(-40.0, -20.0))
    given = reduced(clamped, x.format.bias - 1)
    half = power_of_two(given.bits)
    result = fma(half, tail(given.r), fma(half, given.r, half - 0.5))
    return where(abs(x) < x.pick(2.0**-54, 2.0**-25), x, result + result)


def tanh(x: Lanes) -> Lanes:
    """tanh(x) = e / (e + 2) with e = expm1(2 abs(x)), and the sign of x."""
    size = abs(x).at_most(x.pick(20.0, 10.0))
    given = reduced(size + size, x.format.bias)
    power = power_of_two(given.bits)
    e = quick_sum(fma(power, given.r, power - 1.0), power * tail(given.r))
    below = quick_sum(2.0, e.high)
    ratio = quotient(e, DoubleDouble(below.high, below.low + e.low))
    return (ratio.high + ratio.low).with_sign_of(x)


def sigmoid(x: Lanes) -> Lanes:
    """1 / (1 + exp(-x)) = exp(x) / (1 + exp(x)): whichever exponential is small."""
    small = exp_for_sum(-abs(x))
    ratio = quotient(exactly(where(x < 0.0, small, 1.0)), quick_sum(1.0, small))
    return ratio.high + ratio.low


@dataclass(frozen=True)
class Halves:
    """What sinh and cosh of abs(x) = n log 2 + r are made of, halved so that all is finite.

    ``even`` and ``odd`` are cosh(r) - 1 and sinh(r) - r; ``difference`` and ``total`` are
    sinh(n log 2) / 2 and cosh(n log 2) / 2.
    """

    r: Lanes
    even: Lanes
    odd: Lanes
    difference: Lanes
    total: Lanes


def halves(x: Lanes) -> Halves:
    """The halves of abs(x), as far as sinh and cosh are finite."""
    size = abs(x).at_most(x.pick(710.6, 89.5))
    form = x.format
    given = reduced(size, form.bias - 2)
    rising = power_of_two(given.bits)
    bounded = given.n.at_most(x.pick(64.0, 32.0))
    falling = power_of_two((form.magic + (form.bias - 2) - bounded).bits())
    square = given.r * given.r
    even = square * polynomial(square, EXP_EVEN[x.scalar])
    odd = (square * given.r) * polynomial(square, EXP_ODD[x.scalar])
    return Halves(given.r, even, odd, rising - falling, rising + falling)


def sinh(x: Lanes) -> Lanes:
    """sinh(n log 2 + r) = sinh(n log 2) cosh(r) + cosh(n log 2) sinh(r)."""
    h = halves(x)
    rest = fma(h.total, h.odd, h.difference * h.even)
    half = h.difference + fma(h.total, h.r, rest)
    return where(abs(x) < x.pick(2.0**-28, 2.0**-13), x, (half + half).with_sign_of(x))


def cosh(x: Lanes) -> Lanes:
    """cosh(n log 2 + r) = cosh(n log 2) cosh(r) + sinh(n log 2) sinh(r)."""
    h = halves(x)
    rest = fma(h.difference, h.odd, h.total * h.even)
    half = h.total + fma(h.difference, h.r, rest)
    return half + half

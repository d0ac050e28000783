"""Angles less their multiples of a right angle.

Up to a bound by Cody and Waite's method with fused multiply-adds, beyond it by Payne and Hanek's
(1983): only the bits of 2 / pi that matter are multiplied, as integers. That is a function of its
own, which is called where a vector has such an angle in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.mathematics.extended import DoubleDouble, product, quick_sum
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, rarely, where

__all__ = ["RIGHT", "Angle", "reduced"]

RIGHT: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "double": (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
        "float": (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
    }
)
"""pi / 2 as a sum of three."""

TWO_OVER_PI = (
    *(0x0, 0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041, 0xFE5163ABDEBBC561),
    *(0xB7246E3A424DD2E0, 0x06492EEA09D1921C, 0xFE1DEB1CB129A73E, 0xE88235F52EBB4484),
    *(0xE99C7026B45F7E41, 0x3991D639835339F4, 0x9C845F8BBDF9283B, 0x1FF897FFDE05980F),
    *(0xEF2F118B5A0A6D1F, 0x6D367ECF27CB09B7, 0x4F463F669E5FEA2D, 0x7527BAC7EBE5F17B),
    *(0x3D0739F78A5292EA, 0x6BFB5FB11F8D5D08, 0x56033046FC7B6BAB),
)
"""The bits of 2 / pi, 64 to a word; the first word lies before the point."""


NAME = "optserve.large_angles"
PARAMETERS = "ptr %x, ptr %high, ptr %low, ptr %quadrant, i64 %count"
TABLE = "@optserve.two_over_pi"


@dataclass(frozen=True)
class Angle:
    """x = n pi / 2 + r.high + r.low, with abs(r) <= pi / 4; n are the last two bits of ``bits``."""

    r: DoubleDouble
    bits: Lanes


def reduced(x: Lanes) -> Angle:
    """The angle of finite x of any size; r is NaN where x is infinite or NaN."""
    high, middle, low = RIGHT[x.scalar]
    magic = x.format.magic
    shifted = fma(x, 2.0 / math.pi, magic)
    n = shifted - magic
    first = fma(n, -high, x)  # exact: the leading bits cancel
    second = product(n, n.like(middle))
    r = first - second.high
    rest = ((first - r) - second.high) - fma(n, low, second.low)
    large = abs(x) > x.pick(2.0**30, 2.0**16)
    found = rarely(large, (r, rest, shifted.bits()), lambda: _large(x, large, r, rest, shifted))
    return Angle(DoubleDouble(found[0], found[1]), found[2])


def _large(
    x: Lanes, large: Lanes, r: Lanes, rest: Lanes, shifted: Lanes
) -> tuple[Lanes, Lanes, Lanes]:
    """The same three values, by the other method where ``large``."""
    wide = x if x.scalar == "double" else x.widened()
    high, low, quadrant = _called(wide)
    high = where(abs(wide) < math.inf, high, math.nan)
    if x.scalar == "float":
        nearest = high.narrowed()
        high, low = nearest, (high - nearest.widened()).narrowed()
        quadrant = quadrant.cast("trunc", "i32")
    return where(large, high, r), where(large, low, rest), where(large, quadrant, shifted.bits())


def _called(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """A call of the subroutine, through memory."""
    b, count = x.builder, x.count
    if NAME not in b.declarations:
        b.subroutine(NAME, PARAMETERS, _subroutine())
        words = ", ".join(f"i64 {word}" for word in TWO_OVER_PI)
        b.declarations[TABLE] = (
            f"{TABLE} = private unnamed_addr constant [{len(TWO_OVER_PI)} x i64] [{words}]"
        )
    given, high, low, quadrant = (b.alloca("double", count) for _ in range(4))
    b.store(x.value, given)
    b.call(NAME, given, high, low, quadrant, constant(count, "i64"))
    integers = x.value.type.replace("double", "i64")
    return (
        Lanes(b, b.load(high, x.value.type)),
        Lanes(b, b.load(low, x.value.type)),
        Lanes(b, b.load(quadrant, integers)),
    )


def _subroutine() -> Builder:
    """``void (ptr x, ptr high, ptr low, ptr quadrant, i64 count)``, one angle after the other.

    x is m 2**e with an integer m. The bits of 2 / pi whose product with x is a multiple of 4 are
    left out; of the others, 192 are multiplied with m. The product, modulo 2**192, is x in right
    angles, modulo 4.
    """
    b = Builder()
    with b.loop(0, IRValue("%count", "i64")) as index:
        x = Lanes(b, b.load(b.at(IRValue("%x", "ptr"), "double", index), "double"))
        biased = (x.bits() >> 52) & 0x7FF
        mantissa = ((x.bits() & ((1 << 52) - 1)) | (1 << 52)).cast("zext", "i128")
        words = _bits_of_two_over_pi(biased.at_least(1013) - 1013)
        first, second, third = (word.cast("zext", "i128") * mantissa for word in words)
        right_angles = (first << 64) + second + (third >> 64)  # in units of 2**-126
        nearest = (right_angles + (1 << 125)) >> 126
        rest = right_angles - (nearest << 126)
        below = rest < 0
        size = _as_pair(where(below, -rest, rest))
        r = _times_right_angle(size)
        negative = x < 0.0
        flipped = negative ^ below
        quadrant = nearest.cast("trunc", "i64")
        for name, value in (
            ("%high", where(flipped, -r.high, r.high)),
            ("%low", where(flipped, -r.low, r.low)),
            ("%quadrant", where(negative, -quadrant, quadrant)),
        ):
            b.store(value.value, b.at(IRValue(name, "ptr"), value.scalar, index))
    return b


def _bits_of_two_over_pi(start: Lanes) -> list[Lanes]:
    """The 192 bits from bit ``start`` of the table on."""
    b = start.builder
    word, shift = start >> 6, start & 63
    table = IRValue(TABLE, "ptr")
    words = [b.load(b.at(table, "i64", (word + k).value), "i64") for k in range(4)]
    return [
        Lanes(b, b.intrinsic("fshl", before, after, shift.value))
        for before, after in pairwise(words)
    ]


def _as_pair(size: Lanes) -> DoubleDouble:
    """A 128-bit integer, not negative, as reals: 32 bits at a time are exact."""
    pieces = [
        ((size >> 32 * k).cast("trunc", "i64") & 0xFFFFFFFF).cast("sitofp", "double")
        * 2.0 ** (32 * k - 126)
        for k in range(4)
    ]
    top = quick_sum(pieces[3], pieces[2])
    return quick_sum(top.high, top.low + (pieces[1] + pieces[0]))


def _times_right_angle(size: DoubleDouble) -> DoubleDouble:
    high, low, _ = RIGHT["double"]
    result = product(size.high, size.high.like(high))
    return DoubleDouble(result.high, result.low + fma(size.high, low, size.low * high))

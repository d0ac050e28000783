"""sin, cos and tan, from an angle up to pi / 4 and the quadrant it lies in.

The kernels are arranged as in fdlibm (Sun Microsystems 1993, ``k_sin.c`` and ``k_cos.c``).
"""

from __future__ import annotations

from optserve.backends.llvm.mathematics.angles import Angle, reduced
from optserve.backends.llvm.mathematics.coefficients import COSINE, SINE
from optserve.backends.llvm.mathematics.extended import DoubleDouble, quick_sum, quotient
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, where

__all__ = ["cos", "kernels", "sin", "tan"]


def kernels(r: DoubleDouble) -> tuple[DoubleDouble, DoubleDouble]:
    """Sine and cosine of an angle up to pi / 4, as sums that have yet to be rounded."""
    square = r.high * r.high
    half = 0.5 * square
    cosine = 1.0 - half
    cube = square * r.high
    sine_rest = fma(cube, polynomial(square, SINE[r.high.scalar]), r.low * cosine)
    rounding = (1.0 - cosine) - half
    fourth = fma(square * square, polynomial(square, COSINE[r.high.scalar]), rounding)
    return DoubleDouble(r.high, sine_rest), DoubleDouble(cosine, fma(-r.high, r.low, fourth))


def of_quadrant(angle: Angle, turned: int) -> Lanes:
    """The sine of an angle plus ``turned`` right angles."""
    sine, cosine = kernels(angle.r)
    quadrant = angle.bits + turned if turned else angle.bits
    value = where(quadrant.is_odd(), cosine.high + cosine.low, sine.high + sine.low)
    sign = (quadrant << (value.format.size - 2)) & value.like(-0.0).bits()
    return value.negated_where(sign)


def sin(x: Lanes) -> Lanes:
    """sin(x)."""
    result = of_quadrant(reduced(x), 0)
    return where(x.equals(0.0), x, result)


def cos(x: Lanes) -> Lanes:
    """cos(x)."""
    return of_quadrant(reduced(x), 1)


def tan(x: Lanes) -> Lanes:
    """tan(x): sine over cosine, or minus its reciprocal in every other quadrant."""
    angle = reduced(x)
    sine, cosine = (quick_sum(part.high, part.low) for part in kernels(angle.r))
    odd = angle.bits.is_odd()
    numerator = DoubleDouble(where(odd, cosine.high, sine.high), where(odd, cosine.low, sine.low))
    denominator = DoubleDouble(where(odd, sine.high, cosine.high), where(odd, sine.low, cosine.low))
    ratio = quotient(numerator, denominator)
    result = (ratio.high + ratio.low).negated_where(angle.bits << (x.format.size - 1))
    return where(x.equals(0.0), x, result)

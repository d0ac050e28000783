"""sin, cos and tan, from an angle up to pi / 4 and the quadrant it lies in.

The kernels are arranged as in fdlibm (Sun Microsystems 1993, ``k_sin.c`` and ``k_cos.c``), with
coefficients that are minimax fits by ``benchmarks.mathematics``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from optserve.backends.llvm.mathematics.angles import Angle, reduced
from optserve.backends.llvm.mathematics.extended import Pair, quick_sum, quotient
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, where

__all__ = ["cos", "sin", "tan"]

SINE: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "double": (
            -0.16666666666666666,
            0.008333333333331333,
            -0.00019841269837116558,
            2.7557316236978787e-06,
            -2.5051153793196876e-08,
            1.591942767955023e-10,
        ),
        "float": (-0.166666641831398, 0.00833265669643879, -0.00019568712741602212),
    }
)
"""(sin(r) / r - 1) / r**2 as a polynomial in r**2."""

COSINE: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "double": (
            0.041666666666666664,
            -0.0013888888888886441,
            2.4801587297391175e-05,
            -2.755731659420095e-07,
            2.08760119996721e-09,
            -1.1373426766664269e-11,
        ),
        "float": (0.0416666641831398, -0.0013888212852180004, 2.4528924768674187e-05),
    }
)
"""(cos(r) - 1 + r**2 / 2) / r**4 as a polynomial in r**2."""


def kernels(r: Pair) -> tuple[Pair, Pair]:
    """Sine and cosine of an angle up to pi / 4, as sums that have yet to be rounded."""
    square = r.high * r.high
    half = 0.5 * square
    cosine = 1.0 - half
    cube = square * r.high
    sine_rest = fma(cube, polynomial(square, SINE[r.high.scalar]), r.low * cosine)
    rounding = (1.0 - cosine) - half
    fourth = fma(square * square, polynomial(square, COSINE[r.high.scalar]), rounding)
    return Pair(r.high, sine_rest), Pair(cosine, fma(-r.high, r.low, fourth))


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
    numerator = Pair(where(odd, cosine.high, sine.high), where(odd, cosine.low, sine.low))
    denominator = Pair(where(odd, sine.high, cosine.high), where(odd, sine.low, cosine.low))
    ratio = quotient(numerator, denominator)
    result = (ratio.high + ratio.low).negated_where(angle.bits << (x.format.size - 1))
    return where(x.equals(0.0), x, result)

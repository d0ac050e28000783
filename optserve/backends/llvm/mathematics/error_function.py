"""erf and erfc: a polynomial near 0, and exponentials of or times polynomials further out."""

from __future__ import annotations

from optserve.backends.llvm.mathematics.coefficients import ERF, ERFCX, LOG_ERFC
from optserve.backends.llvm.mathematics.exponentials import exp_of_normal, exp_of_sum
from optserve.backends.llvm.mathematics.extended import product, quick_sum, quotient
from optserve.backends.llvm.mathematics.lanes import Lanes, fma, polynomial, where

__all__ = ["erf", "erfc"]

CENTER = 3.5
"""Of the variable (x - CENTER) / (x + CENTER) of the table ERFCX."""


def near_zero(x: Lanes) -> Lanes:
    """erf(x) for abs(x) <= 1."""
    return fma(x, polynomial(x * x, ERF[x.scalar]), x)


def erf(x: Lanes) -> Lanes:
    """erf(x); beyond 1 as 1 - exp(log(erfc(x)))."""
    size = abs(x).at_most(6.0)
    far = 1.0 - exp_of_normal(polynomial(size, LOG_ERFC[x.scalar]))
    return where(abs(x) < 1.0, near_zero(x), far.with_sign_of(x))


def erfc(x: Lanes) -> Lanes:
    """1 - erf(x), precise for large x too: beyond 1 / 2 as exp(-x**2) times a polynomial.

    After Shepherd and Laframboise (1981), Mathematics of Computation 36, 249.
    """
    size = abs(x).at_most(x.pick(28.0, 11.0))
    scaled = polynomial((size - CENTER) / (size + CENTER), ERFCX[x.scalar], first=2)
    square = product(size, size)
    numerator = product(exp_of_sum(-square.high, -square.low), scaled)
    ratio = quotient(numerator, quick_sum(1.0, 2.0 * size))
    far = ratio.high + ratio.low
    far = where(x < 0.0, 2.0 - far, far)
    return where(abs(x) < 0.5, 1.0 - near_zero(x), far)

"""Tails of the normal distribution: its distribution function, and logarithms that keep digits."""

from __future__ import annotations

import math

import numpy as np

from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import elementwise
from optserve.primitives.special import erf, erfc, gaussian

__all__ = ["ROOT_HALF", "erfc_hazard", "log_erfc", "ndtr"]

ROOT_HALF = math.sqrt(0.5)
_ROOT_PI = math.sqrt(math.pi)
_LOG_HALF = math.log(0.5)

_FAR = 2.5
"""Up to here h(x) - 2 x, with h the hazard below, is a quotient of polynomials in x, from here on
one in 1 / x**2 over x. Both are right at Chebyshev's points, and to 4e-17 between them; all
coefficients are positive, so that no sum of theirs cancels."""

_NEAR = (
    (1.1283791670955126, 1.405642187541383, 0.9399928268835285, 0.3979497668285788)
    + (0.11311099350502773, 0.02130501099825832, 0.002456276960419762, 0.00013415225880442102),
    (1.0, 1.8897926379614847, 1.7769750039432666, 1.048620911225668, 0.41916347202983306)
    + (0.11555554486676844, 0.02144007783482738, 0.002456230400936548, 0.00013415342187528894),
)
_BEYOND = (
    (1.0, 44.33303617861083, 745.746527886563, 6072.419879174292, 25313.738190718832)
    + (52548.34904652457, 48630.09279486183, 15360.435585089133, 701.209572454719),
    (1.0, 45.33303617861082, 788.5795640651827, 6756.916852790529, 30474.411718367424)
    + (71679.57184256331, 81666.64684280126, 37844.69809889971, 4584.323722293233),
)


def _polynomial(coefficients: tuple[float, ...], t: Value) -> Value:
    total: Value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * t + coefficient
    return total


def _near(x: Value) -> Value:
    """h(x) - 2 x from 0 to ``_FAR``."""
    above, below = _NEAR
    return _polynomial(above, x) / _polynomial(below, x)


def _beyond(x: Value) -> Value:
    """x (h(x) - 2 x) from ``_FAR`` on; it is next to 1."""
    above, below = _BEYOND
    inverse = 1.0 / x
    t = inverse * inverse
    return _polynomial(above, t) / _polynomial(below, t)


def _far_hazard(x: Value) -> Value:
    return 2.0 * x + _beyond(x) / x


def _erfc_hazard(x: Value) -> Value:
    size = np.abs(x)
    of_size = np.where(size > _FAR, _far_hazard(size), 2.0 * size + _near(size))
    density = (2.0 / _ROOT_PI) * gaussian(x)
    return np.where(x >= 0.0, of_size, density / (2.0 - density / of_size))


def _erfc_hazard_partials(out: Value, x: Value) -> tuple[Value]:
    """h (h - 2 x), without a difference where h is nearly 2 x."""
    beyond = _beyond(x)
    far = 2.0 * beyond + (beyond / x) ** 2
    left = out - 2.0 * np.maximum(x, -64.0)  # times 0 from there on
    near = out * np.where(x > 0.0, _near(x), left)
    return (np.where(x > _FAR, far, near),)


erfc_hazard = elementwise(
    "erfc_hazard",
    _erfc_hazard,
    partials=_erfc_hazard_partials,
    facts=Facts(cost=45.0, large_code=True),
    internal=True,
    doc="""
    The derivative of -log(erfc(x)), 2 exp(-x**2) / (sqrt(pi) erfc(x)): it and its own keep
    their digits however small erfc(x) is.
    """,
)


def _log_erfc(x: Value, *, half: bool = False) -> Value:
    far = x > _FAR
    scaled = np.where(far, (2.0 / _ROOT_PI) / _far_hazard(x), erfc(x))
    whole = np.log(scaled) - np.where(far, x * x, 0.0)
    if half:
        return np.where(x < 0.5, np.log1p(-0.5 * erfc(-x)), whole + _LOG_HALF)
    return np.where(x < 0.5, np.log1p(-erf(x)), whole)


log_erfc: Primitive = elementwise(
    "log_erfc",
    _log_erfc,
    partials=lambda out, x, half: (-erfc_hazard(x),),
    like_operands=True,
    facts=Facts(overflows=True, cost=60.0, large_code=True),
    internal=True,
    doc="""
    log(erfc(x)), or that of ``half`` of it, where erfc(x) is too small for a number and where
    the logarithm is next to 0.
    """,
)

ndtr = elementwise(
    "ndtr",
    lambda x: 0.5 * erfc(-ROOT_HALF * x),
    partials=lambda out, x: ((ROOT_HALF / _ROOT_PI) * gaussian(ROOT_HALF * x),),
    like_operands=True,
    facts=Facts(cost=20.0),
    doc="The chance that a normal number, of mean 0 and variance 1, is less than x.",
)

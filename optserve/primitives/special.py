"""Special functions, by SciPy, which is imported when the first of them is evaluated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optserve.graph.domain import positive
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import elementwise

__all__ = ["digamma", "erf", "erfc", "gammaln", "gaussian", "polygamma"]

_TINY = 1e-30
"""gammaln(x) is -log(abs(x)) to all digits up to this."""

_SLOPE = 2.0 / np.sqrt(np.pi)


def _scipy(name: str) -> Callable[..., Value]:
    """The function of ``scipy.special``, found at its first call."""

    def function(x: Value) -> Value:
        import scipy.special

        found: Value = getattr(scipy.special, name)(x)
        return found

    return function


def _gaussian(x: Value) -> Value:
    size = np.minimum(np.abs(x), 64.0)
    coarse = np.floor(16.0 * size) / 16.0  # its square is exact
    rest = (size - coarse) * (size + coarse)
    return np.exp(-coarse * coarse) * np.exp(-rest)


gaussian: Primitive = elementwise(
    "gaussian",
    _gaussian,
    partials=lambda out, x: (-2.0 * (np.where(np.abs(x) < 64.0, x, 0.0) * out),),
    facts=Facts(cost=10.0),
    internal=True,
    doc="exp(-x**2), without the digits that the rounding of x**2 would cost far out.",
)

erf = elementwise(
    "erf",
    ufunc=_scipy("erf"),
    partials=lambda out, x: (_SLOPE * gaussian(x),),
    like_operands=True,
    facts=Facts(cost=20.0),
    doc="Error function: the chance that a normal error of variance 1/2 is within x of 0.",
)


def _erfc(x: Value) -> Value:
    import scipy.special

    plain = scipy.special.erfc(x)  # loses digits far out, by the rounding of x**2
    scaled = scipy.special.erfcx(np.maximum(x, 1.0)) * _gaussian(x)
    return np.where(x > 1.0, scaled, plain).astype(plain.dtype)[()]


erfc = elementwise(
    "erfc",
    ufunc=_erfc,
    partials=lambda out, x: (-_SLOPE * gaussian(x),),
    like_operands=True,
    facts=Facts(cost=20.0),
    doc="1 - erf(x), accurate where x is large.",
)


def _gammaln(x: Value) -> Value:
    import scipy.special

    plain = scipy.special.gammaln(x)  # infinite near 0, without digits near its zeros
    found = np.where(np.abs(x) < _TINY, -np.log(np.abs(x)), plain)
    beside = (x > 0.5) & (x < 3.0)
    if np.any(beside):
        precise = scipy.special.loggamma(np.where(beside, x, 1.0) + 0j).real
        found = np.where(beside, precise, found)
    return found.astype(plain.dtype)[()]


gammaln = elementwise(
    "gammaln",
    ufunc=_gammaln,
    partials=lambda out, x: (digamma(x),),
    domain=positive,
    like_operands=True,
    facts=Facts(cost=20.0, large_code=True),
    doc="Logarithm of the absolute value of the gamma function.",
)

digamma: Primitive = elementwise(
    "digamma",
    ufunc=_scipy("digamma"),
    partials=lambda out, x: (polygamma(x, n=1),),
    domain=positive,
    like_operands=True,
    facts=Facts(cost=20.0, large_code=True),
    doc="Derivative of gammaln.",
)


def _polygamma(x: Value, *, n: int = 1) -> Value:
    import scipy.special

    return scipy.special.polygamma(n, x).astype(np.asarray(x).dtype)


polygamma: Primitive = elementwise(
    "polygamma",
    ufunc=_polygamma,
    partials=lambda out, x, n: (polygamma(x, n=n + 1),),
    domain=positive,
    like_operands=True,
    facts=Facts(cost=100.0),
    doc="The n-th derivative of digamma; the first one by default.",
)

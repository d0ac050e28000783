"""Special functions, by SciPy, which is imported when the first of them is evaluated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optserve.graph.domain import positive
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import elementwise

__all__ = ["digamma", "erf", "erfc", "gammaln", "polygamma"]

_SLOPE = 2.0 / np.sqrt(np.pi)


def _scipy(name: str) -> Callable[..., Value]:
    """The function of ``scipy.special``, found at its first call."""

    def function(x: Value) -> Value:
        import scipy.special

        found: Value = getattr(scipy.special, name)(x)
        return found

    return function


erf = elementwise(
    "erf",
    ufunc=_scipy("erf"),
    partials=lambda out, x: (_SLOPE * np.exp(-x * x),),
    facts=Facts(cost=20.0),
    doc="Error function: the chance that a normal error of variance 1/2 is within x of 0.",
)

erfc = elementwise(
    "erfc",
    ufunc=_scipy("erfc"),
    partials=lambda out, x: (-_SLOPE * np.exp(-x * x),),
    facts=Facts(cost=20.0),
    doc="1 - erf(x), accurate where x is large.",
)

gammaln = elementwise(
    "gammaln",
    ufunc=_scipy("gammaln"),
    partials=lambda out, x: (digamma(x),),
    domain=positive,
    facts=Facts(cost=20.0, large_code=True),
    doc="Logarithm of the absolute value of the gamma function.",
)

digamma: Primitive = elementwise(
    "digamma",
    ufunc=_scipy("digamma"),
    partials=lambda out, x: (polygamma(x, n=1),),
    domain=positive,
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
    facts=Facts(cost=100.0),
    doc="The n-th derivative of digamma; the first one by default.",
)

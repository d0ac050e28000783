"""Inverse hyperbolic functions, and powers and logarithms to the bases 2 and 10."""

from __future__ import annotations

import numpy as np

from optserve.graph.domain import Domain, positive
from optserve.graph.facts import Facts
from optserve.graph.primitive import Steep, Value
from optserve.primitives.constructors import elementwise
from optserve.primitives.elementary import one_minus_square

__all__ = ["arccosh", "arcsinh", "arctanh", "exp2", "log2", "log10"]

LN2 = 0.6931471805599453
LN10 = 2.302585092994046

LARGE = 1e8
"""From here on x**2 + 1 and x**2 - 1 are x**2 to all digits."""

_of_logarithms = Facts(
    at_infinity="creeps",
    remedy="keep what it is given positive: bounds, `transform: log`, or another form of the model",
    derivative_remedy="the derivative is infinite at 0: keep what it is given positive",
    cost=5.0,
)

log10 = elementwise(
    "log10",
    lambda x: np.log(x) * (1.0 / LN10),
    ufunc=np.log10,
    partials=lambda out, x: ((1.0 / LN10) / x,),
    domain=positive,
    facts=_of_logarithms,
    doc="Logarithm to the base 10.",
)

log2 = elementwise(
    "log2",
    lambda x: np.log(x) * (1.0 / LN2),
    ufunc=np.log2,
    partials=lambda out, x: ((1.0 / LN2) / x,),
    domain=positive,
    facts=_of_logarithms,
    doc="Logarithm to the base 2.",
)

exp2 = elementwise(
    "exp2",
    lambda x: 2.0**x,
    ufunc=np.exp2,
    partials=lambda out, x: (Steep(LN2 * out),),
    facts=Facts(
        overflows=True, remedy="exp2 overflows above 1024 (above 128 in float32)", cost=6.0
    ),
    doc="Exponential to the base 2: 2**x.",
)


def _arcsinh(x: Value) -> Value:
    size = np.abs(x)
    near = np.log1p(size + size * (size / (1.0 + np.hypot(1.0, size))))
    return np.sign(x) * np.where(size > LARGE, np.log(size) + LN2, near)


arcsinh = elementwise(
    "arcsinh",
    _arcsinh,
    ufunc=np.arcsinh,
    partials=lambda out, x: (1.0 / np.hypot(1.0, x),),
    facts=Facts(at_infinity="creeps", cost=20.0),
    doc="Inverse of sinh: a logarithm for large numbers of both signs.",
)


def _arccosh(x: Value) -> Value:
    above = x - 1.0
    near = np.log1p(above + np.sqrt(above) * np.sqrt(x + 1.0))
    return np.where(x > LARGE, np.log(x) + LN2, near)


arccosh = elementwise(
    "arccosh",
    _arccosh,
    ufunc=np.arccosh,
    partials=lambda out, x: (1.0 / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)),),
    domain=Domain("above 1", low=1.0),
    facts=Facts(
        at_infinity="creeps",
        remedy="keep what it is given from falling below 1",
        derivative_remedy="the derivative is infinite at 1",
        cost=20.0,
    ),
    doc="Inverse of cosh, from 1 on; its derivative at 1 is infinite.",
)

arctanh = elementwise(
    "arctanh",
    lambda x: 0.5 * (np.log1p(x) - np.log1p(-x)),
    ufunc=np.arctanh,
    partials=lambda out, x: (1.0 / one_minus_square(x),),
    domain=Domain("in (-1, 1)", low=-1.0, high=1.0),
    facts=Facts(
        remedy="keep what it is given between -1 and 1",
        derivative_remedy="the derivative is infinite at -1 and 1",
        cost=10.0,
    ),
    doc="Inverse of tanh, between -1 and 1: Fisher's z of a correlation.",
)

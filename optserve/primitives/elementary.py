"""Elementary functions of one real variable: exponentials, logarithms, roots, angles."""

from __future__ import annotations

import numpy as np

from optserve.frozen import replace
from optserve.graph.domain import Domain, positive, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Steep, Value
from optserve.primitives.constructors import elementwise

__all__ = [
    "arccos",
    "arcsin",
    "arctan",
    "arctan2",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "hypot",
    "log",
    "log1mexp",
    "log1p",
    "logaddexp",
    "occupation",
    "sigmoid",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
    "xlogy",
]

_above_minus_one = Domain("above -1", low=-1.0)
_within_one = Domain("in (-1, 1)", low=-1.0, high=1.0)

exp = elementwise(
    "exp",
    ufunc=np.exp,
    partials=lambda out, x: (Steep(out),),
    facts=Facts(
        overflows=True,
        remedy="exp overflows above 709 (above 88 in float32): use logsumexp, softplus or sigmoid, "
        "or shorter steps",
        cost=4.0,
    ),
    doc="Exponential: e**x.",
)

expm1 = elementwise(
    "expm1",
    ufunc=np.expm1,
    partials=lambda out, x: (Steep(np.exp(x)),),
    facts=Facts(overflows=True, remedy="expm1 overflows above 709 (above 88 in float32)", cost=4.0),
    doc="exp(x) - 1, accurate where x is near 0.",
)

log = elementwise(
    "log",
    ufunc=np.log,
    partials=lambda out, x: (1.0 / x,),
    domain=positive,
    facts=Facts(
        at_infinity="creeps",
        remedy="keep what it is given positive: bounds, `transform: log`, or another form of the "
        "model",
        derivative_remedy="the derivative of log is infinite at 0: keep what it is given positive, "
        "or use xlogy for x * log(x)",
        cost=4.0,
    ),
    doc="Natural logarithm.",
)

log1p = elementwise(
    "log1p",
    ufunc=np.log1p,
    partials=lambda out, x: (1.0 / (1.0 + x),),
    domain=_above_minus_one,
    facts=Facts(at_infinity="creeps", remedy="keep what it is given above -1", cost=4.0),
    doc="log(1 + x), accurate where x is near 0.",
)

sqrt = elementwise(
    "sqrt",
    ufunc=np.sqrt,
    partials=lambda out, x: (0.5 / out,),
    domain=positive,
    facts=Facts(
        at_infinity="grows",
        remedy="keep what it is given from falling below 0",
        derivative_remedy="the derivative of sqrt is infinite at 0: for the root of a sum or mean "
        "of squares use norm, whose derivative there is 0",
        cost=4.0,
    ),
    doc="Square root; its derivative at 0 is infinite.",
)

sin = elementwise(
    "sin",
    ufunc=np.sin,
    partials=lambda out, x: (np.cos(x),),
    facts=Facts(cost=6.0),
    doc="Sine of an angle in radians.",
)

cos = elementwise(
    "cos",
    ufunc=np.cos,
    partials=lambda out, x: (-np.sin(x),),
    facts=Facts(cost=6.0),
    doc="Cosine of an angle in radians.",
)

tan = elementwise(
    "tan",
    ufunc=np.tan,
    partials=lambda out, x: (1.0 + out * out,),
    domain=Domain("away from odd multiples of pi/2", low=-1.5, high=1.5),
    facts=Facts(cost=15.0),
    doc="Tangent of an angle in radians.",
)

_of_inverse_angles = Facts(
    remedy="keep what it is given between -1 and 1",
    derivative_remedy="the derivative is infinite at -1 and 1",
    cost=15.0,
)

arcsin = elementwise(
    "arcsin",
    ufunc=np.arcsin,
    partials=lambda out, x: (1.0 / np.sqrt((1.0 - x) * (1.0 + x)),),
    domain=_within_one,
    facts=_of_inverse_angles,
    doc="Inverse sine, in radians from -pi/2 to pi/2.",
)

arccos = elementwise(
    "arccos",
    ufunc=np.arccos,
    partials=lambda out, x: (-1.0 / np.sqrt((1.0 - x) * (1.0 + x)),),
    domain=_within_one,
    facts=_of_inverse_angles,
    doc="Inverse cosine, in radians from 0 to pi.",
)

arctan = elementwise(
    "arctan",
    ufunc=np.arctan,
    partials=lambda out, x: (1.0 / (1.0 + x * x),),
    facts=Facts(cost=15.0),
    doc="Inverse tangent, in radians from -pi/2 to pi/2.",
)

sinh = elementwise(
    "sinh",
    ufunc=np.sinh,
    partials=lambda out, x: (Steep(np.cosh(x)),),
    facts=Facts(overflows=True, at_infinity="grows", cost=15.0),
    doc="Hyperbolic sine.",
)

cosh = elementwise(
    "cosh",
    ufunc=np.cosh,
    partials=lambda out, x: (Steep(np.sinh(x)),),
    facts=Facts(overflows=True, at_infinity="grows", cost=15.0),
    doc="Hyperbolic cosine.",
)

tanh = elementwise(
    "tanh",
    ufunc=np.tanh,
    partials=lambda out, x: ((1.0 - out) * (1.0 + out),),
    facts=Facts(cost=4.0),
    doc="Hyperbolic tangent.",
)


def _sigmoid(x: Value) -> Value:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


sigmoid: Primitive = elementwise(
    "sigmoid",
    _sigmoid,
    partials=lambda out, x: (out * sigmoid(-x),),
    facts=Facts(cost=6.0),
    doc="The logistic function 1 / (1 + exp(-x)); neither tail overflows or loses digits.",
)


occupation: Primitive = replace(
    elementwise(
        "occupation",
        lambda x: 1.0 / np.expm1(x),
        partials=lambda out, x: (out * occupation(-x),),
        domain=positive,
        facts=Facts(cost=8.0),
        doc="1 / (exp(x) - 1), the mean number of bosons in a state; it loses no digits far out.",
    ),
    internal=True,
)

_LOG2 = float(np.log(2.0))

log1mexp = replace(
    elementwise(
        "log1mexp",
        lambda x: np.where(x < _LOG2, np.log(-np.expm1(-x)), np.log1p(-np.exp(-x))),
        partials=lambda out, x: (occupation(x),),
        domain=positive,
        facts=Facts(cost=15.0),
        doc="log(1 - exp(-x)), accurate for x near 0 and far out (Maechler 2012).",
    ),
    internal=True,
)

softplus = elementwise(
    "softplus",
    lambda x: np.logaddexp(x, 0.0),
    partials=lambda out, x: (sigmoid(x),),
    facts=Facts(cost=6.0, large_code=True),
    doc="log(1 + exp(x)) without overflow.",
)

logaddexp = elementwise(
    "logaddexp",
    ufunc=np.logaddexp,
    partials=lambda out, x, y: (sigmoid(x - y), sigmoid(y - x)),
    domain=real,
    facts=Facts(cost=10.0, large_code=True),
    doc="log(exp(x) + exp(y)) without overflow.",
)


def _over_length(x: Value, y: Value) -> tuple[Value, Value, Value]:
    """x and y divided by the length of (x, y), and the length; of length 0, (0, 0, 1)."""
    length = np.hypot(x, y)
    scale = np.where(length == 0.0, 1.0, length)
    return x / scale, y / scale, scale


def _hypot_partials(out: Value, x: Value, y: Value) -> tuple[Value, Value]:
    by_x, by_y, _ = _over_length(x, y)
    return by_x, by_y


hypot = elementwise(
    "hypot",
    ufunc=np.hypot,
    partials=_hypot_partials,
    facts=Facts(at_infinity="grows", cost=20.0),
    doc="sqrt(x**2 + y**2) without overflow; its derivative at (0, 0) is 0.",
)


def _arctan2_partials(out: Value, y: Value, x: Value) -> tuple[Value, Value]:
    cosine, sine, length = _over_length(x, y)
    return cosine / length, -sine / length


arctan2 = elementwise(
    "arctan2",
    ufunc=np.arctan2,
    partials=_arctan2_partials,
    facts=Facts(cost=15.0),
    doc="The angle of the point (x, y), in radians from -pi to pi; its derivative at (0, 0) is 0.",
)


def _xlogy_partials(out: Value, x: Value, y: Value) -> tuple[Value, Value]:
    return np.where((x == 0.0) & (y == 0.0), 0.0, np.log(y)), np.where(x == 0.0, 0.0, x / y)


xlogy = elementwise(
    "xlogy",
    lambda x, y: np.where((x == 0.0) & ~np.isnan(y), 0.0, x * np.log(y)),
    partials=_xlogy_partials,
    domain=positive,
    selects=True,
    doc="x * log(y), and 0 where x is 0, also at y = 0, where its derivatives are 0 too.",
)

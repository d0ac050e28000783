"""Elementary functions of one real variable: exponentials, logarithms, roots, angles."""

from __future__ import annotations

import numpy as np

from optserve.graph.aval import aval_of
from optserve.graph.domain import Domain, positive, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Steep, Value
from optserve.primitives.constructors import elementwise

__all__ = [
    "arccos",
    "arcsin",
    "arctan",
    "arctan2",
    "cbrt",
    "cos",
    "cosh",
    "direction",
    "exp",
    "expm1",
    "hypot",
    "log",
    "log1mexp",
    "log1p",
    "logaddexp",
    "logistic_slope",
    "lorentzian",
    "occupation",
    "one_minus_square",
    "sech_square",
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

one_minus_square = elementwise(
    "one_minus_square",
    lambda x: (1.0 - x) * (1.0 + x),
    partials=lambda out, x: (-2.0 * x,),
    facts=Facts(at_infinity="grows"),
    internal=True,
    doc="1 - x**2, which loses no digits next to 1 and -1; nor does its derivative at 0.",
)

arcsin = elementwise(
    "arcsin",
    ufunc=np.arcsin,
    partials=lambda out, x: (1.0 / np.sqrt(one_minus_square(x)),),
    domain=_within_one,
    facts=_of_inverse_angles,
    doc="Inverse sine, in radians from -pi/2 to pi/2.",
)

arccos = elementwise(
    "arccos",
    ufunc=np.arccos,
    partials=lambda out, x: (-1.0 / np.sqrt(one_minus_square(x)),),
    domain=_within_one,
    facts=_of_inverse_angles,
    doc="Inverse cosine, in radians from 0 to pi.",
)

lorentzian: Primitive = elementwise(
    "lorentzian",
    lambda x: 1.0 / (1.0 + x * x),
    partials=lambda out, x: (-2.0 * (np.where(np.abs(x) == np.inf, 0.0, x) * out) * out,),
    facts=Facts(cost=5.0),
    internal=True,
    doc="1 / (1 + x**2), whose derivative does not underflow before it must.",
)

arctan = elementwise(
    "arctan",
    ufunc=np.arctan,
    partials=lambda out, x: (lorentzian(x),),
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


def _sech_square(x: Value) -> Value:
    above = 1.0 + np.abs(np.tanh(x))  # 2 / (1 + exp(-2 |x|))
    return np.exp(-2.0 * np.abs(x)) * (above * above)


sech_square: Primitive = elementwise(
    "sech_square",
    _sech_square,
    partials=lambda out, x: (-2.0 * out * np.tanh(x),),
    facts=Facts(cost=10.0),
    internal=True,
    doc="1 / cosh(x)**2; neither it nor its derivative loses digits, near 0 or far out.",
)

tanh = elementwise(
    "tanh",
    ufunc=np.tanh,
    partials=lambda out, x: (sech_square(x),),
    facts=Facts(cost=4.0),
    doc="Hyperbolic tangent.",
)


def _sigmoid(x: Value) -> Value:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


logistic_slope: Primitive = elementwise(
    "logistic_slope",
    lambda x: sigmoid(x) * sigmoid(-x),
    partials=lambda out, x: (-out * np.tanh(0.5 * x),),
    facts=Facts(cost=12.0),
    internal=True,
    doc="Derivative of the logistic function; its own loses no digits near 0 either.",
)

sigmoid: Primitive = elementwise(
    "sigmoid",
    _sigmoid,
    partials=lambda out, x: (logistic_slope(x),),
    facts=Facts(cost=6.0),
    doc="The logistic function 1 / (1 + exp(-x)); neither tail overflows or loses digits.",
)


occupation: Primitive = elementwise(
    "occupation",
    lambda x: 1.0 / np.expm1(x),
    partials=lambda out, x: (out * occupation(-x),),
    domain=positive,
    facts=Facts(cost=8.0),
    internal=True,
    doc="1 / (exp(x) - 1), the mean number of bosons in a state; it loses no digits far out.",
)

_LOG2 = float(np.log(2.0))

log1mexp = elementwise(
    "log1mexp",
    lambda x: np.where(x < _LOG2, np.log(-np.expm1(-x)), np.log1p(-np.exp(-x))),
    partials=lambda out, x: (occupation(x),),
    domain=positive,
    facts=Facts(cost=15.0),
    internal=True,
    doc="log(1 - exp(-x)), accurate for x near 0 and far out (Maechler 2012).",
)

softplus = elementwise(
    "softplus",
    lambda x: np.logaddexp(x, 0.0),
    partials=lambda out, x: (sigmoid(x),),
    facts=Facts(cost=6.0, large_code=True),
    doc="log(1 + exp(x)) without overflow.",
)


def _logaddexp_partials(out: Value, x: Value, y: Value) -> tuple[Value, Value]:
    nothing = out == -np.inf
    return np.where(nothing, 0.0, sigmoid(x - y)), np.where(nothing, 0.0, sigmoid(y - x))


logaddexp = elementwise(
    "logaddexp",
    ufunc=np.logaddexp,
    partials=_logaddexp_partials,
    domain=real,
    facts=Facts(cost=10.0, large_code=True),
    doc="""
    log(exp(x) + exp(y)) without overflow. Where both are -inf the value is -inf and the derivatives
    are 0, as those of logsumexp.
    """,
)


def _direction(x: Value, y: Value, *, across: bool = False) -> Value:
    largest = float(np.finfo(aval_of(x).dtype).max)
    x, y = np.clip(x, -largest, largest), np.clip(y, -largest, largest)
    # Exact, and so that the length is not infinite, nor one of the least numbers with few digits.
    large = np.maximum(np.abs(x), np.abs(y)) > 1.0
    x, y = (np.where(large, 0.25 * side, 2.0**60 * side) for side in (x, y))
    return (y if across else x) / _length(x, y)


def _length(x: Value, y: Value) -> Value:
    """The length of (x, y), to divide by: 1 in place of 0."""
    length = np.hypot(x, y)
    return np.where(length == 0.0, 1.0, length)


def _direction_partials(out: Value, x: Value, y: Value, *, across: bool) -> tuple[Value, Value]:
    other = direction(x, y, across=not across)
    turning = other / _length(x, y)
    along, beside = other * turning, -out * turning
    return (beside, along) if across else (along, beside)


direction: Primitive = elementwise(
    "direction",
    _direction,
    partials=_direction_partials,
    facts=Facts(cost=25.0),
    internal=True,
    doc="""
    x / hypot(x, y), the cosine of the angle between the point (x, y) and the first axis;
    with ``across`` it is the sine, y / hypot(x, y). At (0, 0) they and their derivatives are 0. An
    infinite operand counts as the largest number.
    """,
)

cbrt = elementwise(
    "cbrt",
    ufunc=np.cbrt,
    partials=lambda out, x: (1.0 / (3.0 * out * out),),
    facts=Facts(at_infinity="grows", cost=8.0),
    doc="The cube root, of negative numbers too. Its derivative at 0 is infinite.",
)

hypot = elementwise(
    "hypot",
    ufunc=np.hypot,
    partials=lambda out, x, y: (direction(x, y), direction(x, y, across=True)),
    facts=Facts(at_infinity="grows", cost=20.0),
    doc="sqrt(x**2 + y**2) without overflow; its derivative at (0, 0) is 0.",
)


def _arctan2_partials(out: Value, y: Value, x: Value) -> tuple[Value, Value]:
    length = _length(x, y)
    return direction(x, y) / length, -direction(x, y, across=True) / length


arctan2 = elementwise(
    "arctan2",
    ufunc=np.arctan2,
    partials=_arctan2_partials,
    facts=Facts(cost=15.0),
    doc="The angle of the point (x, y), in radians from -pi to pi; its derivative at (0, 0) is 0.",
)


def _xlogy_partials(out: Value, x: Value, y: Value) -> tuple[Value, Value]:
    at_corner = (x == 0.0) & (y == 0.0)  # elsewhere x / y is 0 by itself, and has a slope
    return np.where(at_corner, 0.0, np.log(y)), np.where(at_corner, 0.0, x / y)


xlogy = elementwise(
    "xlogy",
    lambda x, y: np.where((x == 0.0) & ~np.isnan(y), 0.0, x * np.log(y)),
    partials=_xlogy_partials,
    domain=positive,
    selects=True,
    doc="x * log(y), and 0 where x is 0, also at y = 0, where its derivatives are 0 too.",
)

"""Arithmetic: the field operations, powers, roundings, and products with a zero of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from optserve.graph.domain import positive
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Steep, Value
from optserve.primitives.constructors import elementwise

__all__ = [
    "absolute",
    "add",
    "ceil",
    "divide",
    "floor",
    "floor_divide",
    "multiply",
    "mulz",
    "mulz_both",
    "negative",
    "power",
    "reciprocal",
    "remainder",
    "round_",
    "sign",
    "square",
    "subtract",
    "tame",
]

_KEPT_FROM_ZERO = "keep what it divides by away from 0"

add = elementwise(
    "add",
    ufunc=np.add,
    partials=lambda out, x, y: (1.0, 1.0),
    facts=Facts(linear=(frozenset({0, 1}),), counts=True, wraps=True, at_infinity="grows"),
    doc="Sum of two numbers: x + y.",
)

subtract = elementwise(
    "subtract",
    ufunc=np.subtract,
    partials=lambda out, x, y: (1.0, -1.0),
    facts=Facts(
        linear=(frozenset({0, 1}),),
        counts=True,
        wraps=True,
        at_infinity="grows",
        units=((1, 0.0),),
    ),
    doc="Difference of two numbers: x - y.",
)

multiply = elementwise(
    "multiply",
    ufunc=np.multiply,
    partials=lambda out, x, y: (Steep(y, by=1), Steep(x, by=0)),
    facts=Facts(
        linear=(frozenset({0}), frozenset({1})),
        counts=True,
        wraps=True,
        at_infinity="grows",
        units=((0, 1.0), (1, 1.0)),
    ),
    doc="Product of two numbers: x * y.",
)

divide = elementwise(
    "divide",
    ufunc=np.divide,
    partials=lambda out, x, y: (1.0 / y, Steep(-out / y, by=0, pole=lambda: y == 0.0)),
    domain=positive,
    facts=Facts(
        linear=(frozenset({0}),),
        remedy=_KEPT_FROM_ZERO,
        derivative_remedy=_KEPT_FROM_ZERO,
        units=((1, 1.0),),
        cost=4.0,
    ),
    doc="Quotient of two numbers: x / y.",
)

negative = elementwise(
    "negative",
    ufunc=np.negative,
    partials=lambda out, x: (-1.0,),
    facts=Facts(linear=(frozenset({0}),), counts=True, wraps=True, at_infinity="grows"),
    doc="Negation: -x.",
)

reciprocal = elementwise(
    "reciprocal",
    lambda x: 1.0 / x,
    partials=lambda out, x: (-out * out,),
    domain=positive,
    facts=Facts(remedy=_KEPT_FROM_ZERO, derivative_remedy=_KEPT_FROM_ZERO),
    doc="One over a number: 1 / x.",
)

square = elementwise(
    "square",
    ufunc=np.square,
    partials=lambda out, x: (Steep(2.0 * x, by=0),),
    facts=Facts(overflows=True, at_infinity="grows", counts=True, wraps=True),
    doc="A number times itself.",
)

absolute = elementwise(
    "abs",
    ufunc=np.absolute,
    partials=lambda out, x: (np.sign(x),),
    facts=Facts(at_infinity="grows", counts=True, wraps=True),
    doc="Absolute value; its derivative at 0 is 0, the subgradient of least norm.",
)

sign = elementwise(
    "sign",
    ufunc=np.sign,
    partials=lambda out, x: (None,),
    facts=Facts(counts=True, jumps_at=lambda x: (x,)),
    doc="-1, 0 or 1, as the number is negative, zero or positive; its derivative is 0.",
)


def _power_partials(out: Value, x: Value, y: Value) -> tuple[Value, Value]:
    nothing = ((x == 0.0) & (y >= 0.0)) | ((x == np.inf) & (y < 0.0))
    by_exponent = Steep(np.where(nothing, 0.0, out * np.log(x)), pole=lambda: x == 0.0)
    if isinstance(y, np.generic | float | int):  # a literal exponent, the usual case
        exponent = float(y)
        if exponent == 0.0:
            return 0.0, by_exponent
        if exponent == 2.0:
            return Steep(2.0 * x, by=0), by_exponent
        slope = exponent * x ** (exponent - 1.0)
        return (Steep(slope) if exponent > 1.0 else slope), by_exponent
    by_base = mulz(y, x ** (y - 1.0))  # 0 where y is 0, and bends with it there
    return Steep(by_base, pole=lambda: x == 0.0), by_exponent


power = elementwise(
    "power",
    ufunc=np.power,
    partials=_power_partials,
    domain=positive,
    facts=Facts(
        overflows=True,
        remedy="a negative number has no fractional power, and 0 no negative one",
        derivative_remedy="a fractional power has no finite derivative at 0: keep its base "
        "positive",
        units=((1, 1.0),),
        cost=20.0,
    ),
    doc="""
    x to the power y. The derivative of x**0 with respect to x is 0 everywhere; that of 0**y with
    respect to y is 0 for y >= 0 and -inf for y < 0.
    """,
    floating=True,
)

floor = elementwise(
    "floor",
    ufunc=np.floor,
    partials=lambda out, x: (None,),
    doc="The largest integer not above x; its derivative is 0.",
    floating=True,
)

ceil = elementwise(
    "ceil",
    ufunc=np.ceil,
    partials=lambda out, x: (None,),
    doc="The smallest integer not below x; its derivative is 0.",
    floating=True,
)

round_ = elementwise(
    "round",
    ufunc=np.rint,
    partials=lambda out, x: (None,),
    doc="The nearest integer, halves to even; its derivative is 0.",
)

floor_divide = elementwise(
    "floor_divide",
    ufunc=np.floor_divide,
    partials=lambda out, x, y: (None, None),
    domain=positive,
    facts=Facts(counts=True, wraps=True),
    doc="The quotient rounded down: x // y; its derivative is 0.",
)

remainder = elementwise(
    "remainder",
    ufunc=np.remainder,
    partials=lambda out, x, y: (1.0, -np.floor_divide(x, y)),
    domain=positive,
    facts=Facts(counts=True, wraps=True),
    doc="What is left after floor division: x % y, with the sign of y.",
)


def _product(
    name: str, body: Callable[[Value, Value], Value], *, by: Callable[..., Value], doc: str
) -> Primitive:
    """A product with a zero of its own, bilinear in the eyes of its derivative ``by``."""

    def jvp(operands: Sequence[Value], tangents: Sequence[Value | None]) -> tuple[Value, Value]:
        (x, y), (x_tangent, y_tangent) = operands, tangents
        parts = [] if x_tangent is None else [by(x_tangent, y)]
        parts += [] if y_tangent is None else [by(x, y_tangent)]
        return body(x, y), sum(parts[1:], start=parts[0])

    bilinear = Facts(linear=(frozenset({0}), frozenset({1})), at_infinity="grows")
    plain = elementwise(name, body, selects=True, internal=True, facts=bilinear, doc=doc)

    def pullback(ct: Value, out: Value, x: Value, y: Value) -> tuple[Value, Value]:
        return by(ct, y), mulz_both(ct, x)

    return replace(plain, derivative=replace(plain.derivative, pullback=pullback, jvp=jvp))


mulz: Primitive = _product(
    "mulz",
    lambda ct, d: np.where(ct == 0.0, 0.0, ct * d),
    by=lambda x, y: mulz(x, y),
    doc="""
    Zero where the first operand is exactly 0, else the product: what a derivative that was not
    selected is multiplied by, so that an untaken branch contributes exactly 0 even where its own
    derivative is infinite or not a number.
    """,
)

mulz_both: Primitive = _product(
    "mulz_both",
    lambda x, y: np.where((x == 0.0) | (y == 0.0), 0.0, x * y),
    by=lambda x, y: mulz_both(x, y),
    doc="""
    Zero where either operand is exactly 0, else the product: the derivative of ``mulz`` by its
    second operand, with which an untaken branch contributes nothing to second derivatives either.
    """,
)


def _is_tamed(d: Value, x: Value) -> Value:
    return (x == 0.0) & (np.abs(d) == np.inf)


tame = elementwise(
    "tame",
    lambda d, x: np.where(_is_tamed(d, x), 0.0, d),
    partials=lambda out, d, x: (np.where(_is_tamed(d, x), 0.0, 1.0), None),
    selects=True,
    facts=Facts(linear=(frozenset({0}),), at_infinity="grows"),
    internal=True,
    doc="""
    The first operand, but 0 where it is infinite and the second is exactly 0: the product of
    both is then 0. So a value that overflowed contributes nothing where the function of it has
    levelled off, and nothing to second derivatives either.
    """,
)

"""Sums of exponentials and powers of any size, as a mantissa times exp(an exponent).

``exp(z) / (1 + exp(z))`` is infinity over infinity at z = 1000, and ``log(exp(a) + exp(b))`` is
infinite. Divided by exp(m), with m next to the largest exponent, no term of a sum overflows, and
not all of them vanish; m itself has no part in a quotient or a logarithm, nor in their derivatives.
Where all terms are of ordinary size m is 0, and everything is computed as it was written.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from optserve.graph.aval import aval_of
from optserve.graph.graph import Atom, Literal
from optserve.graph.made import Made
from optserve.graph.primitive import Primitive, Value
from optserve.graph.trace import Tracer
from optserve.primitives.arithmetic import add, divide, multiply, negative, power, square, subtract
from optserve.primitives.constructors import elementwise
from optserve.primitives.elementary import cosh, exp, expm1, sinh
from optserve.primitives.reductions import max_, mean
from optserve.primitives.shaping import reshape
from optserve.primitives.sums import broadcast_to, sum_

__all__ = [
    "HOLDERS",
    "excess",
    "holds_exponential",
    "is_sum",
    "power_scale",
    "scaled_logarithm",
    "scaled_quotient",
]

Scaled = tuple[Value | None, Value | None]
"""Mantissa and exponent of a value; ``None`` stands for a mantissa of 1 and an exponent of 0."""

Term = tuple[float, Value | None, Value | None]
"""A term of a sum: its sign, mantissa and exponent."""

DEEPEST = 50
"""What is nested more deeply is left as it is written."""

LARGEST = 4096
"""What has more parts, each counted as often as it is used, is left as it is written too."""

HARMLESS_POWER = 4.0
"""A power with a number up to this as its exponent is not taken for one that overflows."""


def _ordinary(x: Value) -> float:
    """Exponents up to which the fifth power of an exponential is representable."""
    return 128.0 if aval_of(x).dtype == np.float64 else 16.0


def _excess(x: Value) -> Value:
    within = _ordinary(x)
    largest = float(np.finfo(aval_of(x).dtype).max) / 4.0
    return np.clip(x - np.clip(x, -within, within), -largest, largest)


excess = elementwise(
    "excess",
    _excess,
    partials=lambda out, x: (None,),
    internal=True,
    doc="""
    How far an exponent is beyond those whose exponentials are of ordinary size, and 0 for
    these; finite also of an infinite one. Its derivative is 0: what it shifts does not depend
    on it.
    """,
)


def _power_scale(x: Value, y: Value) -> Value:
    exponent = np.abs(y * np.log(np.abs(x)))
    far = (exponent > _ordinary(x)) & (exponent < np.inf)
    return np.where(far, np.abs(x), 1.0)


power_scale = elementwise(
    "power_scale",
    _power_scale,
    partials=lambda out, x, y: (None, None),
    internal=True,
    doc="""
    abs(x) where x to the power y is not of ordinary size, and 1 elsewhere. Its derivative is 0:
    what it divides is multiplied by it again.
    """,
)

_SOURCES = frozenset({exp, cosh, sinh, expm1})
_SUMS = frozenset({add, subtract, sum_, mean, cosh})
_PASSED = frozenset({multiply, divide, negative, square, power, reshape, broadcast_to})


HOLDERS = _SOURCES | {power} | _SUMS | _PASSED
"""What may make a value that holds exponentials or powers."""


def holds_exponential(value: Tracer) -> bool:
    """Whether it is an exponential or a power, or made of some by sums, products and the like."""
    if not 0 < _levels(value, DEEPEST, {}) <= DEEPEST:
        return False
    return _parts(value, {}) <= LARGEST


def is_sum(value: Tracer) -> bool:
    """Whether it is made of sums that hold exponentials or powers, by products and the like."""
    made = _made(value)
    if made is None or not holds_exponential(value):
        return False
    if made.primitive in _SUMS:
        return True
    return made.primitive in _PASSED and any(map(is_sum, made.operands))


def _made(value: Value) -> Made | None:
    return value.trace.maker(value) if isinstance(value, Tracer) else None


def _levels(value: Tracer, left: int, known: dict[Atom, int]) -> int:
    """From how deep down exponentials and powers come: 0 for nowhere; beyond ``left`` who knows."""
    made = _made(value)
    if made is None:
        return 0
    if made.primitive in _SOURCES or _is_large_power(made):
        return 1
    if made.primitive not in _SUMS | _PASSED:
        return 0
    if left == 0:
        return DEEPEST + 1
    if value.atom not in known:
        deepest = max(_levels(one, left - 1, known) for one in made.operands)
        known[value.atom] = deepest + 1 if deepest else 0
    return known[value.atom]


def _parts(value: Tracer, known: dict[Atom, int]) -> int:
    """How many values it is made of, down to exponentials, one that is used twice counted twice."""
    made = _made(value)
    if made is None or made.primitive not in _SUMS | _PASSED:
        return 1
    if value.atom not in known:
        known[value.atom] = 1 + sum(_parts(one, known) for one in made.operands)
    return known[value.atom]


def _is_large_power(made: Made) -> bool:
    if made.primitive is not power:
        return False
    exponent = made.operands[1].atom
    return not isinstance(exponent, Literal) or bool(abs(exponent.value) > HARMLESS_POWER)


def scaled_quotient(x: Tracer, y: Tracer) -> Value:
    """x / y, where numerator and denominator may overflow together."""
    (above, power_above), (below, power_below) = _scaled(x), _scaled(y)
    result = _times(above, _exp(_minus(power_above, power_below)))
    return result if below is None else result / below


def scaled_logarithm(x: Tracer, *, plus_one: bool = False) -> Value:
    """log(x) of a sum whose terms may overflow, or log(1 + x), accurate where x is small."""
    terms = _terms(x, 1.0)
    if not plus_one:
        ones = [i for i, (sign, value) in enumerate(terms) if sign > 0.0 and _is_one(value)]
        if not ones:
            mantissa, exponent = _scaled(x)
            return np.log(_times(mantissa, 1.0)) + exponent
        terms.pop(ones[0])
    others = [(sign, *_scaled(value)) for sign, value in terms]
    shift = excess(_largest([None, *(exponent for _, _, exponent in others)]))
    return np.log1p(_sum(others, shift) + np.expm1(-shift)) + shift


def _terms(value: Tracer, sign: float) -> list[tuple[float, Tracer]]:
    """The terms of a sum, each with its sign."""
    made = _made(value)
    if made is None or made.primitive not in (add, subtract) or not holds_exponential(value):
        return [(sign, value)]
    left, right = made.operands
    return [*_terms(left, sign), *_terms(right, sign if made.primitive is add else -sign)]


def _scaled(value: Tracer) -> Scaled:
    made = _made(value)
    if made is None or not holds_exponential(value):
        return (None if _is_one(value) else value), None
    return _RULES[made.primitive](value, made)


def _of_exp(value: Tracer, made: Made) -> Scaled:
    return None, made.operands[0]


def _of_cosh(value: Tracer, made: Made) -> Scaled:
    [z] = made.operands
    shift = excess(np.abs(z))
    return 0.5 * (np.exp(z - shift) + np.exp(-z - shift)), shift


def _of_sinh(value: Tracer, made: Made) -> Scaled:
    [z] = made.operands
    shift = excess(np.abs(z))
    return 0.5 * (np.expm1(z - shift) - np.expm1(-z - shift)), shift


def _of_expm1(value: Tracer, made: Made) -> Scaled:
    [z] = made.operands
    shift = excess(np.maximum(z, 0.0))
    return np.expm1(z - shift) - np.expm1(-shift), shift


def _of_sum(value: Tracer, made: Made) -> Scaled:
    terms = [(sign, *_scaled(one)) for sign, one in _terms(value, 1.0)]
    shift = excess(_largest([exponent for _, _, exponent in terms]))
    return _sum(terms, shift), shift


def _of_reduction(value: Tracer, made: Made) -> Scaled:
    [x] = made.operands
    mantissa, exponent = _scaled(x)
    full = broadcast_to(exponent, np.shape(x))
    shift = excess(max_(full, axis=made.attributes["axis"], keepdims=True))
    terms = _times(mantissa, np.exp(full - shift))
    return made.primitive.bind(terms, **made.attributes), reshape(shift, np.shape(value))


def _of_product(value: Tracer, made: Made) -> Scaled:
    (x, power_x), (y, power_y) = map(_scaled, made.operands)
    return (x if y is None else _times(x, y)), _plus(power_x, power_y)


def _of_quotient(value: Tracer, made: Made) -> Scaled:
    (x, power_x), (y, power_y) = map(_scaled, made.operands)
    return (x if y is None else (1.0 if x is None else x) / y), _minus(power_x, power_y)


def _of_negative(value: Tracer, made: Made) -> Scaled:
    mantissa, exponent = _scaled(made.operands[0])
    return (-1.0 if mantissa is None else -mantissa), exponent


def _of_square(value: Tracer, made: Made) -> Scaled:
    mantissa, exponent = _scaled(made.operands[0])
    return (None if mantissa is None else np.square(mantissa)), _plus(exponent, exponent)


def _of_power(value: Tracer, made: Made) -> Scaled:
    x, y = made.operands
    if holds_exponential(x):
        mantissa, exponent = _scaled(x)
        return (None if mantissa is None else mantissa**y), exponent * y
    scale = power_scale(x, y)
    return (x / scale) ** y, y * np.log(scale)


def _of_shaped(value: Tracer, made: Made) -> Scaled:
    [x] = made.operands
    mantissa, exponent = (
        None
        if part is None
        else made.primitive.bind(broadcast_to(part, np.shape(x)), **made.attributes)
        for part in _scaled(x)
    )
    return mantissa, exponent


_RULES: Mapping[Primitive, Callable[[Tracer, Made], Scaled]] = MappingProxyType(
    {
        exp: _of_exp,
        cosh: _of_cosh,
        sinh: _of_sinh,
        expm1: _of_expm1,
        add: _of_sum,
        subtract: _of_sum,
        sum_: _of_reduction,
        mean: _of_reduction,
        multiply: _of_product,
        divide: _of_quotient,
        negative: _of_negative,
        square: _of_square,
        power: _of_power,
        reshape: _of_shaped,
        broadcast_to: _of_shaped,
    }
)


def _is_one(value: Tracer) -> bool:
    return isinstance(value.atom, Literal) and bool(value.atom.value == 1)


def _sum(terms: Sequence[Term], shift: Value) -> Value:
    """The sum of terms divided by exp(shift)."""
    total: Value = None
    for sign, mantissa, exponent in terms:
        term = _times(mantissa, _exp(_minus(exponent, shift)))
        if total is None:
            total = term if sign > 0.0 else -term
        else:
            total = total + term if sign > 0.0 else total - term
    return total


def _largest(exponents: Sequence[Value | None]) -> Value:
    """The largest of exponents, entry by entry."""
    given = [exponent for exponent in exponents if exponent is not None]
    largest = functools.reduce(np.maximum, given)
    return largest if len(given) == len(exponents) else np.maximum(largest, 0.0)


def _times(x: Value | None, y: Value) -> Value:
    return y if x is None else x * y


def _plus(x: Value | None, y: Value | None) -> Value | None:
    if x is None or y is None:
        return y if x is None else x
    return x + y


def _minus(x: Value | None, y: Value | None) -> Value | None:
    if y is None:
        return x
    return -y if x is None else x - y


def _exp(exponent: Value | None) -> Value:
    return 1.0 if exponent is None else np.exp(exponent)

"""How a traced value was written: what rewritings look at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from optserve.graph.graph import Literal
from optserve.graph.made import Made
from optserve.graph.meaning import Rewriting
from optserve.graph.primitive import Primitive, Value
from optserve.graph.trace import Tracer
from optserve.primitives.arithmetic import add, divide, multiply, negative, power, square, subtract
from optserve.primitives.elementary import exp, expm1

__all__ = [
    "both_ways",
    "exponentials",
    "is_number",
    "made",
    "negated",
    "number",
    "one_minus",
    "operand",
    "operands",
    "plus_one",
    "rewriting",
    "same",
    "square_of",
]

MatchRule = Callable[..., Value | None]

DEPTH = 8
"""How deep two values are compared that were written apart."""


def rewriting(
    written: str, computed: str, of: Collection[Primitive] = ()
) -> Callable[[MatchRule], Rewriting]:
    """Makes a rewriting of its rule; ``of`` are those of which one must have made an operand."""
    return lambda rule: Rewriting(written, computed, rule, frozenset(of))


def made(value: Value) -> Made | None:
    """How a value was made, as far as that is known."""
    return value.trace.maker(value) if isinstance(value, Tracer) else None


def operands(value: Value, primitive: Primitive) -> tuple[Tracer, ...]:
    """The operands that ``primitive`` made the value of; none where another did."""
    how = value.trace.maker(value) if isinstance(value, Tracer) else None
    return how.operands if how is not None and how.primitive is primitive else ()


def operand(value: Value | None, primitive: Primitive) -> Tracer | None:
    """The one operand that ``primitive`` made the value of, if it did."""
    found = operands(value, primitive)
    return found[0] if found else None


def both_ways(pair: Sequence[Tracer]) -> list[tuple[Tracer, Tracer]]:
    """The operands of a symmetric primitive in both orders."""
    return [(pair[0], pair[1]), (pair[1], pair[0])] if pair else []


def is_number(value: Tracer, number: float) -> bool:
    """Whether it is that number, standing in the graph."""
    atom = value.atom
    return type(atom) is Literal and bool(atom.value == number)


def number(value: Tracer) -> float | None:
    """The number that stands in the graph for it, if one does."""
    return float(value.atom.value) if isinstance(value.atom, Literal) else None


def same(x: Tracer | None, y: Tracer | None, depth: int = DEPTH) -> bool:
    """Whether two values were written alike."""
    if x is None or y is None:
        return x is y
    if x.atom is y.atom:
        return True
    if isinstance(x.atom, Literal) and isinstance(y.atom, Literal):
        return bool(x.atom.value == y.atom.value)
    one, other = made(x), made(y)
    if one is None or other is None or depth == 0:
        return False
    alike = one.primitive is other.primitive and one.attributes == other.attributes
    alike = alike and one.result == other.result
    return alike and all(
        same(a, b, depth - 1) for a, b in zip(one.operands, other.operands, strict=True)
    )


def negated(z: Tracer) -> Value:
    """-z, without a sign that is taken back."""
    inner = operand(z, negative)
    if inner is not None:
        return inner
    for primitive in (multiply, divide):
        for first in operands(z, primitive)[:1]:
            inner = operand(first, negative)
            if inner is not None:
                return primitive.bind(inner, operands(z, primitive)[1])
    return -z


def plus_one(value: Value) -> Tracer | None:
    """u of 1 + u."""
    for u, one in both_ways(operands(value, add)):
        if is_number(one, 1.0):
            return u
    return None


def one_minus(value: Value) -> Tracer | None:
    """u of 1 - u."""
    found = operands(value, subtract)
    return found[1] if found and is_number(found[0], 1.0) else None


def square_of(value: Value) -> Tracer | None:
    """x of x**2, however it is written."""
    powered, factors = operands(value, power), operands(value, multiply)
    if powered and is_number(powered[1], 2.0):
        return powered[0]
    if factors and same(factors[0], factors[1]):
        return factors[0]
    return operand(value, square)


def exponentials(value: Tracer) -> list[tuple[int, Tracer | None]]:
    """The signs and exponents of a sum of two exponentials; the exponent of 1 is ``None``.

    Of anything else nothing.
    """
    z = operand(value, expm1)
    if z is not None:
        return [(1, z), (-1, None)]
    pairs = [(operands(value, add), 1), (operands(value, subtract), -1)]
    for pair, sign in pairs:
        if pair and all(is_number(one, 1.0) or operands(one, exp) for one in pair):
            return [(1, operand(pair[0], exp)), (sign, operand(pair[1], exp))]
    return []

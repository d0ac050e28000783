"""Overflow: where a derivative is 0 because the function of an overflowed value has levelled off.

In ``1 / (1 + exp(z))`` at z = 1000 the exponential is infinite, and the quotient no longer depends
on it: its derivative by the exponential is exactly 0, and that of the exponential infinite. Their
product is 0, though 0 times infinity is not a number. The equations where this may happen are
guarded: those whose operands or value may have overflowed, where something after them levels off.
All others are differentiated as they stand, at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optserve.graph.aval import aval_of, is_float
from optserve.graph.domain import real
from optserve.graph.facts import AtInfinity
from optserve.graph.graph import Atom, Equation, Graph, Literal
from optserve.graph.primitive import Primitive, Steep, Value
from optserve.primitives.arithmetic import multiply, power, square, tame
from optserve.primitives.comparisons import clip, where

__all__ = ["UNGUARDED", "Guard", "guards"]


@dataclass(frozen=True)
class Guard:
    """How one equation is guarded: ``overflowed`` tells which of its operands may have overflowed.

    ``levels_off`` says whether something that is made of its results levels off, ``beside_zero``
    whether it is a product in which something that has levelled off stands, and ``steep`` whether
    its cotangent may be infinite because a value overflowed, as in a second derivative.
    """

    active: bool
    overflowed: Sequence[bool] = ()
    levels_off: bool = False
    beside_zero: bool = False
    steep: bool = False

    def slope(self, partial: Value | None, factor: Value) -> Value | None:
        """A partial derivative, but 0 where it overflowed and ``factor`` is exactly 0."""
        if not isinstance(partial, Steep):
            return partial
        meets_zero = self.levels_off or self.beside_zero
        if not meets_zero or not (partial.by is None or self.overflowed[partial.by]):
            return partial.value
        tamed = tame(partial.value, factor)
        return tamed if partial.pole is None else where(partial.pole(), partial.value, tamed)

    def cotangent(self, ct: Value, slope: Value) -> Value:
        """The cotangent of the result, but 0 where it overflowed and ``slope`` is exactly 0."""
        if not self.active or not self.steep or slope is None or type(slope) is float:
            return ct
        return tame(ct, slope)

    def tangent(self, index: int, tangent: Value, slope: Value) -> Value:
        """The tangent of an operand, but 0 where that overflowed and ``slope`` is exactly 0."""
        if not self.active or not self.overflowed[index] or type(slope) is float:
            return tangent
        return tame(tangent, slope)

    def factors(self, product: Primitive, values: Sequence[Value | None]) -> Sequence[Value | None]:
        """Factors of a sum of products, the largest number in place of infinity in those that may
        have overflowed: 0 times one of them is 0."""
        if not self.active or product.derivative.joint or len(values) == 1:
            return values
        return [
            _finite(value) if overflowed and value is not None else value
            for value, overflowed in zip(values, self.overflowed, strict=True)
        ]


UNGUARDED = Guard(active=False)


def guards(graph: Graph, around: Guard = UNGUARDED) -> list[Guard]:
    """The guard of each equation of ``graph``; ``around`` is that of the equation around it."""
    wide, flat = _wide_and_flat(graph, around)
    if not (wide or around.levels_off or around.steep) and _states_all(graph):
        return [UNGUARDED] * len(graph.equations)
    levelled = {atom for atom in graph.outputs if around.levels_off}
    steep = {atom for atom in graph.outputs if around.steep}
    found: list[Guard] = []
    for equation in reversed(graph.equations):
        own = [atom in wide for atom in equation.operands]
        levels_off = not levelled.isdisjoint(equation.results)
        at_infinity = _at_infinity(equation)
        beside_zero = equation.primitive is multiply and not flat.isdisjoint(equation.operands)
        passes = levels_off and at_infinity == "grows"
        passes = passes or beside_zero or at_infinity == "saturates"
        active = beside_zero or (passes and any(own)) or (levels_off and _overflows(equation))
        is_steep = not steep.isdisjoint(equation.results)
        found.append(Guard(active, own, levels_off, beside_zero, is_steep))
        if passes and all(is_float(variable.aval.dtype) for variable in equation.results):
            levelled.update(equation.operands)
        goes_on = _is_steep(equation) or (is_steep and not _has_pole(equation))
        for index, atom in enumerate(equation.operands):
            if goes_on or any(own[:index]) or any(own[index + 1 :]):
                steep.add(atom)
    return found[::-1]


def _states_all(graph: Graph) -> bool:
    """Whether every derivative is stated, and none is that of a body, where more may overflow."""
    return all(equation.primitive.states_derivative for equation in graph.equations)


def _wide_and_flat(graph: Graph, around: Guard) -> tuple[set[Atom], set[Atom]]:
    """What may have overflowed, and what may be exactly 0 because something has levelled off."""
    wide: set[Atom] = {
        variable
        for variable, is_wide in zip(graph.inputs, around.overflowed, strict=False)
        if is_wide
    }
    flat: set[Atom] = set()
    for equation in graph.equations:
        saturates = _at_infinity(equation) == "saturates"
        own = [index for index, atom in enumerate(equation.operands) if atom in wide]
        if _overflows(equation) or (own and not saturates) or _is_linear(equation, own):
            wide.update(equation.results)
        if (own and saturates) or not flat.isdisjoint(equation.operands):
            flat.update(equation.results)
    return wide, flat


def _is_linear(equation: Equation, operands: Sequence[int]) -> bool:
    """Whether it is linear in one of these operands, as a quotient is in its numerator."""
    groups = equation.primitive.linear_groups(len(equation.operands))
    return any(not group.isdisjoint(operands) for group in groups)


def _overflows(equation: Equation) -> bool:
    """Whether finite operands may give an infinite value, by growth and not at a pole."""
    exponent = _exponent(equation)
    if exponent is not None:
        return exponent > 1.0
    if equation.primitive is multiply:
        return len(set(equation.operands)) == 1  # a square, however it is written
    return equation.primitive.facts.overflows


def _is_steep(equation: Equation) -> bool:
    """Whether finite operands may give an infinite derivative: of more than a square."""
    exponent = _exponent(equation)
    more = equation.primitive not in (multiply, square) and exponent != 2.0
    return more and _overflows(equation)


def _has_pole(equation: Equation) -> bool:
    """Whether its derivative may be infinite at the end of its domain."""
    domains = equation.primitive.domains(len(equation.operands))
    return any(domain is not real for domain in domains)


def _at_infinity(equation: Equation) -> AtInfinity:
    """What it makes of an infinite operand; one that selects masks what it does not pass on."""
    exponent = _exponent(equation)
    if exponent is not None:
        return "grows" if exponent > 0.0 else "saturates"
    grows = equation.primitive.kind == "linear" or equation.primitive.derivative.selects
    return "grows" if grows else equation.primitive.facts.at_infinity


def _exponent(equation: Equation) -> float | None:
    """The exponent of a power, where it is a number that stands in the graph."""
    if equation.primitive is power and isinstance(equation.operands[1], Literal):
        return float(equation.operands[1].value)
    return None


def _finite(value: Value) -> Value:
    if not is_float(aval_of(value).dtype):  # indices
        return value
    largest = float(np.finfo(aval_of(value).dtype).max)
    return clip(value, -largest, largest)

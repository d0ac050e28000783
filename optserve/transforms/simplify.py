"""Simplify: the same values from fewer equations. Applied twice it changes nothing more.

Only rewritings that keep every bit for every operand, infinities and NaN included, and these listed
canonicalizations: ``power(x, 2)`` is ``square(x)``; ``power(x, 1)`` is x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import frexp
from operator import is_
from typing import Any

import numpy as np

from optserve.errors import NumericalFailure
from optserve.graph.aval import Aval, broadcast_shapes
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var, row_names
from optserve.primitives.arithmetic import multiply, mulz, power, square
from optserve.primitives.comparisons import where
from optserve.primitives.sums import broadcast_to

__all__ = ["frozen", "prune", "reads", "simplify"]


def simplify(graph: Graph) -> Graph:
    """``graph`` with constants folded, units dropped, repeated and dead equations removed.

    It is ``graph`` itself where there is nothing to do.
    """
    if graph.is_simple:
        return graph
    replaced: dict[Var, Atom] = {}
    seen = _Seen()
    spread: dict[Atom, Atom] = {}
    choices: dict[Atom, tuple[Atom, ...]] = {}
    scaled: dict[Atom, tuple[Atom, Literal]] = {}
    kept: list[Equation] = []
    waiting = list(reversed(graph.equations))
    while waiting:
        original = waiting.pop()
        operands = tuple(_read(atom, replaced) for atom in original.operands)
        operands = _unspread(original, operands, spread)
        equation = _selected(_canonical(_simplified(original, operands)), choices)
        before = _before_spreading(equation, spread)
        if before:
            waiting += reversed(before)
            continue
        shortcut = _folded(equation) or _unit(equation)
        if shortcut is not None:
            replaced[equation.results[0]] = shortcut
            continue
        equation = _scaled_once(equation, scaled)
        if (same := seen.before(equation)) is not None:
            replaced.update(zip(equation.results, same, strict=True))
            continue
        kept.append(equation)
        if equation.primitive is broadcast_to:
            spread[equation.results[0]] = equation.operands[0]
        if (factors := _by_literal(equation)) and _doubles(factors[1]):
            scaled[equation.results[0]] = factors
        if equation.primitive is where:
            choices[equation.results[0]] = equation.operands
    outputs = tuple(_read(atom, replaced) for atom in graph.outputs)
    made = prune(Graph(graph.inputs, tuple(kept), outputs))
    made = graph if _is_same(made, graph) else made
    object.__setattr__(made, "is_simple", True)
    return made


def _is_same(one: Graph, other: Graph) -> bool:
    """Whether both consist of the same equations and outputs."""
    before = (*one.equations, *one.outputs), (*other.equations, *other.outputs)
    return len(before[0]) == len(before[1]) and all(map(is_, *before))


def reads(graph: Graph) -> frozenset[Var]:
    """The variables that equations of ``graph`` read, and its outputs."""
    atoms = [atom for equation in graph.equations for atom in equation.operands]
    return frozenset(atom for atom in (*atoms, *graph.outputs) if isinstance(atom, Var))


def prune(graph: Graph) -> Graph:
    """``graph`` without the equations that no output depends on; the inputs all stay.

    It is ``graph`` itself where there are none.
    """
    needed = {atom for atom in graph.outputs if isinstance(atom, Var)}
    kept: list[Equation] = []
    for equation in reversed(graph.equations):
        if not needed.isdisjoint(equation.results):
            kept.append(equation)
            needed.update(atom for atom in equation.operands if isinstance(atom, Var))
    if len(kept) == len(graph.equations):
        return graph
    made = Graph(graph.inputs, tuple(reversed(kept)), graph.outputs)
    object.__setattr__(made, "is_simple", graph.is_simple)  # of fewer equations no more is made
    return made


def _simplified(equation: Equation, operands: tuple[Atom, ...]) -> Equation:
    """``equation`` on other operands, with the graphs in its attributes simplified."""
    bodies = {key: one for key, one in equation.attributes.items() if isinstance(one, Graph)}
    simpler = {key: simplify(body) for key, body in bodies.items()}
    if any(simpler[key] is not body for key, body in bodies.items()):
        return replace(equation, operands=operands, attributes={**equation.attributes, **simpler})
    return equation if operands == equation.operands else equation.of(operands)


def _unspread(
    equation: Equation, operands: tuple[Atom, ...], spread: Mapping[Atom, Atom]
) -> tuple[Atom, ...]:
    """The operands without a ``broadcast_to`` that an elementwise equation does by itself."""
    if equation.primitive.kind != "elementwise":
        return operands
    for index, atom in enumerate(operands):
        if atom in spread:
            plain = (*operands[:index], spread[atom], *operands[index + 1 :])
            shape = broadcast_shapes(*(operand.aval.shape for operand in plain))
            operands = plain if shape == equation.results[0].aval.shape else operands
    return operands


def _before_spreading(equation: Equation, spread: Mapping[Atom, Atom]) -> list[Equation]:
    """An elementwise equation of scalars laid out along axes as two: computed, then laid out."""
    if equation.primitive.kind != "elementwise" or spread.keys().isdisjoint(equation.operands):
        return []
    operands = tuple(spread.get(atom, atom) for atom in equation.operands)
    if any(atom.aval.shape for atom in operands):
        return []
    [result] = equation.results
    small = Var(Aval((), result.aval.dtype))
    return [
        replace(equation, operands=operands, results=(small,)),
        Equation(broadcast_to, (small,), {"shape": result.aval.shape}, (result,), equation.place),
    ]


def _read(atom: Atom, replaced: Mapping[Var, Atom]) -> Atom:
    return replaced.get(atom, atom) if isinstance(atom, Var) else atom


class _Seen:
    """Equations by what they compute.

    Attributes, which may be whole graphs, are looked at where two agree in all else.
    """

    def __init__(self) -> None:
        self._alone: dict[Any, Equation] = {}
        self._alike: dict[Any, dict[frozenset[Any], tuple[Var, ...]]] = {}

    def before(self, equation: Equation) -> tuple[Var, ...] | None:
        """The results of one that computes the same; where there is none, this is the first."""
        operands = [
            (atom.aval.dtype.str, atom.value.tobytes()) if isinstance(atom, Literal) else atom
            for atom in equation.operands
        ]
        key = equation.primitive, *operands
        first = self._alone.setdefault(key, equation)
        if first is equation:
            return None
        alike = self._alike.get(key)
        if alike is None:
            alike = self._alike[key] = {frozen(first.attributes): first.results}
        found = alike.setdefault(frozen(equation.attributes), equation.results)
        return None if found is equation.results else found


def frozen(attributes: Mapping[str, Any]) -> frozenset[Any]:
    """Attributes as a key of a dictionary."""
    return frozenset([(key, _frozen(value)) for key, value in attributes.items()])


def _frozen(value: Any) -> Any:
    """An attribute, apart from those that Python calls equal: 1, 1.0 and True; 0.0 and -0.0; the
    same graph over another table."""
    if isinstance(value, tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, Graph):
        return value.computes, row_names(value)
    return type(value), value.hex() if isinstance(value, float) else value


def _folded(equation: Equation) -> Literal | None:
    """The value of an elementwise equation whose operands are all literals."""
    if equation.primitive.kind != "elementwise" or not equation.operands:
        return None
    values = [atom.value for atom in equation.operands if isinstance(atom, Literal)]
    if len(values) != len(equation.operands):
        return None
    try:
        with np.errstate(all="ignore"):
            folded = equation.primitive.impl(*values, **equation.attributes)
    except NumericalFailure:  # it fails where it is evaluated, and has a place there
        return None
    return Literal(np.asarray(folded).astype(equation.results[0].aval.dtype))


def _canonical(equation: Equation) -> Equation:
    if equation.primitive is power and _is(equation.operands[1], 2.0):
        return replace(equation, primitive=square, operands=equation.operands[:1])
    return equation


def _scaled_once(equation: Equation, scaled: Mapping[Atom, tuple[Atom, Literal]]) -> Equation:
    """``(x * 2**k) * c`` as ``x * (2**k * c)``: k >= 0, abs(c) >= 1 and ``2**k * c`` finite.

    The same to the bit. ``2**k * c`` is exact, as is ``x * 2**k`` where it does not overflow,
    subnormal x included: both products are then x * 2**k * c, rounded once. Where ``x * 2**k``
    overflows, abs(x * 2**k * c) is no smaller, and both are the same infinity. Zeros, infinities
    and NaN stay what they are.
    """
    factors = _by_literal(equation)
    if factors is None or factors[0] not in scaled:
        return equation
    value, power = scaled[factors[0]]
    factor = factors[1]
    if power.aval.dtype != factor.aval.dtype or not abs(factor.value) >= 1.0:
        return equation
    with np.errstate(over="ignore"):
        product = Literal(power.value * factor.value)
    return replace(equation, operands=(value, product)) if np.isfinite(product.value) else equation


def _by_literal(equation: Equation) -> tuple[Atom, Literal] | None:
    """The operands of a product of floats by a literal, the literal last."""
    if equation.primitive is not multiply:
        return None
    [result] = equation.results
    for value, factor in (equation.operands, equation.operands[::-1]):
        alike = value.aval == result.aval and factor.aval.dtype == result.aval.dtype
        if isinstance(factor, Literal) and alike and result.aval.dtype.kind == "f":
            return value, factor
    return None


def _doubles(factor: Literal) -> bool:
    """Whether a factor is 2, 4, 8, ..."""
    mantissa, exponent = frexp(factor.value)
    return mantissa == 0.5 and exponent > 1


def _selected(equation: Equation, choices: Mapping[Atom, tuple[Atom, ...]]) -> Equation:
    """``mulz`` by 1 where a condition holds and 0 elsewhere, as the choice that it is."""
    if equation.primitive is not mulz or equation.operands[0] not in choices:
        return equation
    mask, value = equation.operands
    condition, *branches = choices[mask]
    for index, chosen in enumerate(branches):
        zero = branches[1 - index]
        if _is(chosen, 1.0) and _is(zero, 0.0) and value.aval.dtype == mask.aval.dtype:
            nothing = Literal(np.zeros((), value.aval.dtype))
            picked = (value, nothing) if index == 0 else (nothing, value)
            return replace(equation, primitive=where, operands=(condition, *picked))
    return equation


def _unit(equation: Equation) -> Atom | None:
    """The operand that the equation gives back unchanged, if there is one."""
    facts = equation.primitive.facts
    others = [
        equation.operands[1 - index]
        for index, unit in facts.units
        if _is(equation.operands[index], unit)
    ]
    unchanged = equation.operands[:1] if facts.only_aval else others
    avals = [variable.aval for variable in equation.results]
    return unchanged[0] if unchanged and [unchanged[0].aval] == avals else None


def _is(atom: Atom, number: float) -> bool:
    """Whether it is that number, its sign included."""
    value = atom.value if isinstance(atom, Literal) else np.nan
    return bool(value == number) and bool(np.signbit(value) == np.signbit(number))

"""Simplify: the same values from fewer equations. Applied twice it changes nothing more.

Only rewritings that keep every bit for every operand, infinities and NaN included, and these listed
canonicalizations: ``power(x, 2)`` is ``square(x)``; ``power(x, 1)`` is x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.primitives.arithmetic import square

__all__ = ["prune", "simplify"]


def simplify(graph: Graph) -> Graph:
    """``graph`` with constants folded, units dropped, repeated and dead equations removed."""
    replaced: dict[Var, Atom] = {}
    seen: dict[Any, tuple[Var, ...]] = {}
    kept: list[Equation] = []
    for original in graph.equations:
        operands = tuple(_read(atom, replaced) for atom in original.operands)
        attributes = {
            key: simplify(value) if isinstance(value, Graph) else value
            for key, value in original.attributes.items()
        }
        equation = _canonical(replace(original, operands=operands, attributes=attributes))
        shortcut = _folded(equation) or _unit(equation)
        if shortcut is not None:
            replaced[equation.results[0]] = shortcut
            continue
        key = _key(equation)
        if key in seen:
            replaced.update(zip(equation.results, seen[key], strict=True))
            continue
        seen[key] = equation.results
        kept.append(equation)
    outputs = tuple(_read(atom, replaced) for atom in graph.outputs)
    return prune(Graph(graph.inputs, tuple(kept), outputs))


def prune(graph: Graph) -> Graph:
    """``graph`` without the equations that no output depends on; the inputs all stay."""
    needed = {atom for atom in graph.outputs if isinstance(atom, Var)}
    kept: list[Equation] = []
    for equation in reversed(graph.equations):
        if not needed.isdisjoint(equation.results):
            kept.append(equation)
            needed.update(atom for atom in equation.operands if isinstance(atom, Var))
    return Graph(graph.inputs, tuple(reversed(kept)), graph.outputs)


def _read(atom: Atom, replaced: Mapping[Var, Atom]) -> Atom:
    return replaced.get(atom, atom) if isinstance(atom, Var) else atom


def _key(equation: Equation) -> Any:
    """What makes two equations the same computation."""
    operands = tuple(
        (atom.aval.dtype.str, np.asarray(atom.value).tobytes())
        if isinstance(atom, Literal)
        else atom
        for atom in equation.operands
    )
    return equation.primitive, operands, tuple(sorted(equation.attributes.items(), key=_first))


def _first(item: tuple[str, Any]) -> str:
    return item[0]


def _folded(equation: Equation) -> Literal | None:
    """The value of an elementwise equation whose operands are all literals."""
    if equation.primitive.kind != "elementwise" or not equation.operands:
        return None
    values = [atom.value for atom in equation.operands if isinstance(atom, Literal)]
    if len(values) != len(equation.operands):
        return None
    with np.errstate(all="ignore"):
        folded = equation.primitive.impl(*values, **equation.attributes)
    return Literal(np.asarray(folded).astype(equation.results[0].aval.dtype))


def _canonical(equation: Equation) -> Equation:
    if equation.primitive.name == "power" and _is(equation.operands[1], 2.0):
        return replace(equation, primitive=square, operands=equation.operands[:1])
    return equation


def _unit(equation: Equation) -> Atom | None:
    """The operand that the equation gives back unchanged, if there is one."""
    rule = _UNITS.get(equation.primitive.name)
    atom = rule(equation.operands) if rule else None
    if atom is not None and atom.aval == equation.results[0].aval:
        return atom
    return None


def _is(atom: Atom, number: float) -> bool:
    return isinstance(atom, Literal) and bool(atom.value == number)


def _times_one(operands: Sequence[Atom]) -> Atom | None:
    left, right = operands
    return left if _is(right, 1.0) else right if _is(left, 1.0) else None


def _over_one(operands: Sequence[Atom]) -> Atom | None:
    return operands[0] if _is(operands[1], 1.0) else None


def _minus_zero(operands: Sequence[Atom]) -> Atom | None:
    right = operands[1]
    positive = _is(right, 0.0) and isinstance(right, Literal) and not np.signbit(right.value)
    return operands[0] if positive else None


def _same(operands: Sequence[Atom]) -> Atom | None:
    return operands[0]


_UNITS: Mapping[str, Callable[[Sequence[Atom]], Atom | None]] = {
    "multiply": _times_one,
    "divide": _over_one,
    "power": _over_one,
    "subtract": _minus_zero,
    "identity": _same,
    "reshape": _same,
    "broadcast_to": _same,
    "cast": _same,
}

"""Expand: composite primitives written out as the equations of their bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from optserve.graph.graph import Atom, Equation, Graph, Var
from optserve.graph.primitive import Primitive
from optserve.primitives.tracing import body_of

__all__ = ["expand", "inlined", "with_stable_bodies"]


def expand(graph: Graph, wanted: Callable[[Primitive], bool] | None = None) -> Graph:
    """``graph`` with the bodies of composite primitives in place of their equations.

    ``wanted`` chooses which primitives to expand; by default those that leave their axis rule to
    their body. The new equations carry the place of the one that they replace. It is ``graph``
    itself where there are none.
    """
    choose = wanted or (lambda primitive: primitive.axes is None)
    equations: list[Equation] = []
    replaced: dict[Var, Atom] = {}
    if not any(one.primitive.body is not None and choose(one.primitive) for one in graph.equations):
        return graph  # which may be known as simple
    for original in graph.equations:
        operands = tuple([_read(atom, replaced) for atom in original.operands])
        equation = original if operands == original.operands else original.of(operands)
        if equation.primitive.body is None or not choose(equation.primitive):
            equations.append(equation)
            continue
        traced = body_of(equation.primitive, [atom.aval for atom in operands], equation.attributes)
        if traced.captured:  # array constants have no place in the graph
            equations.append(equation)
            continue
        inner, results = inlined(expand(traced.graph, choose), operands)
        equations += [replace(entry, place=equation.place) for entry in inner]
        replaced.update(zip(equation.results, results, strict=True))
    outputs = tuple(_read(atom, replaced) for atom in graph.outputs)
    return Graph(graph.inputs, tuple(equations), outputs)


def with_stable_bodies(graph: Graph) -> Graph:
    """``graph`` whose primitives have their stable bodies for bodies, where those hold."""
    if all(equation.primitive.facts.stable_body is None for equation in graph.equations):
        return graph
    return replace(graph, equations=tuple(map(_with_stable_body, graph.equations)))


def _with_stable_body(equation: Equation) -> Equation:
    body = equation.primitive.facts.stable_body
    if body is None or not _has_entries(equation):
        return equation
    return replace(equation, primitive=replace(equation.primitive, body=body))


def _has_entries(equation: Equation) -> bool:
    """Whether there is something along each axis that is reduced, and none is a table's rows."""
    shape = equation.operands[0].aval.shape
    sizes = [shape[axis] for axis in equation.attributes.get("axis", ())]
    return all(isinstance(size, int) and size > 0 for size in sizes)


def inlined(graph: Graph, operands: Sequence[Atom]) -> tuple[list[Equation], list[Atom]]:
    """The equations of ``graph``, on fresh variables with ``operands`` as inputs; its outputs."""
    known: dict[Var, Atom] = dict(zip(graph.inputs, operands, strict=True))
    equations = []
    for equation in graph.equations:
        results = tuple(Var(variable.aval, variable.name) for variable in equation.results)
        known.update(zip(equation.results, results, strict=True))
        inputs = tuple(_read(atom, known) for atom in equation.operands)
        equations.append(equation.of(inputs, results))
    return equations, [_read(atom, known) for atom in graph.outputs]


def _read(atom: Atom, known: Mapping[Var, Atom]) -> Atom:
    return known.get(atom, atom) if isinstance(atom, Var) else atom

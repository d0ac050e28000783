"""Sink: what only looks at an array in another way is written where it is read, in bodies too.

A step that reads ``x.T`` of an array from outside finds it computed outside, once. That saves
nothing where a transposed array is a view, and hides from the body that it is ``x``: the product
``x.T @ r`` is a sum over rows, in one pass with what made ``r``, only where both are seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optserve.graph.graph import Atom, Equation, Graph, Var
from optserve.primitives.loops import cond_primitive, scan_primitive
from optserve.primitives.shaping import transpose
from optserve.transforms.simplify import reads

__all__ = ["sink"]


def sink(graph: Graph) -> Graph:
    """``graph`` with the views that its loops and choices read moved into their bodies; ``graph``
    itself where there are none.

    >>> import numpy as np
    >>> from optserve.primitives.tracing import trace
    >>> from optserve.primitives.loops import scan
    >>> traced = trace(
    ...     lambda x, w, steps: scan(lambda w, k: (w - k * (x.T @ (x @ w)), k), w, steps)[0],
    ...     np.ones((3, 2)), np.ones(2), np.ones(4),
    ... )
    >>> [e.primitive.name for e in traced.graph.equations]
    ['transpose', 'scan']
    >>> [e.primitive.name for e in sink(traced.graph).equations]
    ['scan']
    """
    made = {equation.results[0]: equation for equation in graph.equations}
    equations = tuple(_sunk(equation, made) for equation in graph.equations)
    if equations == graph.equations and all(one.primitive is not transpose for one in equations):
        return graph
    sunk = replace(graph, equations=equations)
    read = reads(sunk)
    kept = tuple(
        equation
        for equation in equations
        if equation.primitive is not transpose or equation.results[0] in read
    )
    return graph if kept == graph.equations else replace(sunk, equations=kept)


def _sunk(equation: Equation, made: Mapping[Var, Equation]) -> Equation:
    if equation.primitive not in (scan_primitive, cond_primitive):
        return equation
    attributes = dict(equation.attributes)
    names = [name for name, value in attributes.items() if isinstance(value, Graph)]
    operands = list(equation.operands)
    first = _first_constant(equation)
    before = int(equation.primitive is cond_primitive)  # the condition, which no body reads
    for position in range(first, len(operands)):
        view = _view(operands[position], made)
        if view is None:
            continue
        [source] = view.operands
        known = operands.index(source, first) if source in operands[first:] else position
        operands[position] = source
        for name in names:
            body = attributes[name]
            attributes[name] = _looking(body, view, position - before, known - before)
    attributes.update({name: sink(attributes[name]) for name in names})
    if all(attributes[name] is equation.attributes[name] for name in names):
        return equation
    return replace(equation, operands=tuple(operands), attributes=attributes)


def _first_constant(equation: Equation) -> int:
    """The position of the first operand that all steps, or both branches, share."""
    if equation.primitive is cond_primitive:
        return 1
    return int(equation.attributes["carries"] + equation.attributes["scanned"])


def _view(atom: Atom, made: Mapping[Var, Equation]) -> Equation | None:
    equation = made.get(atom) if isinstance(atom, Var) else None
    return equation if equation is not None and equation.primitive is transpose else None


def _looking(body: Graph, view: Equation, position: int, known: int) -> Graph:
    """``body`` given what ``view`` looks at in place of its result; input ``known`` is that too."""
    seen = body.inputs[position]
    inputs = list(body.inputs)
    inputs[position] = Var(view.operands[0].aval, seen.name)
    look = replace(view, operands=(inputs[known],), results=(seen,))
    return Graph(tuple(inputs), (look, *body.equations), body.outputs)

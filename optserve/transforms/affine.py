"""Which outputs of a graph are affine in some of its inputs: linear, but for a constant."""

from __future__ import annotations

from collections.abc import Collection

from optserve.graph.graph import Atom, Equation, Graph

__all__ = ["affine"]


def affine(graph: Graph, wrt: Collection[int]) -> list[bool]:
    """Of each output, whether its structure tells that it is affine in the inputs ``wrt`` together.

    >>> import numpy as np
    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.tracing import trace
    >>> x = Aval((3,), np.dtype(float))
    >>> graph = trace(lambda a, b: [2 * a.sum() - a @ b, np.exp(b) * a[0], a * a], x, x).graph
    >>> affine(graph, [0]), affine(graph, [0, 1])
    ([True, True, False], [False, False, False])
    """
    varying = {graph.inputs[index] for index in wrt}
    bent = set[Atom]()
    for equation in graph.equations:
        if not bent.isdisjoint(equation.operands):
            bent.update(equation.results)
        elif not varying.isdisjoint(equation.operands):
            (varying if _is_linear(equation, varying) else bent).update(equation.results)
    return [atom not in bent for atom in graph.outputs]


def _is_linear(equation: Equation, varying: Collection[Atom]) -> bool:
    """Whether it is jointly linear in all of its operands that are ``varying``."""
    operands = equation.operands
    these = frozenset(index for index, atom in enumerate(operands) if atom in varying)
    return any(these <= group for group in equation.primitive.linear_groups(len(operands)))

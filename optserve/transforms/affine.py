"""Which outputs of a graph are affine in some of its inputs: linear, but for a constant."""

from __future__ import annotations

from collections.abc import Collection

from optserve.graph.aval import is_float
from optserve.graph.graph import Atom, Equation, Graph

__all__ = ["affine", "is_affine"]


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
        these = [number for number, atom in enumerate(equation.operands) if atom in varying]
        if not bent.isdisjoint(equation.operands):
            bent.update(equation.results)
        elif these:
            (varying if is_affine(equation, these) else bent).update(equation.results)
    return [atom not in bent for atom in graph.outputs]


def is_affine(equation: Equation, these: Collection[int]) -> bool:
    """Whether it is affine in the operands of ``these`` numbers, taken together."""
    if not all(is_float(result.aval.dtype) for result in equation.results):
        return False  # a cast to whole numbers has steps
    groups = equation.primitive.linear_groups(len(equation.operands))
    return any(group.issuperset(these) for group in groups)

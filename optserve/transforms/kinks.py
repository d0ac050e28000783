"""Whether a derivative may jump: what it computes in steps, of what it is differentiated by."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from optserve.graph.aval import is_float
from optserve.graph.graph import Atom, Equation, Graph

__all__ = ["jumps"]


def jumps(graph: Graph, wrt: Collection[int]) -> bool:
    """Whether a value of ``graph`` may jump as its inputs ``wrt`` vary: it is compared, rounded or
    chosen by, or what computes it does not say.

    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.tracing import trace
    >>> from optserve.transforms.reverse import value_and_gradient_graph
    >>> x = Aval((3,), np.dtype(float))
    >>> bent = trace(lambda a, b: [np.sum(np.maximum(a, 0.0) * np.exp(b))], x, x).graph
    >>> slopes = value_and_gradient_graph(bent, [0, 1])
    >>> jumps(slopes, [0]), jumps(slopes, [1])
    (True, False)
    """
    varying: set[Atom] = {graph.inputs[index] for index in wrt}
    for equation in graph.equations:
        if varying.isdisjoint(equation.operands):
            continue
        if _is_stepped(equation):
            return True
        varying.update(equation.results)
    return False


def _is_stepped(equation: Equation) -> bool:
    """Whether it computes in steps, or nothing is known of what it computes inside."""
    primitive = equation.primitive
    if primitive.kind == "control":
        bodies = [value for value in equation.attributes.values() if isinstance(value, Graph)]
        return any(map(_jumps_inside, bodies))
    if primitive.kind == "opaque" and primitive.body is None:
        return True
    if not all(is_float(result.aval.dtype) for result in equation.results):
        return True
    partials = primitive.derivative.partials
    if partials is None:
        return False
    inside = [np.float64(0.5)] * len(equation.operands)
    with np.errstate(all="ignore"):
        slopes = partials(np.float64(0.5), *inside, **equation.attributes)
    return all(slope is None for slope in slopes)


def _jumps_inside(body: Graph) -> bool:
    """The same of what a loop repeats, or a condition chooses."""
    reals = [number for number, one in enumerate(body.inputs) if is_float(one.aval.dtype)]
    return jumps(body, reals)

"""Whether a derivative may jump, and where: what it computes in steps, of what it is differentiated
by."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from optserve.graph.aval import Array, is_float
from optserve.graph.graph import Atom, Equation, Graph, Literal
from optserve.graph.interpret import interpret
from optserve.transforms.simplify import prune

__all__ = ["Switches", "jumps", "switches"]


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

    What is compared with an infinite number is another only where it is infinite itself.

    >>> jumps(trace(lambda a: [np.where(a == -np.inf, 0.0, a)], x).graph, [0])
    False
    """
    return any(True for _ in _steps(graph, wrt))


@dataclass(frozen=True)
class Switches:
    """All that ``graph`` compares, of what varies: its outputs are what the ``steps`` are given."""

    graph: Graph
    steps: tuple[Equation, ...]

    def margins(self, *arguments: Array) -> tuple[Array, ...]:
        """How far each is from where it jumps: what has another sign there."""
        given = iter(interpret(self.graph, *arguments))
        found = list[Array]()
        for step in self.steps:
            operands = [next(given) for _ in step.operands]
            jumps_at = step.primitive.facts.jumps_at
            assert callable(jumps_at)
            found += jumps_at(*operands, **step.attributes)
        return tuple(found)


def switches(graph: Graph, wrt: Collection[int]) -> Switches | None:
    """What decides where the values of ``graph`` jump as its inputs ``wrt`` vary; ``None`` where
    one does not say.

    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.tracing import trace
    >>> x = Aval((3,), np.dtype(float))
    >>> found = switches(trace(lambda a: [np.sum(np.where(a > 1.0, a, 0.0))], x).graph, [0])
    >>> found.margins(np.array([0.5, 1.0, 3.0]))
    (array([-0.5,  0. ,  2. ]),)
    """
    steps = tuple(_steps(graph, wrt))
    if any(step.primitive.facts.jumps_at is None for step in steps):
        return None
    operands = tuple(atom for step in steps for atom in step.operands)
    return Switches(prune(Graph(graph.inputs, graph.equations, operands)), steps)


def _steps(graph: Graph, wrt: Collection[int]) -> Iterator[Equation]:
    """The equations that compute in steps of what varies."""
    varying: set[Atom] = {graph.inputs[index] for index in wrt}
    for equation in graph.equations:
        if varying.isdisjoint(equation.operands):
            continue
        if _is_stepped(equation):
            yield equation
        varying.update(equation.results)


def _is_stepped(equation: Equation) -> bool:
    """Whether it computes in steps, or nothing is known of what it computes inside."""
    primitive = equation.primitive
    if primitive.facts.jumps_at is not None:
        return primitive.facts.jumps_at != "nowhere" and not any(
            map(_is_endless, equation.operands)
        )
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


def _is_endless(atom: Atom) -> bool:
    """Whether it is an infinite number that is written."""
    return isinstance(atom, Literal) and bool(np.isinf(atom.value).all())


def _jumps_inside(body: Graph) -> bool:
    """The same of what a loop repeats, or a condition chooses."""
    reals = [number for number, one in enumerate(body.inputs) if is_float(one.aval.dtype)]
    return jumps(body, reals)

"""Which parameters a loss uses, and which of these its derivatives reach: by the graph alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Array
from optserve.graph.graph import Atom, Graph, Literal, Var
from optserve.graph.primitive import Value
from optserve.jobs.evidence.direction_names import listed
from optserve.primitives.tracing import trace
from optserve.transforms.forward import pushforward
from optserve.transforms.reverse import value_and_gradient_graph
from optserve.transforms.simplify import prune, simplify

if TYPE_CHECKING:
    from optserve.jobs.evaluator import Evaluator
    from optserve.jobs.problem import Problem

__all__ = ["DerivativeEnd", "Reach", "block_of", "told_of", "unreached", "used", "warnings_of"]

REMEDY = "give `fixed: true`, or a smooth form"
"""What to do about a parameter that no derivative reaches."""


@dataclass(frozen=True)
class DerivativeEnd:
    """Where the derivative by an input ends: the primitive there, and the place it came from."""

    primitive: str
    place: Place | None

    @property
    def told(self) -> str:
        """Where it ends, for a person."""
        where = "" if self.place is None else f" ({self.place})"
        return f"it ends at {self.primitive}{where}, whose derivative is 0 everywhere"


class Reach:
    """Which coordinates of a job take part.

    ``unused`` are those (p,) that the loss does not use, ``unreached`` those that it uses, and no
    derivative reaches.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator

    @cached_property
    def unused(self) -> Array:
        return self.evaluator.graphs.kept("unused", self._unused)

    @cached_property
    def unreached(self) -> Array:
        return self.evaluator.graphs.kept("unreached", self._unreached)

    def _unused(self) -> Array:
        graph = self.evaluator.graphs.objective
        loss = prune(replace(graph, outputs=graph.outputs[:1]))
        return self._spread([not one for one in used(loss)])

    def _unreached(self) -> Array:
        found = self._spread(unreached(self.evaluator.graphs.differentiated))
        return found & ~self.unused

    @cached_property
    def told_of_ignored(self) -> str:
        """What to say of parameters that no derivative reaches, or of a loss that uses none."""
        packing, graph = self.evaluator.packing, self.evaluator.problem.objective.graph
        loose = [one.parameter.name for one in packing.free if self.unreached[one.start]]
        if not loose:
            return "nothing was moved: the loss uses no parameter that may vary"
        names = [variable.name for variable in graph.inputs[: len(packing.segments)]]
        loss = prune(replace(graph, outputs=graph.outputs[:1]))
        return told_of(loose, loss, names.index(loose[0]))

    def _spread(self, flags: list[bool]) -> Array:
        """A flag for each coordinate (p,) from one for each parameter that varies."""
        packing = self.evaluator.packing
        found: Array = np.zeros(packing.size, bool)
        for segment, flag in zip(packing.free, flags, strict=False):
            found[segment.start : segment.start + segment.count] = flag
        return found


def used(graph: Graph) -> list[bool]:
    """Of each input of ``graph``, whether its outputs depend on it."""
    needed = {atom for atom in graph.outputs if isinstance(atom, Var)}
    for equation in reversed(graph.equations):
        if not needed.isdisjoint(equation.results):
            needed.update(atom for atom in equation.operands if isinstance(atom, Var))
    return [variable in needed for variable in graph.inputs]


def unreached(differentiated: Graph) -> list[bool]:
    """Of each input that it was differentiated by, whether the derivative is 0 everywhere.

    ``differentiated`` gives the loss, then its gradient by some inputs.
    """
    return _zeros(differentiated)[1:]


def warnings_of(problem: Problem) -> list[str]:
    """What to say of parameters that vary and are used, and that no derivative reaches."""
    graph = problem.objective.graph
    loss = prune(replace(graph, outputs=graph.outputs[:1]))
    wrt = range(len(problem.parameters))
    gradient = value_and_gradient_graph(loss, wrt)
    found = []
    lost = zip(problem.parameters, unreached(simplify(gradient)), used(loss), strict=False)
    for index, (parameter, ends, is_used) in enumerate(lost):
        if ends and is_used and not parameter.fixed.all():
            found.append(told_of([parameter.name], loss, index))
    return found


def told_of(names: Sequence[str], loss: Graph, index: int) -> str:
    """What to say of parameters that no derivative reaches; the first is the input ``index``."""
    block = block_of(loss, index)
    through = "" if block is None else f": {block.told}"
    return f"no derivative reaches {listed(names)}{through}; {REMEDY}"


def block_of(graph: Graph, index: int) -> DerivativeEnd | None:
    """The first equation of ``graph`` at which the derivative by the input ``index`` ends."""
    depending: set[Atom] = {graph.inputs[index]}
    for equation in graph.equations:
        if not depending.isdisjoint(equation.operands):
            depending.update(equation.results)
            if all(_stops(graph, index, equation.results)):
                return DerivativeEnd(equation.primitive.name, equation.place)
    return None


def _stops(graph: Graph, index: int, results: Sequence[Var]) -> list[bool]:
    """Of each of ``results``, whether its derivative by the input ``index`` is 0 everywhere."""
    part = prune(replace(graph, outputs=tuple(results)))

    def pushed(tangent: Value, *arguments: Value) -> Sequence[Value]:
        direction = tuple(tangent if i == index else None for i in range(len(arguments)))
        _, [tangents] = pushforward(part, arguments, [direction])
        return [0.0 if one is None else one for one in tangents]

    avals = [graph.inputs[index].aval, *(variable.aval for variable in graph.inputs)]
    traced = trace(pushed, *avals, precision=avals[0].dtype)
    return _zeros(simplify(traced.graph))


def _zeros(graph: Graph) -> list[bool]:
    """Of each output, whether it is 0 whatever the inputs are."""
    zeros: set[Atom] = set()

    def is_zero(atom: Atom) -> bool:
        return atom in zeros or (isinstance(atom, Literal) and not atom.value)

    for equation in graph.equations:
        if equation.primitive.facts.moves and all(map(is_zero, equation.operands)):
            zeros.update(equation.results)
    return [is_zero(atom) for atom in graph.outputs]

"""The equation that first made a value that is not finite, found by walking a graph back.

A value that is not finite is not always a fault: the branch that ``where`` does not take may hold
NaN. So the search starts at an output that is bad and goes back only through operands that are bad
themselves, to an equation that made something bad of good operands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Array
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.interpret import bind_rows, computed, interpret, resolved

__all__ = ["Suspect", "Values", "not_finite"]


@dataclass(frozen=True)
class Suspect:
    """An equation, its operands and its bad results.

    Without an equation it is an input, by its number, or a number that stands in the graph.
    """

    equation: Equation | None
    operands: tuple[Array, ...]
    results: tuple[Array, ...]
    input: int | None = None
    place: Place | None = None


class Values:
    """The value of every variable of a graph at some arguments, on whole arrays.

    >>> from optserve.primitives.tracing import trace
    >>> graph = trace(lambda x: np.exp(-np.log(x)), 0.0).graph
    >>> Values(graph, [np.float64(0.0)]).suspect(0).equation.primitive
    log
    """

    def __init__(self, graph: Graph, arguments: Sequence[Any]) -> None:
        self.graph = graph
        self.maker = {v: equation for equation in graph.equations for v in equation.results}
        self.values: dict[Var, Any] = dict(zip(graph.inputs, arguments, strict=True))
        self.rows = bind_rows(graph.inputs, arguments)
        with np.errstate(all="ignore"):
            for equation in graph.equations:
                operands = self.operands(equation)
                results = computed(equation, operands, self.rows)
                self.values.update(zip(equation.results, results, strict=True))

    def read(self, atom: Atom) -> Any:
        """The value of a variable, or of a literal."""
        return atom.value if isinstance(atom, Literal) else self.values[atom]

    def operands(self, equation: Equation) -> list[Any]:
        return [self.read(atom) for atom in equation.operands]

    def suspect(self, output: int) -> Suspect | None:
        """What made the output of this number bad; ``None`` where it is finite."""
        atom = self.graph.outputs[output]
        if not not_finite(self.read(atom)).any():
            return None
        place = None
        while isinstance(atom, Var) and atom in self.maker:
            equation = self.maker[atom]
            place = equation.place
            further = self._bad_operand(equation, not_finite(self.values[atom]))
            if further is None:
                return self._inside(equation)
            atom = further
        index = self.graph.inputs.index(atom) if isinstance(atom, Var) else None
        return Suspect(None, (), (np.asarray(self.read(atom)),), index, place)

    def _bad_operand(self, equation: Equation, bad: Array) -> Atom | None:
        """An operand that is bad where the result is, as far as their shapes can be compared."""
        for atom in equation.operands:
            own = not_finite(self.read(atom))
            if own.any() and _overlap(own, bad):
                return atom
        return None

    def _inside(self, equation: Equation) -> Suspect:
        """The equation itself, or the one at fault in the first bad round of its body."""
        operands = self.operands(equation)
        rounds: list[tuple[Graph, tuple[Any, ...]]] = []

        def evaluate(body: Graph, *arguments: Any) -> tuple[Any, ...]:
            outputs = interpret(body, *arguments)
            if not any(not_finite(argument).any() for argument in arguments) and any(
                not_finite(output).any() for output in outputs
            ):
                rounds.append((body, arguments))
            return outputs

        if equation.primitive.kind == "control":
            attributes: Mapping[str, Any] = resolved(equation.attributes, self.rows)
            with np.errstate(all="ignore"):
                equation.primitive.impl(*operands, **attributes, evaluate=evaluate)
        if rounds:
            body, arguments = rounds[0]
            inner = Values(body, arguments)
            found = (inner.suspect(number) for number in range(len(body.outputs)))
            return next(suspect for suspect in found if suspect is not None)
        results = tuple(self.values[variable] for variable in equation.results)
        return Suspect(equation, tuple(map(np.asarray, operands)), results)


def not_finite(value: Any) -> Array:
    """Which entries are NaN or infinite; none of integers and truth values are."""
    array = np.asarray(value)
    if array.dtype.kind not in "fc":
        return np.zeros(array.shape, bool)
    found: Array = ~np.isfinite(array)
    return found


def _overlap(operand: Array, result: Array) -> bool:
    """Whether both are bad somewhere in common; assumed where their shapes do not broadcast."""
    try:
        return bool(np.any(np.broadcast_to(operand, result.shape) & result))
    except ValueError:
        return True

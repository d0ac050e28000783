"""The ``numpy`` backend: a graph as a straight line of NumPy calls.

The plan is made once: each value has a slot, each equation its implementation and its slots, and a
slot is emptied after its last reader so that memory is returned early. Row counts are bound from
the arguments' shapes; the plan with the numbers filled in is kept for the last row counts seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from optserve.backends.base import Backend, Compiled
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.interpret import bind_rows, resolved

__all__ = ["compile_graph", "numpy_backend"]

Step = tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""An implementation, the slots it reads, the slots it writes, the slots it is the last to read."""


def numpy_backend() -> Backend:
    """Plain NumPy, one call an equation."""
    return Backend("numpy", compile_graph, doc=numpy_backend.__doc__ or "")


def compile_graph(graph: Graph) -> Compiled:
    """A callable that evaluates ``graph``; floating-point warnings are silenced inside."""
    plan = _Plan(graph)

    def call(*arguments: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            plan.bind(arguments)
            return tuple(np.array(value) for value in plan.run(arguments))

    return call


class _Plan:
    """Slots and steps of a graph; ``steps`` are those for the row counts of the last call."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.slots: dict[Var, int] = {}
        self.initial: list[Any] = []
        self.inputs = [self._slot(variable) for variable in graph.inputs]
        self.steps: list[Step] = []
        self.shapes: tuple[tuple[int, ...], ...] | None = None
        self._writes = [tuple(map(self._slot, e.results)) for e in graph.equations]
        self._reads = [tuple(map(self._read, e.operands)) for e in graph.equations]
        self.outputs = tuple(map(self._read, graph.outputs))
        self._last_reads = self._release()

    def bind(self, arguments: Sequence[Any]) -> None:
        """Fill in the row counts, unless the arguments have the shapes of the last call."""
        shapes = tuple(np.shape(argument) for argument in arguments)
        if shapes == self.shapes:
            return
        rows = bind_rows(self.graph.inputs, arguments)
        self.steps = [
            (_implementation(equation, rows), reads, writes, done)
            for equation, reads, writes, done in zip(
                self.graph.equations, self._reads, self._writes, self._last_reads, strict=True
            )
        ]
        self.shapes = shapes

    def run(self, arguments: Sequence[Any]) -> list[Any]:
        """The outputs, for arguments of the shapes that were bound; they may share memory."""
        values = self.initial.copy()
        for slot, argument in zip(self.inputs, arguments, strict=True):
            values[slot] = argument
        for implementation, reads, writes, done in self.steps:
            out = implementation(*[values[slot] for slot in reads])
            if len(writes) == 1:
                values[writes[0]] = out
            else:
                for slot, value in zip(writes, out, strict=True):
                    values[slot] = value
            for slot in done:
                values[slot] = None
        return [values[slot] for slot in self.outputs]

    def _slot(self, variable: Var) -> int:
        self.slots[variable] = len(self.initial)
        self.initial.append(None)
        return self.slots[variable]

    def _read(self, atom: Atom) -> int:
        if isinstance(atom, Literal):
            self.initial.append(atom.value)
            return len(self.initial) - 1
        return self.slots[atom]

    def _release(self) -> list[tuple[int, ...]]:
        """For each step the slots of variables that no later step and no output reads."""
        held = {*self.outputs, *self.inputs}
        own = set(self.slots.values())
        released: list[tuple[int, ...]] = []
        for reads, writes in zip(reversed(self._reads), reversed(self._writes), strict=True):
            done = tuple({slot for slot in (*reads, *writes) if slot in own and slot not in held})
            held.update(done)
            released.append(done)
        return released[::-1]


def _implementation(equation: Equation, rows: Mapping[str, int]) -> Callable[..., Any]:
    attributes = resolved(equation.attributes, rows)
    implementation = equation.primitive.impl
    bodies = [value for value in attributes.values() if isinstance(value, Graph)]
    if bodies:
        return partial(implementation, **attributes, evaluate=_body_evaluator(bodies))
    return partial(implementation, **attributes) if attributes else implementation


def _body_evaluator(bodies: Sequence[Graph]) -> Callable[..., Sequence[Any]]:
    """What a loop calls instead of ``interpret``: the bodies' plans, bound at the first step."""
    plans = {id(body): _Plan(body) for body in bodies}

    def evaluate(body: Graph, *arguments: Any) -> Sequence[Any]:
        plan = plans[id(body)]
        if plan.shapes is None:
            plan.bind(arguments)
        return plan.run(arguments)

    return evaluate

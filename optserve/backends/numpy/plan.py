"""A plan: the equations of a graph as a straight line of NumPy calls over numbered slots.

The plan is made once. Binding it to row counts fills in the numbers; a bound plan runs any number
of times. The slot of a large value is emptied after its last reader, so that memory is returned
early; in a tile, ufuncs write into buffers that are planned once and used again.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from optserve.backends.numpy.calls import quick_call
from optserve.backends.numpy.memory_plan import constants, plan_buffers
from optserve.errors import OptserveError, Place
from optserve.graph.aval import Array, resolve_shape
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.interpret import bind_rows, resolved

__all__ = ["BoundPlan", "Plan"]

WORTH_RETURNING = 1024
"""Entries from which on the memory of a value is returned before the run is over."""

Slots = tuple[int, ...]
ReadSlots = Callable[[list[Any]], Any]
PlanStep = tuple[Callable[..., Any], ReadSlots | None, Slots, Slots, Array | None, Place | None]
"""An implementation, what reads its operands (``None``: it has none), the slots it writes and those
it empties, where it may write, and where it was written."""

Control = Callable[[Equation, Mapping[str, int]], Callable[..., Any]]
"""Gives the implementation of an equation with bodies, for given row counts."""


class Plan:
    """The slots of a graph's variables and literals, and who reads each last."""

    def __init__(self, graph: Graph, control: Control) -> None:
        self.graph = graph
        self.control = control
        self.constant = constants(graph)
        self.slots: dict[Var, int] = {}
        self.initial: list[Any] = []
        self.inputs = [self._slot(variable) for variable in graph.inputs]
        self.reads: list[Slots] = []
        self.writes: list[Slots] = []
        for equation in graph.equations:
            self.reads.append(tuple(map(self._read, equation.operands)))
            self.writes.append(tuple(map(self._slot, equation.results)))
        self.outputs = tuple(map(self._read, graph.outputs))
        self.done = self._release()

    def bind(
        self, arguments: Sequence[Any], known: Mapping[str, int], *, buffers: bool = False
    ) -> BoundPlan:
        """The plan for the row counts of these arguments, and of tables that they do not show.

        With ``buffers`` it is for one thread only.
        """
        rows = {**known, **bind_rows(self.graph.inputs, arguments)}
        targets = plan_buffers(self.graph, rows) if buffers else {}
        planned = {self.writes[i][0] for i in targets}
        large = {
            slot
            for variable, slot in self.slots.items()
            if slot not in planned
            and prod(resolve_shape(variable.aval.shape, rows)) >= WORTH_RETURNING
        }
        initial = self.initial.copy()
        steps: list[PlanStep] = []
        for i, equation in enumerate(self.graph.equations):
            implementation = self._implementation(equation, rows)
            read, writes = _reader(self.reads[i]), self.writes[i]
            if equation.results[0] in self.constant:
                initial[writes[0]] = implementation(*[initial[slot] for slot in self.reads[i]])
                continue
            done = tuple([slot for slot in self.done[i] if slot in large])
            target, place = targets.get(i), equation.place
            steps.append((implementation, read, writes, done, target, place))
        return BoundPlan(self, initial, steps)

    def _implementation(self, equation: Equation, rows: Mapping[str, int]) -> Callable[..., Any]:
        if equation.primitive.kind == "control":
            return self.control(equation, rows)
        attributes = resolved(equation.attributes, rows)
        quick = quick_call(equation, attributes, rows)
        if quick is not None:
            return quick
        implementation = equation.primitive.impl
        return partial(implementation, **attributes) if attributes else implementation

    def _slot(self, variable: Var) -> int:
        self.slots[variable] = len(self.initial)
        self.initial.append(None)
        return self.slots[variable]

    def _read(self, atom: Atom) -> int:
        if isinstance(atom, Literal):
            self.initial.append(np.asarray(atom.value)[()])  # a scalar is quicker than an array
            return len(self.initial) - 1
        return self.slots[atom]

    def _release(self) -> list[Slots]:
        """For each step the slots of variables that no later step and no output reads."""
        held = {*self.outputs, *self.inputs}
        own = set(self.slots.values())
        released: list[Slots] = []
        for reads, writes in zip(reversed(self.reads), reversed(self.writes), strict=True):
            done = tuple({slot for slot in (*reads, *writes) if slot in own and slot not in held})
            held.update(done)
            released.append(done)
        return released[::-1]


def _reader(slots: Slots) -> ReadSlots | None:
    """Reads the values of slots, as a tuple."""
    if len(slots) == 1:
        [only] = slots
        return lambda values: (values[only],)
    return operator.itemgetter(*slots) if slots else None


class BoundPlan:
    """A plan with its numbers filled in, for arguments of one set of shapes."""

    def __init__(self, plan: Plan, initial: list[Any], steps: Sequence[PlanStep]) -> None:
        self.rest = initial[len(plan.inputs) :]
        self.outputs = plan.outputs
        self.steps = steps
        self.calls = [
            (implementation, read, writes[0], place)
            for implementation, read, writes, done, target, place in steps
            if read is not None and len(writes) == 1 and not done and target is None
        ]
        self.run = self._run if len(self.calls) == len(steps) else self._run_with_buffers

    def _run(self, arguments: Sequence[Any]) -> list[Any]:
        """The same, where each step is one call with one result, and needs neither a buffer nor
        memory to be returned."""
        values = [*arguments, *self.rest]
        place: Place | None = None
        try:
            for call in self.calls:
                implementation, read, write, place = call
                values[write] = implementation(*read(values))
        except OptserveError as error:
            raise error.at(place) from None
        return [values[slot] for slot in self.outputs]

    def _run_with_buffers(self, arguments: Sequence[Any]) -> list[Any]:
        """The outputs; they may share memory with arguments, buffers and each other."""
        values = [*arguments, *self.rest]
        for implementation, read, writes, done, target, place in self.steps:
            operands = () if read is None else read(values)
            try:
                if target is not None:
                    values[writes[0]] = implementation(*operands, out=target)
                elif len(writes) == 1:
                    values[writes[0]] = implementation(*operands)
                else:
                    for slot, value in zip(writes, implementation(*operands), strict=True):
                        values[slot] = value
            except OptserveError as error:
                raise error.at(place) from None
            for slot in done:
                values[slot] = None
        return [values[slot] for slot in self.outputs]

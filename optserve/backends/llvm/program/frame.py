"""The equations of one graph, written in order: a whole program, or the body of a loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set

import numpy as np

from optserve.backends.llvm.apply import apply
from optserve.backends.llvm.memory import register_type, storage
from optserve.backends.llvm.native_bodies import expanded
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.operations import convert
from optserve.backends.llvm.program.sweeps import address_of, copy
from optserve.backends.llvm.program.unrolled import UNROLLED
from optserve.backends.llvm.program.values import (
    Registers,
    Value,
    View,
    as_literal,
    in_array,
)
from optserve.backends.llvm.program.writer import Writer
from optserve.graph.aval import Aval, Shape
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var

__all__ = ["Frame", "numbers", "read", "write"]


class Frame:
    """Values by their variables, while the equations are written.

    Elementwise equations on arrays in memory wait, those of one shape together, until something
    else reads one of their results; then they are written as one nest of loops.
    """

    def __init__(self, w: Writer, graph: Graph) -> None:
        self.w = w
        self.graph = expanded(graph)
        self._views: dict[Var, View] = {}
        self._registers: dict[Var, Registers] = {}
        self._targets: dict[Var, View] = {}
        self._waiting: dict[Shape, list[Equation]] = defaultdict(list)
        self._waits: dict[Var, Shape] = {}
        self._readers: dict[Var, list[Equation | None]] = defaultdict(list)
        for equation in self.graph.equations:
            for atom in equation.operands:
                if isinstance(atom, Var):
                    self._readers[atom].append(equation)
        for atom in self.graph.outputs:
            if isinstance(atom, Var):
                self._readers[atom].append(None)

    def write(
        self, inputs: Sequence[Value], targets: Sequence[View | None] | None = None
    ) -> list[Atom]:
        """All equations; an output that is made in memory is made in its target, if it has one."""
        for variable, value in zip(self.graph.inputs, inputs, strict=True):
            self.define(variable, value)
        for atom, target in zip(self.graph.outputs, targets or (), strict=False):
            if isinstance(atom, Var) and target is not None:
                self._targets.setdefault(atom, target)
        for equation in self.graph.equations:
            if any(self._readers[variable] for variable in equation.results):
                self._equation(equation)
        return list(self.graph.outputs)

    # What equations read and define.

    def is_small(self, aval: Aval) -> bool:
        """Whether a value has so few entries that they stand in registers."""
        size = aval.size
        return isinstance(size, int) and size <= self.w.plan.registers

    def define(self, variable: Var, value: Value) -> None:
        """Say what a variable stands for."""
        if isinstance(value, View):
            self._views[variable] = value
        else:
            self._registers[variable] = value

    def value(self, atom: Atom) -> Value:
        """Registers where there are some, else a view."""
        if isinstance(atom, Literal):
            return as_literal(atom)
        self._settle(atom)
        known = self._registers.get(atom)
        return self._views[atom] if known is None else known

    def registers(self, atom: Atom) -> Registers:
        """The entries of a small value, read from memory where that is where they are."""
        value = self.value(atom)
        if isinstance(value, View):
            assert isinstance(atom, Var)
            value = self._registers[atom] = read(self.w, value)
        return value

    def held(self, atom: Atom) -> Value:
        """A value as a loop should have it: what is small is read before the loop."""
        return self.registers(atom) if self.is_small(atom.aval) else self.value(atom)

    def view(self, atom: Atom) -> View:
        """A value in memory."""
        if isinstance(atom, Literal):
            return spill(self.w, as_literal(atom), atom.aval)
        self._settle(atom)
        view = self._views.get(atom)
        if view is None:
            view = self._views[atom] = spill(self.w, self._registers[atom], atom.aval)
        return view

    def packed(self, atom: Atom) -> View:
        """A value in memory whose entries follow each other."""
        view = self.view(atom)
        if view.is_contiguous:
            return view
        packed = self.w.room(view.shape, view.dtype)
        copy(self.w, view, packed)
        return packed

    def target(self, variable: Var) -> View:
        """Where the entries of a result that is made in memory are written."""
        known = self._targets.get(variable)
        return self.room(variable.aval) if known is None else known

    def room(self, aval: Aval) -> View:
        """Memory for a value: on the stack where it has few entries."""
        if self.is_small(aval):
            return self.w.cells(numbers(aval.shape), aval.dtype)
        return self.w.room(aval.shape, aval.dtype)

    def stays_inside(self, variable: Var, equations: Set[Equation]) -> bool:
        """Whether nothing but these equations reads a variable."""
        return all(reader in equations for reader in self._readers[variable])

    # Equations.

    def _equation(self, equation: Equation) -> None:
        from optserve.backends.llvm.program.arrays import ARRAYS
        from optserve.backends.llvm.program.control import CONTROL

        name = equation.primitive.name
        for variable in equation.results:
            storage(variable.aval.dtype)
        if name in CONTROL:
            CONTROL[name](self, equation)
        elif equation.primitive.kind == "elementwise" or name == "cast":
            self._elementwise(equation)
        elif name in UNROLLED and self._is_unrolled(equation):
            operands = [self.registers(atom) for atom in equation.operands]
            self.define(equation.results[0], UNROLLED[name](self.w.b, equation, operands))
        elif name in ARRAYS:
            self.define(equation.results[0], ARRAYS[name](self, equation))
        else:
            raise Unsupported(f"{name} has no native form")

    def _is_unrolled(self, equation: Equation) -> bool:
        values = [*equation.operands, *equation.results]
        return all(self.is_small(value.aval) for value in values)

    def _elementwise(self, equation: Equation) -> None:
        [result] = equation.results
        if self.is_small(result.aval):
            operands = np.broadcast_arrays(*map(self.registers, equation.operands))
            entries = [
                apply(self.w.b, equation, given, self.w.plan.outlined)
                for given in zip(*(operand.flat for operand in operands), strict=True)
            ]
            self.define(result, in_array(entries, numbers(result.aval.shape)))
            return
        shape = result.aval.shape
        for atom in equation.operands:
            if isinstance(atom, Var) and self._waits.get(atom, shape) != shape:
                self._settle(atom)
        self._waiting[shape].append(equation)
        self._waits[result] = shape

    def _settle(self, variable: Var) -> None:
        """Write the loops that a variable waits for."""
        shape = self._waits.get(variable)
        if shape is None:
            return
        from optserve.backends.llvm.program.arrays import elementwise

        equations = self._waiting.pop(shape)
        for equation in equations:
            del self._waits[equation.results[0]]
        elementwise(self, equations, shape)


def read(w: Writer, view: View) -> Registers:
    """All entries of a view of known size."""
    shape = numbers(view.shape)
    scalar = storage(view.dtype)
    entries = []
    for index in np.ndindex(*shape):
        value = w.b.load(address_of(w, view, index), scalar)
        entries.append(convert(w.b, value, register_type(view.dtype)))
    return in_array(entries, shape)


def write(w: Writer, entries: Registers, view: View) -> None:
    """Registers, broadcast to the shape of a view of known size, to memory."""
    spread = np.broadcast_to(entries, numbers(view.shape))
    for index, entry in np.ndenumerate(spread):
        w.b.store(convert(w.b, entry, storage(view.dtype)), address_of(w, view, index))


def spill(w: Writer, entries: Registers, aval: Aval) -> View:
    """Registers in cells of their own on the stack."""
    view = w.cells(numbers(aval.shape), aval.dtype)
    write(w, entries, view)
    return view


def numbers(shape: Shape) -> tuple[int, ...]:
    """A shape without row counts."""
    known = tuple(size for size in shape if isinstance(size, int))
    if len(known) < len(shape):
        raise Unsupported("a row count where a number is needed")
    return known

"""The equations of one graph, written in order: a whole program, or the body of a loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from optserve.backends.llvm.ir.builder import IRValue, constant, vector
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import address_of, collapsed, copy, load, placed, store, sweep
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.ir.view import (
    NativeValue,
    Registers,
    View,
    as_literal,
    in_array,
)
from optserve.backends.llvm.programs.writer import Writer
from optserve.graph.aval import Aval, Shape
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var

__all__ = ["ProgramFrame", "deliver", "numbers", "read", "write"]

Move = Callable[[View, Mapping[str, Any], Shape], View | None]


class ProgramFrame:
    """Values by their variables, while the equations are written.

    A small value is in registers, an array of names of its entries, a large one a view of memory.
    Elementwise equations on arrays in memory are not written when their turn comes. They wait,
    those of one shape together, until something else reads one of their results, and are then
    written as one nest of loops: what only they read of each other never goes to memory.
    """

    def __init__(self, w: Writer, graph: Graph) -> None:
        self.w = w
        self.graph = w.lowerings.expanded(graph)
        self._own = set(self.graph.equations)
        self._views: dict[Var, View] = {}
        self._registers: dict[Var, Registers] = {}
        # Where the caller wants outputs, so that they are made there and not copied.
        self._targets: dict[Var, View] = {}
        # Equations that wait, by the shape of the nest that they will share; and of each of their
        # results which nest that is. Reading the variable settles that nest, and no other.
        self._waiting: dict[Shape, list[Equation]] = defaultdict(list)
        self._waits: dict[Var, Shape] = {}
        # Who reads each variable, ``None`` for the outputs: what nobody reads is never written, and
        # what only the equations of one nest read stays inside of it.
        self._readers: dict[Var, list[Equation | None]] = defaultdict(list)
        for equation in self.graph.equations:
            for atom in equation.operands:
                if isinstance(atom, Var):
                    self._readers[atom].append(equation)
        for atom in self.graph.outputs:
            if isinstance(atom, Var):
                self._readers[atom].append(None)

    def write(
        self, inputs: Sequence[NativeValue], targets: Sequence[View | None] | None = None
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

    def define(self, variable: Var, value: NativeValue) -> None:
        """Say what a variable stands for."""
        if isinstance(value, View):
            self._views[variable] = value
        else:
            self._registers[variable] = value

    def value(self, atom: Atom) -> NativeValue:
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

    def held(self, atom: Atom) -> NativeValue:
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

    def _stays_inside(self, variable: Var, equations: Set[Equation]) -> bool:
        """Whether nothing but these equations reads a variable."""
        return all(reader in equations for reader in self._readers[variable])

    # Equations.

    def _equation(self, equation: Equation) -> None:
        try:
            self._lowered(equation)
        except Unsupported as error:
            if error.within not in self._own:  # else it waited, and this equation is not to blame
                error.within = equation
            raise error.of(equation) from None

    def _lowered(self, equation: Equation) -> None:
        """Write an equation in the form that suits the sizes of its values."""
        lowering = self.w.lowerings.of(equation.primitive)
        for variable in equation.results:
            storage(variable.aval.dtype)
        if lowering.control is not None:
            lowering.control(self, equation)
        elif self.w.lowerings.computes_entries(equation):
            self._elementwise(equation)
        elif lowering.registers is not None and self._is_unrolled(equation):
            operands = [self.registers(atom) for atom in equation.operands]
            self.define(equation.results[0], lowering.registers(self.w.b, equation, operands))
        elif lowering.view is not None:
            self.define(equation.results[0], self._moved(equation, lowering.view))
        elif lowering.loops is not None:
            [result] = equation.results
            views, target = [self.view(atom) for atom in equation.operands], self.target(result)
            lowering.loops(self.w, equation.attributes, views, target)
            self.define(result, target)
        elif lowering.memory is not None:
            self.define(equation.results[0], lowering.memory(self, equation))
        else:
            raise Unsupported(f"{equation.primitive} has no native form")

    def _moved(self, equation: Equation, move: Move) -> View:
        """Another view of an operand, which is packed where there is none."""
        [atom], shape = equation.operands, equation.results[0].aval.shape
        moved = move(self.view(atom), equation.attributes, shape)
        if moved is None:
            moved = move(self.packed(atom), equation.attributes, shape)
            assert moved is not None, f"no {equation.primitive} of packed entries"
        return placed(self.w, moved)

    def _is_unrolled(self, equation: Equation) -> bool:
        values = [*equation.operands, *equation.results]
        return all(self.is_small(value.aval) for value in values)

    def _elementwise(self, equation: Equation) -> None:
        [result] = equation.results
        w = self.w
        if self.is_small(result.aval):
            operands = np.broadcast_arrays(*map(self.registers, equation.operands))
            entries = [
                w.lowerings.entry(w.b, equation, given, w.plan.outlined)
                for given in zip(*(operand.flat for operand in operands), strict=True)
            ]
            self.define(result, in_array(entries, numbers(result.aval.shape)))
            return
        shape = result.aval.shape
        # An operand that waits in the nest of another shape is finished first: nests are written
        # one after another, so that two must never wait for each other.
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
        equations = self._waiting.pop(shape)
        for equation in equations:
            del self._waits[equation.results[0]]
        self._nest(equations, shape)

    def _nest(self, equations: Sequence[Equation], shape: Shape) -> None:
        """Equations of one shape in one nest of loops; only what others read goes to memory."""
        w = self.w
        inside = set(equations)
        made = dict.fromkeys(equation.results[0] for equation in equations)
        read: dict[Atom, View] = {}
        held: dict[Atom, IRValue] = {}
        for equation in equations:
            for atom in equation.operands:
                if atom in made or atom in read or atom in held:
                    continue
                if atom.aval.size == 1 and self.is_small(atom.aval):
                    held[atom] = self.registers(atom).item()
                else:
                    read[atom] = self.view(atom)
        written = {v: self.target(v) for v in made if not self._stays_inside(v, inside)}
        # As one long axis where all of them are contiguous: fewer loops, and one masked remainder.
        kept, strides = collapsed(
            shape, [view.over(shape) for view in (*read.values(), *written.values())]
        )
        steps = dict(zip((*read, *written), strides, strict=True))
        if kept:
            held = {atom: _splat(w, atom, value) for atom, value in held.items()}
        for lane in sweep(w, kept):
            values: dict[Atom, IRValue] = dict(held)
            for atom, view in read.items():
                values[atom] = load(w, view, steps[atom], lane)
            for equation in equations:
                given = [values[atom] for atom in equation.operands]
                try:
                    entry = w.lowerings.entry(w.b, equation, given, w.plan.outlined, lane.mask)
                except Unsupported as error:
                    error.within = equation
                    raise
                values[equation.results[0]] = entry
            for variable, view in written.items():
                store(w, values[variable], view, steps[variable], lane)
        for variable, view in written.items():
            self.define(variable, view)


def _splat(w: Writer, atom: Atom, value: IRValue) -> IRValue:
    if isinstance(atom, Literal):  # some functions are simpler where they see a constant
        return constant(atom.value.item(), vector(value.type))
    return w.b.splat(value)


def deliver(frame: ProgramFrame, atom: Atom, target: View) -> None:
    """Put a value where it is wanted, if it is not there already."""
    value = frame.value(atom)
    if not isinstance(value, View):
        write(frame.w, value, target)
    elif value.address != target.address:
        copy(frame.w, value, target)


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

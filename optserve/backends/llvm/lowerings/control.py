"""Loops and choices: ``scan`` as a loop, ``cond`` as a branch, ``map_reduce`` as a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from optserve.backends.llvm.ir.builder import IRValue, constant
from optserve.backends.llvm.ir.nest import address_of, copy, from_the_end
from optserve.backends.llvm.ir.view import NativeValue, View
from optserve.backends.llvm.lowerings.passes import map_reduce
from optserve.backends.llvm.programs.early_ending import Ending, ending_of
from optserve.backends.llvm.programs.program_frame import (
    ProgramFrame,
    deliver,
    numbers,
    read,
    write,
)
from optserve.backends.llvm.programs.writer import Writer
from optserve.backends.lowering import Lowering
from optserve.graph.aval import Aval
from optserve.graph.graph import Atom, Equation, Graph
from optserve.primitives import loops
from optserve.primitives.map_reduce import map_reduce as primitive

__all__ = ["LOWERINGS"]


class StackCells:
    """A small value that a loop or a branch changes: memory that becomes registers again."""

    def __init__(self, frame: ProgramFrame, aval: Aval) -> None:
        self.view = frame.w.cells(numbers(aval.shape), aval.dtype)
        self.w = frame.w

    def get(self) -> NativeValue:
        return read(self.w, self.view)

    def put(self, frame: ProgramFrame, atom: Atom) -> None:
        write(self.w, frame.registers(atom), self.view)


class DoubleBuffer:
    """A large value that a loop carries: one memory to read and one to write, which change places
    after each step."""

    def __init__(self, frame: ProgramFrame, aval: Aval) -> None:
        b = self.b = frame.w.b
        self.w = frame.w
        self.rooms = [frame.w.room(aval.shape, aval.dtype) for _ in range(2)]
        self.slots = [b.alloca("ptr", align=8) for _ in range(2)]
        for room, slot in zip(self.rooms, self.slots, strict=True):
            b.store(room.address, slot)

    def side(self, number: int) -> View:
        """What is read (0) or written (1) in this step."""
        return replace(self.rooms[0], address=self.b.load(self.slots[number], "ptr"))

    def swap(self) -> None:
        first, second = (self.b.load(slot, "ptr") for slot in self.slots)
        self.b.store(second, self.slots[0])
        self.b.store(first, self.slots[1])


def scan(frame: ProgramFrame, equation: Equation) -> None:
    """The body as a loop over the steps; as two where it may end early."""
    w, attributes = frame.w, equation.attributes
    body: Graph = attributes["body"]
    carries, scanned = attributes["carries"], attributes["scanned"]
    operands = equation.operands
    sequences = [frame.view(atom) for atom in operands[carries : carries + scanned]]
    constants = [frame.held(atom) for atom in operands[carries + scanned :]]
    carried = [_carried(frame, atom) for atom in operands[:carries]]
    stacked = [frame.target(variable) for variable in equation.results[carries:]]
    count = w.number(attributes["length"])

    def step(graph: Graph, index: IRValue, carries: Sequence[StackCells | DoubleBuffer]) -> None:
        """One step of a body, of whose carries these change."""
        at = from_the_end(w, count, index) if attributes["backward"] else index
        entries = [_entry(frame, view, at) for view in sequences]
        targets = [None if isinstance(cell, StackCells) else cell.side(1) for cell in carries]
        targets += [_entry(frame, view, at) for view in stacked]
        inside = ProgramFrame(w, graph)
        made = inside.write([*map(_now, carried), *entries, *constants], targets)
        for atom, view in zip(made, targets, strict=True):
            if view is not None:
                deliver(inside, atom, view)
        for atom, cell in zip(made, carries, strict=False):
            if isinstance(cell, StackCells):
                inside.registers(atom)  # all are read before any is changed
        for atom, cell in zip(made, carries, strict=False):
            if isinstance(cell, StackCells):
                cell.put(inside, atom)
            else:
                cell.swap()

    ending = ending_of(equation)
    if ending is None:
        with w.b.loop(0, count) as index:
            step(body, index, carried)
    else:
        stopped = _loop_until(
            w,
            count,
            lambda: _ends(w, ending, [*map(_now, carried), *constants]),
            lambda index: step(ending.before, index, carried),
        )
        with w.b.loop(stopped, count) as index:
            step(ending.after, index, ())
    finals = map(_now, carried)
    for variable, value in zip(equation.results, [*finals, *stacked], strict=True):
        frame.define(variable, value)


def _carried(frame: ProgramFrame, atom: Atom) -> StackCells | DoubleBuffer:
    if frame.is_small(atom.aval):
        cells = StackCells(frame, atom.aval)
        cells.put(frame, atom)
        return cells
    pair = DoubleBuffer(frame, atom.aval)
    copy(frame.w, frame.view(atom), pair.side(0))
    return pair


def _now(carried: StackCells | DoubleBuffer) -> NativeValue:
    return carried.get() if isinstance(carried, StackCells) else carried.side(0)


def _ends(w: Writer, ending: Ending, given: Sequence[NativeValue]) -> IRValue:
    """Whether a loop is at its end."""
    inside = ProgramFrame(w, ending.test)
    [atom] = inside.write(given)
    test: IRValue = inside.registers(atom).item()
    return test if ending.ends_if else w.b.binary("xor", test, constant(True, "i1"))


def _loop_until(
    w: Writer, count: IRValue | int, ends: Callable[[], IRValue], step: Callable[[IRValue], None]
) -> IRValue:
    """Steps 0, 1, ... up to ``count`` or the end; the number of those that were taken."""
    b = w.b
    counter = b.alloca("i64", align=8)
    b.store(constant(0, "i64"), counter)
    head, body, done = b.label(), b.label(), b.label()
    b.lines += [f"  br label %{head}", f"{head}:"]
    index = b.load(counter, "i64")
    more = b.emit(f"icmp slt i64 {index}, {count}", "i1")
    on = b.binary("and", more, b.binary("xor", ends(), constant(True, "i1")))
    b.lines += [f"  br i1 {on}, label %{body}, label %{done}", f"{body}:"]
    step(index)
    b.store(b.emit(f"add nsw i64 {index}, 1", "i64"), counter)
    b.lines += [f"  br label %{head}", f"{done}:"]
    return b.load(counter, "i64")


def _entry(frame: ProgramFrame, view: View, at: IRValue) -> View:
    """One step's part of stacked values."""
    address = address_of(frame.w, view, (at,), view.strides[:1])
    return replace(view, address=address, shape=view.shape[1:], strides=view.strides[1:])


def cond(frame: ProgramFrame, equation: Equation) -> None:
    """A branch; both sides leave their results in the same places."""
    w, b = frame.w, frame.w.b
    condition = frame.registers(equation.operands[0]).item()
    operands = [frame.value(atom) for atom in equation.operands[1:]]
    places: list[StackCells | View] = [
        StackCells(frame, variable.aval)
        if frame.is_small(variable.aval)
        else frame.target(variable)
        for variable in equation.results
    ]
    chosen, other, after = b.label(), b.label(), b.label()
    b.lines.append(f"  br i1 {condition}, label %{chosen}, label %{other}")
    for name, label in (("if_true", chosen), ("if_false", other)):
        b.lines.append(f"{label}:")
        inside = ProgramFrame(w, equation.attributes[name])
        targets = [place if isinstance(place, View) else None for place in places]
        for atom, place in zip(inside.write(operands, targets), places, strict=True):
            if isinstance(place, View):
                deliver(inside, atom, place)
            else:
                place.put(inside, atom)
        b.lines.append(f"  br label %{after}")
    b.lines.append(f"{after}:")
    for variable, place in zip(equation.results, places, strict=True):
        frame.define(variable, place if isinstance(place, View) else place.get())


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(loops.scan_primitive, control=scan),
    Lowering(loops.cond_primitive, control=cond),
    Lowering(primitive, control=map_reduce),
)

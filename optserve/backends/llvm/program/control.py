"""Loops and choices: ``scan`` as a loop, ``cond`` as a branch, ``map_reduce`` as a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from optserve.backends.llvm.builder import IRValue
from optserve.backends.llvm.program.frame import Frame, numbers, read, write
from optserve.backends.llvm.program.passes import map_reduce
from optserve.backends.llvm.program.sweeps import address_of, copy, from_the_end
from optserve.backends.llvm.program.values import (
    Value,
    View,
)
from optserve.frozen import replace
from optserve.graph.aval import Aval
from optserve.graph.graph import Atom, Equation, Graph

__all__ = ["CONTROL"]


class Cells:
    """A small value that a loop or a branch changes: memory that becomes registers again."""

    def __init__(self, frame: Frame, aval: Aval) -> None:
        self.view = frame.w.cells(numbers(aval.shape), aval.dtype)
        self.w = frame.w

    def get(self) -> Value:
        return read(self.w, self.view)

    def put(self, frame: Frame, atom: Atom) -> None:
        write(self.w, frame.registers(atom), self.view)


class Pair:
    """A large value that a loop carries: one memory to read and one to write, which change places
    after each step."""

    def __init__(self, frame: Frame, aval: Aval) -> None:
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


def scan(frame: Frame, equation: Equation) -> None:
    """The body as a loop over the steps."""
    w, attributes = frame.w, equation.attributes
    body: Graph = attributes["body"]
    carries, scanned = attributes["carries"], attributes["scanned"]
    operands = equation.operands
    sequences = [frame.view(atom) for atom in operands[carries : carries + scanned]]
    constants = [frame.held(atom) for atom in operands[carries + scanned :]]
    carried = [_carried(frame, atom) for atom in operands[:carries]]
    stacked = [frame.target(variable) for variable in equation.results[carries:]]
    count = w.number(attributes["length"])
    with w.b.loop(0, count) as step:
        at = from_the_end(w, count, step) if attributes["backward"] else step
        now = [cell.get() if isinstance(cell, Cells) else cell.side(0) for cell in carried]
        following = [None if isinstance(cell, Cells) else cell.side(1) for cell in carried]
        outputs = [_entry(frame, view, at) for view in stacked]
        inside = Frame(w, body)
        made = inside.write(
            [*now, *(_entry(frame, view, at) for view in sequences), *constants],
            [*following, *outputs],
        )
        for atom, view in zip(made, [*following, *outputs], strict=True):
            if view is not None:
                deliver(inside, atom, view)
        for atom, cell in zip(made, carried, strict=False):
            if isinstance(cell, Cells):
                inside.registers(atom)  # all are read before any is changed
        for atom, cell in zip(made, carried, strict=False):
            if isinstance(cell, Cells):
                cell.put(inside, atom)
            else:
                cell.swap()
    finals = [cell.get() if isinstance(cell, Cells) else cell.side(0) for cell in carried]
    for variable, value in zip(equation.results, [*finals, *stacked], strict=True):
        frame.define(variable, value)


def _carried(frame: Frame, atom: Atom) -> Cells | Pair:
    if frame.is_small(atom.aval):
        cells = Cells(frame, atom.aval)
        cells.put(frame, atom)
        return cells
    pair = Pair(frame, atom.aval)
    copy(frame.w, frame.view(atom), pair.side(0))
    return pair


def _entry(frame: Frame, view: View, at: IRValue) -> View:
    """One step's part of stacked values."""
    address = address_of(frame.w, view, (at,), view.strides[:1])
    return replace(view, address=address, shape=view.shape[1:], strides=view.strides[1:])


def deliver(frame: Frame, atom: Atom, target: View) -> None:
    """Put a value where it is wanted, if it is not there already."""
    value = frame.value(atom)
    if not isinstance(value, View):
        write(frame.w, value, target)
    elif value.address != target.address:
        copy(frame.w, value, target)


def cond(frame: Frame, equation: Equation) -> None:
    """A branch; both sides leave their results in the same places."""
    w, b = frame.w, frame.w.b
    condition = frame.registers(equation.operands[0]).item()
    operands = [frame.value(atom) for atom in equation.operands[1:]]
    places: list[Cells | View] = [
        Cells(frame, variable.aval) if frame.is_small(variable.aval) else frame.target(variable)
        for variable in equation.results
    ]
    chosen, other, after = b.label(), b.label(), b.label()
    b.lines.append(f"  br i1 {condition}, label %{chosen}, label %{other}")
    for name, label in (("if_true", chosen), ("if_false", other)):
        b.lines.append(f"{label}:")
        inside = Frame(w, equation.attributes[name])
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


CONTROL: Mapping[str, Callable[[Frame, Equation], None]] = MappingProxyType(
    {"scan": scan, "cond": cond, "map_reduce": map_reduce}
)
"""By the name of the primitive."""

"""Primitives on arrays in memory: views where entries only move, loops where they are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from optserve.backends.llvm.apply import apply
from optserve.backends.llvm.builder import IRValue, constant, vector
from optserve.backends.llvm.memory import storage
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.operations import convert
from optserve.backends.llvm.program.contractions import contraction
from optserve.backends.llvm.program.gathers import scatter_add, take
from optserve.backends.llvm.program.reductions import cumsum, reduction
from optserve.backends.llvm.program.sweeps import (
    address_of,
    collapsed,
    copy,
    fill,
    load,
    loops,
    store,
    sweep,
)
from optserve.backends.llvm.program.values import View, contiguous_strides
from optserve.backends.llvm.program.writer import Writer
from optserve.frozen import replace
from optserve.graph.aval import Shape
from optserve.graph.dim import Size
from optserve.graph.graph import Atom, Equation, Literal

if TYPE_CHECKING:
    from optserve.backends.llvm.program.frame import Frame

__all__ = ["ARRAYS", "elementwise"]

OnArrays = Callable[["Frame", Equation], View]
"""(frame, equation) -> its only result."""


def elementwise(frame: Frame, equations: Sequence[Equation], shape: Shape) -> None:
    """Equations of one shape in one nest of loops; only what others read is written to memory."""
    w = frame.w
    inside = set(equations)
    made = dict.fromkeys(equation.results[0] for equation in equations)
    read: dict[Atom, View] = {}
    held: dict[Atom, IRValue] = {}
    for equation in equations:
        for atom in equation.operands:
            if atom in made or atom in read or atom in held:
                continue
            if atom.aval.size == 1 and frame.is_small(atom.aval):
                held[atom] = frame.registers(atom).item()
            else:
                read[atom] = frame.view(atom)
    written = {v: frame.target(v) for v in made if not frame.stays_inside(v, inside)}
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
            values[equation.results[0]] = apply(w.b, equation, given, w.plan.outlined, lane.mask)
        for variable, view in written.items():
            store(w, values[variable], view, steps[variable], lane)
    for variable, view in written.items():
        frame.define(variable, view)


def _splat(w: Writer, atom: Atom, value: IRValue) -> IRValue:
    if isinstance(atom, Literal):  # some functions are simpler where they see a constant
        return constant(atom.value.item(), vector(value.type))
    return w.b.splat(value)


# Views: nothing runs.


def _reshape(frame: Frame, equation: Equation) -> View:
    shape = equation.attributes["shape"]
    return replace(
        frame.packed(equation.operands[0]), shape=shape, strides=contiguous_strides(shape)
    )


def _transpose(frame: Frame, equation: Equation) -> View:
    view, axes = frame.view(equation.operands[0]), equation.attributes["axes"]
    return replace(
        view,
        shape=tuple(view.shape[axis] for axis in axes),
        strides=tuple(view.strides[axis] for axis in axes),
    )


def _broadcast_to(frame: Frame, equation: Equation) -> View:
    view, shape = frame.view(equation.operands[0]), equation.attributes["shape"]
    return replace(view, shape=shape, strides=view.over(shape))


def _same(frame: Frame, equation: Equation) -> View:
    return frame.view(equation.operands[0])


def _slice(frame: Frame, equation: Equation) -> View:
    view = frame.view(equation.operands[0])
    return part(frame, view, equation.attributes["bounds"], equation.results[0].aval.shape)


def part(frame: Frame, view: View, bounds: Sequence[tuple[Size, Size, int]], shape: Shape) -> View:
    """Entries from start by step along each axis; along row counts all of them."""
    for (start, stop, step), size in zip(bounds, view.shape, strict=True):
        known = all(isinstance(entry, int) for entry in (start, stop, size))
        if not known and (start, stop, step) != (0, size, 1):
            raise Unsupported("a slice of rows")
    first = tuple(
        start if isinstance(start, int) and entries != 0 else 0
        for (start, _, _), entries in zip(bounds, shape, strict=True)
    )
    strides = tuple(
        stride * step for stride, (_, _, step) in zip(view.strides, bounds, strict=True)
    )
    return View(address_of(frame.w, view, first), view.dtype, shape, strides)


# Copies.


def _joined(frame: Frame, equation: Equation) -> View:
    """``concatenate``, and ``stack`` along an axis of as many entries as there are operands."""
    axis = equation.attributes["axis"]
    target = frame.target(equation.results[0])
    start: Size = 0
    for atom in equation.operands:
        view = frame.view(atom)
        if equation.primitive.name == "stack":
            shape, strides = list(view.shape), list(view.strides)
            shape.insert(axis, 1)
            strides.insert(axis, 0)
            view = replace(view, shape=tuple(shape), strides=tuple(strides))
        at = tuple(frame.w.number(start) if i == axis else 0 for i in range(len(view.shape)))
        address = address_of(frame.w, target, at)
        copy(frame.w, view, View(address, target.dtype, view.shape, target.strides))
        start = start + view.shape[axis]
    return target


def _unslice(frame: Frame, equation: Equation) -> View:
    target = frame.target(equation.results[0])
    view = frame.view(equation.operands[0])
    fill(frame.w, constant(0, storage(target.dtype)), target)
    copy(frame.w, view, part(frame, target, equation.attributes["bounds"], view.shape))
    return target


# Values made from sizes alone.


def _arange(frame: Frame, equation: Equation) -> View:
    target = frame.target(equation.results[0])
    with loops(frame.w, target.shape) as index:
        number = convert(frame.w.b, index[0], storage(target.dtype))
        frame.w.b.store(number, address_of(frame.w, target, index))
    return target


def _size(frame: Frame, equation: Equation) -> View:
    w = frame.w
    target = frame.target(equation.results[0])
    number = w.number(equation.attributes["size"])
    value = IRValue(str(number), "i64") if isinstance(number, int) else number
    w.b.store(convert(w.b, value, storage(target.dtype)), target.address)
    return target


def _constant(frame: Frame, equation: Equation) -> View:
    """An array beside the code; of equal entries, one of them."""
    w = frame.w
    array = equation.primitive.impl(**equation.attributes)
    shape = equation.results[0].aval.shape
    name = f"constant{len(w.b.declarations)}"
    same = array.size > 0 and array.tobytes() == array.flat[:1].tobytes() * array.size
    entries = array.flat[:1] if same else array.reshape(-1)
    scalar = storage(array.dtype)
    text = ", ".join(f"{scalar} {constant(entry, scalar)}" for entry in entries.tolist())
    w.b.declarations[name] = f"@{name} = internal constant [{len(entries)} x {scalar}] [{text}]"
    strides = (0,) * len(shape) if same else contiguous_strides(shape)
    return View(IRValue(f"@{name}", "ptr"), array.dtype, shape, strides)


ARRAYS: Mapping[str, OnArrays] = MappingProxyType(
    {
        "reshape": _reshape,
        "transpose": _transpose,
        "broadcast_to": _broadcast_to,
        "slice": _slice,
        "identity": _same,
        "probe": _same,
        "concatenate": _joined,
        "stack": _joined,
        "unslice": _unslice,
        "arange": _arange,
        "constant": _constant,
        "size": _size,
        "sum": reduction,
        "max": reduction,
        "min": reduction,
        "all": reduction,
        "any": reduction,
        "cumsum": cumsum,
        "matmul": contraction,
        "einsum": contraction,
        "take": take,
        "scatter_add": scatter_add,
    }
)
"""By the name of the primitive; elementwise ones are not in it."""

"""Primitives that compute nothing: entries in another order, joined, or made from sizes alone.

In registers a move is NumPy on object arrays while the code is written, and costs nothing when it
runs. In memory, and in the rows of a pass, it is another view of the same memory where there is
one, else a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optserve.backends.llvm.ir.arithmetic import convert
from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import Scope, address_of, copy, fill, loops
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import (
    Registers,
    View,
    constants,
    contiguous_strides,
    in_array,
)
from optserve.backends.llvm.lowerings.lowering import axis_within
from optserve.backends.llvm.programs.frame import Frame
from optserve.backends.llvm.rows.body import Body
from optserve.backends.llvm.rows.nodes import Access, row_major
from optserve.backends.lowering import Lowering
from optserve.frozen import replace
from optserve.graph.aval import Shape
from optserve.graph.dim import Size
from optserve.graph.graph import Equation, Literal
from optserve.primitives import composition, indexing, shaping, sums
from optserve.primitives import constants as primitives

__all__ = ["LOWERINGS"]

Bounds = Sequence[tuple[int, int, int]]
Attributes = Mapping[str, Any]


def _moved(move: Callable[..., Any]) -> Callable[..., Registers]:
    """The registers of a move that NumPy makes."""

    def registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        del b
        moved = move(*operands, **equation.attributes)
        return moved if isinstance(moved, np.ndarray) else in_array([moved], ())

    return registers


# The same entries with other axes.


def _reshape(frame: Frame, equation: Equation) -> View:
    shape = equation.attributes["shape"]
    return replace(
        frame.packed(equation.operands[0]), shape=shape, strides=contiguous_strides(shape)
    )


def _reshape_rows(body: Body, equation: Equation) -> None:
    [result] = equation.results
    access = body.access(equation.operands[0])
    if body.row_axis(result) != 0 or access.strides != row_major(access.space):
        raise Unsupported("a reshape of entries that are not next to each other")
    space = body.space(result)
    body.view(equation, replace(access, strides=row_major(space), space=space))


def _transpose(frame: Frame, equation: Equation) -> View:
    view, axes = frame.view(equation.operands[0]), equation.attributes["axes"]
    return replace(
        view,
        shape=tuple(view.shape[axis] for axis in axes),
        strides=tuple(view.strides[axis] for axis in axes),
    )


def _transpose_rows(body: Body, equation: Equation) -> None:
    """Only where the result is then a factor of a product: the row axis moves, nothing else."""
    [atom] = equation.operands
    rows, access = body.row_axis(atom), body.access(atom)
    before = [axis for axis in range(atom.aval.ndim) if axis != rows]
    picks = [before.index(axis) for axis in equation.attributes["axes"] if axis != rows]
    strides = tuple(access.strides[i] for i in picks)
    space = tuple(access.space[i] for i in picks)
    body.view(equation, replace(access, strides=strides, space=space))


def _broadcast_to(frame: Frame, equation: Equation) -> View:
    view, shape = frame.view(equation.operands[0]), equation.attributes["shape"]
    return replace(view, shape=shape, strides=view.over(shape))


def _broadcast_rows(body: Body, equation: Equation) -> None:
    [atom], space = equation.operands, body.space(equation.results[0])
    given = atom if isinstance(atom, Literal) else body.access(atom)
    if not isinstance(given, Access) or (given.row == 0 and not given.space):
        body.define("copy", equation, space, (given,))  # one number, laid along the rows
        return
    body.view(equation, replace(given, strides=given.over(space), space=space))


def _same(frame: Frame, equation: Equation) -> View:
    return frame.view(equation.operands[0])


def _same_rows(body: Body, equation: Equation) -> None:
    body.view(equation, body.access(equation.operands[0]))


# Parts, and their transposes.


def _slices(bounds: Bounds) -> tuple[slice, ...]:
    """Backwards to the front, Python would count a stop of -1 from the end."""
    return tuple(
        slice(start, None if step < 0 and stop == -1 else stop, step)
        for start, stop, step in bounds
    )


def _slice(frame: Frame, equation: Equation) -> View:
    view = frame.view(equation.operands[0])
    return _part(frame.w, view, equation.attributes["bounds"], equation.results[0].aval.shape)


def _part(w: Scope, view: View, bounds: Sequence[tuple[Size, Size, int]], shape: Shape) -> View:
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
    return View(address_of(w, view, first), view.dtype, shape, strides)


def _slice_rows(body: Body, equation: Equation) -> None:
    """Along the rows it takes all of them: that is what makes it a value of each row."""
    [atom] = equation.operands
    access, rows = body.access(atom), body.row_axis(atom)
    inner = [bound for i, bound in enumerate(equation.attributes["bounds"]) if i != rows]
    offset = access.offset
    strides = []
    for (start, _, step), stride in zip(inner, access.strides, strict=True):
        offset += start * stride
        strides.append(stride * step)
    space = body.space(equation.results[0])
    body.view(equation, replace(access, strides=tuple(strides), offset=offset, space=space))


def _unslice_registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    del b
    aval = equation.results[0].aval
    out = constants(np.zeros(aval.shape, aval.dtype))
    out[_slices(equation.attributes["bounds"])] = operands[0]
    return out


def _unslice(w: Scope, attributes: Attributes, views: Sequence[View], target: View) -> None:
    [view] = views
    fill(w, constant(0, storage(target.dtype)), target)
    copy(w, view, _part(w, target, attributes["bounds"], view.shape))


def _unslice_within(attributes: Attributes, carried: Sequence[int | None]) -> Attributes | None:
    (rows, *bounds), (count, *shape) = attributes["bounds"], attributes["shape"]
    if carried != (0,) or rows != (0, count, 1):
        return None
    return {"bounds": tuple(bounds), "shape": tuple(shape)}


# Several values in one.


def _concatenate(w: Scope, attributes: Attributes, views: Sequence[View], target: View) -> None:
    axis = attributes["axis"]
    start: Size = 0
    for view in views:
        at = tuple(w.number(start) if i == axis else 0 for i in range(len(view.shape)))
        address = address_of(w, target, at)
        copy(w, view, View(address, target.dtype, view.shape, target.strides))
        start = start + view.shape[axis]


def _stack(w: Scope, attributes: Attributes, views: Sequence[View], target: View) -> None:
    """A concatenation of values that have one entry along the new axis."""
    axis = attributes["axis"]
    spread = [
        replace(
            view,
            shape=(*view.shape[:axis], 1, *view.shape[axis:]),
            strides=(*view.strides[:axis], 0, *view.strides[axis:]),
        )
        for view in views
    ]
    _concatenate(w, attributes, spread, target)


# Values made from sizes alone.


def _arange_registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    del b, operands
    return constants(np.arange(equation.attributes["size"], dtype=equation.attributes["dtype"]))


def _arange(frame: Frame, equation: Equation) -> View:
    target = frame.target(equation.results[0])
    with loops(frame.w, target.shape) as index:
        number = convert(frame.w.b, index[0], storage(target.dtype))
        frame.w.b.store(number, address_of(frame.w, target, index))
    return target


def _arange_rows(body: Body, equation: Equation) -> None:
    body.define("iota", equation, (), ())


def _size(frame: Frame, equation: Equation) -> View:
    w = frame.w
    target = frame.target(equation.results[0])
    number = w.number(equation.attributes["size"])
    value = IRValue(str(number), "i64") if isinstance(number, int) else number
    w.b.store(convert(w.b, value, storage(target.dtype)), target.address)
    return target


def _constant_registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    del b, operands
    return constants(equation.primitive.impl(**equation.attributes))


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


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(
        shaping.reshape,
        registers=_moved(lambda x, shape: x.reshape(shape)),
        memory=_reshape,
        rows=_reshape_rows,
    ),
    Lowering(
        shaping.transpose,
        registers=_moved(lambda x, axes: np.transpose(x, axes)),
        memory=_transpose,
        rows=_transpose_rows,
    ),
    Lowering(
        sums.broadcast_to,
        registers=_moved(lambda x, shape: np.broadcast_to(x, shape)),
        memory=_broadcast_to,
        rows=_broadcast_rows,
    ),
    Lowering(
        indexing.slice_,
        registers=_moved(lambda x, bounds: x[_slices(bounds)]),
        memory=_slice,
        rows=_slice_rows,
    ),
    Lowering(
        indexing.unslice,
        registers=_unslice_registers,
        loops=_unslice,
        within=_unslice_within,
    ),
    Lowering(
        shaping.concatenate,
        registers=_moved(lambda *arrays, axis: np.concatenate(arrays, axis)),
        loops=_concatenate,
        within=axis_within,
    ),
    Lowering(
        shaping.stack,
        registers=_moved(lambda *arrays, axis: np.stack(arrays, axis)),
        loops=_stack,
        within=axis_within,
    ),
    Lowering(composition.identity, registers=_moved(lambda x: x), memory=_same, rows=_same_rows),
    Lowering(
        composition.probe, registers=_moved(lambda x, label: x), memory=_same, rows=_same_rows
    ),
    Lowering(primitives.arange, registers=_arange_registers, memory=_arange, rows=_arange_rows),
    Lowering(primitives.size, memory=_size),
    Lowering(primitives.constant, registers=_constant_registers, memory=_constant),
)

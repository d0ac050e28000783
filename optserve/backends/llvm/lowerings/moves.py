"""Primitives that compute nothing: entries in another order, joined, or made from sizes alone.

In registers a move is NumPy on object arrays while the code is written, and costs nothing when it
runs. In memory, and in the rows of a pass, it is another view of the same memory where there is
one, else a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import FunctionScope, address_of, copy, fill, loops, placed
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import (
    Registers,
    View,
    constants,
    contiguous_strides,
    in_array,
)
from optserve.backends.llvm.lowerings.lookup import axis_within
from optserve.backends.llvm.programs.program_frame import ProgramFrame
from optserve.backends.llvm.rows.body import Body
from optserve.backends.lowering import Attributes, Lowering
from optserve.graph.aval import Shape
from optserve.graph.dim import Size
from optserve.graph.graph import Equation, Literal
from optserve.primitives import composition, indexing, shaping, sums
from optserve.primitives import constants as primitives

__all__ = ["LOWERINGS"]

SliceBounds = Sequence[tuple[int, int, int]]


def _moved(move: Callable[..., Any]) -> Callable[..., Registers]:
    """The registers of a move that NumPy makes."""

    def registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        del b
        moved = move(*operands, **equation.attributes)
        return moved if isinstance(moved, np.ndarray) else in_array([moved], ())

    return registers


# The same entries with other axes, or some of them.


def _reshape(view: View, attributes: Attributes, shape: Shape) -> View | None:
    """Where the entries follow each other, but for those of a first axis that stays."""
    kept = int(view.shape[:1] == shape[:1])
    inner = replace(view, shape=view.shape[kept:], strides=view.strides[kept:])
    if not inner.is_contiguous:
        return None
    strides = (*view.strides[:kept], *contiguous_strides(shape[kept:]))
    return replace(view, shape=shape, strides=strides)


def _transpose(view: View, attributes: Attributes, shape: Shape) -> View:
    strides = tuple(view.strides[axis] for axis in attributes["axes"])
    return replace(view, shape=shape, strides=strides)


def _broadcast_to(view: View, attributes: Attributes, shape: Shape) -> View:
    return replace(view, shape=shape, strides=view.over(shape))


def _broadcast_rows(body: Body, equation: Equation) -> None:
    """One number is laid along the rows, anything else is seen again in each."""
    [atom], [result] = equation.operands, equation.results
    if isinstance(atom, Literal) or not atom.aval.shape:
        given = atom if isinstance(atom, Literal) else body.access(atom)
        body.define("copy", equation, body.space(result), (given,))
    else:
        body.move(equation, _broadcast_to)


def _same(view: View, attributes: Attributes, shape: Shape) -> View:
    return view


def _slices(bounds: SliceBounds) -> tuple[slice, ...]:
    """Backwards to the front, Python would count a stop of -1 from the end."""
    return tuple(
        slice(start, None if step < 0 and stop == -1 else stop, step)
        for start, stop, step in bounds
    )


def _slice(view: View, attributes: Attributes, shape: Shape) -> View:
    """Entries from start by step along each axis; along row counts all of them."""
    offset, strides = view.offset, []
    for (start, stop, step), size, stride in zip(
        attributes["bounds"], view.shape, view.strides, strict=True
    ):
        known = all(isinstance(entry, int) for entry in (start, stop, size))
        if not known and (start, stop, step) != (0, size, 1):
            raise Unsupported("a slice of rows")
        strides.append(stride * step)
        if 0 not in shape:
            offset = offset + start * stride
    return replace(view, shape=shape, strides=tuple(strides), offset=offset)


def _unslice_registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    del b
    aval = equation.results[0].aval
    out = constants(np.zeros(aval.shape, aval.dtype))
    out[_slices(equation.attributes["bounds"])] = operands[0]
    return out


def _unslice(w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View) -> None:
    [view] = views
    fill(w, constant(0, storage(target.dtype)), target)
    copy(w, view, placed(w, _slice(target, attributes, view.shape)))


def _unslice_within(attributes: Attributes, carried: Sequence[int | None]) -> Attributes | None:
    (rows, *bounds), (count, *shape) = attributes["bounds"], attributes["shape"]
    if carried != (0,) or rows != (0, count, 1):
        return None
    return {"bounds": tuple(bounds), "shape": tuple(shape)}


# Several values in one.


def _concatenate(
    w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View
) -> None:
    axis = attributes["axis"]
    start: Size = 0
    for view in views:
        at = tuple(w.number(start) if i == axis else 0 for i in range(len(view.shape)))
        address = address_of(w, target, at)
        copy(w, view, View(address, target.dtype, view.shape, target.strides))
        start = start + view.shape[axis]


def _stack(w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View) -> None:
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


def _arange(frame: ProgramFrame, equation: Equation) -> View:
    target = frame.target(equation.results[0])
    with loops(frame.w, target.shape) as index:
        number = convert(frame.w.b, index[0], storage(target.dtype))
        frame.w.b.store(number, address_of(frame.w, target, index))
    return target


def _arange_rows(body: Body, equation: Equation) -> None:
    body.define("iota", equation, (), ())


def _size(frame: ProgramFrame, equation: Equation) -> View:
    w = frame.w
    target = frame.target(equation.results[0])
    number = w.number(equation.attributes["size"])
    value = IRValue(str(number), "i64") if isinstance(number, int) else number
    w.b.store(convert(w.b, value, storage(target.dtype)), target.address)
    return target


def _constant_registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    del b, operands
    return constants(equation.primitive.impl(**equation.attributes))


def _constant(frame: ProgramFrame, equation: Equation) -> View:
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
    Lowering(shaping.reshape, registers=_moved(lambda x, shape: x.reshape(shape)), view=_reshape),
    Lowering(
        shaping.transpose, registers=_moved(lambda x, axes: np.transpose(x, axes)), view=_transpose
    ),
    Lowering(
        sums.broadcast_to,
        registers=_moved(lambda x, shape: np.broadcast_to(x, shape)),
        view=_broadcast_to,
        rows=_broadcast_rows,
    ),
    Lowering(indexing.slice_, registers=_moved(lambda x, bounds: x[_slices(bounds)]), view=_slice),
    Lowering(
        indexing.unslice, registers=_unslice_registers, loops=_unslice, within=_unslice_within
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
    Lowering(composition.identity, registers=_moved(lambda x: x), view=_same),
    Lowering(composition.probe, registers=_moved(lambda x, label: x), view=_same),
    Lowering(primitives.arange, registers=_arange_registers, memory=_arange, rows=_arange_rows),
    Lowering(primitives.size, memory=_size),
    Lowering(primitives.constant, registers=_constant_registers, memory=_constant),
)

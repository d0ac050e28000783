"""Gathers and scatters of arrays in memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optserve.backends.llvm.builder import IRValue, constant
from optserve.backends.llvm.memory import storage
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.operations import OPERATIONS
from optserve.backends.llvm.program.sweeps import address_of, fill, load, loops, store, sweep
from optserve.backends.llvm.program.values import View
from optserve.backends.llvm.program.writer import Writer
from optserve.frozen import replace
from optserve.graph.dim import Size
from optserve.graph.graph import Equation

if TYPE_CHECKING:
    from optserve.backends.llvm.program.frame import Frame

__all__ = ["scatter_add", "take"]


def take(frame: Frame, equation: Equation) -> View:
    """Parts of a table by computed positions along an axis; NaN where one is out of range."""
    w, b = frame.w, frame.w.b
    table, indices = map(frame.view, equation.operands)
    target, axis = frame.target(equation.results[0]), equation.attributes["axis"]
    _check(target)
    count, size = len(indices.shape), table.shape[axis]
    if size == 0:
        fill(w, constant(math.nan, storage(target.dtype)), target)
        return target
    with loops(w, table.shape[:axis]) as before, loops(w, indices.shape) as place:
        front, valid = _in_range(w, b.load(address_of(w, indices, place), "i64"), size)
        source = _after(w, table, (*before, front))
        result = _after(w, target, (*before, *place))
        for lane in sweep(w, source.shape):
            found = load(w, source, source.strides, lane)
            missing = constant(math.nan, found.type)
            inside = b.splat(valid, lane.lanes)
            store(w, b.select(inside, found, missing), result, result.strides, lane)
    assert len(target.shape) == len(table.shape) - 1 + count
    return target


def scatter_add(frame: Frame, equation: Equation) -> View:
    """Values added in order at computed positions along an axis; out of range they are left out."""
    w, b = frame.w, frame.w.b
    values, indices = map(frame.view, equation.operands)
    target, axis = frame.target(equation.results[0]), equation.attributes["axis"]
    _check(target)
    fill(w, constant(0, storage(target.dtype)), target)
    size = target.shape[axis]
    if size == 0:
        return target
    with loops(w, values.shape[:axis]) as before, loops(w, indices.shape) as place:
        front, valid = _in_range(w, b.load(address_of(w, indices, place), "i64"), size)
        source = _after(w, values, (*before, *place))
        result = _after(w, target, (*before, front))
        for lane in sweep(w, source.shape):
            given = load(w, source, source.strides, lane)
            given = b.select(b.splat(valid, lane.lanes), given, constant(0, given.type))
            total = load(w, result, result.strides, lane)
            store(w, OPERATIONS["add"](b, total, given), result, result.strides, lane)
    return target


def _check(target: View) -> None:
    if target.dtype.kind != "f":
        raise Unsupported("a gather of anything but floats")


def _after(w: Writer, view: View, index: tuple[IRValue | int, ...]) -> View:
    """What is left of a view where its first axes have an index."""
    count = len(index)
    address = address_of(w, view, index, view.strides[:count])
    return replace(view, address=address, shape=view.shape[count:], strides=view.strides[count:])


def _in_range(w: Writer, index: IRValue, size: Size) -> tuple[IRValue, IRValue]:
    """The index counted from the front, 0 where it is out of range; and whether it is not."""
    b = w.b
    number = w.number(size)
    count = constant(number, "i64") if isinstance(number, int) else number
    zero = constant(0, "i64")
    wrapped = b.select(b.compare("slt", index, zero), b.binary("add", index, count), index)
    valid = b.compare("ult", wrapped, count)
    return b.select(valid, wrapped, zero), valid

"""Entries, or parts, of a table at computed positions, and what is added to them there."""

from __future__ import annotations

import math

from optserve.backends.llvm.ir.builder import IRValue, constant
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.gathering import add_where, in_range
from optserve.backends.llvm.ir.nest import address_of, fill, load, loops, store, sweep
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import View
from optserve.backends.llvm.programs.frame import Frame
from optserve.backends.llvm.programs.writer import Writer
from optserve.backends.llvm.rows.body import Body
from optserve.backends.llvm.rows.nodes import static
from optserve.backends.lowering import Lowering
from optserve.frozen import replace
from optserve.graph.graph import Equation
from optserve.primitives import indexing

__all__ = ["LOWERINGS"]


def _take(frame: Frame, equation: Equation) -> View:
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
        front, valid = in_range(w, b.load(address_of(w, indices, place), "i64"), size)
        source = _after(w, table, (*before, front))
        result = _after(w, target, (*before, *place))
        for lane in sweep(w, source.shape):
            found = load(w, source, source.strides, lane)
            missing = constant(math.nan, found.type)
            inside = b.splat(valid, lane.lanes)
            store(w, b.select(inside, found, missing), result, result.strides, lane)
    assert len(target.shape) == len(table.shape) - 1 + count
    return target


def _take_rows(body: Body, equation: Equation) -> None:
    table, indices = equation.operands
    if body.row_axis(table) is not None or equation.attributes["axis"] != 0:
        raise Unsupported("a gather from rows")
    if body.space(indices):
        raise Unsupported("a gather by more than one index a row")
    space = body.space(equation.results[0])
    inputs = (body.access(table), body.access(indices))
    body.define("take", equation, space, inputs, detail=table.aval.shape[0])


def _scatter_add(frame: Frame, equation: Equation) -> View:
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
        front, valid = in_range(w, b.load(address_of(w, indices, place), "i64"), size)
        source = _after(w, values, (*before, *place))
        result = _after(w, target, (*before, front))
        add_where(w, valid, source, result)
    return target


def _scatter_rows(body: Body, equation: Equation) -> None:
    values, indices = equation.operands
    if body.row_axis(indices) != 0 or body.space(indices) or equation.attributes["axis"]:
        raise Unsupported("a scatter by more than one index a row")
    inputs = (body.access(values), body.access(indices))
    size = static(equation.attributes["size"])
    body.reduce("scatter", equation, body.space(values), inputs, detail=size)


def _check(target: View) -> None:
    if target.dtype.kind != "f":
        raise Unsupported("a gather of anything but floats")


def _after(w: Writer, view: View, index: tuple[IRValue | int, ...]) -> View:
    """What is left of a view where its first axes have an index."""
    count = len(index)
    address = address_of(w, view, index, view.strides[:count])
    return replace(view, address=address, shape=view.shape[count:], strides=view.strides[count:])


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(indexing.take, memory=_take, rows=_take_rows),
    Lowering(indexing.scatter_add, memory=_scatter_add, rows=_scatter_rows),
)

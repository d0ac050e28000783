"""Entries, or parts, of a table at computed positions, and what is added to them there.

A position out of range gives NaN. Whole numbers and truth values have none: there native code
fails, and NumPy says where.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optserve.backends.llvm.ir.builder import IRValue, constant
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.gathering import add_where, in_range, missing
from optserve.backends.llvm.ir.nest import (
    FunctionScope,
    address_of,
    fill,
    load,
    loops,
    store,
    sweep,
)
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import View
from optserve.backends.llvm.lowerings.lookup import axis_within
from optserve.backends.llvm.rows.body import Body
from optserve.backends.llvm.rows.computations import static
from optserve.backends.lowering import Attributes, Lowering
from optserve.graph.graph import Equation
from optserve.primitives import along_axis, indexing

__all__ = ["LOWERINGS"]


def _take(w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View) -> None:
    """Parts of a table by computed positions along an axis."""
    table, indices = views
    axis = attributes["axis"]
    if _is_empty(table, axis):
        fill(w, missing(storage(target.dtype)), target)
        return
    with loops(w, table.shape[:axis]) as before, loops(w, indices.shape) as place:
        index = w.b.load(address_of(w, indices, place), "i64")
        front, valid = in_range(w, index, table.shape[axis], table.dtype)
        result = _after(w, target, (*before, *place))
        _take_part(w, valid, _after(w, table, (*before, front)), result)


def _take_along(
    w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View
) -> None:
    """The same where each entry of the result has a position of its own."""
    table, indices = views
    axis = attributes["axis"]
    if _is_empty(table, axis):
        fill(w, missing(storage(target.dtype)), target)
        return
    with loops(w, indices.shape) as place:
        index = w.b.load(address_of(w, indices, place), "i64")
        front, valid = in_range(w, index, table.shape[axis], table.dtype)
        source = _after(w, table, (*place[:axis], front, *place[axis + 1 :]))
        _take_part(w, valid, source, _after(w, target, place))


def _take_part(w: FunctionScope, valid: IRValue, source: View, result: View) -> None:
    b = w.b
    for lane in sweep(w, source.shape):
        found = load(w, source, source.strides, lane)
        if source.dtype.kind == "f":
            found = b.select(b.splat(valid, lane.lanes), found, missing(found.type))
        store(w, found, result, result.strides, lane)


def _take_rows(body: Body, equation: Equation) -> None:
    table, indices = equation.operands
    axis = equation.attributes["axis"]
    if body.row_axis(table) is not None or body.row_axis(indices) != 0 or axis:
        raise Unsupported("a gather from rows")
    if table.aval.shape[0] == 0:
        raise Unsupported("a gather from nothing")
    inputs = (body.access(table), body.access(indices))
    space = body.space(equation.results[0])
    if body.space(indices):
        body.define("each", equation, space, inputs, detail=(_take, equation.attributes))
    else:
        body.define("take", equation, space, inputs, detail=table.aval.shape[0])


def _scatter_add(
    w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View
) -> None:
    """Values added in order at computed positions along an axis; out of range they are left out."""
    fill(w, constant(0, storage(target.dtype)), target)
    _add_at(w, attributes, views, target)


def _add_at(w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View) -> None:
    values, indices = views
    axis = attributes["axis"]
    if _is_empty(target, axis):
        return
    with loops(w, values.shape[:axis]) as before, loops(w, indices.shape) as place:
        index = w.b.load(address_of(w, indices, place), "i64")
        front, valid = in_range(w, index, target.shape[axis], target.dtype)
        source = _after(w, values, (*before, *place))
        add_where(w, valid, source, _after(w, target, (*before, front)))


def _add_along(
    w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View
) -> None:
    """The same where each value has a position of its own."""
    values, indices = views
    axis = attributes["axis"]
    fill(w, constant(0, storage(target.dtype)), target)
    if _is_empty(target, axis):
        return
    with loops(w, values.shape) as place:
        index = w.b.load(address_of(w, indices, place), "i64")
        front, valid = in_range(w, index, target.shape[axis], target.dtype)
        result = _after(w, target, (*place[:axis], front, *place[axis + 1 :]))
        add_where(w, valid, _after(w, values, place), result)


def _scatter_rows(body: Body, equation: Equation) -> None:
    values, indices = equation.operands
    if body.row_axis(indices) is None:
        raise Unsupported("rows by a fixed index")
    inputs = (body.access(values), body.access(indices))
    size, axis = static(equation.attributes["size"]), equation.attributes["axis"]
    if body.space(indices) or axis or values.aval.dtype.kind != "f":
        space = body.space(equation.results[0])
        body.reduce("each", equation, space, inputs, detail=(_add_at, equation.attributes))
    else:
        body.reduce("scatter", equation, body.space(values), inputs, detail=size)


def _fixed_within(attributes: Attributes, carried: Sequence[int | None]) -> Attributes | None:
    """The attributes within a row where each row is gathered from, or added to, at positions that
    are the same in all."""
    given, indices = carried
    return None if indices is not None else axis_within(attributes, (given,))


def _is_empty(table: View, axis: int) -> bool:
    """Whether there is nothing at any position."""
    if table.shape[axis] == 0 and table.dtype.kind != "f":
        raise Unsupported("a gather from nothing")
    return table.shape[axis] == 0


def _after(w: FunctionScope, view: View, index: tuple[IRValue | int, ...]) -> View:
    """What is left of a view where its first axes have an index."""
    count = len(index)
    address = address_of(w, view, index, view.strides[:count])
    return replace(view, address=address, shape=view.shape[count:], strides=view.strides[count:])


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(indexing.take, loops=_take, rows=_take_rows, within=_fixed_within),
    Lowering(indexing.scatter_add, loops=_scatter_add, rows=_scatter_rows, within=_fixed_within),
    Lowering(along_axis.take_along_axis, loops=_take_along, within=axis_within),
    Lowering(along_axis.add_along_axis, loops=_add_along, within=axis_within),
)

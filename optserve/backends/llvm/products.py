"""Nodes with loops of their own: products, reductions within a row, gathers and scatters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optserve.backends.llvm.builder import LANES, IRValue, constant, element, vector
from optserve.backends.llvm.contraction import emit_contraction
from optserve.backends.llvm.large_products import emit_large, is_large
from optserve.backends.llvm.matrices import (
    operand,
    outer_product,
    row_times_matrix,
    row_times_vector,
)
from optserve.backends.llvm.memory import contiguous, storage
from optserve.backends.llvm.nodes import Node, Unsupported, result_space
from optserve.backends.llvm.operations import convert
from optserve.backends.llvm.places import Place, entries, outer_loops
from optserve.backends.llvm.reducing import across, combine, unit
from optserve.frozen import replace

if TYPE_CHECKING:
    from optserve.backends.llvm.kernel import Emitter

__all__ = ["emit_node", "gather"]

AHEAD = 256
"""Rows from a look at an index to the use of what it points to."""


def emit_node(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """The loops of a node that is not fused with others."""
    handlers = {
        "matvec": row_times_vector,
        "matmul": row_times_matrix,
        "outer": outer_product,
        "reduce": _reduce,
        "scatter": _scatter,
        "contract": emit_contraction,
    }
    handler = emit_large if is_large(node) else handlers[node.kind]
    handler(emitter, node, start, rows)


def _reduce(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """A reduction over the last axis, or over all axes, within each row."""
    b, memory = emitter.b, emitter.memory
    kind, axes = node.detail
    access = operand(node, 0)
    space = node.space
    assert node.result is not None
    if len(space) - 1 not in axes:
        _reduce_across_rows_of_lanes(emitter, node, start, rows)
        return
    if axes not in ((len(space) - 1,), tuple(range(len(space)))):
        raise Unsupported("a reduction over the last axis and some of the others")
    kept = space[:-1] if axes == (len(space) - 1,) else ()
    out = contiguous(node.result, result_space(node))
    type_ = vector(storage(node.result.aval.dtype))
    slot = b.alloca(type_)
    with b.loop(0, rows) as local, outer_loops(b, kept) as index:
        b.store(constant(unit(kind, type_), type_), slot)
        row = memory.row_of(start, local)
        for place in entries(b, space[len(kept) :], row, local):
            at = replace(place, index=(*index, *place.index))
            value = convert(b, memory.fetch(access, space, at), element(type_))
            if place.mask is not None:
                value = b.select(place.mask, value, constant(unit(kind, type_), type_))
            b.store(combine(b, kind, b.load(slot, type_), value), slot)
        total = across(b, b.load(slot, type_), kind)
        ones = (0,) * (len(out.space) - len(index))
        b.store(total, memory.address(out, local, start, (*index, *ones)))


def _reduce_across_rows_of_lanes(
    emitter: Emitter, node: Node, start: IRValue, rows: IRValue
) -> None:
    """A reduction over axes other than the last, which stays along the lanes."""
    b, memory = emitter.b, emitter.memory
    kind, axes = node.detail
    access, space = operand(node, 0), node.space
    assert node.result is not None
    kept = [axis for axis in range(len(space)) if axis not in axes]
    out = contiguous(node.result, tuple(space[axis] for axis in kept))
    type_ = vector(storage(node.result.aval.dtype))
    slot = b.alloca(type_)
    with b.loop(0, rows) as local:
        for place in entries(b, out.space, memory.row_of(start, local), local):
            b.store(constant(unit(kind, type_), type_), slot)
            with outer_loops(b, [space[axis] for axis in axes]) as reduced:
                known = dict(zip([*kept, *axes], [*place.index, *reduced], strict=True))
                at = replace(place, index=tuple(known[axis] for axis in range(len(space))))
                value = convert(b, memory.fetch(access, space, at), element(type_))
                b.store(combine(b, kind, b.load(slot, type_), value), slot)
            memory.write(b.load(slot, type_), memory.address(out, local, start, place.index), place)


def gather(emitter: Emitter, node: Node, index: IRValue, place: Place) -> IRValue:
    """Entries, or rows, of a fixed table by an index a row; NaN where it is out of range."""
    b, memory = emitter.b, emitter.memory
    table = operand(node, 0)
    scalar = storage(table.root.aval.dtype)
    if scalar not in ("double", "float"):
        raise Unsupported("a gather of anything but floats")
    front, valid = _in_range(emitter, index, node.detail)
    if node.space:  # one row of the table: the index is the same in all lanes
        row = memory.fetch_row(table, b.lane(front, 0), place)
        return b.select(valid, row, constant(math.nan, row.type))
    if table.strides[0] == 1:
        first = b.at(memory.addresses[table.root], scalar, table.offset)
        _look_ahead(emitter, node, place, first, scalar)
    result = constant(0, vector(scalar))
    for lane in range(LANES):
        at = b.lane(front, lane)
        at = b.emit(f"mul nsw i64 {at}, {table.strides[0]}", "i64")
        at = b.emit(f"add nsw i64 {at}, {table.offset}", "i64")
        value = b.load(b.at(memory.addresses[table.root], scalar, at), scalar)
        result = b.insert(result, value, lane)
    return b.select(valid, result, constant(math.nan, result.type))


def _look_ahead(
    emitter: Emitter, node: Node, place: Place, base: IRValue, scalar: str, lanes: int = LANES
) -> None:
    """Bring the entries of a table at the indices of later rows into the cache: they are anywhere,
    and the processor cannot guess where.

    No index is read past the last row of this call, behind which there may be no memory.
    """
    b, memory, indices = emitter.b, emitter.memory, operand(node, 1)
    in_memory = indices.root in memory.addresses and indices.root not in memory.buffers
    if place.mask is not None or indices.row != 1 or not in_memory:
        return
    later = b.emit(f"add nsw i64 {place.row}, {AHEAD}", "i64")
    last = b.emit(f"sub nsw i64 %last, {lanes}", "i64")
    at = memory.entry(indices, replace(place, row=b.intrinsic("smin", later, last)))
    index = b.load(at, vector("i64", lanes) if lanes > 1 else "i64")
    for lane in range(lanes):
        one = b.lane(index, lane) if lanes > 1 else index
        b.prefetch(b.at(base, scalar, one), write=node.kind == "scatter")


def _in_range(emitter: Emitter, index: IRValue, size: int) -> tuple[IRValue, IRValue]:
    """Indices counted from the front, 0 where they are out of range; and where they are not."""
    b = emitter.b
    zero, count = constant(0, index.type), constant(size, index.type)
    wrapped = b.select(b.compare("slt", index, zero), b.binary("add", index, count), index)
    valid = b.compare("ult", wrapped, count)
    return b.select(valid, wrapped, zero), valid


def _scatter(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """Each row's value added where its index says; out of range it is left out."""
    b, memory = emitter.b, emitter.memory
    values, indices = operand(node, 0), operand(node, 1)
    assert node.output is not None
    scalar = emitter.output_scalar(node.output)
    base = memory.addresses[emitter.outputs[node.output]]
    with b.loop(0, rows) as local:
        front, valid = _in_range(emitter, memory.scalar(indices, local, start), node.detail)
        if node.space:
            first = b.emit(f"mul nsw i64 {front}, {math.prod(node.space)}", "i64")
            for place in entries(b, node.space, memory.row_of(start, local), local):
                lanes = convert(b, memory.fetch(values, node.space, place), scalar)
                lanes = b.select(b.splat(valid), lanes, constant(0.0, lanes.type))
                address = memory.within(base, scalar, first, node.space, place)
                total = combine(b, "sum", memory.read(address, lanes.type, place), lanes)
                memory.write(total, address, place)
        else:
            row = memory.row_of(start, local)
            _look_ahead(emitter, node, Place(row, local, (), None), base, scalar, 1)
            value = convert(b, memory.scalar(values, local, start), scalar)
            value = b.select(valid, value, constant(0.0, scalar))
            address = b.at(base, scalar, front)
            b.store(combine(b, "sum", b.load(address, scalar), value), address)

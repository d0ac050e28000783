"""Nodes with loops of their own: products, reductions within a row, gathers and scatters."""

from __future__ import annotations

import math

from optserve.backends.llvm.ir.arithmetic import convert
from optserve.backends.llvm.ir.builder import IRValue, constant, element, vector
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.reducing import across, combine, unit
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.rows.blas import emit_large
from optserve.backends.llvm.rows.blocks import is_large
from optserve.backends.llvm.rows.contraction import emit_contraction
from optserve.backends.llvm.rows.emitter import Emitter
from optserve.backends.llvm.rows.gathers import in_range, look_ahead
from optserve.backends.llvm.rows.memory import contiguous
from optserve.backends.llvm.rows.nodes import Node, operand, result_space
from optserve.backends.llvm.rows.places import Place, entries, outer_loops
from optserve.backends.llvm.rows.tiles import (
    outer_product,
    row_times_matrix,
    row_times_vector,
)
from optserve.frozen import replace

__all__ = ["emit_node"]


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


def _scatter(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """Each row's value added where its index says; out of range it is left out."""
    b, memory = emitter.b, emitter.memory
    values, indices = operand(node, 0), operand(node, 1)
    assert node.output is not None
    scalar = emitter.output_scalar(node.output)
    base = memory.addresses[emitter.outputs[node.output]]
    with b.loop(0, rows) as local:
        front, valid = in_range(b, memory.scalar(indices, local, start), node.detail)
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
            look_ahead(memory, node, Place(row, local, (), None), base, scalar, 1)
            value = convert(b, memory.scalar(values, local, start), scalar)
            value = b.select(valid, value, constant(0.0, scalar))
            address = b.at(base, scalar, front)
            b.store(combine(b, "sum", b.load(address, scalar), value), address)

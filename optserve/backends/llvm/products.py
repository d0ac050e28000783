"""Nodes with loops of their own: products, reductions within a row, gathers and scatters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optserve.backends.llvm.builder import LANES, IRValue, constant, element, vector
from optserve.backends.llvm.contraction import emit_contraction
from optserve.backends.llvm.memory import contiguous, storage
from optserve.backends.llvm.nodes import Access, Node, Unsupported, result_space
from optserve.backends.llvm.operations import convert
from optserve.backends.llvm.places import Place, entries, outer_loops
from optserve.backends.llvm.reducing import across, combine, unit
from optserve.frozen import replace

if TYPE_CHECKING:
    from optserve.backends.llvm.kernel import Emitter

__all__ = ["emit_node", "gather"]

UNROLLED = 4
"""Rows (or columns) that a product handles at a time: each load of the other side serves all."""


def emit_node(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """The loops of a node that is not fused with others."""
    handlers = {
        "matvec": _matvec,
        "matmul": _matmul,
        "outer": _outer,
        "reduce": _reduce,
        "scatter": _scatter,
        "contract": emit_contraction,
    }
    handlers[node.kind](emitter, node, start, rows)


def _access(node: Node, position: int) -> Access:
    entry = node.inputs[position]
    if not isinstance(entry, Access):
        raise Unsupported("a product with a literal")
    return entry


def _plus(emitter: Emitter, index: IRValue, offset: int) -> IRValue:
    return emitter.b.emit(f"add nsw i64 {index}, {offset}", "i64") if offset else index


def _matvec(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """x (rows, k) @ w (k,): lanes along k, eight rows at a time, their sums turned into lanes."""
    b, memory = emitter.b, emitter.memory
    if _access(node, 0).strides[-1] != 1:
        raise Unsupported("a product along entries that are not next to each other")
    assert node.result is not None
    out = contiguous(node.result, ())
    whole = b.emit(f"and i64 {rows}, -{LANES}", "i64")
    with b.loop(0, whole, LANES) as local:
        sums = [_dot(emitter, node, start, _plus(emitter, local, i)) for i in range(LANES)]
        b.store(_sums_as_lanes(emitter, sums), memory.address(out, local, start))
    with b.loop(whole, rows) as local:
        lanes = _sums_as_lanes(emitter, [_dot(emitter, node, start, local)] * LANES)
        b.store(b.lane(lanes, 0), memory.address(out, local, start))


def _dot(emitter: Emitter, node: Node, start: IRValue, local: IRValue) -> IRValue:
    """The products of one row, summed into 8 lanes."""
    b, memory = emitter.b, emitter.memory
    x, w = _access(node, 0), _access(node, 1)
    space = (node.detail,)
    type_ = vector(storage(x.root.aval.dtype))
    slot = b.alloca(type_)
    b.store(constant(0.0, type_), slot)
    for place in entries(b, space, memory.row_of(start, local), local):
        left, right = memory.fetch(x, space, place), memory.fetch(w, space, place)
        b.store(b.fma(left, right, b.load(slot, type_)), slot)
    return b.load(slot, type_)


def _sums_as_lanes(emitter: Emitter, sums: list[IRValue]) -> IRValue:
    """Eight vectors of eight lanes as one vector of their sums, neighbours added pairwise."""
    b = emitter.b
    even, odd = list(range(0, 2 * LANES, 2)), list(range(1, 2 * LANES, 2))
    while len(sums) > 1:
        sums = [
            b.binary("fadd", b.shuffle(x, y, even), b.shuffle(x, y, odd))
            for x, y in zip(sums[::2], sums[1::2], strict=True)
        ]
    return sums[0]


def _matmul(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """x (rows, k) @ w (k, m): lanes along m; four rows share each load of w."""
    b = emitter.b
    whole = b.emit(f"and i64 {rows}, -{UNROLLED}", "i64")
    with b.loop(0, whole, UNROLLED) as local:
        _matmul_rows(emitter, node, start, [_plus(emitter, local, i) for i in range(UNROLLED)])
    with b.loop(whole, rows) as local:
        _matmul_rows(emitter, node, start, [local])


def _matmul_rows(emitter: Emitter, node: Node, start: IRValue, locals_: Sequence[IRValue]) -> None:
    b, memory = emitter.b, emitter.memory
    x, w = _access(node, 0), _access(node, 1)
    assert node.result is not None
    out = contiguous(node.result, node.space)
    type_ = vector(storage(node.result.aval.dtype))
    slots = [b.alloca(type_) for _ in locals_]
    for place in entries(b, node.space, start, locals_[0]):
        for slot in slots:
            b.store(constant(0.0, type_), slot)
        with b.loop(0, node.detail) as k:
            weight = memory.fetch_row(w, k, place)
            for slot, local in zip(slots, locals_, strict=True):
                factor = b.splat(memory.scalar(x, local, start, (k,)))
                b.store(b.fma(factor, weight, b.load(slot, type_)), slot)
        for slot, local in zip(slots, locals_, strict=True):
            address = memory.address(out, local, start, place.index)
            memory.write(b.load(slot, type_), address, place)


def _outer(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """Sum over rows of the products of two rows: (k,) or (k, m), accumulated in the output."""
    b, memory = emitter.b, emitter.memory
    x, y = _access(node, 0), _access(node, 1)
    left, right = node.detail
    if not right:  # x' @ v is v @ x: the scalar first, the vector along the lanes
        x, y, left, right = y, x, right, left
    if len(left) > 1 or len(right) != 1:
        raise Unsupported("a product of rows with many axes")
    assert node.output is not None
    scalar = emitter.output_scalar(node.output)
    type_ = vector(scalar)
    base = memory.addresses[emitter.outputs[node.output]]
    height, width = left[0] if left else 1, right[0]
    whole = height // UNROLLED * UNROLLED
    for begin, end, count in ((0, whole, UNROLLED), (whole, height, 1)):
        if begin == end:
            continue
        with b.loop(begin, end, count) as first:
            columns = [_plus(emitter, first, i) for i in range(count)]
            slots = [b.alloca(type_) for _ in columns]
            for place in entries(b, (width,), start, rows):
                addresses = []
                for column in columns:
                    offset = b.emit(f"mul nsw i64 {column}, {width}", "i64")
                    offset = b.emit(f"add nsw i64 {offset}, {place.index[0]}", "i64")
                    addresses.append(b.at(base, scalar, offset))
                for slot, address in zip(slots, addresses, strict=True):
                    b.store(memory.read(address, type_, place), slot)
                with b.loop(0, rows) as local:
                    lanes = memory.fetch_local(y, (width,), start, local, place)
                    lanes = convert(b, lanes, scalar)
                    for slot, column in zip(slots, columns, strict=True):
                        index = (column,) if x.space else ()
                        factor = convert(b, memory.scalar(x, local, start, index), scalar)
                        b.store(b.fma(b.splat(factor), lanes, b.load(slot, type_)), slot)
                for slot, address in zip(slots, addresses, strict=True):
                    memory.write(b.load(slot, type_), address, place)


def _reduce(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """A reduction over the last axis, or over all axes, within each row."""
    b, memory = emitter.b, emitter.memory
    kind, axes = node.detail
    access = _access(node, 0)
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
        b.store(constant(unit(kind), type_), slot)
        row = memory.row_of(start, local)
        for place in entries(b, space[len(kept) :], row, local):
            at = replace(place, index=(*index, *place.index))
            value = convert(b, memory.fetch(access, space, at), element(type_))
            if place.mask is not None:
                value = b.select(place.mask, value, constant(unit(kind), type_))
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
    access, space = _access(node, 0), node.space
    assert node.result is not None
    kept = [axis for axis in range(len(space)) if axis not in axes]
    out = contiguous(node.result, tuple(space[axis] for axis in kept))
    type_ = vector(storage(node.result.aval.dtype))
    slot = b.alloca(type_)
    with b.loop(0, rows) as local:
        for place in entries(b, out.space, memory.row_of(start, local), local):
            b.store(constant(unit(kind), type_), slot)
            with outer_loops(b, [space[axis] for axis in axes]) as reduced:
                known = dict(zip([*kept, *axes], [*place.index, *reduced], strict=True))
                at = replace(place, index=tuple(known[axis] for axis in range(len(space))))
                value = convert(b, memory.fetch(access, space, at), element(type_))
                b.store(combine(b, kind, b.load(slot, type_), value), slot)
            memory.write(b.load(slot, type_), memory.address(out, local, start, place.index), place)


def gather(emitter: Emitter, node: Node, index: IRValue, place: Place) -> IRValue:
    """Entries, or rows, of a fixed table by an index a row; NaN where it is out of range."""
    b, memory = emitter.b, emitter.memory
    table = _access(node, 0)
    scalar = storage(table.root.aval.dtype)
    if scalar not in ("double", "float"):
        raise Unsupported("a gather of anything but floats")
    front, valid = _in_range(emitter, index, node.detail)
    if node.space:  # one row of the table: the index is the same in all lanes
        row = memory.fetch_row(table, b.lane(front, 0), place)
        return b.select(valid, row, constant(math.nan, row.type))
    result = constant(0, vector(scalar))
    for lane in range(LANES):
        at = b.lane(front, lane)
        at = b.emit(f"mul nsw i64 {at}, {table.strides[0]}", "i64")
        at = b.emit(f"add nsw i64 {at}, {table.offset}", "i64")
        value = b.load(b.at(memory.addresses[table.root], scalar, at), scalar)
        result = b.insert(result, value, lane)
    return b.select(valid, result, constant(math.nan, result.type))


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
    values, indices = _access(node, 0), _access(node, 1)
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
            value = convert(b, memory.scalar(values, local, start), scalar)
            value = b.select(valid, value, constant(0.0, scalar))
            address = b.at(base, scalar, front)
            b.store(combine(b, "sum", b.load(address, scalar), value), address)

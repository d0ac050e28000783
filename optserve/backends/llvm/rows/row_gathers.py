"""Gathers from fixed tables by an index a row, and looks ahead at what later rows will need."""

from __future__ import annotations

from dataclasses import replace

from optserve.backends.llvm.ir.builder import LANES, IRValue, constant, vector
from optserve.backends.llvm.ir.gathering import in_range, missing
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.rows.computations import Computation, operand
from optserve.backends.llvm.rows.loop_places import LoopPlace
from optserve.backends.llvm.rows.memory import KernelMemory

__all__ = ["gather", "look_ahead"]

AHEAD = 256
"""Rows from a look at an index to the use of what it points to."""


def gather(memory: KernelMemory, node: Computation, index: IRValue, place: LoopPlace) -> IRValue:
    """Entries, or rows, of a fixed table by an index a row; NaN where it is out of range."""
    b = memory.b
    table = operand(node, 0)
    dtype = table.root.aval.dtype
    scalar = storage(dtype)
    front, valid = in_range(memory, index, node.detail, dtype, place.mask)
    if node.space:  # one row of the table: the index is the same in all lanes
        result = memory.fetch_row(table, b.lane(front, 0), place)
    else:
        if table.strides[0] == 1:
            first = b.at(memory.addresses[table.root], scalar, table.offset)
            look_ahead(memory, node, place, first, scalar)
        result = constant(0, vector(scalar))
        for lane in range(LANES):
            at = b.lane(front, lane)
            at = b.emit(f"mul nsw i64 {at}, {table.strides[0]}", "i64")
            at = b.emit(f"add nsw i64 {at}, {table.offset}", "i64")
            value = b.load(b.at(memory.addresses[table.root], scalar, at), scalar)
            result = b.insert(result, value, lane)
        result = convert(b, result, register_type(dtype))
    return b.select(valid, result, missing(result.type)) if dtype.kind == "f" else result


def look_ahead(
    memory: KernelMemory,
    node: Computation,
    place: LoopPlace,
    base: IRValue,
    scalar: str,
    lanes: int = LANES,
) -> None:
    """Bring the entries of a table at the indices of later rows into the cache: they are anywhere,
    and the processor cannot guess where.

    No index is read past the last row of this call, behind which there may be no memory.
    """
    b, indices = memory.b, operand(node, 1)
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

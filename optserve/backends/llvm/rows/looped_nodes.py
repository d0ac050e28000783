"""Nodes with loops of their own: products, reductions within a row, gathers and scatters."""

from __future__ import annotations

import math
from dataclasses import replace

from optserve.backends.llvm.ir.builder import IRValue, constant
from optserve.backends.llvm.ir.contracting import Contraction
from optserve.backends.llvm.ir.gathering import add_where, in_range
from optserve.backends.llvm.ir.operations import add, convert
from optserve.backends.llvm.ir.reducing import reduce_view
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.rows.blas_calls import emit_large
from optserve.backends.llvm.rows.blocks import is_large
from optserve.backends.llvm.rows.computations import Computation, operand, result_space
from optserve.backends.llvm.rows.emitter import Emitter
from optserve.backends.llvm.rows.loop_places import LoopPlace
from optserve.backends.llvm.rows.matrix_tiles import (
    outer_product,
    row_times_matrix,
    row_times_vector,
)
from optserve.backends.llvm.rows.memory import contiguous
from optserve.backends.llvm.rows.row_gathers import look_ahead

__all__ = ["emit_node"]


def emit_node(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """The loops of a node that is not fused with others."""
    handlers = {
        "matvec": row_times_vector,
        "matmul": row_times_matrix,
        "outer": outer_product,
        "reduce": _reduce,
        "scatter": _scatter,
        "contract": _contract,
        "each": _each,
    }
    handler = emit_large if is_large(node) else handlers[node.kind]
    handler(emitter, node, start, rows)


def _reduce(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """A reduction within each row, whose sums have the precision of the row."""
    memory = emitter.memory
    kind, axes = node.detail
    assert node.result is not None
    out = contiguous(node.result, result_space(node))
    scalar = storage(node.result.aval.dtype)
    with emitter.b.loop(0, rows) as local:
        view = memory.row(operand(node, 0), start, local, node.space)
        target = memory.row(out, start, local)
        reduce_view(emitter, kind, view, axes, target, scalar, collapse=False)


def _contract(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """A sum of products within each row, or of rows: the latter is added to the output.

    Lanes run along the last letter of the result, or the last that is summed.
    """
    memory, detail = emitter.memory, node.detail
    along = (detail.kept or detail.summed)[-1:]
    with emitter.b.loop(0, rows) as local:
        views = [memory.row(operand(node, i), start, local) for i in range(len(node.inputs))]
        if node.result is not None:
            target = memory.row(contiguous(node.result, node.space), start, local)
        else:
            target = emitter.output(node)
        adds = node.result is None
        Contraction(
            emitter, detail.labels, detail.kept, views, target, along, fused=False, adds=adds
        ).write()


def _each(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """The loops of a value in memory, in each row; what is over rows is added to the output."""
    memory, (write, attributes) = emitter.memory, node.detail
    with emitter.b.loop(0, rows) as local:
        views = [memory.row(operand(node, i), start, local) for i in range(len(node.inputs))]
        if node.result is None:
            target = emitter.output(node)
        else:
            target = memory.row(contiguous(node.result, node.space), start, local)
        write(emitter, attributes, views, target)


def _scatter(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """Each row's value added where its index says; out of range it is left out."""
    b, memory = emitter.b, emitter.memory
    values, indices = operand(node, 0), operand(node, 1)
    assert node.output is not None
    scalar = emitter.output_scalar(node.output)
    base = memory.addresses[emitter.outputs[node.output]]
    with b.loop(0, rows) as local:
        front, valid = in_range(
            emitter, memory.scalar(indices, local, start), node.detail, values.root.aval.dtype
        )
        if node.space:
            first = b.emit(f"mul nsw i64 {front}, {math.prod(node.space)}", "i64")
            target = replace(emitter.output(node), address=b.at(base, scalar, first))
            add_where(emitter, valid, memory.row(values, start, local, node.space), target)
        else:
            row = memory.row_of(start, local)
            look_ahead(memory, node, LoopPlace(row, local, (), None), base, scalar, 1)
            value = convert(b, memory.scalar(values, local, start), scalar)
            value = b.select(valid, value, constant(0.0, scalar))
            address = b.at(base, scalar, front)
            b.store(add(b, b.load(address, scalar), value), address)

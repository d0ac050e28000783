"""Reductions of arrays in memory over some of their axes, in eight lanes where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from optserve.backends.llvm.ir.arithmetic import (
    Operation,
    add,
    convert,
    greater,
    is_floating,
    less,
    logical_and,
    logical_or,
    maximum,
    minimum,
)
from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import (
    Index,
    Lane,
    address_of,
    from_the_end,
    load,
    loops,
)
from optserve.backends.llvm.ir.reducing import (
    ALL,
    ANY,
    LOGSUMEXP,
    MAX,
    MIN,
    SUM,
    Reduction,
    reduce_view,
)
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.ir.view import Registers, View, in_array
from optserve.backends.llvm.programs.frame import Frame, numbers
from optserve.backends.llvm.rows.body import Body
from optserve.backends.lowering import Lowering
from optserve.graph.graph import Equation
from optserve.primitives import ordering, reductions, sums

__all__ = ["LOWERINGS"]


OnRegisters = Callable[[Builder, Equation, Sequence[Registers]], Registers]


def accumulator(kind: Reduction, view: View) -> str:
    """The type that partial results have: float32 adds in double, truth values count in i64."""
    scalar = storage(view.dtype)
    if kind.truths:
        return "i64"
    return {"float": "double", "i8": "i64"}.get(scalar, scalar) if kind is SUM else scalar


def _reduction(kind: Reduction, frame: Frame, equation: Equation) -> View:
    view, axes = frame.view(equation.operands[0]), equation.attributes["axis"]
    target = frame.target(equation.results[0])
    reduce_view(frame.w, kind, view, axes, target, accumulator(kind, view))
    return target


def _cumsum(frame: Frame, equation: Equation) -> View:
    """One line after another, each in order."""
    w, b = frame.w, frame.w.b
    view, target = frame.view(equation.operands[0]), frame.target(equation.results[0])
    axis, backward = equation.attributes["axis"], equation.attributes["reverse"]
    scalar = accumulator(SUM, view)
    slot = b.alloca(scalar)
    others = [i for i in range(len(view.shape)) if i != axis]
    count = w.number(view.shape[axis])
    with loops(w, tuple(view.shape[i] for i in others)) as outer:
        b.store(constant(0, scalar), slot)
        with b.loop(0, count) as step:
            at = from_the_end(w, count, step) if backward else step
            index: Index = (*outer[:axis], at, *outer[axis:])
            entry = load(w, view, view.strides, Lane(index, lanes=1))
            total = b.load(slot, scalar)
            total = add(b, total, convert(b, entry, scalar))
            b.store(total, slot)
            b.store(convert(b, total, storage(target.dtype)), address_of(w, target, index))
    return target


# In registers.


def _groups(x: Registers, axes: Sequence[int]) -> Iterator[list[IRValue]]:
    """For each entry that is left, those that are reduced to it, in order."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    ordered = np.transpose(x, (*kept, *axes))
    for index in np.ndindex(*(x.shape[axis] for axis in kept)):
        yield list(ordered[(*index, ...)].flat)


def _in_pairs(combine: Callable[[IRValue, IRValue], IRValue], entries: list[IRValue]) -> IRValue:
    """Neighbours combined until one is left."""
    while len(entries) > 1:
        pairs = [combine(x, y) for x, y in zip(entries[::2], entries[1::2], strict=False)]
        entries = pairs + entries[len(entries) & ~1 :]
    return entries[0]


def _sum_registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    """float32 in double, truth values in whole numbers."""
    result = equation.results[0].aval
    narrow = register_type(result.dtype)
    wide = "double" if narrow == "float" else narrow
    sums = []
    for entries in _groups(operands[0], equation.attributes["axis"]):
        terms = [convert(b, entry, wide) for entry in entries] or [constant(0, wide)]
        total = _in_pairs(partial(add, b), terms)
        sums.append(convert(b, total, narrow))
    return in_array(sums, numbers(result.shape))


def _extreme_registers(operation: Operation) -> OnRegisters:
    def registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        found = [
            _in_pairs(partial(operation, b), entries)
            for entries in _groups(operands[0], equation.attributes["axis"])
        ]
        return in_array(found, numbers(equation.results[0].aval.shape))

    return registers


def _test_registers(operation: Operation, empty: bool) -> OnRegisters:
    def registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        found = []
        for entries in _groups(operands[0], equation.attributes["axis"]):
            truths = [convert(b, entry, "i1") for entry in entries] or [constant(empty, "i1")]
            found.append(_in_pairs(partial(operation, b), truths))
        return in_array(found, numbers(equation.results[0].aval.shape))

    return registers


def _cumsum_registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    result = equation.results[0].aval
    narrow = register_type(result.dtype)
    wide = "double" if narrow == "float" else narrow
    axis = equation.attributes["axis"]
    order = slice(None, None, -1 if equation.attributes["reverse"] else 1)
    out = np.empty(numbers(result.shape), object)
    lines, sums = np.moveaxis(operands[0], axis, -1), np.moveaxis(out, axis, -1)
    for index in np.ndindex(*lines.shape[:-1]):
        total = constant(0, wide)
        totals = []
        for entry in lines[index][order]:
            total = add(b, total, convert(b, entry, wide))
            totals.append(convert(b, total, narrow))
        sums[index][order] = in_array(totals, (len(totals),))
    return out


def _position_registers(comparison: Operation) -> OnRegisters:
    """The first of the largest or smallest; NaN before all."""

    def registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        found = []
        for entries in _groups(operands[0], [equation.attributes["axis"]]):
            best, at = entries[0], constant(0, "i64")
            for i, entry in enumerate(entries[1:], 1):
                better = comparison(b, entry, best)
                if is_floating(entry):
                    known = b.compare("ord", best, best)
                    missing = b.compare("uno", entry, entry)
                    better = b.binary("or", better, b.binary("and", known, missing))
                best = b.select(better, entry, best)
                at = b.select(better, constant(i, "i64"), at)
            found.append(at)
        return in_array(found, numbers(equation.results[0].aval.shape))

    return registers


def _reduction_rows(kind: Reduction, body: Body, equation: Equation) -> None:
    """Within each row, or over rows and all other axes."""
    [atom] = equation.operands
    row_axis, access = body.row_axis(atom), body.access(atom)
    axes = equation.attributes["axis"]
    inner = tuple(
        axis - (row_axis is not None and row_axis < axis) for axis in axes if axis != row_axis
    )
    if row_axis not in axes:
        body.define("reduce", equation, access.space, (access,), detail=(kind, inner))
        return
    if inner and len(inner) < len(access.space):
        raise Unsupported("a sum over rows and some of the other axes")
    body.reduce("sum_rows", equation, access.space, (access,), detail=(kind, bool(inner)))


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(
        sums.sum_,
        registers=_sum_registers,
        memory=partial(_reduction, SUM),
        rows=partial(_reduction_rows, SUM),
    ),
    Lowering(
        reductions.max_,
        registers=_extreme_registers(maximum),
        memory=partial(_reduction, MAX),
        rows=partial(_reduction_rows, MAX),
    ),
    Lowering(
        reductions.min_,
        registers=_extreme_registers(minimum),
        memory=partial(_reduction, MIN),
        rows=partial(_reduction_rows, MIN),
    ),
    Lowering(
        reductions.all_,
        registers=_test_registers(logical_and, empty=True),
        memory=partial(_reduction, ALL),
    ),
    Lowering(
        reductions.any_,
        registers=_test_registers(logical_or, empty=False),
        memory=partial(_reduction, ANY),
    ),
    Lowering(reductions.logsumexp, rows=partial(_reduction_rows, LOGSUMEXP)),
    Lowering(reductions.cumsum, registers=_cumsum_registers, memory=_cumsum),
    Lowering(ordering.argmax, registers=_position_registers(greater)),
    Lowering(ordering.argmin, registers=_position_registers(less)),
)

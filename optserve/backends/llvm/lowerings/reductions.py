"""Reductions of arrays in memory over some of their axes, in eight lanes where that is possible."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

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
from optserve.backends.llvm.ir.builder import Builder, IRValue, constant, vector
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import (
    Index,
    Lane,
    address_of,
    collapsed,
    from_the_end,
    load,
    loops,
    store,
    sweep,
)
from optserve.backends.llvm.ir.reducing import across
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.ir.view import Registers, View, in_array
from optserve.backends.llvm.programs.frame import Frame, numbers
from optserve.backends.llvm.rows.body import Body
from optserve.backends.lowering import Lowering
from optserve.frozen import replace
from optserve.graph.aval import Shape
from optserve.graph.graph import Equation
from optserve.primitives import ordering, reductions, sums

__all__ = ["LOWERINGS"]


OnRegisters = Callable[[Builder, Equation, Sequence[Registers]], Registers]


class Kind(NamedTuple):
    """The operation that joins two partial results, its name over lanes, and its unit."""

    operation: Operation
    over_lanes: str
    unit: float
    truths: bool = False


SUM = Kind(add, "sum", 0.0)
MAX = Kind(maximum, "max", -math.inf)
MIN = Kind(minimum, "min", math.inf)
ANY = Kind(maximum, "max", 0.0, truths=True)
ALL = Kind(minimum, "min", 1.0, truths=True)


def accumulator(kind: Kind, view: View) -> str:
    """The type that partial results have: float32 adds in double, truth values count in i64."""
    scalar = storage(view.dtype)
    if kind.truths:
        return "i64"
    if scalar == "i64" and kind is not SUM:
        raise Unsupported("the extremes of many whole numbers")
    if kind is SUM:
        return {"float": "double", "i8": "i64"}.get(scalar, scalar)
    return scalar


def _reduction(kind: Kind, frame: Frame, equation: Equation) -> View:
    """Over the last axis the lanes are partial results; else the last axis stays in the lanes."""
    w, b = frame.w, frame.w.b
    view, axes = frame.view(equation.operands[0]), equation.attributes["axis"]
    target = frame.target(equation.results[0])
    scalar = accumulator(kind, view)
    kept = [axis for axis in range(len(view.shape)) if axis not in axes]
    outer, inner = _part(view, kept), _part(view, list(axes))
    out = replace(target, shape=outer.shape, strides=_kept_strides(target, axes, equation))

    def entry(lane: Lane, base: View, steps: Shape) -> IRValue:
        value = load(w, base, steps, lane)
        if kind.truths:
            value = convert(b, value, "i1")
        return convert(b, value, scalar)

    def join(slot: IRValue, value: IRValue) -> None:
        b.store(kind.operation(b, b.load(slot, value.type), value), slot)

    if kept and kept[-1] == len(view.shape) - 1:
        slots = {lanes: b.alloca(vector(scalar, lanes)) for lanes in (1, 8)}
        for lane in sweep(w, outer.shape):
            slot, type_ = slots[lane.lanes], vector(scalar, lane.lanes)
            b.store(constant(kind.unit, type_), slot)
            with loops(w, inner.shape) as index:
                base = replace(outer, address=address_of(w, inner, index))
                join(slot, entry(lane, base, outer.strides))
            store(w, convert(b, b.load(slot, type_), storage(out.dtype)), out, out.strides, lane)
        return target

    shape, [steps] = collapsed(inner.shape, [inner.strides])
    lanes = 8 if shape else 1
    type_ = vector(scalar, lanes)
    slot = b.alloca(type_)
    with loops(w, outer.shape) as index:
        b.store(constant(kind.unit, type_), slot)
        base = replace(inner, address=address_of(w, outer, index))
        for lane in sweep(w, shape):
            value = entry(lane, base, steps)
            if lane.mask is not None:
                value = b.select(lane.mask, value, constant(kind.unit, type_))
            join(slot, value)
        total = b.load(slot, type_)
        total = across(b, total, kind.over_lanes) if lanes > 1 else total
        if target.dtype.kind == "b":
            total = convert(b, total, "i1")
        b.store(convert(b, total, storage(target.dtype)), address_of(w, out, index))
    return target


def _part(view: View, axes: list[int]) -> View:
    return replace(
        view,
        shape=tuple(view.shape[axis] for axis in axes),
        strides=tuple(view.strides[axis] for axis in axes),
    )


def _kept_strides(target: View, axes: tuple[int, ...], equation: Equation) -> Shape:
    """Strides of the result along the axes that are kept."""
    if not equation.attributes["keepdims"]:
        return target.strides
    return tuple(stride for axis, stride in enumerate(target.strides) if axis not in axes)


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


def _reduction_rows(kind: str, body: Body, equation: Equation) -> None:
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
        rows=partial(_reduction_rows, "sum"),
    ),
    Lowering(
        reductions.max_,
        registers=_extreme_registers(maximum),
        memory=partial(_reduction, MAX),
        rows=partial(_reduction_rows, "max"),
    ),
    Lowering(
        reductions.min_,
        registers=_extreme_registers(minimum),
        memory=partial(_reduction, MIN),
        rows=partial(_reduction_rows, "min"),
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
    Lowering(reductions.logsumexp, rows=partial(_reduction_rows, "logsumexp")),
    Lowering(reductions.cumsum, registers=_cumsum_registers, memory=_cumsum),
    Lowering(ordering.argmax, registers=_position_registers(greater)),
    Lowering(ordering.argmin, registers=_position_registers(less)),
)

"""Reductions of arrays in memory over some of their axes, in eight lanes where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.nest import (
    FunctionScope,
    Index,
    Lane,
    address_of,
    from_the_end,
    load,
    loops,
)
from optserve.backends.llvm.ir.operations import (
    IROperation,
    add,
    convert,
    greater,
    is_floating,
    less,
)
from optserve.backends.llvm.ir.reducing import (
    ALL,
    ANY,
    LOGSUMEXP,
    MAX,
    MIN,
    SUM,
    NativeReduction,
    reduce_view,
)
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.ir.view import Registers, View, in_array
from optserve.backends.llvm.lowerings.lookup import axis_within
from optserve.backends.llvm.programs.program_frame import numbers
from optserve.backends.llvm.rows.body import Body
from optserve.backends.lowering import Attributes, Lowering
from optserve.graph.graph import Equation
from optserve.graph.primitive import Primitive
from optserve.primitives import ordering, reductions, sums

__all__ = ["LOWERINGS"]


OnRegisters = Callable[[Builder, Equation, Sequence[Registers]], Registers]


def _accumulator(kind: NativeReduction, scalar: str) -> str:
    """The type that partial results have: float32 adds in double, truth values count in i64."""
    if kind.truths:
        return "i64"
    return (
        {"float": "double", "i8": "i64", "i1": "i64"}.get(scalar, scalar) if kind is SUM else scalar
    )


def _reduction(
    kind: NativeReduction,
    w: FunctionScope,
    attributes: Attributes,
    views: Sequence[View],
    target: View,
) -> None:
    [view] = views
    scalar = _accumulator(kind, storage(view.dtype))
    reduce_view(w, kind, view, attributes["axis"], target, scalar)


def _cumsum(w: FunctionScope, attributes: Attributes, views: Sequence[View], target: View) -> None:
    """One line after another, each in order."""
    b, [view] = w.b, views
    scalar = _accumulator(SUM, storage(view.dtype))
    slot = b.alloca(scalar)
    for line in _lines(w, view, attributes["axis"]):
        b.store(constant(0, scalar), slot)
        for at in line(attributes["reverse"]):
            entry = load(w, view, view.strides, Lane(at, lanes=1))
            total = add(b, b.load(slot, scalar), convert(b, entry, scalar))
            b.store(total, slot)
            b.store(convert(b, total, storage(target.dtype)), address_of(w, target, at))


def _position(
    comparison: IROperation,
    w: FunctionScope,
    attributes: Attributes,
    views: Sequence[View],
    target: View,
) -> None:
    """The first of the largest or smallest in each line; NaN before all."""
    b, [view] = w.b, views
    axis = attributes["axis"]
    type_ = register_type(view.dtype)
    best, place = b.alloca(storage(view.dtype)), b.alloca("i64", align=8)
    for line in _lines(w, view, axis):
        b.store(constant(0, "i64"), place)
        for at in line(False):
            entry = load(w, view, view.strides, Lane(at, lanes=1))
            before = convert(b, b.load(best, storage(view.dtype)), type_)
            first = b.compare("eq", IRValue(str(at[axis]), "i64"), constant(0, "i64"))
            better = b.binary("or", first, _better(b, comparison, entry, before))
            kept = b.select(better, entry, before)
            b.store(convert(b, kept, storage(view.dtype)), best)
            position = IRValue(str(at[axis]), "i64")
            b.store(b.select(better, position, b.load(place, "i64")), place)
        others = tuple(i for n, i in enumerate(at) if n != axis)
        b.store(b.load(place, "i64"), address_of(w, target, others))


def _better(b: Builder, comparison: IROperation, entry: IRValue, best: IRValue) -> IRValue:
    """Whether an entry comes before the best of those before it; NaN does, if it is the first."""
    better = comparison(b, entry, best)
    if is_floating(entry):
        known = b.compare("ord", best, best)
        missing = b.compare("uno", entry, entry)
        better = b.binary("or", better, b.binary("and", known, missing))
    return better


def _lines(w: FunctionScope, view: View, axis: int) -> Iterator[Callable[[bool], Iterator[Index]]]:
    """The loops over all axes but one; inside, what loops along that one, perhaps backward."""
    count = w.number(view.shape[axis])
    with loops(w, (*view.shape[:axis], *view.shape[axis + 1 :])) as outer:

        def line(backward: bool) -> Iterator[Index]:
            with w.b.loop(0, count) as step:
                at = from_the_end(w, count, step) if backward else step
                yield (*outer[:axis], at, *outer[axis:])

        yield line


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


def _reduction_registers(
    kind: NativeReduction, b: Builder, equation: Equation, operands: Sequence[Registers]
) -> Registers:
    """Neighbours first, then pairs of them; partial results have the type that they have in memory,
    but truth values are bits."""
    result = equation.results[0].aval
    narrow = register_type(result.dtype)
    wide = narrow if kind.truths else _accumulator(kind, narrow)
    found = []
    for entries in _groups(operands[0], equation.attributes["axis"]):
        terms = [convert(b, entry, wide) for entry in entries]
        total = _in_pairs(partial(kind.join, b), terms or [constant(kind.unit(wide), wide)])
        found.append(convert(b, total, narrow))
    return in_array(found, numbers(result.shape))


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


def _position_registers(comparison: IROperation) -> OnRegisters:
    """The first of the largest or smallest; NaN before all."""

    def registers(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        found = []
        for entries in _groups(operands[0], [equation.attributes["axis"]]):
            best, at = entries[0], constant(0, "i64")
            for i, entry in enumerate(entries[1:], 1):
                better = _better(b, comparison, entry, best)
                best = b.select(better, entry, best)
                at = b.select(better, constant(i, "i64"), at)
            found.append(at)
        return in_array(found, numbers(equation.results[0].aval.shape))

    return registers


def _reduction_rows(kind: NativeReduction, body: Body, equation: Equation) -> None:
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
        access = body.reduced_within(equation, access, (kind, inner))
        inner = ()
    body.reduce("sum_rows", equation, access.space, (access,), detail=(kind, bool(inner)))


def _reduces(primitive: Primitive, kind: NativeReduction) -> Lowering:
    return Lowering(
        primitive,
        registers=partial(_reduction_registers, kind),
        loops=partial(_reduction, kind),
        rows=partial(_reduction_rows, kind),
    )


def _finds(primitive: Primitive, comparison: IROperation) -> Lowering:
    return Lowering(
        primitive,
        registers=_position_registers(comparison),
        loops=partial(_position, comparison),
        within=axis_within,
    )


LOWERINGS: tuple[Lowering, ...] = (
    _reduces(sums.sum_, SUM),
    _reduces(reductions.max_, MAX),
    _reduces(reductions.min_, MIN),
    _reduces(reductions.all_, ALL),
    _reduces(reductions.any_, ANY),
    Lowering(reductions.logsumexp, rows=partial(_reduction_rows, LOGSUMEXP)),
    Lowering(reductions.cumsum, registers=_cumsum_registers, loops=_cumsum, within=axis_within),
    _finds(ordering.argmax, greater),
    _finds(ordering.argmin, less),
)

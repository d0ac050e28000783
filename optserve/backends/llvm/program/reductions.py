"""Reductions of arrays in memory over some of their axes, in eight lanes where that is possible."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from optserve.backends.llvm.builder import IRValue, constant, vector
from optserve.backends.llvm.memory import storage
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.operations import OPERATIONS, convert
from optserve.backends.llvm.program.sweeps import (
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
from optserve.backends.llvm.program.values import View
from optserve.backends.llvm.reducing import across
from optserve.frozen import replace
from optserve.graph.aval import Shape
from optserve.graph.graph import Equation

if TYPE_CHECKING:
    from optserve.backends.llvm.program.frame import Frame

__all__ = ["cumsum", "reduction"]


class Kind(NamedTuple):
    """The operation that joins two partial results, its name over lanes, and its unit."""

    operation: str
    over_lanes: str
    unit: float


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "sum": Kind("add", "sum", 0.0),
        "max": Kind("maximum", "max", -math.inf),
        "min": Kind("minimum", "min", math.inf),
        "any": Kind("maximum", "max", 0.0),
        "all": Kind("minimum", "min", 1.0),
    }
)


def accumulator(name: str, view: View) -> str:
    """The type that partial results have: float32 adds in double, truth values count in i64."""
    scalar = storage(view.dtype)
    if name in ("any", "all"):
        return "i64"
    if scalar == "i64" and name != "sum":
        raise Unsupported("the extremes of many whole numbers")
    if name == "sum":
        return {"float": "double", "i8": "i64"}.get(scalar, scalar)
    return scalar


def reduction(frame: Frame, equation: Equation) -> View:
    """Over the last axis the lanes are partial results; else the last axis stays in the lanes."""
    w, b = frame.w, frame.w.b
    name = equation.primitive.name
    kind = KINDS[name]
    view, axes = frame.view(equation.operands[0]), equation.attributes["axis"]
    target = frame.target(equation.results[0])
    scalar = accumulator(name, view)
    kept = [axis for axis in range(len(view.shape)) if axis not in axes]
    outer, inner = _part(view, kept), _part(view, list(axes))
    out = replace(target, shape=outer.shape, strides=_kept_strides(target, axes, equation))

    def entry(lane: Lane, base: View, steps: Shape) -> IRValue:
        value = load(w, base, steps, lane)
        if name in ("any", "all"):
            value = convert(b, value, "i1")
        return convert(b, value, scalar)

    def join(slot: IRValue, value: IRValue) -> None:
        b.store(OPERATIONS[kind.operation](b, b.load(slot, value.type), value), slot)

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


def cumsum(frame: Frame, equation: Equation) -> View:
    """One line after another, each in order."""
    w, b = frame.w, frame.w.b
    view, target = frame.view(equation.operands[0]), frame.target(equation.results[0])
    axis, backward = equation.attributes["axis"], equation.attributes["reverse"]
    scalar = accumulator("sum", view)
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
            total = OPERATIONS["add"](b, total, convert(b, entry, scalar))
            b.store(total, slot)
            b.store(convert(b, total, storage(target.dtype)), address_of(w, target, index))
    return target

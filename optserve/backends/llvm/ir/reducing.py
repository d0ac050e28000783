"""Reductions: how two partial results become one, over lanes and over the axes of a view."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from optserve.backends.llvm.ir.builder import LANES, Builder, IRValue, constant, element, vector
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import (
    FunctionScope,
    Lane,
    address_of,
    collapsed,
    load,
    loops,
    store,
    sweep,
)
from optserve.backends.llvm.ir.operations import IROperation, add, convert, maximum, minimum
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import View
from optserve.backends.llvm.mathematics import FUNCTIONS
from optserve.graph.aval import Shape

__all__ = [
    "ALL",
    "ANY",
    "LOGSUMEXP",
    "MAX",
    "MIN",
    "SUM",
    "NativeReduction",
    "reduce_view",
    "reduction",
]


@dataclass(frozen=True)
class NativeReduction:
    """What joins two partial results, and what it begins with; ``truths`` is what tests for truth,
    which it counts in whole numbers."""

    join: IROperation
    begin: float
    truths: bool = False

    def unit(self, type_: str) -> float:
        """What a reduction of values of a type begins with; of whole numbers it is one itself.

        >>> MAX.unit("double"), MAX.unit("i64")
        (-inf, -9223372036854775808)
        """
        scalar = element(type_)
        if scalar in ("double", "float", "i1"):
            return self.begin
        half: int = 1 << (int(scalar[1:]) - 1)
        return min(max(self.begin, -half), half - 1)

    def across(self, b: Builder, lanes: IRValue) -> IRValue:
        """The lanes joined pairwise: 8 to 4 to 2 to 1."""
        width = LANES
        while width > 2:
            width //= 2
            low = b.shuffle(lanes, lanes, list(range(width)))
            high = b.shuffle(lanes, lanes, list(range(width, 2 * width)))
            lanes = self.join(b, low, high)
        return self.join(b, b.lane(lanes, 0), b.lane(lanes, 1))


def _logaddexp(b: Builder, x: IRValue, y: IRValue) -> IRValue:
    return b.outlined("logaddexp", FUNCTIONS["logaddexp"], x, y)


SUM = NativeReduction(add, 0.0)
MAX = NativeReduction(maximum, -math.inf)
MIN = NativeReduction(minimum, math.inf)
LOGSUMEXP = NativeReduction(_logaddexp, -math.inf)
ANY = NativeReduction(maximum, 0.0, truths=True)
ALL = NativeReduction(minimum, 1.0, truths=True)

_OVER_ROWS: Mapping[str, NativeReduction] = MappingProxyType(
    {"sum": SUM, "max": MAX, "min": MIN, "logsumexp": LOGSUMEXP, "any": ANY, "all": ALL}
)


def reduction(kind: str) -> NativeReduction:
    """The reduction over rows that a ``map_reduce`` calls so."""
    if kind not in _OVER_ROWS:
        raise Unsupported(f"a reduction by {kind}")
    return _OVER_ROWS[kind]


def reduce_view(
    w: FunctionScope,
    kind: NativeReduction,
    view: View,
    axes: Sequence[int],
    target: View,
    scalar: str,
    *,
    collapse: bool = True,
) -> None:
    """A view reduced over ``axes``; ``target`` has the others, or all with 1 in place of those.

    Where the last axis is kept it stays along the lanes, and each lane has a result of its own;
    else the lanes are partial results. They have the type ``scalar``. To ``collapse`` axes that
    follow each other in memory into one leaves fewer lanes unused, and adds in another order.
    """
    b = w.b
    kept = [axis for axis in range(len(view.shape)) if axis not in axes]
    outer, inner = _part(view, kept), _part(view, axes)
    strides = target.strides
    if len(strides) > len(kept):
        strides = tuple(strides[axis] for axis in kept)
    out = replace(target, shape=outer.shape, strides=strides)

    def entry(lane: Lane, base: View, steps: Shape) -> IRValue:
        value = load(w, base, steps, lane)
        return convert(b, convert(b, value, "i1") if kind.truths else value, scalar)

    def join(slot: IRValue, value: IRValue) -> None:
        b.store(kind.join(b, b.load(slot, value.type), value), slot)

    def finished(total: IRValue) -> IRValue:
        truth = convert(b, total, "i1") if target.dtype.kind == "b" else total
        return convert(b, truth, storage(target.dtype))

    if kept and kept[-1] == len(view.shape) - 1:
        slots = {lanes: b.alloca(vector(scalar, lanes)) for lanes in (1, LANES)}
        for lane in sweep(w, outer.shape):
            slot, type_ = slots[lane.lanes], vector(scalar, lane.lanes)
            b.store(constant(kind.unit(type_), type_), slot)
            with loops(w, inner.shape) as index:
                base = replace(outer, address=address_of(w, inner, index))
                join(slot, entry(lane, base, outer.strides))
            store(w, finished(b.load(slot, type_)), out, out.strides, lane)
        return
    shape, [steps] = collapsed(inner.shape, [inner.strides]) if collapse else _as_it_is(inner)
    type_ = vector(scalar, LANES if shape else 1)
    slot, unit = b.alloca(type_), constant(kind.unit(type_), type_)
    with loops(w, outer.shape) as index:
        b.store(unit, slot)
        base = replace(inner, address=address_of(w, outer, index))
        for lane in sweep(w, shape):
            value = entry(lane, base, steps)
            join(slot, value if lane.mask is None else b.select(lane.mask, value, unit))
        total = b.load(slot, type_)
        total = kind.across(b, total) if shape else total
        b.store(finished(total), address_of(w, out, index))


def _part(view: View, axes: Sequence[int]) -> View:
    """A view with these of its axes alone."""
    return replace(
        view,
        shape=tuple(view.shape[axis] for axis in axes),
        strides=tuple(view.strides[axis] for axis in axes),
    )


def _as_it_is(view: View) -> tuple[Shape, list[Shape]]:
    return view.shape, [view.strides]

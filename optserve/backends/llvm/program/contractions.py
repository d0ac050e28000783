"""Products of matrices and tensors in memory, where they are small enough for plain loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from optserve.backends.llvm.builder import IRValue, constant, vector
from optserve.backends.llvm.memory import storage
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.operations import OPERATIONS, is_floating
from optserve.backends.llvm.program.sweeps import (
    Index,
    Lane,
    address_of,
    load,
    loops,
    store,
    sweep,
)
from optserve.backends.llvm.program.values import View
from optserve.backends.llvm.reducing import across
from optserve.frozen import replace
from optserve.graph.dim import Size
from optserve.graph.graph import Equation

if TYPE_CHECKING:
    from optserve.backends.llvm.program.frame import Frame

__all__ = ["contraction"]

MOST = 1 << 16
"""Products from which on a library's blocking repays its call."""


def contraction(frame: Frame, equation: Equation) -> View:
    """Lanes along a letter whose entries are side by side: of the result, or one that is summed."""
    w, b = frame.w, frame.w.b
    labels, output = equation.labels
    views = [frame.view(atom) for atom in equation.operands]
    sizes = {
        letter: size
        for label, view in zip(labels, views, strict=True)
        for letter, size in zip(label, view.shape, strict=True)
    }
    counts = [size for size in sizes.values() if isinstance(size, int)]
    if len(counts) < len(sizes) or math.prod(counts) > MOST:
        raise Unsupported("a large product of matrices")
    target = frame.target(equation.results[0])
    scalar = storage(target.dtype)
    if scalar == "i8":
        raise Unsupported("a product of truth values")
    steps = [
        dict(zip(label, view.strides, strict=True))
        for label, view in zip(labels, views, strict=True)
    ]
    summed = [letter for letter in sorted(sizes) if letter not in output]

    def factor(position: int, fixed: dict[str, IRValue | int], along: str, lane: Lane) -> IRValue:
        own = steps[position]
        letters = [letter for letter in own if letter in fixed and letter != along]
        first = address_of(
            w,
            views[position],
            tuple(fixed[letter] for letter in letters),
            tuple(own[letter] for letter in letters),
        )
        base = replace(views[position], address=first)
        return load(w, base, (own.get(along, 0),) if along else (), lane)

    def add(slot: IRValue, fixed: dict[str, IRValue | int], along: str, lane: Lane) -> None:
        factors = [factor(i, fixed, along, lane) for i in range(len(views))]
        type_ = factors[0].type
        total = b.load(slot, type_)
        if lane.mask is not None:  # whatever the other lanes hold must not reach a sum over lanes
            zero = constant(0, type_)
            factors = [b.select(lane.mask, one, zero) for one in factors]
        if len(factors) > 1 and is_floating(total):
            left = reduce(lambda x, y: b.binary("fmul", x, y), factors[:-1])
            b.store(b.fma(left, factors[-1], total), slot)
            return
        product = reduce(lambda x, y: OPERATIONS["multiply"](b, x, y), factors)
        b.store(OPERATIONS["add"](b, total, product), slot)

    along = _lanes_along(steps, output, summed)
    slots = {lanes: b.alloca(vector(scalar, lanes)) for lanes in (1, 8)}
    if not along or along in output:
        outer = [letter for letter in output if letter != along]
        strides = dict(zip(output, target.strides, strict=True))
        with loops(w, tuple(sizes[letter] for letter in outer)) as index:
            fixed: dict[str, IRValue | int] = dict(zip(outer, index, strict=True))
            base = replace(target, address=_at(frame, target, fixed, strides))
            for lane in sweep(w, (sizes[along],) if along else ()):
                slot, type_ = slots[lane.lanes], vector(scalar, lane.lanes)
                b.store(constant(0, type_), slot)
                with loops(w, tuple(sizes[letter] for letter in summed)) as inner:
                    add(slot, {**fixed, **dict(zip(summed, inner, strict=True))}, along, lane)
                store(w, b.load(slot, type_), base, (strides[along],) if along else (), lane)
        return target

    others = [letter for letter in summed if letter != along]
    slot, type_ = slots[8], vector(scalar)
    with loops(w, target.shape) as index:
        b.store(constant(0, type_), slot)
        fixed = dict(zip(output, index, strict=True))
        with loops(w, tuple(sizes[letter] for letter in others)) as inner:
            for lane in sweep(w, (sizes[along],)):
                add(slot, {**fixed, **dict(zip(others, inner, strict=True))}, along, lane)
        b.store(across(b, b.load(slot, type_), "sum"), address_of(w, target, index))
    return target


def _at(
    frame: Frame, target: View, fixed: dict[str, IRValue | int], strides: dict[str, Size]
) -> IRValue:
    index: Index = tuple(fixed.values())
    return address_of(frame.w, target, index, tuple(strides[letter] for letter in fixed))


def _lanes_along(steps: Sequence[dict[str, Size]], output: str, summed: Sequence[str]) -> str:
    """The last letter of the result, or one that is summed, along which all entries are adjacent;
    the last of the result where there is none."""
    last = [output[-1]] if output else []
    for letter in [*last, *summed]:
        if all(own.get(letter, 0) in (0, 1) for own in steps):
            return letter
    return output[-1] if output else ""

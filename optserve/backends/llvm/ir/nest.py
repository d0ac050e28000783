"""Loops over the entries of arrays in memory, eight lanes along the last axis.

They are generators: what a caller does with what is yielded is written inside of the loop, and it
runs once for each place where the code differs: whole vectors, and what is left under a mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from optserve.backends.llvm.ir.builder import LANES, Builder, IRValue, constant, vector
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.ir.view import View
from optserve.graph.aval import DType, Shape
from optserve.graph.dim import Size

__all__ = [
    "FunctionScope",
    "Index",
    "Lane",
    "Workplace",
    "address_of",
    "collapsed",
    "copy",
    "fill",
    "first_lanes",
    "from_the_end",
    "iota",
    "lanes_from",
    "load",
    "loops",
    "placed",
    "store",
    "sweep",
]

Index = tuple[IRValue | int, ...]


class FunctionScope(Protocol):
    """A function that is being written, in which sizes that are not known yet have numbers."""

    @property
    def b(self) -> Builder:
        """What its instructions are appended to."""

    def number(self, size: Size) -> IRValue | int:
        """A size as a number of the code."""


class Workplace(FunctionScope, Protocol):
    """A function that has memory to spare."""

    def room(self, shape: Shape, dtype: DType) -> View:
        """Memory for an array, which no other value shares."""


@dataclass(frozen=True)
class Lane:
    """Where the loops stand: an index for each axis, that of the first lane for the last one.

    ``mask`` is ``None`` where all lanes are in use. ``known`` is the number of lanes in use, and 0
    where it is computed. With ``lanes`` of 1 there is a scalar in place of lanes.
    """

    index: Index
    mask: IRValue | None = None
    lanes: int = LANES
    known: int = LANES


def iota() -> IRValue:
    """The numbers of the lanes."""
    lanes = ", ".join(f"i64 {lane}" for lane in range(LANES))
    return IRValue(f"<{lanes}>", vector("i64"))


def first_lanes(count: int, lanes: int = LANES) -> IRValue:
    """The mask of the first ``count`` lanes."""
    bits = ", ".join("i1 true" if lane < count else "i1 false" for lane in range(lanes))
    return IRValue(f"<{bits}>", vector("i1", lanes))


def collapsed(shape: Shape, strides: Sequence[Shape]) -> tuple[Shape, list[Shape]]:
    """The same entries with as few axes as all of the strides allow.

    >>> collapsed((5, 4, 3), [(12, 3, 1), (12, 3, 1)])
    ((60,), [(1,), (1,)])
    >>> collapsed((5, 4, 3), [(12, 3, 1), (3, 0, 1)])
    ((5, 4, 3), [(12, 3, 1), (3, 0, 1)])
    """
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    kept: list[Size] = []
    steps: list[list[Size]] = [[] for _ in strides]
    for axis in axes:
        size = shape[axis]
        given = [one[axis] for one in strides]
        if kept and all(step[-1] == own * size for step, own in zip(steps, given, strict=True)):
            kept[-1] = kept[-1] * size
            for step, own in zip(steps, given, strict=True):
                step[-1] = own
        else:
            kept.append(size)
            for step, own in zip(steps, given, strict=True):
                step.append(own)
    return tuple(kept), [tuple(step) for step in steps]


@contextmanager
def loops(w: FunctionScope, shape: Shape) -> Iterator[tuple[IRValue, ...]]:
    """One loop inside another, a scalar index for each axis."""
    if not shape:
        yield ()
        return
    with w.b.loop(0, w.number(shape[0])) as outer, loops(w, shape[1:]) as inner:
        yield (outer, *inner)


def from_the_end(w: FunctionScope, count: IRValue | int, step: IRValue) -> IRValue:
    """The index of a loop that runs backward: ``count - 1 - step``."""
    last = w.b.emit(f"sub i64 {count}, 1", "i64")
    return w.b.binary("sub", last, step)


def sweep(w: FunctionScope, shape: Shape) -> Iterator[Lane]:
    """The loops over ``shape``; what is written between two steps stands inside of them."""
    if not shape:
        yield Lane((), lanes=1)
        return
    b = w.b
    with loops(w, shape[:-1]) as index:
        last = shape[-1]
        if isinstance(last, int):
            whole, rest = last // LANES * LANES, last % LANES
            if whole > LANES:
                with b.loop(0, whole, LANES) as along:
                    yield Lane((*index, along))
            elif whole:
                yield Lane((*index, 0))
            if rest:
                yield Lane((*index, whole), first_lanes(rest), known=rest)
            return
        count = w.number(last)
        full = b.emit(f"and i64 {count}, -{LANES}", "i64")
        with b.loop(0, full, LANES) as along:
            yield Lane((*index, along))
        with b.loop(full, count, LANES) as along:
            left = b.splat(b.emit(f"sub i64 {count}, {along}", "i64"))
            yield Lane((*index, along), b.compare("slt", iota(), left), known=0)


def placed(w: FunctionScope, view: View) -> View:
    """The same view, whose address is that of its first entry."""
    if view.offset == 0:
        return view
    address = w.b.at(view.address, storage(view.dtype), w.number(view.offset))
    return replace(view, address=address, offset=0)


def address_of(w: FunctionScope, view: View, index: Index, strides: Shape | None = None) -> IRValue:
    """The address of one entry."""
    b = w.b
    offset: IRValue | int = 0
    for at, stride in zip(index, view.strides if strides is None else strides, strict=True):
        if stride == 0 or at == 0:
            continue
        step = _product(b, at, w.number(stride))
        offset = step if offset == 0 else b.emit(f"add i64 {offset}, {step}", "i64")
    return view.address if offset == 0 else b.at(view.address, storage(view.dtype), offset)


def _product(b: Builder, x: IRValue | int, y: IRValue | int) -> IRValue | int:
    if isinstance(x, int) and isinstance(y, int):
        return x * y
    return x if y == 1 else b.emit(f"mul i64 {x}, {y}", "i64")


def load(w: FunctionScope, view: View, strides: Shape, lane: Lane) -> IRValue:
    """The lanes of a view, laid along the axes of the sweep by ``strides``."""
    first = address_of(w, view, lane.index, strides)
    along = w.number(strides[-1]) if lane.lanes > 1 else 0
    return lanes_from(w.b, first, view.dtype, along, lane)


def lanes_from(
    b: Builder, first: IRValue, dtype: DType, along: IRValue | int, lane: Lane
) -> IRValue:
    """Lanes that are ``along`` entries apart, the first of them at an address.

    Entries side by side are one load; others are one load a lane, and only lanes in use are read.
    """
    scalar = storage(dtype)
    if along == 0:
        value = b.splat(b.load(first, scalar), lane.lanes)
    elif along == 1 and lane.mask is None:
        value = b.load(first, vector(scalar))
    elif along == 1 and lane.mask is not None:
        value = b.masked_load(first, vector(scalar), lane.mask)
    else:
        value = _strided(b, first, scalar, along, lane)
    return convert(b, value, register_type(dtype))


def _strided(b: Builder, first: IRValue, scalar: str, along: IRValue | int, lane: Lane) -> IRValue:
    result = constant(0, vector(scalar))
    for i in range(lane.known or LANES):
        step = _product(b, along, i)
        if lane.mask is not None and not lane.known:
            given = constant(step, "i64") if isinstance(step, int) else step
            step = b.select(b.lane(lane.mask, i), given, constant(0, "i64"))
        result = b.insert(result, b.load(b.at(first, scalar, step), scalar), i)
    return result


def store(w: FunctionScope, value: IRValue, view: View, strides: Shape, lane: Lane) -> None:
    """Lanes to where ``strides`` lay a view along the axes of the sweep."""
    b = w.b
    value = convert(b, value, storage(view.dtype))
    first = address_of(w, view, lane.index, strides)
    if lane.mask is None:
        assert lane.lanes == 1 or strides[-1] == 1, "lanes are stored side by side"
        b.store(value, first)
    else:
        assert strides[-1] == 1, "lanes are stored side by side"
        b.masked_store(value, first, lane.mask)


def copy(w: FunctionScope, source: View, target: View) -> None:
    """The entries of a view, broadcast to the shape of another and written there."""
    shape, [read, written] = collapsed(target.shape, [source.over(target.shape), target.strides])
    for lane in _writing(w, shape, written):
        store(w, load(w, source, read, lane), target, written, lane)


def fill(w: FunctionScope, value: IRValue, target: View) -> None:
    """One value, as it is in memory, everywhere in a view."""
    shape, [written] = collapsed(target.shape, [target.strides])
    lanes = w.b.splat(value)
    for lane in _writing(w, shape, written):
        store(w, value if lane.lanes == 1 else lanes, target, written, lane)


def _writing(w: FunctionScope, shape: Shape, strides: Shape) -> Iterator[Lane]:
    """A sweep; entry by entry where those to write are not side by side."""
    if not shape or strides[-1] == 1:
        yield from sweep(w, shape)
        return
    with loops(w, shape) as index:
        yield Lane(index, lanes=1)

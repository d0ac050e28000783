"""Order: the positions that sort the entries along an axis, the entries in the middle, and the
places of numbers among sorted ones.

Sorting is by merging: runs of one entry become runs of two, of four, ..., positions only. Equals
keep their order, and NaN comes last, as in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import Index, Workplace, address_of, copy, loops
from optserve.backends.llvm.ir.operations import add, is_floating, less
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import View
from optserve.backends.llvm.lowerings.lookup import axes_within, axis_within
from optserve.backends.lowering import Attributes, Lowering
from optserve.graph.aval import shape_size
from optserve.graph.dim import Size
from optserve.primitives import interpolation, ordering

__all__ = ["LOWERINGS"]


MOST = 256
"""Entries up to which a line is sorted here: NumPy's sorts of more repay their call."""

_POSITION = np.dtype(np.int64)


def _argsort(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    """One line after another."""
    [view], axis = views, attributes["axis"]
    shape = (*view.shape[:axis], *view.shape[axis + 1 :])
    with loops(w, shape) as index:
        before: Index = (*index[:axis], 0, *index[axis:])
        line, out = (_line(w, one, axis, before) for one in (view, target))
        copy(w, _positions(w, line), out)


def _line(w: Workplace, view: View, axis: int, index: Index) -> View:
    """The entries along one axis from an index on."""
    address = address_of(w, view, index)
    return View(address, view.dtype, (view.shape[axis],), (view.strides[axis],))


def _median(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    """The mean of the entry in the middle and of the one before it, which may be the same; NaN
    where there is one."""
    b, [view], axes = w.b, views, attributes["axis"]
    kept = [axis for axis in range(len(view.shape)) if axis not in axes]
    outer, inner = (
        replace(
            view,
            shape=tuple(view.shape[axis] for axis in some),
            strides=tuple(view.strides[axis] for axis in some),
        )
        for some in (kept, axes)
    )
    size = shape_size(inner.shape)
    count = constant(_length(size), "i64")
    room = w.room(inner.shape, view.dtype)
    entries = View(room.address, view.dtype, (size,), (1,))
    strides = target.strides
    if len(strides) > len(kept):
        strides = tuple(strides[axis] for axis in kept)
    with loops(w, outer.shape) as index:
        copy(w, replace(inner, address=address_of(w, outer, index)), room)
        order = _positions(w, entries)
        last = b.binary("sub", count, constant(1, "i64"))
        places = (_half(b, last), _half(b, count), last)
        low, high, highest = (
            _entry(w, entries, b.load(address_of(w, order, (at,)), "i64")) for at in places
        )
        middle = b.binary("fdiv", add(b, low, high), constant(2.0, low.type))
        odd = b.compare("eq", *places[:2])
        middle = b.select(odd, low, middle)
        middle = b.select(b.compare("uno", highest, highest), highest, middle)
        b.store(middle, address_of(w, target, index, strides))


def _positions(w: Workplace, line: View) -> View:
    """The positions of the entries of a line, sorted: in memory that the next call overwrites."""
    b = w.b
    [size] = line.shape
    count = constant(_length(size), "i64")
    rooms = [w.room((size,), _POSITION) for _ in range(2)]
    slots = [b.alloca("ptr", align=8) for _ in rooms]
    for room, slot in zip(rooms, slots, strict=True):
        b.store(room.address, slot)
    with b.loop(0, count) as at:
        b.store(at, b.at(rooms[0].address, "i64", at))
    rounds = max(_length(size) - 1, 0).bit_length()
    with b.loop(0, rounds) as number:  # of runs of 1, 2, 4, ... entries
        width = b.binary("shl", constant(1, "i64"), number)
        source, merged = (replace(rooms[0], address=b.load(slot, "ptr")) for slot in slots)
        _merge_runs(w, line, width, count, source, merged)
        b.store(merged.address, slots[0])
        b.store(source.address, slots[1])
    return rooms[rounds % 2]


def _merge_runs(
    w: Workplace, line: View, width: IRValue, count: IRValue, source: View, merged: View
) -> None:
    """Neighbouring runs of ``width`` positions as one, without a branch: which of two entries comes
    first is anyone's guess."""
    b, one = w.b, constant(1, "i64")
    both, last = add(b, width, width), b.binary("sub", count, one)
    left, right = (b.alloca("i64", align=8) for _ in range(2))
    with b.loop(0, count, both) as start:
        middle = b.intrinsic("smin", add(b, start, width), count)
        stop = b.intrinsic("smin", add(b, start, both), count)
        b.store(start, left)
        b.store(middle, right)
        with b.loop(start, stop) as at:
            i, j = b.load(left, "i64"), b.load(right, "i64")
            first, second = (
                b.load(b.at(source.address, "i64", b.intrinsic("smin", k, last)), "i64")
                for k in (i, j)
            )
            before = _before(b, _entry(w, line, second), _entry(w, line, first))
            before = b.binary("or", b.compare("sge", i, middle), before)
            takes = b.binary("and", b.compare("slt", j, stop), before)
            b.store(b.select(takes, second, first), b.at(merged.address, "i64", at))
            step = b.cast("zext", takes, "i64")
            b.store(add(b, j, step), right)
            b.store(add(b, i, b.binary("sub", one, step)), left)


def _before(b: Builder, x: IRValue, y: IRValue) -> IRValue:
    """Whether x comes before y in any case; what is no number comes last."""
    smaller = less(b, x, y)
    if not is_floating(x):
        return smaller
    known, missing = b.compare("ord", x, x), b.compare("uno", y, y)
    return b.binary("or", smaller, b.binary("and", known, missing))


def _searchsorted(
    w: Workplace, attributes: Attributes, views: Sequence[View], target: View
) -> None:
    """By halving, without a branch."""
    (line, values), b = views, w.b
    [size] = line.shape
    if not isinstance(size, int) or not size:
        raise Unsupported("sorted numbers of no known count")
    one, last = constant(1, "i64"), constant(size - 1, "i64")
    slots = low, high = [b.alloca("i64", align=8) for _ in range(2)]
    with loops(w, target.shape) as index:
        sought = b.load(address_of(w, values, index), storage(values.dtype))
        b.store(constant(0, "i64"), low)
        b.store(constant(size, "i64"), high)
        with b.loop(0, size.bit_length()):
            start, stop = (b.load(slot, "i64") for slot in slots)
            unknown = b.compare("slt", start, stop)
            middle = _half(b, add(b, start, stop))
            entry = _entry(w, line, b.intrinsic("smin", middle, last))
            if attributes["side"] == "left":
                behind = _before(b, entry, sought)
            else:
                behind = b.binary("xor", _before(b, sought, entry), constant(True, "i1"))
            behind = b.binary("and", behind, unknown)
            b.store(b.select(behind, add(b, middle, one), start), low)
            held = b.select(unknown, middle, stop)
            b.store(b.select(behind, stop, held), high)
        b.store(b.load(low, "i64"), address_of(w, target, index))


def _values_within(attributes: Attributes, carried: Sequence[int | None]) -> Attributes | None:
    """Of rows that are sought in numbers that are the same for all."""
    return attributes if tuple(carried) == (None, 0) else None


def _entry(w: Workplace, line: View, at: IRValue) -> IRValue:
    return w.b.load(address_of(w, line, (at,)), storage(line.dtype))


def _half(b: Builder, number: IRValue) -> IRValue:
    return b.binary("lshr", number, constant(1, "i64"))


def _length(size: Size) -> int:
    if not isinstance(size, int) or size > MOST:
        raise Unsupported("a long line to sort")
    return size


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(ordering.argsort, loops=_argsort, within=axis_within),
    Lowering(interpolation.searchsorted, loops=_searchsorted, within=_values_within),
    Lowering(ordering.median, loops=_median, within=axes_within),
)

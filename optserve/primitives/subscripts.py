"""Subscripts: what ``x[...]`` means on a traced value, in slices and gathers."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from optserve.errors import NumericalFailure, ShapeError, TraceError
from optserve.graph.aval import Array, Shape, is_traced, shape_of, shape_size
from optserve.graph.dim import Dim, Size
from optserve.graph.operands import plain_array
from optserve.graph.primitive import Value
from optserve.primitives.constants import size as size_
from optserve.primitives.indexing import Bounds, length_of, slice_, take
from optserve.primitives.known import known
from optserve.primitives.shaping import reshape, transpose

__all__ = ["check_positions", "getitem", "positions_of"]

_NO_MASK = "use where(mask, x, 0), or filter the table with `where` under `data`"


def getitem(x: Value, index: Any) -> Value:
    """``x[index]`` as NumPy has it, for slices, integers, ``None``, ``...``, arrays of integers,
    which may be computed, and masks whose numbers are known."""
    shape = shape_of(x)
    if shape and (type(index) is int or type(index) is slice):  # the usual case
        first = _bounds(index, shape[0]) if type(index) is slice else _single(index, shape[0])
        length = (length_of(*first),) if type(index) is slice else ()
        whole = [(0, size, 1) for size in shape[1:]]
        return _sliced(x, (first, *whole), (*length, *shape[1:]))
    given = index if isinstance(index, tuple) else (index,)
    entries = [entry if (mask := _mask(entry)) is None else mask for entry in given]
    bounds: list[tuple[Size, Size, int]] = []
    result: list[Size] = []
    gathers: list[tuple[int, Value]] = []
    for entry in _expanded(entries, len(shape)):
        if entry is None:
            result.append(1)
            continue
        size = shape[len(bounds)]
        if isinstance(entry, _Mask):
            for positions in entry.over(shape[len(bounds) : len(bounds) + entry.ndim]):
                gathers.append((len(result), positions))
                result.append(shape[len(bounds)])
                bounds.append((0, shape[len(bounds)], 1))
        elif isinstance(entry, slice):
            bounds.append(_bounds(entry, size))
            result.append(length_of(*bounds[-1]))
        elif _is_integer(entry):
            bounds.append(_single(operator.index(entry), size))
        else:
            positions = positions_of(entry)
            check_positions(positions, size)
            gathers.append((len(result), positions))
            bounds.append((0, size, 1))
            result.append(size)
    x = _sliced(x, tuple(bounds), tuple(result))
    return _gathered(x, gathers, in_front=_in_parts(entries)) if gathers else x


class _Mask:
    """Truth values as an index: the positions along as many axes as they have."""

    def __init__(self, truths: Array) -> None:
        self.truths = truths
        self.ndim = truths.ndim

    def over(self, shape: Shape) -> tuple[Array, ...]:
        """The positions where the mask holds, along each axis of ``shape``."""
        if self.truths.shape != shape:
            raise ShapeError(
                f"a mask of shape {self.truths.shape} for axes of {shape}",
                expected="a truth value for each entry",
            )
        return self.truths.nonzero()


def _mask(entry: Any) -> _Mask | None:
    """The mask that an entry of an index is, if it is one."""
    if is_traced(entry):
        is_mask = entry.dtype == bool and entry.ndim > 0
    elif isinstance(entry, list) and entry and all(isinstance(one, bool) for one in entry):
        is_mask = True
    else:
        is_mask = isinstance(entry, np.ndarray) and entry.dtype == bool and entry.ndim > 0
    return _Mask(known(entry, "masks as indices", _NO_MASK)) if is_mask else None


def _sliced(x: Value, bounds: Bounds, shape: Shape) -> Value:
    whole = shape_of(x)
    if any(bound != (0, size, 1) for bound, size in zip(bounds, whole, strict=True)):
        x = slice_.bind(x, bounds=bounds)
        whole = shape_of(x)
    return reshape.bind(x, shape=shape) if shape != whole else x


def _gathered(x: Value, gathers: list[tuple[int, Value]], *, in_front: bool) -> Value:
    """``x`` gathered along axes by arrays, whose own axes come in place of the first of them or
    ``in_front``."""
    axes = [axis for axis, _ in gathers]
    before = [axis for axis in range(axes[0]) if axis not in axes]
    after = [axis for axis in range(axes[0], np.ndim(x)) if axis not in axes]
    if len(gathers) == 1:
        positions = gathers[0][1]
    else:
        sizes = [np.shape(x)[axis] for axis in axes]
        positions = _as_one(x, [positions for _, positions in gathers], sizes)
        shape = [np.shape(x)[axis] for axis in before], [np.shape(x)[axis] for axis in after]
        x = transpose(x, (*before, *axes, *after))
        x = reshape(x, (*shape[0], shape_size(sizes), *shape[1]))
    start, count = len(before), np.ndim(positions)
    x = take(x, positions, axis=start)
    if not (in_front and count and start):
        return x
    places = range(np.ndim(x))
    moved = [*places[start : start + count], *places[:start], *places[start + count :]]
    return transpose(x, moved)


def _as_one(x: Value, positions: Sequence[Value], sizes: Sequence[Size]) -> Value:
    """Positions along several axes of ``x`` as those along one that has the entries of all; where
    one of them is out of range, so is the result."""
    traced = [one for one in (x, *positions) if is_traced(one)]
    trace = max((one.trace for one in traced), key=lambda trace: trace.serial)

    def number(size: Size) -> Value:
        if isinstance(size, int):
            return size
        return trace.bind(size_, (), {"size": size, "dtype": np.dtype(np.int64)})

    counts = [number(size) for size in sizes]
    fronts = [
        np.where(one < 0, one + count, one) for one, count in zip(positions, counts, strict=True)
    ]
    inside = reduce(
        np.logical_and,
        [(one >= 0) & (one < count) for one, count in zip(fronts, counts, strict=True)],
    )
    together = fronts[0]
    for front, count in zip(fronts[1:], counts[1:], strict=True):
        together = together * count + front
    return np.where(inside, together, number(shape_size(sizes)))


def _in_parts(entries: list[Any]) -> bool:
    """Whether slices, ``None`` or ``...`` stand between integers and arrays: NumPy then puts what
    is gathered in front."""
    gathers = [
        i
        for i, entry in enumerate(entries)
        if entry is not None and entry is not Ellipsis and not isinstance(entry, slice)
    ]
    return gathers[-1] - gathers[0] >= len(gathers)


def _expanded(entries: list[Any], ndim: int) -> list[Any]:
    """The index with ``...`` and what is missing at the end written out as full slices."""
    used = sum(
        entry.ndim if isinstance(entry, _Mask) else 1
        for entry in entries
        if entry is not None and entry is not Ellipsis
    )
    if used > ndim:
        raise ShapeError(f"too many indices: {used} for a value with {ndim} axes")
    places = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    if len(places) > 1:
        raise ShapeError("an index may contain `...` once")
    at = places[0] if places else len(entries)
    full = [slice(None)] * (ndim - used)
    return [*entries[:at], *full, *entries[at + 1 :]]


def _is_integer(entry: Any) -> bool:
    if isinstance(entry, bool | np.bool_):
        return False
    return isinstance(entry, int | np.integer) or (
        type(entry) is np.ndarray and entry.ndim == 0 and entry.dtype.kind in "iu"
    )


def positions_of(entry: Any) -> Value:
    """Computed positions: a traced value, or an array or a list of integers."""
    if is_traced(entry):
        positions = entry
    else:
        listed = isinstance(entry, list | tuple) and not np.size(entry)
        positions = np.empty(np.shape(entry), np.int64) if listed else plain_array(entry)
    kind = positions.dtype.kind
    if kind == "b":
        raise TraceError(
            "a mask as an index gives a value whose shape is not known beforehand",
            remedy=_NO_MASK,
        )
    if kind not in "iu":
        raise TraceError(
            "an index must be integers",
            remedy="declare the column `as: integer`, or make one of whole numbers: integer(x)",
        )
    return positions


def check_positions(positions: Value, size: Size) -> None:
    """Raise where positions that are known lie outside an axis of ``size`` entries."""
    known = positions
    while is_traced(known):
        known = known.known_value
    if known is None or not isinstance(size, int) or not np.size(known):
        return
    low, high = int(np.min(known)), int(np.max(known))
    if -size <= low and high < size:
        return
    computed = known is not positions
    failure = NumericalFailure if computed else ShapeError
    raise failure(
        f"index {low if low < -size else high} is out of range for an axis of size {size}",
        expected=f"an index from {-size} to {size - 1}" if size else "no index: it is empty",
        remedy="mend the indices, or hold them inside with np.clip",
        code="" if computed else "wrong-index",
    )


def _single(index: int, size: Size) -> tuple[Size, Size, int]:
    if isinstance(size, int) and not -size <= index < size:
        raise ShapeError(
            f"index {index} is out of range for an axis of size {size}",
            expected=f"an index from {-size} to {size - 1}" if size else "no index: it is empty",
            code="wrong-index",
        )
    start = index if index >= 0 else size + index
    return start, start + 1, 1


def _bounds(entry: slice, size: Size) -> tuple[Size, Size, int]:
    if (
        isinstance(size, int)
        and not isinstance(entry.start, Dim)
        and not isinstance(entry.stop, Dim)
    ):
        bounds = entry.indices(size)
        return bounds if range(*bounds) else (0, 0, 1)
    step = 1 if entry.step is None else operator.index(entry.step)
    if step == -1 and entry.start is None and entry.stop is None:
        return size - 1, -1, -1
    if step < 1:
        raise ShapeError("some of the rows cannot be taken in reverse order", remedy="use x[::-1]")
    start = 0 if entry.start is None else entry.start
    stop = size if entry.stop is None else entry.stop
    if isinstance(start, int) and start < 0:
        start = size + start
    if isinstance(stop, int) and stop < 0:
        stop = size + stop
    return start, stop, step

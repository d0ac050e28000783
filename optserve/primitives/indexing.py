"""Indexing: slices, gathers, and their transposes, which put values back where they came from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.errors import NumericalFailure, ShapeError
from optserve.graph.aval import Aval, DType, Shape, is_float
from optserve.graph.axes import AxisAnswer, Mixed, Reduced
from optserve.graph.dim import Dim, Size, quotient
from optserve.graph.domain import Example, integer, real
from optserve.graph.facts import Facts
from optserve.graph.leading import Leading
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constants import arange_beside, positions
from optserve.primitives.constructors import linear
from optserve.primitives.shaping import normal_axes, reshape

__all__ = ["Bounds", "in_range", "length_of", "scatter_add", "slice_", "take", "unslice"]

Bounds = tuple[tuple[Size, Size, int], ...]
"""For each axis start, stop and step; a stop of -1 with a negative step is "past the front"."""


NOWHERE = 2**62
"""An index that is out of range of any array."""


@functools.lru_cache
def _slices(bounds: Bounds) -> tuple[slice, ...]:
    return tuple(
        slice(start, None if step < 0 and stop == -1 else stop, step)
        for start, stop, step in bounds
    )


def length_of(start: Size, stop: Size, step: int) -> Size:
    """How many entries a slice has."""
    extent = stop - start
    if isinstance(extent, int):
        return max(0, -(-extent // step))
    length = quotient(extent, step)
    if length is None:
        raise ShapeError(f"a step of {step} over {extent} rows has no definite length")
    return length


def _full(bounds: Bounds, axis: int, size: Size) -> bool:
    return bounds[axis] == (0, size, 1)


def _slice_axes(carried: Sequence[int | None], x: Aval, *, bounds: Bounds) -> AxisAnswer:
    [rows] = carried
    assert rows is not None
    return rows if _full(bounds, rows, x.shape[rows]) else Mixed("it picks some of the rows")


@functools.lru_cache
def _sliced_shape(bounds: Bounds) -> Shape:
    return tuple(length_of(*entry) for entry in bounds)


@functools.lru_cache(maxsize=1024)  # which keeps nothing of what is refused
def _check_bounds(shape: Shape, bounds: Bounds) -> None:
    """Refuse bounds outside of an axis, which Python would count from its end or cut off."""
    for size, (start, stop, step) in zip(shape, bounds, strict=True):
        if isinstance(size, Dim) or isinstance(start, Dim) or isinstance(stop, Dim):
            continue  # a row count, which meets its number when the slice is evaluated
        first, last = (start, stop) if step > 0 else (stop + 1, start + 1)
        if not (0 <= first <= size and 0 <= last <= size):
            asked = f"entry {first}" if last == first + 1 else f"entries {first} to {last - 1}"
            raise ShapeError(
                f"slice: {asked} of an axis of {size}",
                expected=f"entries from 0 to {size - 1}" if size else "no entry: it is empty",
                remedy="rows are counted from 0, x[0], or from the end, x[-1]",
            )


def _slice_shape(x: Aval, *, bounds: Bounds) -> Aval:
    _check_bounds(x.shape, bounds)
    return Aval(_sliced_shape(bounds), x.dtype)


def _slice(x: Value, *, bounds: Bounds) -> Value:
    _check_bounds(x.shape, bounds)
    return x[_slices(bounds)]


slice_: Primitive = linear(
    "slice",
    _slice,
    shape=_slice_shape,
    transposes=[lambda ct, x, bounds: unslice(ct, shape=np.shape(x), bounds=bounds)],
    axes=_slice_axes,
    examples=(
        Example(((5,),), {"bounds": ((1, 4, 2),)}),
        Example(((3, 4),), {"bounds": ((0, 3, 1), (3, -1, -1))}),
        Example(((3,),), {"bounds": ((0, 0, 1),)}),
    ),
    promotes=False,
    selects=True,
    internal=True,
    facts=Facts(
        moves=True,
        strict=True,
        batched=lambda carried, size, x, *, bounds: Leading({"bounds": ((0, size, 1), *bounds)}),
        cost=0.0,
    ),
    doc="Entries from start up to stop by step along every axis.",
)


def _unslice(ct: Value, *, shape: tuple[int, ...], bounds: Bounds) -> Value:
    out = np.zeros(shape, ct.dtype)
    out[_slices(bounds)] = ct
    return out


def _unslice_shape(ct: Aval, *, shape: Shape, bounds: Bounds) -> Aval:
    if ct.shape != _sliced_shape(bounds):
        raise ShapeError(f"{ct.shape} does not fill bounds {bounds} of {shape}")
    return Aval(shape, ct.dtype)


unslice: Primitive = linear(
    "unslice",
    _unslice,
    shape=_unslice_shape,
    transposes=[lambda ct, value, shape, bounds: slice_(ct, bounds=bounds)],
    axes=lambda carried, ct, *, shape, bounds: (
        carried[0]
        if _full(bounds, carried[0], shape[carried[0]])
        else Mixed("it sets some of the rows")
    ),
    examples=(Example(((2,),), {"shape": (5,), "bounds": ((1, 4, 2),)}),),
    promotes=False,
    internal=True,
    facts=Facts(
        batched=lambda carried, size, ct, *, shape, bounds: Leading(
            {"shape": (size, *shape), "bounds": ((0, size, 1), *bounds)}
        )
    ),
    doc="Zeros with the given entries put where ``slice`` takes them from; its transpose.",
)


def in_range(indices: Value, size: int, dtype: DType) -> tuple[Value, Value]:
    """Indices counted from the front (0 where out of range), and which of them are in range.

    Values of a ``dtype`` that has no NaN to stand for a missing one raise ``NumericalFailure``.
    """
    wrapped = np.where(indices < 0, indices + size, indices)
    valid = (wrapped >= 0) & (wrapped < size)
    if not (valid.all() or is_float(dtype)):
        raise NumericalFailure(
            f"an index is out of range for {size} entries",
            remedy="index floating numbers, which become NaN there, or mend the indices",
        )
    return np.where(valid, wrapped, 0), valid


def _take(x: Value, indices: Value, *, axis: int) -> Value:
    front, valid = in_range(indices, x.shape[axis], x.dtype)
    if valid.all():
        return np.take(x, front, axis)
    shape = (*x.shape[:axis], *np.shape(indices), *x.shape[axis + 1 :])
    if x.shape[axis] == 0:
        return np.full(shape, np.nan, x.dtype)
    spread = np.reshape(valid, (*np.shape(valid), *(1,) * (x.ndim - axis - 1)))
    return np.where(spread, np.take(x, front, axis), np.asarray(np.nan, x.dtype))


def check_indices(indices: Aval) -> None:
    """Raise ``ShapeError`` unless ``indices`` are integers."""
    if indices.dtype.kind not in "iu":
        raise ShapeError(
            f"indices have dtype {indices.dtype.name}",
            expected="integers",
            remedy="declare the column with `as: integer` or `as: category`",
        )


def _take_shape(x: Aval, indices: Aval, *, axis: int) -> Aval:
    check_indices(indices)
    return Aval((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), x.dtype)


def _take_axes(carried: Sequence[int | None], x: Aval, indices: Aval, *, axis: int) -> AxisAnswer:
    rows, index_rows = carried
    if rows is None:
        assert index_rows is not None
        return axis + index_rows
    if rows == axis or index_rows is not None:
        return Mixed("it gathers rows by a computed index")
    return rows if rows < axis else rows + indices.ndim - 1


def _take_arguments(x: Value, indices: Value, axis: int = 0) -> Any:
    return (x, indices), {"axis": normal_axes(axis, np.ndim(x))[0]}


def _take_batched(
    carried: Sequence[bool], size: Size, x: Aval, indices: Aval, *, axis: int
) -> Leading | Callable[..., Value]:
    if not carried[1]:
        return Leading({"axis": axis + 1}, operands="some")
    if not carried[0]:
        return Leading({"axis": axis}, axis, operands="some")
    return functools.partial(_take_of_each, axis=axis)


def _take_of_each(x: Value, indices: Value, *, axis: int) -> Value:
    """From each of many values by indices of its own: from all of them, end to end."""
    shape = np.shape(x)
    order = (*range(1, axis + 1), 0, *range(axis + 1, len(shape)))
    joined = (*shape[1 : axis + 1], shape[0] * shape[axis + 1], *shape[axis + 2 :])
    taken = take.bind(
        reshape(np.transpose(x, order), joined), _joined(indices, shape[axis + 1]), axis=axis
    )
    rest = (i for i in range(np.ndim(taken)) if i != axis)
    return np.transpose(taken, (axis, *rest))


def _joined(indices: Value, size: Size) -> Value:
    """Indices into each of many values as indices into all of them, end to end."""
    front, valid = _counted(indices, size)
    first = reshape(positions(indices, 0), (-1, *(1,) * (np.ndim(indices) - 1)))
    return np.where(valid, front + size * first, NOWHERE)


def _counted(indices: Value, size: Size) -> tuple[Value, Value]:
    """Indices counted from the front, and which of them are in range."""
    front = np.where(indices < 0, indices + size, indices)
    return front, (front >= 0) & (front < size)


take: Primitive = linear(
    "take",
    _take,
    shape=_take_shape,
    transposes=[
        lambda ct, x, indices, axis: scatter_add(ct, indices, axis=axis, size=np.shape(x)[axis]),
        None,
    ],
    axes=_take_axes,
    arguments=_take_arguments,
    domain=(real, integer(-2, 2)),
    examples=(
        Example(((3,), (4,)), {"axis": 0}),
        Example(((2, 3), (2, 2)), {"axis": 1}),
        Example(((3, 2), ()), {"axis": 0}),
    ),
    promotes=False,
    selects=True,
    facts=Facts(
        batched=_take_batched,
        remedy="give the array an entry for every index",
        cost=8.0,
        picks=True,
    ),
    doc="""
    Entries at computed integer positions along an axis (gather); negative positions count from
    the end. A position out of range gives NaN, which ends a descent as a numerical failure.
    """,
)


def _scatter_add(values: Value, indices: Value, *, axis: int, size: int) -> Value:
    front, valid = in_range(np.asarray(indices), size, values.dtype)
    count = np.ndim(indices)
    moved = np.moveaxis(values, range(axis, axis + count), range(count))
    tail = moved.shape[count:]
    flat = np.reshape(moved, (np.size(indices), *tail))
    flat = np.where(np.reshape(valid, (-1, *(1,) * len(tail))), flat, 0)
    out = np.zeros((size, *tail), values.dtype)
    if size:
        np.add.at(out, np.reshape(front, -1), flat)
    return np.moveaxis(out, 0, axis)


def _scatter_shape(values: Aval, indices: Aval, *, axis: int, size: Size) -> Aval:
    check_indices(indices)
    end = axis + indices.ndim
    if values.shape[axis:end] != indices.shape:
        raise ShapeError(f"values {values.shape} and indices {indices.shape} do not match")
    return Aval((*values.shape[:axis], size, *values.shape[end:]), values.dtype)


def _scatter_axes(
    carried: Sequence[int | None], values: Aval, indices: Aval, *, axis: int, size: Size
) -> AxisAnswer:
    rows, index_rows = carried
    if index_rows is not None:
        same = rows == axis + index_rows
        return Reduced("sum") if same else Mixed("its operands carry the rows along different axes")
    assert rows is not None
    if axis <= rows < axis + indices.ndim:
        return Mixed("it scatters rows by a fixed index")
    return rows if rows < axis else rows - indices.ndim + 1


def _scatter_batched(
    carried: Sequence[bool], count: Size, values: Aval, indices: Aval, *, axis: int, size: Size
) -> Leading | Callable[..., Value]:
    if not carried[1]:
        return Leading({"axis": axis + 1, "size": size}, operands="some")
    alone = all(entries == 1 for entries in indices.shape)
    way = _put_in_each if alone else _scatter_into_each
    return functools.partial(way, axis=axis, size=size)


def _put_in_each(values: Value, indices: Value, *, axis: int, size: Size) -> Value:
    """One value into each of many arrays, at an index of its own."""
    shape, place = np.shape(values), axis + 1
    behind = shape[axis + np.ndim(indices) :]
    front, _ = _counted(reshape(indices, (-1, *(1,) * (place + len(behind)))), size)
    position = reshape(arange_beside(size, values), (-1, *(1,) * len(behind)))
    value = reshape(values, (*shape[:place], 1, *behind))
    return np.where(front == position, value, np.zeros((), value.dtype))


def _scatter_into_each(values: Value, indices: Value, *, axis: int, size: Size) -> Value:
    """Into each of many arrays at indices of its own: into all of them, end to end."""
    count = np.shape(values)[0]
    order = (*range(1, axis + 1), 0, *range(axis + 1, np.ndim(values)))
    made = scatter_add.bind(
        np.transpose(values, order), _joined(indices, size), axis=axis, size=count * size
    )
    shape = np.shape(made)
    apart = reshape(made, (*shape[:axis], count, size, *shape[axis + 1 :]))
    rest = (i for i in range(np.ndim(apart)) if i != axis)
    return np.transpose(apart, (axis, *rest))


scatter_add: Primitive = linear(
    "scatter_add",
    _scatter_add,
    shape=_scatter_shape,
    transposes=[lambda ct, values, indices, axis, size: take(ct, indices, axis=axis), None],
    axes=_scatter_axes,
    domain=(real, integer(-2, 2)),
    examples=(
        Example(((4,), (4,)), {"axis": 0, "size": 3}),
        Example(((2, 2, 2), (2, 2)), {"axis": 1, "size": 3}),
    ),
    promotes=False,
    facts=Facts(fresh=True, batched=_scatter_batched, cost=8.0),
    doc="Zeros to which each value is added at its computed position; the transpose of ``take``.",
)

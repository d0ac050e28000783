"""NumPy's functions that move entries about, on traced values and under NumPy's signatures."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import DType, Shape, aval_of, is_traced
from optserve.graph.operands import as_operand, plain_array
from optserve.graph.primitive import Value
from optserve.primitives import (
    along_axis,
    arrangement,
    comparisons,
    constants,
    indexing,
    shaping,
    subscripts,
    sums,
)
from optserve.primitives.known import known
from optserve.primitives.numpy_options import check_options, signed_all
from optserve.primitives.shaping import normal_axes

__all__ = ["FUNCTIONS"]

Axes = int | Sequence[int] | None


def _reshape(a: Value, shape: Any, order: str = "C") -> Value:
    if order == "C":
        return shaping.reshape(a, shape)
    check_options("reshape", order=order if order != "F" else None)
    listed = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    return np.transpose(shaping.reshape(np.transpose(a), listed[::-1]))


def _ravel(a: Value, order: str = "C") -> Value:
    return _reshape(a, (-1,), order)


def _expand_dims(a: Value, axis: int | Sequence[int]) -> Value:
    listed = axis if isinstance(axis, tuple | list) else (axis,)
    ndim = np.ndim(a) + len(listed)
    added = normal_axes(listed, ndim)
    sizes = iter(np.shape(a))
    return shaping.reshape(a, tuple(1 if i in added else next(sizes) for i in range(ndim)))


def _squeeze(a: Value, axis: Axes = None) -> Value:
    shape = np.shape(a)
    ones = tuple(i for i, size in enumerate(shape) if size == 1)
    dropped = ones if axis is None else normal_axes(axis, len(shape))
    if not set(dropped) <= set(ones):
        raise ShapeError(
            f"an axis of {shape} that is to be squeezed out is longer than 1",
            expected="axes of size 1",
            remedy="pick an entry: x[0]",
        )
    return shaping.reshape(a, tuple(size for i, size in enumerate(shape) if i not in dropped))


def _swapaxes(a: Value, axis1: int, axis2: int) -> Value:
    ndim = np.ndim(a)
    [first], [second] = normal_axes(axis1, ndim), normal_axes(axis2, ndim)
    order = list(range(ndim))
    order[first], order[second] = second, first
    return shaping.transpose(a, order)


def _moveaxis(a: Value, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    ndim = np.ndim(a)
    sources, targets = (
        [normal_axes(axis, ndim)[0] for axis in (given if isinstance(given, Sequence) else [given])]
        for given in (source, destination)
    )
    if len(sources) != len(targets) or any(len(set(one)) < len(one) for one in (sources, targets)):
        raise ShapeError(
            f"axes {source} do not move to {destination}", expected="as many, each of them once"
        )
    order = [axis for axis in range(ndim) if axis not in sources]
    for target, moved in sorted(zip(targets, sources, strict=True)):
        order.insert(target, moved)
    return shaping.transpose(a, order)


def _flip(m: Value, axis: Axes = None) -> Value:
    flipped = normal_axes(axis, np.ndim(m))
    return m[tuple(slice(None, None, -1 if i in flipped else 1) for i in range(np.ndim(m)))]


def _concatenate(
    arrays: Sequence[Value],
    axis: int | None = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Value:
    check_options("concatenate", out=out, dtype=dtype, casting=casting)
    if axis is None:
        return shaping.concatenate([_ravel(array) for array in _listed(arrays)], axis=0)
    return shaping.concatenate(_listed(arrays), axis=axis)


def _stack(arrays: Sequence[Value], axis: int = 0) -> Value:
    shapes = list(dict.fromkeys(np.shape(array) for array in _listed(arrays)))
    if len(shapes) > 1:
        raise ShapeError(
            f"shapes {shapes[0]} and {shapes[1]} do not stack",
            expected="arrays of one shape",
            remedy="use np.broadcast_to first",
        )
    return shaping.stack(_listed(arrays), axis=axis)


def _vstack(tup: Sequence[Value]) -> Value:
    return _concatenate([_at_least(2, one) for one in _listed(tup)], 0)


def _hstack(tup: Sequence[Value]) -> Value:
    arrays = [_at_least(1, one) for one in _listed(tup)]
    axis = 0 if arrays and np.ndim(arrays[0]) == 1 else 1
    return _concatenate(arrays, axis)


def _column_stack(tup: Sequence[Value]) -> Value:
    arrays = [one if np.ndim(one) > 1 else _at_least(1, one)[:, None] for one in _listed(tup)]
    return _concatenate(arrays, 1)


def _listed(arrays: Any) -> Sequence[Value]:
    if isinstance(arrays, tuple | list):
        return arrays
    array = as_operand(arrays)
    if not array.ndim or not isinstance(array.shape[0], int):
        raise ShapeError(
            f"what is to be joined is one value of shape {array.shape}",
            expected="a list of arrays, or an array of a known number of them",
        )
    return [array[i] for i in range(array.shape[0])]


def _at_least(ndim: int, array: Value) -> Value:
    """``array`` with axes of size 1 before its own, up to ``ndim`` of them."""
    array = as_operand(array)
    return array[(None,) * (ndim - array.ndim)] if array.ndim < ndim else array


def _atleast(ndim: int) -> Callable[..., Any]:
    def raised(*arys: Value) -> Any:
        arrays = tuple(_at_least(ndim, array) for array in arys)
        return arrays[0] if len(arrays) == 1 else arrays

    return raised


def _take(a: Value, indices: Value, axis: int | None = None, mode: str = "raise") -> Value:
    if axis is None:
        a, axis = _ravel(a), 0
    [only] = normal_axes(axis, np.ndim(a))
    size = np.shape(a)[only]
    indices = subscripts.positions_of(indices)
    if mode == "wrap":
        indices = indices % size
    elif mode == "clip":
        indices = np.clip(indices, 0, size - 1)
    elif mode == "raise":
        subscripts.check_positions(indices, size)
    else:
        raise ShapeError(f"np.take(..., mode={mode!r})", expected="'raise', 'wrap' or 'clip'")
    return indexing.take(a, indices, axis=only)


def _take_along_axis(arr: Value, indices: Value, axis: int | None = -1) -> Value:
    if axis is None:
        arr, axis = _ravel(arr), 0
    [only] = normal_axes(axis, np.ndim(arr))
    indices = subscripts.positions_of(indices)
    subscripts.check_positions(indices, np.shape(arr)[only])
    return along_axis.take_along_axis(arr, indices, axis=only)


def _where(condition: Value, *branches: Value) -> Value:
    if not branches:
        return np.nonzero(known(condition, "conditions", "use where(condition, x, y)"))
    if len(branches) != 2:
        raise TraceError("np.where takes one argument or three", expected="where(condition, x, y)")
    return comparisons.where(condition, *branches)


def _diff(
    a: Value,
    n: int = 1,
    axis: int = -1,
    prepend: Value | None = None,
    append: Value | None = None,
) -> Value:
    [only] = normal_axes(axis, np.ndim(a))
    shape = np.shape(a)
    one = (*shape[:only], 1, *shape[only + 1 :])
    given = (np.asarray(part) for part in (prepend, a, append) if part is not None)
    parts = [part if part.ndim else np.broadcast_to(part, one) for part in given]
    return arrangement.diff(np.concatenate(parts, axis=only) if len(parts) > 1 else a, n, axis)


def _size(a: Value, axis: int | None = None) -> Any:
    return a.size if axis is None else a.shape[normal_axes(axis, a.ndim)[0]]


def _copy(a: Value, order: str = "K", subok: bool = False) -> Value:
    del order, subok  # how it lies in memory is nobody's; it is never changed
    return a


def _like(entry: int) -> Callable[..., Value]:
    def like(
        a: Value, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
    ) -> Value:
        return _full_like(a, entry, dtype, order, subok, shape)

    return like


def _full_like(
    a: Value,
    fill_value: Value,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
) -> Value:
    del order, subok
    wanted: DType = aval_of(a).dtype if dtype is None else np.dtype(dtype)
    filled: Shape = np.shape(a) if shape is None else tuple(np.atleast_1d(shape).tolist())
    if is_traced(fill_value):
        return sums.broadcast_to(fill_value.astype(wanted), filled)
    entry = plain_array(fill_value).astype(wanted)
    return constants.full(filled, a.trace.lift(entry) if is_traced(a) else entry)


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        operator.getitem: subscripts.getitem,
        np.shape: lambda a: a.shape,
        np.ndim: lambda a: a.ndim,
        np.where: _where,
        np.transpose: shaping.transpose,
        np.atleast_1d: _atleast(1),
        np.atleast_2d: _atleast(2),
        np.concatenate: _concatenate,
        **signed_all(
            {
                np.size: _size,
                np.copy: _copy,
                np.reshape: _reshape,
                np.ravel: _ravel,
                np.swapaxes: _swapaxes,
                np.moveaxis: _moveaxis,
                np.flip: _flip,
                np.roll: lambda a, shift, axis=None: arrangement.roll(a, shift, axis),
                np.diff: _diff,
                np.broadcast_to: lambda array, shape: sums.broadcast_to(array, shape),
                np.expand_dims: _expand_dims,
                np.squeeze: _squeeze,
                np.stack: _stack,
                np.vstack: _vstack,
                np.hstack: _hstack,
                np.column_stack: _column_stack,
                np.take: _take,
                np.take_along_axis: _take_along_axis,
                np.zeros_like: _like(0),
                np.ones_like: _like(1),
                np.full_like: _full_like,
            }
        ),
    }
)

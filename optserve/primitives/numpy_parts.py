"""NumPy's functions that split arrays, join them, and turn them, on traced values."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.primitives.known import known
from optserve.primitives.numpy_options import signed_all
from optserve.primitives.shaping import normal_axes

__all__ = ["FUNCTIONS"]


def _at_least_3d(array: Value) -> Value:
    array = as_operand(array)
    index = {0: (None, None, None), 1: (None, slice(None), None), 2: (..., None)}
    return array[index[np.ndim(array)]] if np.ndim(array) < 3 else array


def _atleast_3d(*arys: Value) -> Any:
    arrays = tuple(map(_at_least_3d, arys))
    return arrays[0] if len(arrays) == 1 else arrays


def _dstack(tup: Sequence[Value]) -> Value:
    return np.concatenate([_at_least_3d(one) for one in tup], 2)


def _append(arr: Value, values: Value, axis: int | None = None) -> Value:
    arr, values = np.asarray(arr), np.asarray(values)  # of lists, too, that hold traced values
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(values)])
    return np.concatenate([arr, values], axis=axis)


def _shifted(x: Value, axes: Any, by: Callable[[int], int]) -> Value:
    """``x`` rolled along axes by what ``by`` says of their sizes."""
    shape = np.shape(x)
    listed = normal_axes(axes, len(shape))
    return np.roll(x, [by(operator.index(shape[axis])) for axis in listed], listed)


def _fftshift(x: Value, axes: Any = None) -> Value:
    return _shifted(x, axes, lambda size: size // 2)


def _ifftshift(x: Value, axes: Any = None) -> Value:
    return _shifted(x, axes, lambda size: -(size // 2))


def _cuts(indices_or_sections: Any, size: int, equal: bool) -> list[int]:
    """Where to cut an axis of ``size`` entries, with both ends."""
    if np.ndim(indices_or_sections):
        return [0, *map(operator.index, known(indices_or_sections, "cuts").tolist()), size]
    count = operator.index(indices_or_sections)
    if count < 1 or (equal and size % count):
        raise ShapeError(
            f"{size} entries do not split into {count} equal parts",
            remedy="np.array_split makes parts that are not equal",
        )
    each, more = divmod(size, count)
    sizes = [each + (part < more) for part in range(count)]
    return [sum(sizes[:part]) for part in range(count + 1)]


def _split_along(ary: Value, sections: Any, axis: int, equal: bool) -> list[Value]:
    ary = as_operand(ary)
    [only] = normal_axes(axis, np.ndim(ary))
    cuts = _cuts(sections, np.shape(ary)[only], equal)
    before = (slice(None),) * only
    return [
        ary[(*before, slice(start, max(start, stop) if stop >= 0 else stop))]
        for start, stop in itertools.pairwise(cuts)
    ]


def _split(ary: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    return _split_along(ary, indices_or_sections, axis, True)


def _array_split(ary: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    return _split_along(ary, indices_or_sections, axis, False)


def _hsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    return _split_along(ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1, True)


def _unstack(x: Value, axis: int = 0) -> tuple[Value, ...]:
    return tuple(np.moveaxis(x, axis, 0))


def _block(arrays: Any) -> Value:
    """Nested lists of blocks, the innermost joined along the last axis, and so on outwards."""

    def depth(part: Any) -> int:
        return 1 + max(map(depth, part), default=0) if isinstance(part, list) else 0

    def blocks(part: Any) -> list[Value]:
        return [leaf for one in part for leaf in blocks(one)] if isinstance(part, list) else [part]

    levels = depth(arrays)
    ndim = max(levels, *(np.ndim(one) for one in blocks(arrays)), 1)

    def joined(part: Any, level: int) -> Value:
        if not isinstance(part, list):
            part = as_operand(part)
            return part[(None,) * (ndim - np.ndim(part))]
        return np.concatenate([joined(one, level + 1) for one in part], axis=level - levels)

    return joined(arrays, 0)


def _positions(obj: Any, size: int) -> Any:
    """The positions that ``obj`` names: a number, a slice, positions or a mask."""
    if isinstance(obj, slice):
        return np.arange(size)[obj]
    given = known(obj, "positions")
    if given.dtype == bool:
        return np.flatnonzero(given)
    return np.asarray(given, np.int64)


def _delete(arr: Value, obj: Any, axis: int | None = None) -> Value:
    arr = as_operand(arr)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    size = np.shape(arr)[axis]
    return np.take(arr, np.delete(np.arange(size), _positions(obj, size)), axis=axis)


def _insert(arr: Value, obj: Any, values: Value, axis: int | None = None) -> Value:
    """As NumPy's: what is inserted stands behind all entries, and is taken from there."""
    arr = as_operand(arr)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    [only] = normal_axes(axis, np.ndim(arr))
    size = np.shape(arr)[only]
    places = _positions(obj, size)
    values = as_operand(values).astype(arr.dtype)
    if not np.ndim(places):  # then the axis of one value comes first, as in NumPy
        values = values[(None,) * max(np.ndim(arr) - np.ndim(values), 0)]
        values = np.moveaxis(values, 0, only)
    count = np.size(places)
    if not np.ndim(places) or count == 1:
        count = np.shape(values)[only] if np.ndim(values) == np.ndim(arr) else 1
    fitted = np.broadcast_to(values, (*np.shape(arr)[:only], count, *np.shape(arr)[only + 1 :]))
    order = np.insert(np.arange(size), places, np.arange(size, size + count))
    return np.take(np.concatenate([arr, fitted], axis=only), order, axis=only)


def _resize(a: Value, new_shape: Any) -> Value:
    shape = tuple(new_shape) if np.ndim(new_shape) else (new_shape,)
    flat = np.ravel(a)
    size, wanted = np.size(flat), int(np.prod(shape))
    if not size:
        return np.zeros_like(a, shape=shape)
    return np.reshape(np.take(flat, np.arange(wanted) % size), shape)


def _rollaxis(a: Value, axis: int, start: int = 0) -> Value:
    ndim = np.ndim(a)
    [source] = normal_axes(axis, ndim)
    start = start + ndim if start < 0 else start
    return np.moveaxis(a, source, start - 1 if source < start else start)


def _rot90(m: Value, k: int = 1, axes: Sequence[int] = (0, 1)) -> Value:
    first, second = (normal_axes(axis, np.ndim(m))[0] for axis in axes)
    turns = k % 4
    if turns == 2:
        return np.flip(m, (first, second))
    if turns == 1:
        return np.swapaxes(np.flip(m, second), first, second)
    return np.flip(np.swapaxes(m, first, second), second) if turns else m


def _broadcast_arrays(*args: Value, subok: bool = False) -> tuple[Value, ...]:
    del subok
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(one, shape) for one in args)


def _matrix_transpose(x: Value) -> Value:
    return np.swapaxes(x, -1, -2)


def _diagflat(v: Value, k: int = 0) -> Value:
    return np.diag(np.ravel(v), k)


def _astype(x: Value, dtype: Any, copy: bool = True) -> Value:
    return x.astype(dtype, copy=copy)


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.atleast_3d: _atleast_3d,
        np.block: _block,
        np.broadcast_arrays: _broadcast_arrays,
        np.dstack: _dstack,
        np.fliplr: lambda m: m[:, ::-1],
        np.flipud: lambda m: m[::-1],
        np.linalg.matrix_transpose: _matrix_transpose,
        np.matrix_transpose: _matrix_transpose,
        np.unstack: _unstack,
        **signed_all(
            {
                np.append: _append,
                np.fft.fftshift: _fftshift,
                np.fft.ifftshift: _ifftshift,
                np.array_split: _array_split,
                np.astype: _astype,
                np.delete: _delete,
                np.diagflat: _diagflat,
                np.dsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 2),
                np.hsplit: _hsplit,
                np.insert: _insert,
                np.resize: _resize,
                np.rollaxis: _rollaxis,
                np.rot90: _rot90,
                np.split: _split,
                np.vsplit: _split,
            }
        ),
    }
)

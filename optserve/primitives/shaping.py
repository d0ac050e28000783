"""Shapes: reshape, transpose, concatenate, stack, and casts between dtypes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import (
    Aval,
    DType,
    Shape,
    broadcast_shapes,
    is_float,
    is_traced,
    shape_size,
)
from optserve.graph.axes import AxisAnswer, Mixed, aligned
from optserve.graph.dim import Dim, Size, quotient
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.leading import Leading, behind, shifted
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import linear

__all__ = [
    "cast",
    "checked_shape",
    "concatenate",
    "normal_axes",
    "reshape",
    "stack",
    "transpose",
]

LARGEST = 2**31
"""Entries that a value without rows may have: larger ones are taken for a mistake."""


def normal_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """``axis`` as a sorted tuple of axes counted from the front; ``None`` means all of them."""
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    axes = []
    for entry in given:
        number = operator.index(entry)
        if not -ndim <= number < ndim:
            raise ShapeError(
                f"axis {number} does not exist in a value with {ndim} axes",
                expected=f"an axis from {-ndim} to {ndim - 1}" if ndim else "no axis",
            )
        axes.append(number % ndim)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axes {tuple(given)} name one axis twice")
    return tuple(sorted(axes))


def checked_shape(shape: Sequence[Size]) -> Shape:
    """``shape`` with every entry a size, none negative, and not absurdly many entries."""
    sizes = []
    for entry in shape:
        size: Size = entry if isinstance(entry, Dim) else operator.index(entry)
        if isinstance(size, int) and size < 0:
            raise ShapeError(f"shape {tuple(shape)} has a negative size")
        sizes.append(size)
    total = shape_size(size for size in sizes if isinstance(size, int))
    if isinstance(total, int) and total > LARGEST:
        raise ShapeError(
            f"shape {tuple(shape)} has {total} entries", expected=f"at most {LARGEST} entries"
        )
    return tuple(sizes)


def _reshape_arguments(x: Value, shape: Sequence[Size] | Size, *more: Size) -> Any:
    given: Any = shape  # of NumPy an array too
    several = isinstance(given, tuple | list) or (isinstance(given, np.ndarray) and given.ndim > 0)
    listed: list[Any] = [*given] if several else [given, *more]
    unknown = [i for i, size in enumerate(listed) if not isinstance(size, Dim) and size == -1]
    if unknown:
        rest = shape_size(size for i, size in enumerate(listed) if i not in unknown)
        size = quotient(shape_size(np.shape(x)), rest) if len(unknown) == 1 else None
        if size is None:
            raise ShapeError(f"{np.shape(x)} does not reshape to {tuple(listed)}")
        listed[unknown[0]] = size
    return (x,), {"shape": checked_shape(listed)}


def _reshape_shape(x: Aval, *, shape: Shape) -> Aval:
    if shape_size(x.shape) != shape_size(shape):
        raise ShapeError(
            f"{x.shape} does not reshape to {shape}",
            expected=f"{shape_size(x.shape)} entries, got {shape_size(shape)}",
        )
    return Aval(shape, x.dtype)


def _reshape_axes(carried: Sequence[int | None], x: Aval, *, shape: Shape) -> AxisAnswer:
    [rows] = carried
    assert rows is not None
    before = shape_size(x.shape[:rows])
    for axis, size in enumerate(shape):
        if size == x.shape[rows] and shape_size(shape[:axis]) == before:
            return axis
    return Mixed(f"reshaping {x.shape} to {shape} does not keep the row axis")


def _reshaped(x: Value, *, shape: tuple[int, ...]) -> Value:
    array = x if type(x) is np.ndarray else np.asarray(x)
    return array.reshape(shape)[()]


reshape: Primitive = linear(
    "reshape",
    _reshaped,
    shape=_reshape_shape,
    transposes=[lambda ct, x, shape: reshape(ct, np.shape(x))],
    axes=_reshape_axes,
    arguments=_reshape_arguments,
    examples=(
        Example(((2, 3),), {"shape": (6,)}),
        Example(((4,),), {"shape": (2, 1, 2)}),
        Example(((),), {"shape": (1,)}),
    ),
    promotes=False,
    facts=Facts(
        moves=True,
        only_aval=True,
        strict=True,
        batched=lambda carried, size, x, *, shape: Leading({"shape": (size, *shape)}),
        cost=0.0,
    ),
    doc="The same entries in another shape; one size may be -1 and is then computed.",
)


def _transpose_arguments(x: Value, axes: Sequence[int] | None = None) -> Any:
    ndim = np.ndim(x)
    if axes is None:
        return (x,), {"axes": tuple(reversed(range(ndim)))}
    order = tuple(normal_axes(axis, ndim)[0] for axis in axes)
    if sorted(order) != list(range(ndim)):
        raise ShapeError(f"axes {tuple(axes)} do not name each of {ndim} axes once")
    return (x,), {"axes": order}


transpose: Primitive = linear(
    "transpose",
    lambda x, *, axes: np.transpose(x, axes),
    shape=lambda x, *, axes: Aval(tuple(x.shape[i] for i in axes), x.dtype),
    transposes=[lambda ct, x, axes: transpose(ct, tuple(int(i) for i in np.argsort(axes)))],
    axes=lambda carried, x, *, axes: axes.index(carried[0]),
    arguments=_transpose_arguments,
    examples=(Example(((2, 3),), {"axes": (1, 0)}), Example(((2, 3, 4),), {"axes": (2, 0, 1)})),
    promotes=False,
    facts=Facts(
        moves=True,
        strict=True,
        batched=lambda carried, size, x, *, axes: Leading({"axes": (0, *behind(axes))}),
        cost=0.0,
    ),
    doc="Axes in another order (reversed by default).",
)


def _concatenate_arguments(arrays: Sequence[Value], axis: int = 0) -> Any:
    if not isinstance(arrays, tuple | list):
        raise ShapeError("takes a list of arrays", expected="concatenate([a, b], axis=0)")
    if not arrays:
        raise ShapeError("of no arrays at all has no shape")
    [number] = normal_axes(axis, np.ndim(arrays[0])) if np.ndim(arrays[0]) else [0]
    return tuple(arrays), {"axis": number}


def _concatenate_shape(*avals: Aval, axis: int) -> Aval:
    first = avals[0].shape
    for aval in avals:
        matches = len(aval.shape) == len(first) > axis and all(
            size == other
            for i, (size, other) in enumerate(zip(aval.shape, first, strict=True))
            if i != axis
        )
        if not matches:
            raise ShapeError(f"shapes {first} and {aval.shape} do not join along axis {axis}")
    total: Size = 0
    for aval in avals:
        total = total + aval.shape[axis]
    return Aval((*first[:axis], total, *first[axis + 1 :]), avals[0].dtype)


def _concatenate_transpose(index: int, ct: Value, *operands: Value, axis: int) -> Value:
    start: Size = 0
    for operand in operands[:index]:
        start = start + np.shape(operand)[axis]
    end = start + np.shape(operands[index])[axis]
    return ct[(*(slice(None),) * axis, slice(start, end))]


def _concatenate_axes(carried: Sequence[int | None], *avals: Aval, axis: int) -> AxisAnswer:
    if len(set(carried)) == 1 and carried[0] != axis and carried[0] is not None:
        return carried[0]
    return Mixed("it joins rows end to end")


concatenate = linear(
    "concatenate",
    lambda *arrays, axis: np.concatenate(arrays, axis),
    shape=_concatenate_shape,
    transposes=_concatenate_transpose,
    joint=True,
    axes=_concatenate_axes,
    arguments=_concatenate_arguments,
    examples=(
        Example(((2, 3), (1, 3)), {"axis": 0}),
        Example(((2,), (3,), (1,)), {"axis": 0}),
        Example(((2, 1), (2, 3)), {"axis": 1}),
    ),
    facts=Facts(moves=True, fresh=True, batched=shifted, cost=8.0),
    doc="Arrays joined end to end along an axis that they have.",
)


def _stack_arguments(arrays: Sequence[Value], axis: int = 0) -> Any:
    if not isinstance(arrays, tuple | list):
        raise ShapeError("takes a list of arrays", expected="stack([a, b], axis=0)")
    if not arrays:
        raise ShapeError("of no arrays at all has no shape")
    shape: Any = broadcast_shapes(*(np.shape(array) for array in arrays))  # maybe of rows
    spread = [
        a if np.shape(a) == shape else np.broadcast_to(_beside(a, arrays), shape) for a in arrays
    ]
    [number] = normal_axes(axis, len(shape) + 1)
    return tuple(spread), {"axis": number}


def _beside(value: Value, others: Sequence[Value]) -> Value:
    """A number that stands beside traced values: one of theirs, of the dtype that they have."""
    traced = [other for other in others if is_traced(other)]
    if is_traced(value) or not traced:
        return value
    trace = max(traced, key=lambda other: other.trace.serial).trace
    if isinstance(value, bool | int | float):
        dtypes = [other.dtype for other in traced]
        floats = [dtype for dtype in dtypes if is_float(dtype)] or [trace.precision]
        known = floats if isinstance(value, float) else dtypes
        value = np.result_type(value, *known).type(value)
    return trace.lift(value)


def _stack_shape(*avals: Aval, axis: int) -> Aval:
    first = avals[0].shape
    for aval in avals:
        if aval.shape != first:
            raise ShapeError(f"shapes {first} and {aval.shape} do not stack", expected="one shape")
    return Aval((*first[:axis], len(avals), *first[axis:]), avals[0].dtype)


def _stack_axes(carried: Sequence[int | None], *avals: Aval, axis: int) -> AxisAnswer:
    [rows] = {entry for entry in carried if entry is not None}
    if None in carried:
        return Mixed("some stacked arrays carry rows and some do not")
    return rows + (axis <= rows)


def _stack(*arrays: Value, axis: int) -> Value:
    # Of scalars a tenth of the time of np.stack.
    return np.stack(arrays, axis) if np.ndim(arrays[0]) else np.array(arrays)


stack = linear(
    "stack",
    _stack,
    shape=_stack_shape,
    transposes=lambda index, ct, *operands, axis: ct[(*(slice(None),) * axis, index)],
    joint=True,
    axes=_stack_axes,
    arguments=_stack_arguments,
    examples=(Example(((2,), (2,)), {"axis": 0}), Example(((2, 3), (2, 3)), {"axis": 2})),
    facts=Facts(moves=True, fresh=True, batched=shifted),
    doc="Arrays of one shape (scalars too) side by side along a new axis.",
)


def _cast(x: Value, *, dtype: DType) -> Value:
    return np.asarray(x).astype(dtype)[()]


cast: Primitive = linear(
    "cast",
    _cast,
    shape=lambda x, *, dtype: Aval(x.shape, dtype),
    transposes=[lambda ct, x, dtype: cast(ct, dtype=x.dtype) if x.dtype.kind in "fc" else None],
    axes=aligned,
    arguments=lambda x, dtype: ((x,), {"dtype": np.dtype(dtype)}),
    examples=(Example(((3,),), {"dtype": np.dtype(np.float32)}),),
    promotes=False,
    internal=True,
    facts=Facts(only_aval=True),
    doc="The same numbers in another dtype.",
)

"""Indexing along an axis, each entry by its own position: ``take_along_axis``, its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval
from optserve.graph.axes import AxisAnswer, Mixed
from optserve.graph.dim import Size
from optserve.graph.domain import Example, integer, real
from optserve.graph.facts import Facts
from optserve.graph.leading import shifted
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import linear
from optserve.primitives.indexing import check_indices, in_range
from optserve.primitives.shaping import normal_axes

__all__ = ["add_along_axis", "take_along_axis"]


def _take(x: Value, indices: Value, *, axis: int) -> Value:
    front, valid = in_range(indices, x.shape[axis], x.dtype)
    if valid.all():
        return np.take_along_axis(x, front, axis)
    if x.shape[axis] == 0:
        return np.full(indices.shape, np.nan, x.dtype)
    return np.where(valid, np.take_along_axis(x, front, axis), np.asarray(np.nan, x.dtype))


def _add(values: Value, indices: Value, *, axis: int, size: int) -> Value:
    front, valid = in_range(indices, size, values.dtype)
    out = np.zeros((*values.shape[:axis], size, *values.shape[axis + 1 :]), values.dtype)
    places = list(np.indices(values.shape, sparse=True))
    places[axis] = front
    if size:
        np.add.at(out, tuple(places), np.where(valid, values, 0))
    return out


def _check(x: Aval, indices: Aval, axis: int) -> None:
    others = [
        (*aval.shape[:axis], *aval.shape[axis + 1 :]) for aval in (x, indices) if aval.ndim > axis
    ]
    if indices.dtype.kind not in "iu" or x.ndim != indices.ndim or len({*others}) != 1:
        raise ShapeError(
            f"values {x} and indices {indices} do not match",
            expected=f"integers, of the shape of the values except along axis {axis}",
        )


def _take_shape(x: Aval, indices: Aval, *, axis: int) -> Aval:
    _check(x, indices, axis)
    return Aval(indices.shape, x.dtype)


def _add_shape(values: Aval, indices: Aval, *, axis: int, size: Size) -> Aval:
    check_indices(indices)
    if values.shape != indices.shape:
        raise ShapeError(f"values {values} and indices {indices} are not of one shape")
    _check(values, indices, axis)
    return Aval((*values.shape[:axis], size, *values.shape[axis + 1 :]), values.dtype)


def _axes(carried: Sequence[int | None], *avals: Aval, axis: int, **_size: Size) -> AxisAnswer:
    left, right = carried
    if left is None or left != right or left == axis:
        return Mixed("it picks rows by a computed index")
    return left


def _take_arguments(x: Value, indices: Value, axis: int = -1) -> Any:
    return (x, indices), {"axis": normal_axes(axis, np.ndim(x))[0]}


take_along_axis: Primitive = linear(
    "take_along_axis",
    _take,
    shape=_take_shape,
    transposes=[
        lambda ct, x, indices, axis: add_along_axis.bind(
            ct, indices, axis=axis, size=np.shape(x)[axis]
        ),
        None,
    ],
    axes=_axes,
    arguments=_take_arguments,
    domain=(real, integer(-2, 1)),
    examples=(
        Example(((3,), (4,)), {"axis": 0}),
        Example(((2, 3), (2, 1)), {"axis": 1}),
        Example(((2, 3), (2, 3)), {"axis": 0}),
    ),
    promotes=False,
    selects=True,
    facts=Facts(
        batched=shifted, remedy="give the array an entry for every index", cost=8.0, picks=True
    ),
    doc="""
    Entries at computed positions along an axis, one position an entry of the result, as
    ``argsort`` gives them. Negative positions count from the end; one out of range gives NaN.
    """,
)

add_along_axis: Primitive = linear(
    "add_along_axis",
    _add,
    shape=_add_shape,
    transposes=[
        lambda ct, values, indices, axis, size: take_along_axis.bind(ct, indices, axis=axis),
        None,
    ],
    axes=_axes,
    domain=(real, integer(-2, 1)),
    examples=(
        Example(((4,), (4,)), {"axis": 0, "size": 3}),
        Example(((2, 3), (2, 3)), {"axis": 1, "size": 2}),
    ),
    promotes=False,
    facts=Facts(batched=shifted),
    doc="Zeros to which values are added at positions; the transpose of ``take_along_axis``.",
)

"""``broadcast_to`` and ``sum``, each the transpose of the other, and what all reductions share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval, Shape, broadcast_shapes, shape_of
from optserve.graph.axes import AxisAnswer, Mixed, Reduced, aligned
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.leading import Leading, shifted
from optserve.graph.primitive import Value
from optserve.primitives.constructors import linear
from optserve.primitives.shaping import checked_shape, normal_axes, reshape

__all__ = [
    "along",
    "broadcast_to",
    "in_64_bits",
    "one_axis",
    "over_axes",
    "reduced_shape",
    "spread",
    "sum_",
    "unbroadcast",
]


def _broadcast_shape(x: Aval, *, shape: Shape) -> Aval:
    if broadcast_shapes(x.shape, shape) != shape:
        raise ShapeError(f"{x.shape} does not broadcast to {shape}")
    return Aval(shape, x.dtype)


def _broadcast_axes(carried: Sequence[int | None], x: Aval, *, shape: Shape) -> AxisAnswer:
    return aligned((*carried, None), x, Aval(shape, x.dtype))


broadcast_to = linear(
    "broadcast_to",
    lambda x, *, shape: np.broadcast_to(x, shape),
    shape=_broadcast_shape,
    transposes=[lambda ct, x, shape: unbroadcast(ct, np.shape(x))],
    axes=_broadcast_axes,
    arguments=lambda x, shape: (
        (x,),
        {"shape": checked_shape(shape if isinstance(shape, tuple | list) else (shape,))},
    ),
    examples=(
        Example(((3,),), {"shape": (2, 3)}),
        Example(((2, 1),), {"shape": (2, 4)}),
        Example(((),), {"shape": (2,)}),
    ),
    promotes=False,
    facts=Facts(
        moves=True,
        only_aval=True,
        strict=True,
        makes_rows=True,
        batched=lambda carried, size, x, *, shape: Leading(
            {"shape": (size, *shape)}, operands="aligned"
        ),
        cost=0.0,
    ),
    doc="Repeated along axes of size 1 and along new leading axes, as NumPy broadcasts.",
)


def unbroadcast(value: Value, shape: Shape) -> Value:
    """The transpose of broadcasting: ``value`` summed down to ``shape``."""
    found: Shape = np.shape(value)
    if found == shape:
        return value
    added = len(found) - len(shape)
    grown = [i + added for i, size in enumerate(shape) if size == 1 and found[i + added] != 1]
    if not grown:
        return sum_(value, axis=tuple(range(added)))
    value = sum_(value, axis=(*range(added), *grown), keepdims=True)
    return reshape(value, shape) if added else value


ReducedAxes = int | Sequence[int] | None


def over_axes(x: Value, axis: ReducedAxes = None, keepdims: bool = False) -> Any:
    """The operand and attributes of a reduction, as it is called."""
    return (x,), {"axis": normal_axes(axis, len(shape_of(x))), "keepdims": bool(keepdims)}


def reduced_shape(shape: Shape, axis: tuple[int, ...], keepdims: bool) -> Shape:
    """The shape after reducing over ``axis``."""
    if keepdims:
        return tuple(1 if i in axis else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axis)


def along(over_rows: Reduced | Mixed, *, keeps: bool = False) -> Callable[..., AxisAnswer]:
    """The axis rule of what looks along axes: ``over_rows`` where the rows are along one of them.

    The axes are gone afterwards, unless it ``keeps`` them, or is asked to.
    """

    def axes(
        carried: Sequence[int | None],
        x: Aval,
        *,
        axis: int | tuple[int, ...],
        keepdims: bool = keeps,
        reverse: bool = False,
    ) -> AxisAnswer:
        [rows] = carried
        assert rows is not None
        listed = axis if isinstance(axis, tuple) else (axis,)
        if rows in listed:
            return over_rows
        return rows if keepdims else rows - sum(1 for i in listed if i < rows)

    return axes


def in_64_bits(x: Value) -> Value:
    """Whole numbers and truth values in 64 bits, in which NumPy multiplies them."""
    if x.dtype.kind not in "biu" or x.dtype.itemsize == 8:
        return x
    return x.astype(np.uint64 if x.dtype.kind == "u" else np.int64)


def one_axis(x: Value, axis: int | None) -> tuple[Value, int]:
    """The operand and the axis; without one, all entries in a row."""
    if axis is None:
        return (x if np.ndim(x) == 1 else reshape(x, (-1,))), 0
    [only] = normal_axes(axis, np.ndim(x))
    return x, only


def spread(value: Value, shape: Shape, axis: tuple[int, ...], keepdims: bool) -> Value:
    """A reduced value laid out along the reduced axes again, so that it broadcasts to ``shape``."""
    if keepdims or len(axis) == len(shape):  # a scalar broadcasts as it is
        return value
    return reshape(value, reduced_shape(shape, axis, keepdims=True))


REDUCTION_EXAMPLES = (
    Example(((4,),), {"axis": (0,), "keepdims": False}),
    Example(((3, 4),), {"axis": (0,), "keepdims": False}),
    Example(((3, 4),), {"axis": (1,), "keepdims": True}),
    Example(((2, 3, 4),), {"axis": (0, 2), "keepdims": False}),
    Example(((3, 4),), {"axis": (), "keepdims": False}),
)


_REDUCE: Any = np.add.reduce


def _sum(x: Value, *, axis: tuple[int, ...], keepdims: bool) -> Value:
    wide = np.float64 if x.dtype == np.float32 else None
    total = _REDUCE(x, axis=axis, keepdims=keepdims, dtype=wide)  # a third of the time of np.sum
    return total.astype(np.float32) if wide else total


def _sum_shape(x: Aval, *, axis: tuple[int, ...], keepdims: bool) -> Aval:
    dtype = np.dtype(np.int64) if x.dtype.kind == "b" else x.dtype
    return Aval(reduced_shape(x.shape, axis, keepdims), dtype)


sum_ = linear(
    "sum",
    _sum,
    shape=_sum_shape,
    transposes=[
        lambda ct, x, axis, keepdims: broadcast_to(
            spread(ct, np.shape(x), axis, keepdims), np.shape(x)
        )
    ],
    axes=along(Reduced("sum")),
    arguments=over_axes,
    examples=REDUCTION_EXAMPLES,
    facts=Facts(fresh=True, wraps=True, strict=True, batched=shifted),
    doc="Sum over axes (all by default). float32 accumulates in float64.",
)

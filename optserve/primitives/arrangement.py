"""Entries arranged anew: repeated, padded, moved along, and their differences and products."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import is_traced
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.leading import shifted
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.primitives import arithmetic, comparisons
from optserve.primitives.constructors import composite
from optserve.primitives.indexing import take
from optserve.primitives.shaping import concatenate, normal_axes, reshape
from optserve.primitives.sums import broadcast_to, in_64_bits, one_axis

__all__ = ["cumprod", "diff", "meshgrid", "pad", "repeat", "roll", "tile"]


def roll(
    x: Value, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None
) -> Value:
    """Entries moved by ``shift`` along an axis, or several; those that leave come in on the other
    side. Without an axis all entries in a row.

    >>> roll([1.0, 2.0, 3.0], 1).tolist()
    [3.0, 1.0, 2.0]
    """
    x = as_operand(x)
    if axis is None:
        return reshape(roll(reshape(x, (-1,)), shift, 0), np.shape(x))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    shifts = shift if isinstance(shift, tuple | list) else (shift,) * len(axes)
    if len(axes) == 1 < len(shifts):
        axes = tuple(axes) * len(shifts)
    if len(axes) != len(shifts):
        raise ShapeError(f"{len(shifts)} shifts along {len(axes)} axes", expected="as many")
    for by, along in zip(shifts, axes, strict=True):
        [only] = normal_axes(along, np.ndim(x))
        size = np.shape(x)[only]
        if not size:
            return x
        before = (slice(None),) * only
        cut = -operator.index(by) % size
        parts = [x[(*before, slice(cut, None))], x[(*before, slice(0, cut))]]
        x = concatenate(parts, axis=only)
    return x


def diff(x: Value, n: int = 1, axis: int = -1) -> Value:
    """The ``n``-th differences between neighbours along an axis, which gets shorter by ``n``.

    >>> diff([1.0, 4.0, 9.0]).tolist()
    [3.0, 5.0]
    """
    x = as_operand(x)
    if n < 0:
        raise ShapeError(f"a difference of order {n}", expected="an order that is not negative")
    [only] = normal_axes(axis, np.ndim(x))
    before = (slice(None),) * only
    for _ in range(n):
        later, earlier = x[(*before, slice(1, None))], x[(*before, slice(None, -1))]
        differ = comparisons.not_equal if later.dtype == bool else arithmetic.subtract
        x = differ(later, earlier)
    return x


def tile(x: Value, reps: int | tuple[int, ...]) -> Value:
    """``x`` repeated as a whole along each axis, ``reps`` times; new axes come in front.

    >>> tile([1.0, 2.0], 2).tolist()
    [1.0, 2.0, 1.0, 2.0]
    """
    x = as_operand(x)
    counts = tuple(reps) if isinstance(reps, tuple | list) else (reps,)
    ndim = max(np.ndim(x), len(counts))
    counts = (*(1,) * (ndim - len(counts)), *counts)
    shape = (*(1,) * (ndim - np.ndim(x)), *np.shape(x))
    apart = tuple(one for size in shape for one in (1, size))
    spread = tuple(one for pair in zip(counts, shape, strict=True) for one in pair)
    whole = tuple(count * size for count, size in zip(counts, shape, strict=True))
    return reshape(broadcast_to(reshape(x, apart), spread), whole)


def repeat(x: Value, repeats: int | tuple[int, ...], axis: int | None = None) -> Value:
    """Each entry along an axis repeated in place; without an axis all entries in a row.

    >>> repeat([1.0, 2.0], 2).tolist(), repeat([1.0, 2.0], [1, 3]).tolist()
    ([1.0, 1.0, 2.0, 2.0], [1.0, 2.0, 2.0, 2.0])
    """
    x, only = one_axis(as_operand(x), axis)
    shape = np.shape(x)
    if np.size(repeats) != 1:
        if np.shape(repeats) != (shape[only],):
            raise ShapeError(
                f"{np.size(repeats)} counts for {shape[only]} entries",
                expected="one count, or one for each entry",
            )
        return take(x, np.repeat(np.arange(shape[only]), repeats), axis=only)
    count = operator.index(np.reshape(repeats, ()))
    apart = (*shape[: only + 1], 1, *shape[only + 1 :])
    spread = (*shape[: only + 1], count, *shape[only + 1 :])
    whole = (*shape[:only], shape[only] * count, *shape[only + 1 :])
    return reshape(broadcast_to(reshape(x, apart), spread), whole)


def pad(
    x: Value,
    pad_width: int | tuple[Any, ...],
    mode: Literal["constant", "edge", "reflect", "symmetric", "wrap"] = "constant",
    constant_values: Value = 0.0,
) -> Value:
    """More entries before and after those along each axis, as NumPy's ``pad``.

    ``pad_width`` is one number, a pair (before, after), or a pair for each axis. They hold
    ``constant_values``, of which there may be as many, or what ``mode`` takes of x: 'edge',
    'reflect', 'symmetric', 'wrap'.

    >>> pad([1.0, 2.0, 3.0], (2, 1), mode="reflect").tolist()
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
    """
    x = as_operand(x)
    widths = np.broadcast_to(np.asarray(pad_width, np.int64), (np.ndim(x), 2)).tolist()
    if not is_traced(constant_values):
        constant_values = np.asarray(constant_values, x.dtype)
    if np.ndim(constant_values):
        constant_values = np.broadcast_to(constant_values, (np.ndim(x), 2))
    for axis, (before, after) in enumerate(widths):
        if min(before, after) < 0:
            raise ShapeError(f"a padding of {(before, after)}", expected="no negative widths")
        shape = np.shape(x)
        if not before and not after:
            continue
        if mode != "constant":
            positions = np.pad(np.arange(shape[axis]), (before, after), mode=mode)
            x = take(x, positions, axis=axis)
            continue
        fills = constant_values[axis] if np.ndim(constant_values) else [constant_values] * 2
        sides = [
            broadcast_to(fill, (*shape[:axis], count, *shape[axis + 1 :]))
            for fill, count in zip(fills, (before, after), strict=True)
        ]
        x = concatenate([sides[0], x, sides[1]], axis=axis)
    return x


def meshgrid(*xs: Value, indexing: Literal["xy", "ij"] = "xy") -> tuple[Value, ...]:
    """Coordinates of all points of a grid, an array of each axis: ``meshgrid(x, y)``.

    The first axis of the grid is that of the second coordinate, as in an image; with
    ``indexing="ij"`` it is that of the first.

    >>> [grid.tolist() for grid in meshgrid([1.0, 2.0], [5.0])]
    [[[1.0, 2.0]], [[5.0, 5.0]]]
    """
    vectors = [reshape(as_operand(x), (-1,)) for x in xs]
    sizes: list[Any] = [np.shape(vector)[0] for vector in vectors]
    places = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        places[:2] = [1, 0]
    shape = tuple(sizes[place] for place in places)
    grids = []
    for number, vector in enumerate(vectors):
        apart = tuple(sizes[number] if place == number else 1 for place in places)
        grids.append(broadcast_to(reshape(vector, apart), shape))
    return tuple(grids)


def _cumprod(x: Value, *, axis: int) -> Value:
    """By doubling: exact with any number of zeros, and no division."""
    size = np.shape(x)[axis]
    if not isinstance(size, int):
        raise ShapeError(
            "a running product over rows is not supported",
            remedy="use exp(cumsum(log(x))) for positive x",
        )
    x = in_64_bits(x)
    before: Sequence[slice] = (slice(None),) * axis
    step = 1
    while step < size:
        head, tail = x[(*before, slice(0, step))], x[(*before, slice(step, None))]
        x = concatenate([head, tail * x[(*before, slice(0, size - step))]], axis=axis)
        step *= 2
    return x


def _cumprod_arguments(x: Value, axis: int | None = None) -> Any:
    operand, only = one_axis(x, axis)
    return (operand,), {"axis": only}


cumprod = composite(
    "cumprod",
    _cumprod,
    arguments=_cumprod_arguments,
    examples=(Example(((3,),), {"axis": 0}), Example(((2, 2),), {"axis": 0})),
    floating=False,
    facts=Facts(wraps=True, batched=shifted),
    doc="""
    The products of all entries up to each one along an axis, in the order of entries; without an
    axis of all entries in a row. Derivatives are exact where entries are zero.
    """,
)

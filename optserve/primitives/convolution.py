"""Convolutions and pools over images and series, as networks have them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.operands import as_floats
from optserve.graph.primitive import Value
from optserve.primitives.arrangement import pad
from optserve.primitives.products import einsum
from optserve.primitives.reductions import max_, mean
from optserve.primitives.shaping import stack

__all__ = ["avg_pool", "conv1d", "conv2d", "max_pool"]

WindowSizes = int | tuple[int, ...]
Padding = int | tuple[int, ...] | Literal["valid", "same"]


def _each(given: WindowSizes, count: int, what: str) -> tuple[int, ...]:
    sizes = tuple(given) if isinstance(given, tuple | list) else (given,) * count
    if len(sizes) != count or min(sizes) < 0:
        raise ShapeError(f"{what} {given}", expected=f"a whole number, or {count} of them")
    return sizes


def _windows(
    x: Value, sizes: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Value:
    """Shifted views of the last axes, side by side along a new axis after them."""
    count = len(sizes)
    extents = [(size - 1) * step + 1 for size, step in zip(sizes, dilation, strict=True)]
    lengths = np.shape(x)[-count:]
    for extent, length in zip(extents, lengths, strict=True):
        if extent > length:
            raise ShapeError(
                f"a window of {extent} entries over {length}",
                expected="one that fits",
                remedy="give padding, or a smaller window",
            )
    views = []
    for place in np.ndindex(sizes):
        cut = tuple(
            slice(at * step, length - extent + at * step + 1, jump)
            for at, step, length, extent, jump in zip(
                place, dilation, lengths, extents, stride, strict=True
            )
        )
        views.append(x[(..., *cut)])
    return stack(views, axis=-1)


def _convolved(
    x: Value, w: Value, count: int, stride: WindowSizes, padding: Padding, dilation: WindowSizes
) -> Value:
    x, w = as_floats(x), as_floats(w)
    strides, dilations = _each(stride, count, "stride"), _each(dilation, count, "dilation")
    if (
        np.ndim(x) < count + 1
        or np.ndim(w) != count + 2
        or np.shape(x)[-count - 1] != np.shape(w)[1]
    ):
        raise ShapeError(
            f"values of shape {np.shape(x)} and weights of shape {np.shape(w)} do not match",
            expected="(..., channels, "
            + "size, " * (count - 1)
            + "size) and (out, channels, "
            + "size, " * (count - 1)
            + "size)",
        )
    if min(strides) < 1 or min(dilations) < 1:
        raise ShapeError(f"stride {stride}, dilation {dilation}", expected="at least 1")
    sizes = np.shape(w)[2:]
    extents = [(size - 1) * step for size, step in zip(sizes, dilations, strict=True)]
    if isinstance(padding, str):
        if padding not in ("valid", "same"):
            raise ShapeError(f"padding={padding!r}", expected="'valid', 'same' or whole numbers")
        same = padding == "same"
        widths = [(one // 2, one - one // 2) if same else (0, 0) for one in extents]
    else:
        widths = [(one, one) for one in _each(padding, count, "padding")]
    x = pad(x, ((0, 0),) * (np.ndim(x) - count) + tuple(widths))
    windows = _windows(x, sizes, strides, dilations)
    batch, places = "abcdefg"[: np.ndim(x) - count - 1], "xyz"[:count]
    flat = np.reshape(w, (*np.shape(w)[:2], -1))
    return einsum(f"{batch}i{places}k,oik->{batch}o{places}", windows, flat)


def conv1d(
    x: Value, w: Value, stride: WindowSizes = 1, padding: Padding = 0, dilation: WindowSizes = 1
) -> Value:
    """Sums of products of w with every stretch of series: as networks have it, w is not turned.

    x is (..., channels, length), w (out, channels, size), the result (..., out, length after).
    ``padding`` puts zeros at both ends: a number, or 'same' so that the length stays.

    >>> conv1d([[1.0, 2.0, 4.0]], [[[1.0, -1.0]]]).tolist()
    [[-1.0, -2.0]]
    """
    return _convolved(x, w, 1, stride, padding, dilation)


def conv2d(
    x: Value, w: Value, stride: WindowSizes = 1, padding: Padding = 0, dilation: WindowSizes = 1
) -> Value:
    """Sums of products of w with every patch of images: as networks have it, w is not turned.

    x is (..., channels, height, width), w (out, channels, rows, columns), the result (..., out,
    height after, width after). ``padding`` puts zeros around: a number, two, or 'same' so that the
    size stays; ``stride`` and ``dilation`` are one number or two.

    >>> conv2d(np.ones((1, 3, 3)), np.ones((2, 1, 2, 2))).shape
    (2, 2, 2)
    """
    return _convolved(x, w, 2, stride, padding, dilation)


def max_pool(x: Value, size: WindowSizes, stride: WindowSizes | None = None) -> Value:
    """The largest entry of each window of the last axes; ties split the derivative.

    ``size`` has a number for each of the last axes that are pooled; one number counts for two. The
    windows lie ``stride`` apart, by default side by side.

    >>> max_pool([1.0, 5.0, 2.0, 3.0], (2,)).tolist()
    [5.0, 3.0]
    """
    return max_(_pooled(x, size, stride), axis=-1)


def avg_pool(x: Value, size: WindowSizes, stride: WindowSizes | None = None) -> Value:
    """The mean of each window of the last axes; windows as for ``max_pool``.

    >>> avg_pool([1.0, 5.0, 2.0, 3.0], (2,)).tolist()
    [3.0, 2.5]
    """
    return mean(_pooled(x, size, stride), axis=-1)


def _pooled(x: Value, size: WindowSizes, stride: Any) -> Value:
    x = as_floats(x)
    sizes = _each(size, len(size) if isinstance(size, tuple | list) else 2, "size")
    strides = sizes if stride is None else _each(stride, len(sizes), "stride")
    if np.ndim(x) < len(sizes) or min(*sizes, *strides, 1) < 1:
        raise ShapeError(
            f"windows of {size}, {stride} apart, over {np.shape(x)}",
            expected="a positive number for each of the last axes",
            remedy="give (n,) to pool over one axis",
        )
    return _windows(x, sizes, strides, (1,) * len(sizes))

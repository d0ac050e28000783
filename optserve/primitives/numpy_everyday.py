"""NumPy's everyday functions on traced values: repeated and padded entries, what is missing,
quantiles, places in sorted numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.primitive import Value
from optserve.primitives import arrangement, interpolation, missing, ranks, whole
from optserve.primitives.numpy_options import freedom_of, signed_all
from optserve.primitives.numpy_where import with_missing
from optserve.primitives.shaping import normal_axes

__all__ = ["FUNCTIONS"]


def _over_axes(function: Callable[..., Value]) -> Callable[..., Value]:
    def reduced(a: Value, axis: Any = None, keepdims: bool = False, where: Any = True) -> Value:
        return function(with_missing(a, where), axis=axis, keepdims=keepdims)

    return reduced


def _from_initial(
    function: Callable[..., Value], joined: Callable[[Value, Value], Value]
) -> Callable[..., Value]:
    """The same, where an initial value may be one more entry."""
    over_axes = _over_axes(function)

    def reduced(
        a: Value, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Value:
        found = over_axes(a, axis, keepdims, where)
        return found if initial is None else joined(found, initial)

    return reduced


def _spread(function: Callable[..., Value]) -> Callable[..., Value]:
    def reduced(
        a: Value,
        axis: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        where: Any = True,
        correction: float | None = None,
    ) -> Value:
        freedom = freedom_of(function.__name__, ddof, correction)
        return function(with_missing(a, where), axis=axis, ddof=freedom, keepdims=keepdims)

    return reduced


def _meshgrid(
    *xi: Value, copy: bool = True, sparse: bool = False, indexing: Any = "xy"
) -> tuple[Value, ...]:
    del copy
    if not sparse:
        return arrangement.meshgrid(*xi, indexing=indexing)
    places = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        places[:2] = [1, 0]
    shapes = [tuple(-1 if at == place else 1 for at in range(len(xi))) for place in places]
    return tuple(np.reshape(one, shape) for one, shape in zip(xi, shapes, strict=True))


def _pad(array: Value, pad_width: Any, mode: Any = "constant", **options: Any) -> Value:
    values = options.pop("constant_values", 0.0)
    if options or mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        given = [f"mode={mode!r}", *options]
        raise ShapeError(
            f"np.pad(..., {', '.join(given)}) is not defined on traced values",
            expected="'constant', 'edge', 'reflect', 'symmetric' or 'wrap'",
        )
    return arrangement.pad(array, pad_width, mode, values)


def _one_axis(a: Value, axis: Any) -> tuple[Value, Any, Any]:
    """``a`` with several axes as one, that axis, and the shape that it has with axes of size 1."""
    if not isinstance(axis, tuple | list):
        return a, axis, None
    axes = normal_axes(tuple(axis), np.ndim(a))
    kept = tuple(1 if i in axes else size for i, size in enumerate(np.shape(a)))
    moved = np.moveaxis(a, axes, tuple(range(-len(axes), 0)))
    return np.reshape(moved, (*np.shape(moved)[: np.ndim(a) - len(axes)], -1)), -1, kept


def _quantile(
    a: Value, q: Value, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Value:
    if method != "linear":
        raise ShapeError(
            f"np.quantile(..., method={method!r}) is not defined on traced values",
            expected="the method 'linear'",
            remedy="np.sort(a)[k] is the entry of rank k",
        )
    a, axis, kept = _one_axis(a, axis)
    found = ranks.quantile(a, q, axis, keepdims and kept is None)
    return np.reshape(found, (*np.shape(q), *kept)) if keepdims and kept is not None else found


def _nanquantile(
    a: Value, q: Value, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Value:
    if method != "linear":
        return _quantile(a, q, axis, method, keepdims)
    shape, single = np.shape(a), axis if isinstance(axis, tuple | list) else None
    if axis is None:
        lines, kept = np.ravel(a), (1,) * len(shape)
    else:
        lines, only, kept = _one_axis(a, axis)
        lines = np.moveaxis(lines, only, -1)
        if single is None:
            [at] = normal_axes(axis, len(shape))
            kept = tuple(1 if i == at else size for i, size in enumerate(shape))
    ordered = np.sort(lines, axis=-1)  # what is missing comes last
    count = np.sum(np.logical_not(np.isnan(lines)).astype(np.int64), axis=-1)
    shares = np.reshape(q, (*np.shape(q), *(1,) * np.ndim(count)))
    place = shares * (count - 1)
    low = np.floor(place)
    first = np.maximum(whole.integer(low), 0)
    last = np.minimum(first + 1, np.maximum(count - 1, 0))
    spread = np.broadcast_to(ordered, (*np.shape(place)[: np.ndim(q)], *np.shape(ordered)))
    below, above = (
        np.take_along_axis(spread, np.broadcast_to(one, np.shape(place))[..., None], axis=-1)[
            ..., 0
        ]
        for one in (first, last)
    )
    share = place - low
    share = share.astype(ordered.dtype) if ordered.dtype.kind == "f" else share
    found = below + share * (above - below)
    return np.reshape(found, (*np.shape(q), *kept)) if keepdims else found


def _nanpercentile(
    a: Value, q: Value, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Value:
    return _nanquantile(a, np.divide(q, 100.0), axis, method, keepdims)


def _nanmedian(a: Value, axis: Any = None, keepdims: bool = False) -> Value:
    return _nanquantile(a, 0.5, axis, keepdims=keepdims)


def _percentile(
    a: Value, q: Value, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Value:
    return _quantile(a, np.divide(q, 100.0), axis, method, keepdims)


def _average(
    a: Value,
    axis: Any = None,
    weights: Value | None = None,
    returned: bool = False,
    keepdims: bool = False,
) -> Any:
    weights = np.ones_like(a) if weights is None and returned else weights
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    if np.shape(weights) != np.shape(a):
        if np.ndim(weights) != 1 or not isinstance(axis, int):
            raise ShapeError(
                f"weights of shape {np.shape(weights)} for {np.shape(a)}",
                expected="a weight for each entry, or for each along one axis",
            )
        behind = np.ndim(a) - axis % np.ndim(a) - 1
        weights = np.reshape(weights, (-1, *(1,) * behind))
    mean = ranks.weighted_mean(a, weights, axis, keepdims)
    if not returned:
        return mean
    return mean, np.sum(np.broadcast_to(weights, np.shape(a)), axis=axis, keepdims=keepdims)


def _interp(
    x: Value,
    xp: Value,
    fp: Value,
    left: Value | None = None,
    right: Value | None = None,
    period: float | None = None,
) -> Value:
    if period is None:
        return interpolation.interp(x, xp, fp, left=left, right=right)
    if not period:
        raise ShapeError("np.interp with a period of 0", expected="another number")
    size = abs(period)
    x, xp = np.remainder(x, size), np.remainder(xp, size)
    order = np.argsort(xp)
    xp, fp = np.take(xp, order), np.take(fp, order)
    around = np.concatenate([xp[-1:] - size, xp, xp[:1] + size])
    return interpolation.interp(x, around, np.concatenate([fp[-1:], fp, fp[:1]]))


def _searchsorted(a: Value, v: Value, side: Any = "left", sorter: Value | None = None) -> Value:
    ordered = a if sorter is None else np.take(a, sorter)
    return interpolation.searchsorted(ordered, v, side=side)


def _cumprod(a: Value, axis: Any = None) -> Value:
    return arrangement.cumprod(a, axis=axis)


def _tile(A: Value, reps: int | Sequence[int]) -> Value:
    return arrangement.tile(A, tuple(reps) if isinstance(reps, Sequence) else reps)


def _repeat(a: Value, repeats: Any, axis: int | None = None) -> Value:
    return arrangement.repeat(a, repeats, axis)


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.meshgrid: _meshgrid,
        np.pad: _pad,
        np.interp: _interp,
        **signed_all(
            {
                np.tile: _tile,
                np.repeat: _repeat,
                np.cumprod: _cumprod,
                np.nansum: _from_initial(missing.nansum, np.add),
                np.nanprod: _from_initial(missing.nanprod, np.multiply),
                np.nanmean: _over_axes(missing.nanmean),
                np.nanmax: _from_initial(missing.nanmax, np.fmax),
                np.nanmin: _from_initial(missing.nanmin, np.fmin),
                np.nanvar: _spread(missing.nanvar),
                np.nanstd: _spread(missing.nanstd),
                np.nanmedian: _nanmedian,
                np.nanpercentile: _nanpercentile,
                np.nanquantile: _nanquantile,
                np.quantile: _quantile,
                np.percentile: _percentile,
                np.average: _average,
                np.searchsorted: _searchsorted,
            }
        ),
    }
)

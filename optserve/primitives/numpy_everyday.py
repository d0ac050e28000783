"""NumPy's everyday functions on traced values: repeated and padded entries, what is missing,
quantiles, places in sorted numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.primitive import Value
from optserve.primitives import arrangement, interpolation, missing, ranks
from optserve.primitives.numpy_options import check_options, signed_all

__all__ = ["FUNCTIONS"]


def _over_axes(function: Callable[..., Value]) -> Callable[..., Value]:
    def reduced(a: Value, axis: Any = None, keepdims: bool = False) -> Value:
        return function(a, axis=axis, keepdims=keepdims)

    return reduced


def _spread(function: Callable[..., Value]) -> Callable[..., Value]:
    def reduced(a: Value, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Value:
        return function(a, axis=axis, ddof=ddof, keepdims=keepdims)

    return reduced


def _meshgrid(
    *xi: Value, copy: bool = True, sparse: bool = False, indexing: Any = "xy"
) -> tuple[Value, ...]:
    del copy
    if sparse:
        raise ShapeError("np.meshgrid(..., sparse=True)", remedy="use x[None, :] and y[:, None]")
    return arrangement.meshgrid(*xi, indexing=indexing)


def _pad(array: Value, pad_width: Any, mode: Any = "constant", **options: Any) -> Value:
    values = options.pop("constant_values", 0.0)
    if options or mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        given = [f"mode={mode!r}", *options]
        raise ShapeError(
            f"np.pad(..., {', '.join(given)}) is not defined on traced values",
            expected="'constant', 'edge', 'reflect', 'symmetric' or 'wrap'",
        )
    return arrangement.pad(array, pad_width, mode, values)


def _quantile(
    a: Value, q: Value, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Value:
    if method != "linear" or isinstance(axis, tuple):
        raise ShapeError(
            f"np.quantile(..., axis={axis}, method={method!r}) is not defined on traced values",
            expected="one axis, and the method 'linear'",
        )
    return ranks.quantile(a, q, axis, keepdims)


def _percentile(
    a: Value, q: Value, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Value:
    share = q / 100.0 if hasattr(q, "aval") else np.asarray(q) / 100.0
    return _quantile(a, share, axis, method, keepdims)


def _average(
    a: Value, axis: Any = None, weights: Value | None = None, keepdims: bool = False
) -> Value:
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
    return ranks.weighted_mean(a, weights, axis, keepdims)


def _interp(
    x: Value,
    xp: Value,
    fp: Value,
    left: Value | None = None,
    right: Value | None = None,
    period: float | None = None,
) -> Value:
    check_options("interp", period=period)
    return interpolation.interp(x, xp, fp, left=left, right=right)


def _searchsorted(a: Value, v: Value, side: Any = "left") -> Value:
    return interpolation.searchsorted(a, v, side=side)


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
                np.nansum: _over_axes(missing.nansum),
                np.nanprod: _over_axes(missing.nanprod),
                np.nanmean: _over_axes(missing.nanmean),
                np.nanmax: _over_axes(missing.nanmax),
                np.nanmin: _over_axes(missing.nanmin),
                np.nanvar: _spread(missing.nanvar),
                np.nanstd: _spread(missing.nanstd),
                np.quantile: _quantile,
                np.percentile: _percentile,
                np.average: _average,
                np.searchsorted: _searchsorted,
            }
        ),
    }
)

"""NumPy's products, norms and roundings on traced values, under NumPy's own signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.primitive import Value
from optserve.primitives import arithmetic, norms, products, selection
from optserve.primitives.contractions import contracted, tensordot
from optserve.primitives.numpy_options import check_options, signed_all
from optserve.primitives.shaping import reshape

__all__ = ["FUNCTIONS"]


def _dot(a: Value, b: Value, out: Any = None) -> Value:
    check_options("dot", out=out)
    if not np.ndim(a) or not np.ndim(b):
        return np.multiply(a, b)
    if np.ndim(b) <= 2:
        return products.matmul(a, b)
    return contracted(a, b, [np.ndim(a) - 1], [np.ndim(b) - 2])


def _inner(a: Value, b: Value) -> Value:
    if not np.ndim(a) or not np.ndim(b):
        return np.multiply(a, b)
    return contracted(a, b, [np.ndim(a) - 1], [np.ndim(b) - 1])


def _vdot(a: Value, b: Value) -> Value:
    return products.matmul(reshape(a, (-1,)), reshape(b, (-1,)))


def _outer(a: Value, b: Value) -> Value:
    return np.multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))


def _einsum(
    subscripts: str,
    *operands: Value,
    out: Any = None,
    optimize: Any = False,
    dtype: Any = None,
    order: str = "K",
    casting: str = "safe",
) -> Value:
    del optimize, order
    check_options("einsum", out=out, dtype=dtype, casting=casting)
    return products.einsum(subscripts, *operands)


def _clip(
    a: Value,
    a_min: Value | None = None,
    a_max: Value | None = None,
    min: Value | None = None,
    max: Value | None = None,
) -> Value:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise ShapeError("np.clip takes each bound once", expected="np.clip(x, low, high)")
    bounded = a if low is None else selection.maximum(a, low)
    return bounded if high is None else selection.minimum(bounded, high)


def _round(a: Value, decimals: int = 0) -> Value:
    if a.dtype.kind not in "f":
        if a.dtype.kind == "b" or decimals < 0:
            raise ShapeError(
                f"np.round of {a.dtype.name} to {decimals} decimals",
                remedy="convert with .astype(float)",
            )
        return a
    if not decimals:
        return arithmetic.round_(a)
    factor = 10.0 ** abs(decimals)
    scaled, back = (np.multiply, np.divide) if decimals > 0 else (np.divide, np.multiply)
    return back(arithmetic.round_(scaled(a, factor)), factor)


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.dot: _dot,
        np.inner: _inner,
        np.vdot: _vdot,
        np.tensordot: tensordot,
        np.einsum: _einsum,
        np.linalg.norm: norms.norm,
        **signed_all({np.outer: _outer, np.clip: _clip, np.round: _round, np.around: _round}),
    }
)

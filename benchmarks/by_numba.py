"""The loops that one would write by hand for numba, compiled by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.workload import Lazy, Work
from optserve.graph.aval import Array

__all__ = ["curve_work", "logistic_work"]


def curve_work(parameters: Sequence[Array], data: Sequence[Array]) -> Work:
    """The curve, as ``c/curve.c`` has it."""
    from numba import prange

    def curve(a: float, b: float, c: float, d: float, e: float, x: Array, y: Array) -> Any:
        loss, da, db, dc, dd, de = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in prange(x.size):
            s, t = math.exp(-b * x[i]), math.exp(-d * x[i])
            r = a * s + c * t + e - y[i]
            loss += r * r
            da += r * s
            db -= r * s * x[i]
            dc += r * t
            dd -= r * t * x[i]
            de += r
        k = 2.0 / x.size
        return loss / x.size, k * da, k * a * db, k * dc, k * c * dd, k * de

    return _compiled(curve, parameters, data)


def logistic_work(parameters: Sequence[Array], data: Sequence[Array]) -> Work:
    """The regression, one row after another."""
    from numba import prange

    def logistic(w: Array, b: float, x: Array, y: Array) -> Any:
        rows, columns = x.shape
        loss, total, gradient = 0.0, 0.0, np.zeros(columns)
        for i in prange(rows):
            z = b
            for j in range(columns):
                z += x[i, j] * w[j]
            e = math.exp(-abs(z))
            s = 1.0 / (1.0 + e)
            r = (s if z > 0.0 else e * s) - y[i]
            loss += max(z, 0.0) + math.log1p(e) - y[i] * z
            total += r
            gradient += r * x[i]
        return loss / rows, gradient / rows, total / rows

    return _compiled(logistic, parameters, data)


def _compiled(
    function: Callable[..., Any], parameters: Sequence[Array], data: Sequence[Array]
) -> Work:
    import numba

    def compiled() -> Work:
        evaluate = numba.njit(parallel=True, fastmath=True)(function)
        given = [value.item() if value.ndim == 0 else value for value in parameters]
        return lambda: evaluate(*given, *data)

    return Lazy(compiled)

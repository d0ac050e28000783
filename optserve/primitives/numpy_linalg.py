"""NumPy's linear algebra on traced values, under NumPy's own signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.primitive import Value
from optserve.primitives.linear_algebra import cholesky, diagonals, solving, triangles
from optserve.primitives.numpy_options import signed_all

__all__ = ["FUNCTIONS"]


class _LogDeterminant(NamedTuple):
    sign: Value
    logabsdet: Value


def _cholesky(a: Value, /, *, upper: bool = False) -> Value:
    if upper:
        flipped = np.swapaxes(a, -1, -2)
        return np.swapaxes(cholesky.cholesky(flipped), -1, -2)
    return cholesky.cholesky(a)


def _diag(v: Value, k: int = 0) -> Value:
    if np.ndim(v) > 2:
        raise ShapeError(f"np.diag of {np.shape(v)}", remedy="use np.linalg.diagonal")
    return diagonals.diag(v, k)


def _diagonal(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    return diagonals.diagonal(np.moveaxis(a, (axis1, axis2), (-2, -1)), offset)


def _trace(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    return diagonals.trace(np.moveaxis(a, (axis1, axis2), (-2, -1)), offset)


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.linalg.cholesky: _cholesky,
        np.linalg.solve: lambda a, b: solving.solve(a, b),
        np.linalg.inv: lambda a: solving.inv(a),
        np.linalg.det: lambda a: solving.det(a),
        np.linalg.slogdet: lambda a: _LogDeterminant(*solving.slogdet(a)),
        np.linalg.diagonal: lambda x, /, *, offset=0: diagonals.diagonal(x, offset),
        **signed_all(
            {
                np.linalg.trace: lambda x, offset=0: diagonals.trace(x, offset),
                np.tril: lambda m, k=0: triangles.tril(m, k),
                np.triu: lambda m, k=0: triangles.triu(m, k),
                np.diag: _diag,
                np.diagonal: _diagonal,
                np.trace: _trace,
            }
        ),
    }
)

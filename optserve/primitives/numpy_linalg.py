"""NumPy's linear algebra on traced values, under NumPy's own signatures."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.primitive import Value
from optserve.primitives.linear_algebra import (
    cholesky,
    construction,
    diagonals,
    eigen,
    orthogonal,
    singular,
    solving,
    triangles,
)
from optserve.primitives.numpy_options import signed_all

__all__ = ["FUNCTIONS"]


class _LogDeterminant(NamedTuple):
    sign: Value
    logabsdet: Value


class _Eigen(NamedTuple):
    eigenvalues: Value
    eigenvectors: Value


class _Singular(NamedTuple):
    U: Value
    S: Value
    Vh: Value


class _Factors(NamedTuple):
    Q: Value
    R: Value


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


def _as_rows(m: Value) -> Value:
    """A vector as each row of a matrix; matrices as they are."""
    return np.broadcast_to(m, np.shape(m) * 2) if np.ndim(m) == 1 else m


def _lower(a: Value, uplo: str) -> Value:
    """Matrices with the triangle that is read below the diagonal."""
    if uplo.upper() not in ("L", "U"):
        raise ShapeError(f"UPLO={uplo!r}", expected="'L' or 'U'")
    return a if uplo.upper() == "L" else np.swapaxes(a, -1, -2)


def _eigh(a: Value, UPLO: str = "L") -> Any:
    return _Eigen(*eigen.eigh(_lower(a, UPLO), upper=UPLO.upper() == "U"))


def _svd(
    a: Value, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    del hermitian
    rows, columns = np.shape(a)[-2:]
    if not compute_uv:
        return singular.svdvals(a)
    if full_matrices and rows != columns:
        raise ShapeError(
            f"np.linalg.svd of {np.shape(a)} with vectors that belong to no singular value",
            remedy="give full_matrices=False",
        )
    return _Singular(*singular.svd(a))


def _qr(a: Value, mode: str = "reduced") -> Any:
    if mode == "r":
        return orthogonal.qr(a)[1]
    if mode != "reduced":
        raise ShapeError(f"np.linalg.qr(..., mode={mode!r})", expected="'reduced' or 'r'")
    return _Factors(*orthogonal.qr(a))


def _lstsq(a: Value, b: Value, rcond: float | None = None) -> Any:
    """The solution, the sums of squares where there are more rows than columns (whatever the rank
    is, which may not be known), the rank and the singular values."""
    if rcond is not None:
        raise ShapeError("np.linalg.lstsq(..., rcond=...)", remedy="leave it out")
    x = orthogonal.lstsq(a, b)
    rows, columns = np.shape(a)[-2:]
    over = not isinstance(rows, int) or rows > columns
    squares = np.square(b - np.matmul(a, x)) if over else np.zeros((1, 0), a.dtype)
    sums = np.sum(squares, axis=0 if np.ndim(squares) > 1 else None)
    return x, np.atleast_1d(sums), _matrix_rank(a), singular.svdvals(a)


def _pinv(a: Value) -> Value:
    return orthogonal.pinv(a)


def _matrix_power(a: Value, n: int) -> Value:
    power = operator.index(n)
    if power < 0:
        a, power = solving.inv(a), -power
    result: Value = None
    while power:
        if power % 2:
            result = a if result is None else np.matmul(result, a)
        a, power = np.matmul(a, a) if power > 1 else a, power // 2
    if result is None:
        return np.broadcast_to(np.eye(np.shape(a)[-1], dtype=a.dtype), np.shape(a))
    return result


def _cross(
    a: Value,
    b: Value,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Value:
    if axis is not None:
        axisa = axisb = axisc = axis
    crossed = construction.cross(np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1))
    return np.moveaxis(crossed, -1, axisc) if axisc != -1 else crossed


def _cross_of_vectors(x1: Value, x2: Value, /, *, axis: int = -1) -> Value:
    return _cross(x1, x2, axis=axis)


def _cond(x: Value, p: Any = None) -> Value:
    if p in (None, 2, -2):
        values = singular.svdvals(x)
        largest, least = values[..., 0], values[..., -1]
        return least / largest if p == -2 else largest / least
    sides = (np.linalg.norm(one, p, (-2, -1)) for one in (x, solving.inv(x)))
    return functools.reduce(np.multiply, sides)


def _matrix_rank(
    A: Value, tol: Value | None = None, hermitian: bool = False, *, rtol: Value | None = None
) -> Value:
    """How many singular values count: a whole number, without a derivative."""
    if np.ndim(A) < 2:
        return np.any(np.not_equal(A, 0)).astype(np.int64)
    values = singular.svdvals(A)
    if tol is None:
        rows, columns = np.shape(A)[-2:]
        relative = max(rows, columns) * np.finfo(values.dtype).eps if rtol is None else rtol
        tol = np.max(values, axis=-1, keepdims=True) * np.asarray(relative)[..., None]
    else:
        tol = np.asarray(tol)[..., None]
    return np.sum((values > tol).astype(np.int64), axis=-1)


def _matrix_norm(x: Value, /, *, keepdims: bool = False, ord: Any = "fro") -> Value:
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


def _vector_norm(x: Value, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Value:
    if isinstance(axis, int):
        return np.linalg.norm(x, ord, axis, keepdims)
    axes = tuple(range(np.ndim(x))) if axis is None else tuple(i % np.ndim(x) for i in axis)
    shape = np.shape(x)
    moved = np.moveaxis(x, axes, tuple(range(-len(axes), 0)))
    flat = np.reshape(moved, (*np.shape(moved)[: len(shape) - len(axes)], -1))
    found = np.linalg.norm(flat, ord, -1)
    kept = tuple(1 if i in axes else size for i, size in enumerate(shape))
    return np.reshape(found, kept) if keepdims else found


def _tensorsolve(a: Value, b: Value, axes: Any = None) -> Value:
    if axes is not None:
        a = np.moveaxis(a, tuple(axes), tuple(range(np.ndim(a) - len(axes), np.ndim(a))))
    shape = np.shape(a)[np.ndim(b) :]
    flat = np.reshape(a, (np.size(b), -1))
    return np.reshape(solving.solve(flat, np.ravel(b)), shape)


def _tensorinv(a: Value, ind: int = 2) -> Value:
    shape = np.shape(a)
    rows = int(np.prod(shape[:ind]))
    return np.reshape(solving.inv(np.reshape(a, (rows, -1))), (*shape[ind:], *shape[:ind]))


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.linalg.cholesky: _cholesky,
        np.linalg.solve: lambda a, b: solving.solve(a, b),
        np.linalg.inv: lambda a: solving.inv(a),
        np.linalg.det: lambda a: solving.det(a),
        np.linalg.slogdet: lambda a: _LogDeterminant(*solving.slogdet(a)),
        np.linalg.diagonal: lambda x, /, *, offset=0: diagonals.diagonal(x, offset),
        np.linalg.eigh: _eigh,
        np.linalg.eigvalsh: lambda a, UPLO="L": eigen.eigvalsh(_lower(a, UPLO)),
        np.linalg.svdvals: lambda x, /: singular.svdvals(x),
        np.linalg.qr: _qr,
        np.linalg.lstsq: _lstsq,
        np.linalg.matrix_power: _matrix_power,
        np.linalg.cond: _cond,
        np.linalg.matmul: lambda x1, x2, /: np.matmul(x1, x2),
        np.linalg.matrix_norm: _matrix_norm,
        np.linalg.matrix_rank: _matrix_rank,
        np.linalg.outer: lambda x1, x2, /: np.outer(x1, x2),
        np.linalg.tensordot: lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes),
        np.linalg.tensorinv: _tensorinv,
        np.linalg.tensorsolve: _tensorsolve,
        np.linalg.vecdot: lambda x1, x2, /, *, axis=-1: np.sum(np.multiply(x1, x2), axis=axis),
        np.linalg.vector_norm: _vector_norm,
        np.linalg.multi_dot: lambda arrays: functools.reduce(np.matmul, arrays),
        np.linalg.cross: _cross_of_vectors,
        np.linalg.svd: _svd,
        np.kron: lambda a, b: construction.kron(a, b),
        **signed_all(
            {
                np.linalg.pinv: _pinv,
                np.cross: _cross,
                np.linalg.trace: lambda x, offset=0: diagonals.trace(x, offset),
                np.tril: lambda m, k=0: triangles.tril(_as_rows(m), k),
                np.triu: lambda m, k=0: triangles.triu(_as_rows(m), k),
                np.diag: _diag,
                np.diagonal: _diagonal,
                np.trace: _trace,
            }
        ),
    }
)

"""Lengths of vectors, and of columns and rows of matrices, whose squares may over- or underflow."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from optserve.optimizers.base import Value

__all__ = ["lengths", "norm"]


def norm(vector: Value) -> float:
    """The length of a vector (n,).

    >>> [f"{norm(np.array([3.0, 4.0]) * size):.3g}" for size in (1e200, 1e-200)]
    ['5e+200', '5e-200']
    """
    with np.errstate(over="ignore"):
        plain = sqrt(vector.dot(vector))
    if 1e-100 < plain < 1e100:
        return plain
    largest = float(np.max(np.abs(vector), initial=0.0))
    if not 0.0 < largest < inf:
        return largest
    scaled = vector / largest
    return largest * sqrt(scaled.dot(scaled))


def lengths(matrix: Value, axis: int = 0) -> Value:
    """Those of the columns (q,) of a matrix (n, q), or of its rows (n,) where ``axis`` is 1.

    >>> lengths(np.array([[3e-200, 0.0], [4e-200, 2.0]]))
    array([5.e-200, 2.e+000])
    """
    largest = np.maximum.reduce(np.abs(matrix), axis=axis, initial=0.0)
    unit = largest
    if some := 0.0 in largest.tolist():
        unit = np.where(largest > 0.0, largest, 1.0)
    scaled = matrix / (unit[:, None] if axis else unit)
    found: Value = unit * np.sqrt(np.einsum("ij,ij->i" if axis else "ij,ij->j", scaled, scaled))
    return found * (largest > 0.0) if some else found

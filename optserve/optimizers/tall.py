"""The triangle of a tall matrix, by blocks of rows that fit into the cache.

The triangles of blocks, one below the other, have the triangle of the whole (Demmel, Grigori,
Hoemmen & Langou, SIAM J. Sci. Comput. 34 (2012)). LAPACK goes over all rows once a column; block by
block they are read once, and nowhere is there a copy of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from optserve.optimizers.base import Value

__all__ = ["SQUARES", "triangle", "upper_triangle"]

HEIGHT = 4096
"""Rows of a block."""

SQUARES = 4
"""Times that a block is higher than wide, at least: its triangle is then much smaller."""


def triangle(*parts: Value) -> Value:
    """R (m, q) of matrices (n, ...) and vectors (n,) side by side, of q columns in all.

    It is in float64, and m is n or q, whichever is less.

    >>> x, y = np.ones((10_000, 1)), np.arange(10_000.0)
    >>> np.abs(triangle(x, y)).round(3)
    array([[1.00000000e+02, 4.99950000e+05],
           [0.00000000e+00, 2.88675133e+05]])
    """
    rows = len(parts[0])
    width = sum([1 if part.ndim == 1 else part.shape[1] for part in parts])
    height = max(HEIGHT, SQUARES * width)
    if rows <= height:
        return upper_triangle(_side_by_side(parts, width))
    triangles = [
        upper_triangle(_side_by_side([part[first : first + height] for part in parts], width))
        for first in range(0, rows, height)
    ]
    return triangle(np.concatenate(triangles))


def _side_by_side(parts: Sequence[Value], width: int) -> Value:
    made, first = np.empty((len(parts[0]), width)), 0
    for part in parts:
        if part.ndim == 1:
            made[:, first] = part
            first += 1
        else:
            made[:, first : first + part.shape[1]] = part
            first += part.shape[1]
    return made


def upper_triangle(matrix: Value) -> Value:
    """R (m, q) of a matrix (n, q), m the less of n and q: ``np.linalg.qr`` with ``mode="r"``, which
    takes twice as long for small ones.

    >>> upper_triangle(np.array([[3.0, 1.0], [4.0, 1.0], [0.0, 0.0]])).round(12)
    array([[-5. , -1.4],
           [ 0. , -0.2]])
    """
    reflectors, _ = np.linalg.qr(matrix, mode="raw")
    rows, columns = min(matrix.shape), matrix.shape[1]
    found: Value = np.where(_upper(rows, columns), reflectors.T[:rows], 0.0)
    return found


@lru_cache(maxsize=64)
def _upper(rows: int, columns: int) -> Value:
    """Which entries of a matrix stand on its diagonal or above."""
    found: Value = ~np.tri(rows, columns, -1, bool)
    found.flags.writeable = False
    return found

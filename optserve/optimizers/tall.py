"""The triangle of a tall matrix, by blocks of rows that fit into the cache.

The triangles of blocks, one below the other, have the triangle of the whole (Demmel, Grigori,
Hoemmen & Langou, SIAM J. Sci. Comput. 34 (2012)). LAPACK goes over all rows once a column; block by
block they are read once, and nowhere is there a copy of all of them.
"""

from __future__ import annotations

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
    columns = [part[:, None] if part.ndim == 1 else part for part in parts]
    width = sum(part.shape[1] for part in columns)
    height = max(HEIGHT, SQUARES * width)
    triangles: list[Value] = []
    for first in range(0, max(rows, 1), height):
        block = [part[first : first + height] for part in columns] if rows > height else columns
        triangles.append(upper_triangle(_side_by_side(block, width)))
    return triangles[0] if len(triangles) == 1 else triangle(np.concatenate(triangles))


def _side_by_side(block: list[Value], width: int) -> Value:
    made = np.empty((len(block[0]), width))
    np.concatenate(block, axis=1, out=made)
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

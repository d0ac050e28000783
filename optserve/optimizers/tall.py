"""The triangle of a tall matrix, by blocks of rows that fit into the cache.

The triangles of blocks, one below the other, have the triangle of the whole (Demmel, Grigori,
Hoemmen & Langou, SIAM J. Sci. Comput. 34 (2012)). LAPACK goes over all rows once a column; block by
block they are read once, and nowhere is there a copy of all of them.

Of many columns that are nearly orthogonal the triangle is that of their products, by Cholesky,
which takes a tenth of the time. Rounding errors grow as the square of the condition there, so that
it must be small; whether it is, another factorization of Cholesky tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from optserve.optimizers.base import Value

__all__ = ["MANY", "SQUARES", "of_products", "triangle", "upper_triangle"]

HEIGHT = 4096
"""Rows of a block."""

SQUARES = 4
"""Times that a block is higher than wide, at least: its triangle is then much smaller."""

SMALLEST, LARGEST = 1e-140, 1e140
"""Lengths of columns whose squares neither vanish nor overflow."""

MANY = 64
"""Columns from which on products are tried."""

CONDITION = 64.0
"""Columns, each of length 1, whose condition is at most this lose at most four digits in products,
and two in what is projected onto them."""


def triangle(*parts: Value) -> Value:
    """R (m, q) of matrices (n, ...) and vectors (n,) side by side, of q columns in all.

    It is in float64, and m is n or q, whichever is less.

    >>> x, y = np.ones((10_000, 1)), np.arange(10_000.0)
    >>> np.abs(triangle(x, y)).round(3)
    array([[1.00000000e+02, 4.99950000e+05],
           [0.00000000e+00, 2.88675133e+05]])
    """
    rows, width = len(parts[0]), _width(parts)
    height = max(HEIGHT, SQUARES * width)
    if MANY <= width < rows:
        blocks = range(0, rows, height)
        cut = ([part[first : first + height] for part in parts] for first in blocks)
        found = of_products(sum(_products(block, width) for block in cut))
        if found is not None:
            return found
    if rows <= height:
        whole = _side_by_side(parts, width)
        ready = MANY <= width == rows and not np.tril(whole, -1).any()
        return whole if ready else upper_triangle(whole)
    triangles = [
        upper_triangle(_side_by_side([part[first : first + height] for part in parts], width))
        for first in range(0, rows, height)
    ]
    return triangle(np.concatenate(triangles))


@np.errstate(all="ignore")  # what overflows is not finite, and left to reflections
def _products(parts: Sequence[Value], width: int) -> Value:
    block = _side_by_side(parts, width)
    return block.T @ block


@np.errstate(all="ignore")
def of_products(products: Value) -> Value | None:
    """R (q, q) from the products (q, q) of all columns with each other, or ``None`` where these are
    too ill-conditioned for that, or not finite.

    >>> x = np.stack([np.ones(8), np.arange(8.0)], axis=1)
    >>> of_products(x.T @ x).round(3)
    array([[2.828, 9.899],
           [0.   , 6.481]])
    """
    scale = np.sqrt(np.diagonal(products))
    if not SMALLEST < scale.min() <= scale.max() < LARGEST:
        return None
    cosines = products / scale / scale[:, None]
    largest = np.abs(cosines).sum(axis=0).max()  # no eigenvalue is larger
    if not _exceeds(cosines, largest / CONDITION**2):
        squares = cosines @ cosines.T
        nearer = np.sqrt(np.linalg.norm(squares))  # nor than this, which takes a product to know
        if not nearer < largest or not _exceeds(cosines, nearer / CONDITION**2):
            return None
    factor: Value = np.linalg.cholesky(cosines, upper=True)
    return factor * scale


def _exceeds(matrix: Value, bound: float) -> bool:
    """Whether all eigenvalues of a symmetric matrix (q, q) are above a ``bound``."""
    try:
        np.linalg.cholesky(matrix - np.eye(len(matrix)) * bound)
    except np.linalg.LinAlgError:
        return False
    return True


def _width(parts: Sequence[Value]) -> int:
    return sum([1 if part.ndim == 1 else part.shape[1] for part in parts])


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

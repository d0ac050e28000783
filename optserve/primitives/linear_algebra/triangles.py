"""Parts of matrices: triangles, diagonals, and matrices made of them."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval
from optserve.graph.dim import Size
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import linear
from optserve.primitives.linear_algebra.matrix_batches import in_batches, matrix, stacked

__all__ = ["fill_lower", "lower_entries", "tril", "triu"]


def _triangle_arguments(x: Value, k: int = 0) -> Any:
    return (x,), {"k": operator.index(k)}


def _matrices(x: Aval, *, k: int) -> Aval:
    matrix(x)
    return x


_TRIANGLES = (
    Example(((3, 3),), {"k": 0}),
    Example(((2, 3, 4),), {"k": -1}),
    Example(((3, 2),), {"k": 1}),
)

tril: Primitive = linear(
    "tril",
    lambda x, *, k: np.tril(x, k),
    shape=_matrices,
    transposes=[lambda ct, x, k: tril(ct, k)],
    axes=in_batches(2),
    arguments=_triangle_arguments,
    examples=_TRIANGLES,
    promotes=False,
    selects=True,
    facts=Facts(batched=stacked(2), fresh=True),
    doc="""
    The lower triangle of matrices, zeros above it. ``k`` moves its edge: 1 takes the diagonal
    above the main one too, -1 leaves the main one out.
    """,
)

triu: Primitive = linear(
    "triu",
    lambda x, *, k: np.triu(x, k),
    shape=_matrices,
    transposes=[lambda ct, x, k: triu(ct, k)],
    axes=in_batches(2),
    arguments=_triangle_arguments,
    examples=_TRIANGLES,
    promotes=False,
    selects=True,
    facts=Facts(batched=stacked(2), fresh=True),
    doc="""
    The upper triangle of matrices, zeros below it. ``k`` moves its edge: 1 leaves the main diagonal
    out, -1 takes the one below it too.
    """,
)


def _order(entries: Size) -> int:
    """The size of a square matrix whose lower triangle has so many entries."""
    if isinstance(entries, int):
        size = (math.isqrt(8 * entries + 1) - 1) // 2
        if size * (size + 1) // 2 == entries:
            return size
    raise ShapeError(
        f"{entries} entries fill no lower triangle",
        expected="n * (n + 1) / 2 of them: 1, 3, 6, 10, 15, 21, ...",
    )


def _fill_lower(x: Value, *, size: int) -> Value:
    out = np.zeros((*x.shape[:-1], size, size), x.dtype)
    out[(..., *np.tril_indices(size))] = x
    return out


def _filled(x: Aval, *, size: int) -> Aval:
    if not x.ndim:
        raise ShapeError("a number fills no triangle", expected="a vector")
    if _order(x.shape[-1]) != size:
        raise ShapeError(f"{x.shape[-1]} entries do not fill a triangle of size {size}")
    return Aval((*x.shape[:-1], size, size), x.dtype)


fill_lower: Primitive = linear(
    "fill_lower",
    _fill_lower,
    shape=_filled,
    transposes=[lambda ct, x, size: lower_entries.bind(ct, size=size)],
    axes=in_batches(1),
    arguments=lambda x: ((x,), {"size": _order(np.shape(x)[-1] if np.ndim(x) else 0)}),
    examples=(Example(((6,),), {"size": 3}), Example(((2, 3),), {"size": 2})),
    promotes=False,
    facts=Facts(batched=stacked(1), fresh=True),
    doc="""
    A lower triangular matrix of its n * (n + 1) / 2 entries, row by row: 3 of them, a, b, c, make
    [[a, 0], [b, c]]. Of the last axis; others are a batch.
    """,
)


def _entries(x: Aval, *, size: int) -> Aval:
    if matrix(x) != (size, size):
        raise ShapeError(f"matrices of shape {x.shape}", expected=f"of {size} rows and columns")
    return Aval((*x.shape[:-2], size * (size + 1) // 2), x.dtype)


def _entries_axes(carried: Sequence[int | None], x: Aval, *, size: int) -> Any:
    return in_batches(2, result=1)(carried, x)


lower_entries: Primitive = linear(
    "lower_entries",
    lambda x, *, size: x[(..., *np.tril_indices(size))],
    shape=_entries,
    transposes=[lambda ct, x, size: fill_lower.bind(ct, size=size)],
    axes=_entries_axes,
    examples=(Example(((3, 3),), {"size": 3}),),
    promotes=False,
    selects=True,
    internal=True,
    facts=Facts(batched=stacked(2)),
    doc="The entries of the lower triangle, row by row; the transpose of ``fill_lower``.",
)

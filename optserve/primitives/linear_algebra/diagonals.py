"""Diagonals of matrices, and matrices of their diagonals."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, Aval, Shape
from optserve.graph.dim import Size
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import composite, linear
from optserve.primitives.linear_algebra.matrix_batches import in_batches, matrix, stacked
from optserve.primitives.sums import sum_

__all__ = ["diag", "diagonal", "on_diagonal", "trace"]


def _length(rows: Size, columns: Size, k: int) -> Size:
    """How many entries the k-th diagonal has."""
    across, down = columns - max(k, 0), rows - max(-k, 0)
    if across == down:
        return across
    if not isinstance(across, int) or not isinstance(down, int):
        raise ShapeError(f"a diagonal of {rows} rows and {columns} columns has no definite length")
    return max(min(across, down), 0)


def _diagonal_shape(x: Aval, *, k: int) -> Aval:
    rows, columns = matrix(x)
    return Aval((*x.shape[:-2], _length(rows, columns, k)), x.dtype)


def _diagonal_arguments(x: Value, k: int = 0) -> Any:
    return (x,), {"k": operator.index(k)}


diagonal: Primitive = linear(
    "diagonal",
    lambda x, *, k: np.array(np.diagonal(x, k, -2, -1)),
    shape=_diagonal_shape,
    transposes=[lambda ct, x, k: on_diagonal.bind(ct, k=k, shape=np.shape(x)[-2:])],
    axes=in_batches(2, result=1),
    arguments=_diagonal_arguments,
    examples=(
        Example(((3, 3),), {"k": 0}),
        Example(((2, 3, 4),), {"k": 1}),
        Example(((4, 3),), {"k": -1}),
    ),
    promotes=False,
    selects=True,
    facts=Facts(batched=stacked(2), moves=True, fresh=True),
    doc="The k-th diagonal of matrices in the last two axes: k > 0 lies above the main one.",
)


def _on_diagonal(x: Value, *, k: int, shape: Shape) -> Array:
    out = np.zeros((*x.shape[:-1], *shape), x.dtype)
    places = np.arange(x.shape[-1])
    out[..., places + max(-k, 0), places + max(k, 0)] = x
    return out


def _on_diagonal_shape(x: Aval, *, k: int, shape: Shape) -> Aval:
    rows, columns = shape
    if not x.ndim or x.shape[-1] != _length(rows, columns, k):
        raise ShapeError(f"{x.shape} does not fill the diagonal {k} of a matrix {shape}")
    return Aval((*x.shape[:-1], rows, columns), x.dtype)


def _on_diagonal_axes(carried: Sequence[int | None], x: Aval, *, k: int, shape: Shape) -> Any:
    return in_batches(1)(carried, x)


on_diagonal: Primitive = linear(
    "on_diagonal",
    _on_diagonal,
    shape=_on_diagonal_shape,
    transposes=[lambda ct, x, k, shape: diagonal(ct, k)],
    axes=_on_diagonal_axes,
    examples=(
        Example(((3,),), {"k": 0, "shape": (3, 3)}),
        Example(((2, 2),), {"k": -1, "shape": (3, 2)}),
    ),
    promotes=False,
    internal=True,
    facts=Facts(batched=stacked(1), fresh=True),
    doc="Matrices of zeros but for the k-th diagonal; the transpose of ``diagonal``.",
)


def diag(x: Value, k: int = 0) -> Value:
    """The diagonal of a matrix; of a vector the matrix that has it on its diagonal.

    ``k`` is the number of the diagonal: above the main one it is positive. Of more than two axes
    the last two are matrices.

    >>> diag([1.0, 2.0]).tolist(), diag([[1.0, 2.0], [3.0, 4.0]]).tolist()
    ([[1.0, 0.0], [0.0, 2.0]], [1.0, 4.0])
    """
    if np.ndim(x) != 1:
        return diagonal(x, k)
    size = np.shape(x)[0] + abs(operator.index(k))
    return on_diagonal.bind(x, k=operator.index(k), shape=(size, size))


trace = composite(
    "trace",
    lambda x, *, k=0: sum_(diagonal(x, k), axis=-1),
    axes=in_batches(2, result=0),
    arguments=_diagonal_arguments,
    examples=(Example(((3, 3),), {"k": 0}), Example(((2, 3, 4),), {"k": 1})),
    floating=False,
    facts=Facts(counts=True, wraps=True),
    doc="The sum of the k-th diagonal (by default the main one) of matrices in the last two axes.",
)

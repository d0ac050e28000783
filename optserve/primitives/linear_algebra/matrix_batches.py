"""What all of linear algebra shares: shapes of batches of matrices, and where their rows go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, Aval, Shape, broadcast_shapes
from optserve.graph.axes import AxisAnswer, Mixed
from optserve.graph.dim import Size
from optserve.graph.leading import Batched, Leading
from optserve.graph.primitive import Value

__all__ = [
    "each",
    "floating",
    "in_batches",
    "matrix",
    "right_hand_side",
    "square",
    "stacked",
    "transposed",
]


def matrix(a: Aval) -> Shape:
    """The two sizes of a matrix, or of every matrix of a batch."""
    if a.ndim < 2:
        raise ShapeError(
            f"a value of shape {a.shape} is no matrix",
            expected="at least two axes: the last two are rows and columns",
        )
    return a.shape[-2:]


def square(a: Aval) -> Aval:
    """``a`` itself, whose matrices are square."""
    rows, columns = matrix(a)
    if rows != columns:
        raise ShapeError(
            f"a matrix of shape {a.shape} is not square",
            expected="as many rows as columns in the last two axes",
        )
    return a


def right_hand_side(a: Aval, b: Aval) -> Aval:
    """The solution of a @ x = b: a vector where b has one axis, else matrices, as in NumPy."""
    size = square(a).shape[-1]
    if b.ndim == 0 or b.shape[-2 if b.ndim > 1 else -1] != size:
        raise ShapeError(
            f"a matrix of shape {a.shape} and a right-hand side of shape {b.shape} do not match",
            expected=f"a vector of {size}, or a matrix of {size} rows in the last two axes",
            remedy="" if b.ndim < 2 else "of a batch of vectors make columns: b[..., None]",
        )
    if b.ndim == 1:
        return Aval((*a.shape[:-2], size), a.dtype)
    return Aval((*broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]), a.dtype)


def in_batches(*core: int, result: int | tuple[int, ...] = 2) -> Callable[..., Any]:
    """The axis rule of what treats each matrix alone: ``core`` counts the axes that one has, of
    each operand, and ``result`` of the result, or of each of several. Rows are of the batch."""

    def axes(carried: Sequence[int | None], *avals: Aval, **_attributes: Any) -> Any:
        batch = [aval.ndim - own for aval, own in zip(avals, core, strict=True)]
        places = set()
        for axis, size in zip(carried, batch, strict=True):
            if axis is not None:
                places.add(axis - size)
        several = isinstance(result, tuple)
        if len(places) > 1 or max(places) >= 0:
            answer: AxisAnswer = Mixed("a matrix is needed as a whole")
        else:
            answer = places.pop() + max(batch)
        return (answer,) * len(result) if isinstance(result, tuple) and several else answer

    return axes


def stacked(*core: int) -> Batched:
    """The fact ``batched`` of what treats each matrix alone; ``core`` as for ``in_batches``."""

    def batched(
        carried: Sequence[bool], size: Size, /, *avals: Aval, **attributes: Any
    ) -> Leading | None:
        ahead = {aval.ndim - own for aval, own in zip(avals, core, strict=True)}
        return Leading(attributes) if len(ahead) == 1 else None

    return batched


def transposed(x: Value) -> Value:
    """Each matrix transposed."""
    return np.swapaxes(x, -1, -2)


def floating(x: Value) -> Array:
    """An array of floats, in its own precision."""
    array = np.asarray(x)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def each(function: Callable[..., Any], *batches: Array) -> Any:
    """What ``function`` of NumPy gives for batches of matrices; NaN where LAPACK fails for one.

    LAPACK's failure is that of a batch: it is then repeated matrix by matrix.
    """
    try:
        return function(*batches)
    except np.linalg.LinAlgError:
        if any(batch.ndim < 2 for batch in batches):
            raise
    shape = np.broadcast_shapes(*(batch.shape[:-2] for batch in batches))
    spread = [np.broadcast_to(batch, (*shape, *batch.shape[-2:])) for batch in batches]
    if not shape:
        return _missing(function, *spread)
    results = []
    for place in np.ndindex(shape):
        own = [batch[place] for batch in spread]
        try:
            results.append(function(*own))
        except np.linalg.LinAlgError:
            results.append(_missing(function, *own))
    if isinstance(results[0], tuple):
        columns = zip(*results, strict=True)
        return tuple(np.stack(list(one)).reshape(*shape, *one[0].shape) for one in columns)
    return np.stack(results).reshape(*shape, *results[0].shape)


def _missing(function: Callable[..., Any], *matrices: Array) -> Any:
    """NaN in the shape of a result, which is that of matrices for which there is one."""
    like = [np.eye(*one.shape, dtype=one.dtype) for one in matrices]
    found = function(*like)
    if isinstance(found, tuple):
        return tuple(np.full_like(one, np.nan) for one in found)
    return np.full_like(found, np.nan)

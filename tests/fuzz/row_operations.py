"""Operations of random programs on whole rows: shapes, passes, products, gathers and loops."""

from __future__ import annotations

import numpy as np

from optserve.primitives.along_axis import take_along_axis
from optserve.primitives.constants import positions
from optserve.primitives.indexing import scatter_add, take
from optserve.primitives.loops import cond, scan
from optserve.primitives.losses import cross_entropy
from optserve.primitives.ordering import median
from optserve.primitives.reductions import logsumexp
from tests.fuzz.operations import (
    FIXED,
    MATRIX,
    SQUARE,
    VECTOR,
    Operation,
    Value,
    alike,
    anything,
    axes,
    floats,
    integers,
    numbers,
    shaped,
)

__all__ = ["ROWS"]

OWN = (alike(floats),)

PASSES: tuple[Operation, ...] = (
    Operation("centred", lambda x: x - np.mean(x, axis=0), (axes(floats, 1, 2),)),
    Operation(
        "whitened",
        lambda x: (x - np.mean(x, axis=0)) / (np.std(x, axis=0) + 1.0),
        (axes(floats, 1, 2),),
    ),
    Operation("softmax", lambda x: np.exp(x - logsumexp(x)), (axes(floats, 1),)),
    Operation(
        "softmax of rows", lambda x: np.exp(x - logsumexp(x, axis=1)[:, None]), (axes(floats, 2),)
    ),
    Operation(
        "scaled by the largest", lambda x: x / (np.max(np.abs(x)) + 1.0), (axes(floats, 1, 2),)
    ),
    Operation("off the middle", lambda x: np.abs(x - median(x)), (axes(floats, 1),)),
    Operation("above the mean", lambda x: x > np.mean(x), (axes(floats, 1, 2),)),
    Operation(
        "residual", lambda x, y: np.sqrt(np.mean((x - y) ** 2) + 0.5), (axes(floats, 1), *OWN)
    ),
    Operation("length", lambda x: np.sqrt(np.sum(x**2)), (axes(floats, 1, 2),)),
    Operation(
        "pairs",
        lambda x, y: np.sum(np.exp(-((x[:, None] - y) ** 2)), axis=1),
        (axes(floats, 1), *OWN),
    ),
    Operation(
        "nearest",
        lambda x, y: np.min(np.abs(x[:, None] - y), axis=1),
        (axes(floats, 1), axes(floats, 1)),
    ),
)

PRODUCTS: tuple[Operation, ...] = (
    Operation("linear", np.matmul, (shaped(floats, MATRIX), shaped(floats, FIXED))),
    Operation("layer", np.matmul, (shaped(floats, MATRIX), shaped(floats, SQUARE))),
    Operation("integers times", np.matmul, (shaped(integers, MATRIX), shaped(floats, FIXED))),
    Operation("from the left", np.matmul, (shaped(floats, SQUARE), shaped(floats, FIXED, SQUARE))),
    Operation(
        "column sums", lambda x, v: x.T @ v, (shaped(floats, MATRIX), shaped(floats, VECTOR))
    ),
    Operation("moments", lambda x, y: x.T @ y / 7.0, (shaped(floats, MATRIX), *OWN)),
    Operation("inner", np.matmul, (axes(floats, 1), *OWN)),
    Operation(
        "projected", lambda x, v: x @ (x.T @ v), (shaped(floats, MATRIX), shaped(floats, VECTOR))
    ),
    Operation(
        "bilinear",
        lambda x, a, y: np.einsum("ni,ij,nj->n", x, a, y),
        (shaped(floats, MATRIX), shaped(floats, SQUARE), shaped(floats, MATRIX)),
    ),
    Operation(
        "weighted",
        lambda x, v, w: np.einsum("ij,i,j->", x, v, w),
        (shaped(floats, MATRIX), shaped(floats, VECTOR), shaped(floats, FIXED)),
    ),
    Operation("outer", lambda v, w: v[:, None] * w, (axes(floats, 1), shaped(floats, FIXED))),
    Operation(
        "distances",
        lambda x, a: np.sum((x[:, None, :] - a) ** 2, axis=2),
        (shaped(floats, MATRIX), shaped(floats, SQUARE)),
    ),
    Operation("gram", lambda x: (x @ x.T) @ x, (shaped(floats, MATRIX),)),
)


def _rows_looked_up(x: Value, i: Value) -> Value:
    last = (0 * i + (x.shape[0] - 1)).astype(np.int64)
    return take(x, np.minimum(np.abs(i), last))


def _within(i: Value, size: Value) -> Value:
    """Integers as indices of an axis, from either end."""
    return np.minimum(np.maximum(i, -size), size - 1)


GATHERS: tuple[Operation, ...] = (
    Operation(
        "looked up",
        lambda w, i: w[_within(i, 3)],
        (shaped(numbers, FIXED, SQUARE), axes(integers, 1)),
    ),
    Operation(
        "columns looked up",
        lambda a, i: np.sum(take(a, _within(i, 3), axis=1), axis=0),
        (shaped(floats, SQUARE), axes(integers, 1)),
    ),
    Operation(
        "rows looked up",
        _rows_looked_up,
        (axes(numbers, 1, 2), axes(integers, 1)),
    ),
    Operation("in the order of", lambda x, y: take(x, np.argsort(y)), (axes(anything, 1), *OWN)),
    Operation(
        "row of the largest",
        lambda x, v: take(x, np.argmax(v)),
        (shaped(floats, MATRIX), shaped(floats, VECTOR)),
    ),
    Operation(
        "ordered rows",
        lambda x: take_along_axis(x, np.argsort(x, axis=1), axis=1),
        (axes(floats, 2),),
    ),
    Operation(
        "own column",
        lambda x, i: take_along_axis(x, (np.abs(i) % 3)[:, None], axis=1)[:, 0],
        (shaped(floats, MATRIX), shaped(integers, VECTOR)),
    ),
    Operation(
        "sums by label",
        lambda v, i: scatter_add(v, np.abs(i) % 3, axis=0, size=3),
        (axes(floats, 1), lambda i, v: integers(i) and i.shape == v.shape),
    ),
    Operation(
        "rows by label",
        lambda x, i: scatter_add(x, np.abs(i) % 3, axis=0, size=3),
        (shaped(floats, MATRIX), shaped(integers, VECTOR)),
    ),
    Operation(
        "counts by label",
        lambda i: scatter_add(0 * i + 1, np.abs(i) % 3, axis=0, size=3),
        (axes(integers, 1),),
    ),
    Operation(
        "cross entropy",
        lambda x, i: cross_entropy(x, np.abs(i) % 3),
        (shaped(floats, MATRIX), shaped(integers, VECTOR)),
    ),
)


def _run(c: Value, z: Value) -> tuple[Value, Value]:
    return np.tanh(c) * 0.5 + z, c


LOOPS: tuple[Operation, ...] = (
    Operation(
        "loop", lambda v, w: scan(_run, v, w)[0], (axes(floats, 0, 1, 2), shaped(floats, FIXED))
    ),
    Operation(
        "path", lambda s, w: scan(_run, s, w)[1], (shaped(floats, ()), shaped(floats, FIXED))
    ),
    Operation(
        "path of rows",
        lambda v, w: np.sum(scan(_run, v, w)[1] ** 2, axis=0),
        (axes(floats, 1), shaped(floats, FIXED)),
    ),
    Operation("recursion", lambda s, v: scan(_run, s, v)[0], (shaped(floats, ()), axes(floats, 1))),
    Operation(
        "recursive path", lambda s, v: scan(_run, s, v)[1], (shaped(floats, ()), axes(floats, 1))
    ),
    Operation(
        "backwards",
        lambda s, v: scan(_run, s, v, backward=True)[1],
        (shaped(floats, ()), axes(floats, 1)),
    ),
    Operation(
        "recursion of rows",
        lambda w, x: scan(_run, w, x)[0],
        (shaped(floats, FIXED), shaped(floats, MATRIX)),
    ),
    Operation(
        "counting loop",
        lambda i, v: scan(lambda c, z: (np.where(z > 0, c + 1, c), c), i, v)[0],
        (shaped(integers, ()), axes(floats, 1)),
    ),
    Operation(
        "descent",
        lambda w, x, y: scan(
            lambda c, _: (c - 0.02 * (x.T @ (x @ c - y)), np.sum(c * c)), w, np.arange(3)
        )[0],
        (shaped(floats, FIXED), shaped(floats, MATRIX), shaped(floats, VECTOR)),
    ),
    Operation(
        "largest of a loop",
        lambda s, v: scan(lambda c, z: (np.maximum(c, z * c), c > z), s, v)[1],
        (shaped(floats, ()), axes(floats, 1)),
    ),
    Operation(
        "choice",
        lambda s, x: cond(s > 0.25, lambda t: np.sin(t) * s, lambda t: t * t, x),
        (shaped(floats, ()), axes(floats, 0, 1, 2)),
    ),
    Operation(
        "choice by rows",
        lambda v, s: cond(np.any(v > 1.0), lambda t: t * np.mean(v), lambda t: t - np.max(v), s),
        (axes(floats, 1), shaped(floats, ())),
    ),
)

SHAPING: tuple[Operation, ...] = (
    Operation("first column", lambda x: x[:, 0], (axes(anything, 2),)),
    Operation("last column", lambda x: x[:, -1], (axes(anything, 2),)),
    Operation("columns backwards", lambda x: x[:, ::-1], (axes(anything, 2),)),
    Operation("two columns", lambda x: np.sum(x[:, 1:], axis=1), (axes(floats, 2),)),
    Operation("as a column", lambda x: x[:, None], (axes(anything, 1),)),
    Operation("rows backwards", lambda x: x[::-1], (axes(anything, 1, 2),)),
    Operation("lagged", lambda x: np.concatenate([x[1:], x[:1]]), (axes(floats, 1, 2),)),
    Operation("ends", lambda x: x[0] - 0.5 * x[-1], (axes(floats, 1, 2),)),
    Operation("differences", lambda x: np.sum((x[1:] - 0.5 * x[:-1]) ** 2), (axes(floats, 1, 2),)),
    Operation("turned", lambda x: np.sum(x.T * 0.5, axis=0), (axes(floats, 2),)),
    Operation("flattened", lambda x: np.mean(np.reshape(x, (-1,)) ** 2), (axes(floats, 2),)),
    Operation(
        "beside",
        lambda x, y: np.stack([x, y], axis=-1)[..., 0] * y,
        (axes(floats, 1),) + (alike(floats),),
    ),
    Operation(
        "stacked",
        lambda x, y: np.max(np.stack([x, y]), axis=0),
        (axes(floats, 1, 2), alike(floats)),
    ),
    Operation(
        "joined",
        lambda x, v: np.mean(np.concatenate([x, v[:, None]], axis=1), axis=1),
        (shaped(floats, MATRIX), shaped(floats, VECTOR)),
    ),
    Operation("numbered", lambda x: x * (0.1 * positions(x, 0)), (axes(floats, 1, 2),)),
    Operation(
        "spread",
        lambda s, x: np.broadcast_to(s, x.shape) + 0.5 * x,
        (shaped(floats, ()), axes(floats, 1, 2)),
    ),
    Operation("per row", lambda s, v: s / (v.shape[0] + 1), (shaped(floats, ()), axes(floats, 1))),
)


ROWS: tuple[Operation, ...] = (*SHAPING, *PASSES, *PRODUCTS, *GATHERS, *LOOPS)

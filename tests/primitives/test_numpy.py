"""NumPy's functions mean on traced values what they mean on arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.graph.interpret import interpret
from optserve.graph.tracer import trace
from optserve.graph.verifier import verify
from optserve.primitives.vocabulary import builtin_vocabulary

Function = Callable[..., Any]

RNG = np.random.default_rng(5)
X = RNG.uniform(0.2, 0.9, (2, 3))
Y = RNG.uniform(0.2, 0.9, (2, 3))
V = np.array([3.0, 1.0, 2.0])

FUNCTIONS: dict[Any, list[Function]] = {
    operator.getitem: [lambda x, y, v: x[1:, ::-1], lambda x, y, v: v[None, ..., -1]],
    np.shape: [lambda x, y, v: x * np.shape(x)[1]],
    np.ndim: [lambda x, y, v: x * np.ndim(x)],
    np.size: [lambda x, y, v: x * np.size(x)],
    np.sum: [lambda x, y, v: np.sum(x), lambda x, y, v: np.sum(x, axis=(0, -1), keepdims=True)],
    np.mean: [lambda x, y, v: np.mean(x, 1)],
    np.var: [lambda x, y, v: np.var(x, axis=0)],
    np.std: [lambda x, y, v: np.std(x)],
    np.prod: [lambda x, y, v: np.prod(x, axis=1, keepdims=True), lambda x, y, v: np.prod(v)],
    np.max: [lambda x, y, v: np.max(x, axis=0), lambda x, y, v: x.max()],
    np.min: [lambda x, y, v: np.min(x), lambda x, y, v: x.min(axis=1)],
    np.amax: [lambda x, y, v: np.amax(x)],
    np.amin: [lambda x, y, v: np.amin(x, axis=1)],
    np.all: [lambda x, y, v: np.all(x > 0.5, axis=1)],
    np.any: [lambda x, y, v: np.any(x > 0.8)],
    np.argmax: [lambda x, y, v: np.argmax(x, axis=1), lambda x, y, v: x.argmax()],
    np.argmin: [lambda x, y, v: np.argmin(v), lambda x, y, v: np.argmin(x)],
    np.argsort: [lambda x, y, v: np.argsort(v), lambda x, y, v: np.argsort(x, axis=None)],
    np.sort: [lambda x, y, v: np.sort(x), lambda x, y, v: np.sort(x, axis=0)],
    np.median: [lambda x, y, v: np.median(x), lambda x, y, v: np.median(x, axis=1)],
    np.cumsum: [lambda x, y, v: np.cumsum(x), lambda x, y, v: np.cumsum(x, axis=1)],
    np.linalg.norm: [lambda x, y, v: np.linalg.norm(v), lambda x, y, v: np.linalg.norm(x, axis=1)],
    np.where: [lambda x, y, v: np.where(x > y, x, 0.0)],
    np.clip: [lambda x, y, v: np.clip(x, 0.3, 0.6), lambda x, y, v: np.clip(v, None, 2.0)],
    np.round: [lambda x, y, v: np.round(10 * x)],
    np.reshape: [lambda x, y, v: np.reshape(x, (3, -1)), lambda x, y, v: x.reshape(6)],
    np.ravel: [lambda x, y, v: np.ravel(x), lambda x, y, v: x.ravel()],
    np.transpose: [
        lambda x, y, v: np.transpose(x),
        lambda x, y, v: x.T,
        lambda x, y, v: x.transpose(1, 0),
    ],
    np.broadcast_to: [lambda x, y, v: np.broadcast_to(v, (2, 3))],
    np.expand_dims: [lambda x, y, v: np.expand_dims(v, 0), lambda x, y, v: np.expand_dims(x, -1)],
    np.squeeze: [lambda x, y, v: np.squeeze(x[:1]), lambda x, y, v: np.squeeze(v[None], axis=0)],
    np.concatenate: [
        lambda x, y, v: np.concatenate([x, y]),
        lambda x, y, v: np.concatenate([x, y], 1),
    ],
    np.stack: [lambda x, y, v: np.stack([x, y], axis=-1), lambda x, y, v: np.stack([v, V])],
    np.vstack: [lambda x, y, v: np.vstack([x, v])],
    np.hstack: [lambda x, y, v: np.hstack([v, V]), lambda x, y, v: np.hstack([x, y])],
    np.column_stack: [lambda x, y, v: np.column_stack([v, V])],
    np.take: [lambda x, y, v: np.take(x, np.array([0, -1, 1]), axis=1)],
    np.take_along_axis: [lambda x, y, v: np.take_along_axis(x, np.array([[0], [-1]]), axis=1)],
    np.dot: [
        lambda x, y, v: np.dot(x, v),
        lambda x, y, v: x.dot(v),
        lambda x, y, v: np.dot(2.0, v),
    ],
    np.outer: [lambda x, y, v: np.outer(v, V)],
    np.einsum: [lambda x, y, v: np.einsum("ij,ij,j->i", x, y, v)],
    np.zeros_like: [lambda x, y, v: np.zeros_like(x), lambda x, y, v: np.zeros_like(x, dtype=int)],
    np.ones_like: [lambda x, y, v: np.ones_like(v)],
    np.full_like: [lambda x, y, v: np.full_like(v, 7)],
}

REDUCTIONS: dict[Any, Function] = {
    np.add: lambda x: np.add.reduce(x),
    np.multiply: lambda x: np.multiply.reduce(x, axis=1),
    np.maximum: lambda x: np.maximum.reduce(x),
    np.minimum: lambda x: np.minimum.reduce(x, axis=(0, 1)),
    np.logaddexp: lambda x: np.logaddexp.reduce(x),
    np.logical_or: lambda x: np.logical_or.reduce(x > 0.5),
    np.logical_and: lambda x: np.logical_and.reduce(x > 0.5, axis=1),
}

OPERATORS: list[Function] = [
    lambda x, y, v: x + y * 2 - 1 / x,
    lambda x, y, v: -x ** 2 + 2.0 ** y,
    lambda x, y, v: (5 * x) // 1 + (5 * x) % 1,
    lambda x, y, v: abs(x - y),
    lambda x, y, v: x @ v + v @ x.T,
    lambda x, y, v: (x > y) & (x >= 0.3) | (x != x),
    lambda x, y, v: (x == y) | ~(x <= y),
    lambda x, y, v: V * v + np.float64(2.0) * v,
    lambda x, y, v: V @ v,
    lambda x, y, v: v.astype(np.float32),
    lambda x, y, v: v.astype(int) + 1,
    lambda x, y, v: sum(row @ v for row in x),
    lambda x, y, v: np.multiply.outer(v, V),
    lambda x, y, v: np.add.accumulate(x, axis=1),
    lambda x, y, v: x.sum(axis=1, keepdims=True) + x.mean() * x.prod(axis=0),
    lambda x, y, v: np.arctan2(x, y) + np.hypot(x, y),
]  # fmt: skip


def compare(function: Function, *arrays: Any) -> None:
    traced = trace(function, *arrays, vocabulary=builtin_vocabulary())
    verify(traced.graph)
    [found] = interpret(traced.graph, *arrays, *traced.captured)
    expected = np.asarray(function(*arrays))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert np.shape(found) == expected.shape
    assert np.asarray(found).dtype == expected.dtype


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_a_function_of_numpy(function: Any) -> None:
    for call in FUNCTIONS[function]:
        compare(call, X, Y, V)


def test_every_function_of_the_vocabulary_is_tried() -> None:
    vocabulary = builtin_vocabulary()
    assert FUNCTIONS.keys() == vocabulary.functions.keys()
    assert REDUCTIONS.keys() == vocabulary.reductions.keys()
    assert {np.add} == vocabulary.accumulations.keys()


@pytest.mark.parametrize("ufunc", builtin_vocabulary().ufuncs, ids=lambda f: f.__name__)
def test_a_ufunc(ufunc: np.ufunc) -> None:
    arrays: list[Any] = [X, Y.T if ufunc is np.matmul else Y][: ufunc.nin]
    if ufunc.__name__.startswith(("bitwise", "invert", "logical")):
        arrays = [array > 0.5 for array in arrays]
    compare(ufunc, *arrays)


@pytest.mark.parametrize("ufunc", REDUCTIONS, ids=lambda f: f.__name__)
def test_a_reduction(ufunc: Any) -> None:
    compare(REDUCTIONS[ufunc], X)


@pytest.mark.parametrize("number", range(len(OPERATORS)))
def test_operators_and_methods(number: int) -> None:
    compare(OPERATORS[number], X, Y, V)


def test_primitives_take_lists_and_numbers() -> None:
    primitives = builtin_vocabulary().primitives
    assert primitives["sum"]([1, 2, 3]) == 6
    assert primitives["norm"]([3.0, 4.0]) == 5.0
    assert primitives["softplus"](0.0) == pytest.approx(np.log(2.0))
    assert primitives["logsumexp"]([[0.0, 0.0]], axis=1).tolist() == [np.log(2.0)]
    assert primitives["take"]([5.0, 6.0], [1, 0]).tolist() == [6.0, 5.0]
    assert primitives["concatenate"]([[1.0], [2.0, 3.0]]).tolist() == [1.0, 2.0, 3.0]
    assert primitives["reshape"]([1.0, 2.0], (2, 1)).tolist() == [[1.0], [2.0]]

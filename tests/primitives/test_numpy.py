"""NumPy's ufuncs and operators mean on traced values what they mean on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.graph.interpret import interpret
from optserve.primitives.numpy_meaning import MEANING
from optserve.primitives.tracing import trace, verify
from optserve.primitives.vocabulary import builtin_vocabulary

Function = Callable[..., Any]

RNG = np.random.default_rng(5)
X = RNG.uniform(0.2, 0.9, (2, 3))
Y = RNG.uniform(0.2, 0.9, (2, 3))
V = np.array([3.0, 1.0, 2.0])

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
    traced = trace(function, *arrays)
    verify(traced.graph)
    [found] = interpret(traced.graph, *arrays, *traced.captured)
    expected = np.asarray(function(*arrays))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert np.shape(found) == expected.shape
    assert np.asarray(found).dtype == expected.dtype


def test_every_reduction_of_the_vocabulary_is_tried() -> None:
    assert REDUCTIONS.keys() == MEANING.reductions.keys()
    assert {np.add} == MEANING.accumulations.keys()


@np.errstate(invalid="ignore")
@pytest.mark.parametrize("ufunc", MEANING.ufuncs, ids=lambda f: f.__name__)
def test_a_ufunc(ufunc: np.ufunc) -> None:
    arrays: list[Any] = [X, Y.T if ufunc is np.matmul else Y][: ufunc.nin]
    if ufunc.__name__.startswith(("bitwise", "invert", "logical")):
        arrays = [array > 0.5 for array in arrays]
    if ufunc.__name__.endswith(("shift", "gcd", "lcm")):
        arrays = [array.astype(int) + 1 for array in arrays]
    if ufunc is np.ldexp:
        arrays[1] = np.arange(6).reshape(2, 3)
    if ufunc is np.vecmat:
        arrays[1] = Y.T
    for result in range(ufunc.nout):
        compare(lambda *x, i=result: ufunc(*x)[i] if ufunc.nout > 1 else ufunc(*x), *arrays)


@pytest.mark.parametrize("ufunc", REDUCTIONS, ids=lambda f: f.__name__)
def test_a_reduction(ufunc: Any) -> None:
    compare(REDUCTIONS[ufunc], X)


@pytest.mark.parametrize("number", range(len(OPERATORS)))
def test_operators_and_methods(number: int) -> None:
    compare(OPERATORS[number], X, Y, V)


def test_primitives_take_lists_and_numbers() -> None:
    primitives = builtin_vocabulary().primitives
    assert primitives["sum"]([1, 2, 3]) == 6
    assert primitives["logsumexp"]([0.0, 0.0]) == np.log(2.0)
    assert primitives["softplus"](0.0) == pytest.approx(np.log(2.0))
    assert primitives["logsumexp"]([[0.0, 0.0]], axis=1).tolist() == [np.log(2.0)]
    assert primitives["take"]([5.0, 6.0], [1, 0]).tolist() == [6.0, 5.0]
    assert primitives["concatenate"]([[1.0], [2.0, 3.0]]).tolist() == [1.0, 2.0, 3.0]
    assert primitives["reshape"]([1.0, 2.0], (2, 1)).tolist() == [[1.0], [2.0]]

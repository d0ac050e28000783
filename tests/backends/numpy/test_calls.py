"""The quick calls give what the implementations give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy.calls import quick_call
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret, resolved
from optserve.primitives.reductions import max_, min_
from optserve.primitives.shaping import stack
from optserve.primitives.sums import sum_
from optserve.primitives.tracing import trace

SHAPES = [(5, 1), (5, 3), (0, 3), (4, 16), (4, 17), (3, 32), (3, 40), (2, 3, 4), (2, 2000)]


def _called(graph: Graph, x: Any) -> Any:
    [equation] = graph.equations
    rows = {"data": len(x)}
    call = quick_call(equation, resolved(equation.attributes, rows), rows)
    return interpret(graph, x)[0] if call is None else call(x)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("reduce", [sum_, max_, min_], ids=str)
def test_reductions_along_one_axis(
    reduce: Any, axis: int, keepdims: bool, dtype: Any, shape: tuple[int, ...]
) -> None:
    if reduce is not sum_ and shape[axis] == 0:
        return  # there is no extreme
    x = (np.random.default_rng(0).normal(size=shape) * 100).astype(dtype)
    aval = Aval((Dim.rows("data"), *shape[1:]), x.dtype)
    graph = trace(
        lambda x: reduce(x, axis=axis, keepdims=keepdims),
        aval,
        precision=np.dtype(dtype),
    ).graph
    [expected] = interpret(graph, x)
    found = _called(graph, x)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    size = np.max(np.abs(x), initial=0.0) * shape[axis]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15 * float(size))
    if dtype == np.int64:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(), (4,), (4, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_arrays_side_by_side(shape: tuple[int, ...], dtype: Any) -> None:
    arrays = [np.arange(np.prod(shape)).astype(dtype).reshape(shape) + one for one in range(3)]
    aval = Aval(shape and (Dim.rows("data"), *shape[1:]), arrays[0].dtype)
    for axis in range(len(shape) + 1):
        graph = trace(lambda *given, axis=axis: stack(given, axis=axis), *[aval] * 3).graph
        [equation] = graph.equations
        rows = {"data": len(arrays[0]) if shape else 0}
        call = quick_call(equation, resolved(equation.attributes, rows), rows)
        [expected] = interpret(graph, *arrays)
        found = expected if call is None else call(*arrays)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("reduce", [sum_, max_, min_], ids=str)
def test_special_numbers(reduce: Any, number: float) -> None:
    x = np.array([[1.0, number, 2.0], [-number, number, 0.0], [1.0, 2.0, 3.0]])
    graph = trace(lambda x: reduce(x, axis=1), x).graph
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(_called(graph, x), interpret(graph, x)[0])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.reshape(x[0, :1], ()),
        lambda x: np.transpose(x),
        lambda x: np.reshape(x.sum(), (1, 1)),
    ],
)
def test_moves(function: Callable[..., Any]) -> None:
    x = np.arange(6.0).reshape(2, 3)
    graph = trace(function, x).graph
    *before, last = graph.equations
    arguments = interpret(Graph(graph.inputs, tuple(before), last.operands), x)
    call = quick_call(last, last.attributes, {})
    found = interpret(graph, x)[0] if call is None else call(*arguments)
    np.testing.assert_array_equal(found, interpret(graph, x)[0])
    assert np.shape(found) == np.shape(interpret(graph, x)[0])


@pytest.mark.parametrize("index", [np.s_[:, 1:], np.s_[::-1, ::2], np.s_[:0], np.s_[1:2, ::-2]])
def test_slices(index: Any) -> None:
    x = np.arange(6.0).reshape(2, 3)
    graph = trace(lambda x: x[index], x).graph
    np.testing.assert_array_equal(_called(graph, x), x[index])

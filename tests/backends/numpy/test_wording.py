"""What NumPy is given to do is what was asked for: the same values, special ones included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy.wording import reworded
from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.elementary import sigmoid, softplus
from optserve.primitives.tracing import trace, verify
from optserve.transforms.simplify import simplify

NUMBERS = (0.0, -0.0, 1.0, -1.5, 40.0, -40.0, 710.0, -745.0, 1e308, np.inf, -np.inf, np.nan, 5e-324)


def _graph(function: Callable[..., Any], *arguments: Array) -> Graph:
    dtype = arguments[0].dtype
    return trace(function, *arguments, precision=dtype).graph


def _names(graph: Graph) -> list[str]:
    return [equation.primitive.name for equation in graph.equations]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "function",
    [
        sigmoid,
        softplus,
        lambda x: np.logaddexp(0.0, x),
        lambda x: np.logaddexp(x, 3.0),
        lambda x: np.logaddexp(x, np.inf),
        lambda x: np.logaddexp(x, x),
    ],
)
def test_elementwise_values_are_the_same(function: Callable[..., Any], dtype: Any) -> None:
    with np.errstate(all="ignore"):
        x = np.array(NUMBERS).astype(dtype)
        graph = _graph(function, x)
        better = verify(reworded(graph))
        [expected], [found] = interpret(graph, x), interpret(better, x)
    tolerance = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=np.finfo(dtype).tiny)
    assert found.dtype == dtype


def test_what_two_primitives_share_is_computed_once() -> None:
    x = np.linspace(-3.0, 3.0, 7)
    better = reworded(_graph(lambda x: softplus(x) + sigmoid(x), x))
    assert _names(better).count("exp") == 1
    assert "logaddexp" not in _names(better)


@pytest.mark.parametrize("shape", [(5,), (4, 3), (0,), (2, 2, 2)])
def test_the_sum_of_a_product_is_one_call(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape), rng.normal(size=shape)
    graph = _graph(lambda x, y: (np.sum(x * y), np.sum(x**2)), x, y)
    better = verify(reworded(graph))
    assert _names(better).count("matmul") == 2
    assert not {"multiply", "square", "sum"} & set(_names(better))
    np.testing.assert_allclose(interpret(better, x, y), interpret(graph, x, y), rtol=1e-14)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: np.sum(x * y, axis=0),
        lambda x, y: np.sum(x * y, keepdims=True),
        lambda x, y: np.sum(x * y[0]),
        lambda x, y: np.sum(2.0 * x),
    ],
)
def test_other_sums_stay_as_they_are(function: Callable[..., Any]) -> None:
    x = np.ones((4, 3))
    graph = _graph(function, x, x)
    assert _names(reworded(graph)) == _names(simplify(graph))


def test_single_precision_accumulates_in_double() -> None:
    x = np.full(3, 1e8, np.float32)
    assert "sum" in _names(reworded(_graph(lambda x: np.sum(x * x), x)))


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_infinities_and_nan_come_through_a_product(number: float) -> None:
    x, y = np.array([1.0, number, 0.0]), np.array([0.0, 2.0, 1.0])
    graph = _graph(lambda x, y: np.sum(x * y), x, y)
    np.testing.assert_array_equal(interpret(reworded(graph), x, y), interpret(graph, x, y))

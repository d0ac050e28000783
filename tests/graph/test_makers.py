"""NumPy's makers of arrays, while a function is traced and afterwards."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from optserve.graph.interpret import interpret
from optserve.graph.makers import MADE
from optserve.primitives.tracing import trace
from optserve.transforms.functions import grad
from optserve.transforms.jacobians import jacobian

OWN = {name: getattr(np, name) for name in MADE}


def test_they_are_numpys_own_before_and_after() -> None:
    seen: list[bool] = []

    def loss(x: Any) -> Any:
        seen.append(np.array is OWN["array"])
        return np.sum(np.array([x, x * x]))

    assert grad(loss)(3.0) == 7.0
    assert grad(grad(loss))(3.0) == 2.0
    assert seen == [False, False]
    assert {name: getattr(np, name) for name in MADE} == OWN


def test_they_are_put_back_after_an_error_and_between_threads() -> None:
    def failing(x: Any) -> Any:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        grad(failing)(1.0)
    threads = [
        threading.Thread(
            target=lambda: [grad(lambda x: np.sum(np.array([x, x])))(1.0) for _ in range(50)]
        )
        for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {name: getattr(np, name) for name in MADE} == OWN


def test_what_is_not_traced_is_numpys() -> None:
    made: list[Any] = []

    def loss(x: Any) -> Any:
        made.extend([np.array([[1, 2]], np.float32, ndmin=3), np.full(2, 3), np.r_["0,2", [1, 2]]])
        made.extend([np.asarray([1.0]), np.c_[[1, 2], [3, 4]], np.full_like(made[0], 2)])
        return x

    grad(loss)(1.0)
    assert {type(one) for one in made} == {np.ndarray}
    assert made[2].shape == (1, 2)
    assert made[0].dtype == np.float32
    assert made[0].shape == (1, 1, 2)


def test_nested_lists_are_rows() -> None:
    found = jacobian(lambda x: np.array([[x[0], 1.0], (x[1], x[0] * x[1])]))(np.array([2.0, 3.0]))
    np.testing.assert_allclose(found, [[[1, 0], [0, 0]], [[0, 1], [3, 2]]])


def test_an_array_of_another_library_is_a_number_though_it_has_an_aval() -> None:
    class Foreign:
        """As JAX's arrays are: they have an ``aval`` of their own."""

        aval = "f32[3]"

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.arange(3.0)

    graph = trace(lambda x: x + np.asarray(Foreign()), np.zeros(3)).graph
    np.testing.assert_array_equal(interpret(graph, np.ones(3))[0], [1.0, 2.0, 3.0])

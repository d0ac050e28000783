"""What NumPy's ways of writing a function may not do to its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.errors import OptserveError

Function = Callable[..., Any]


def _items(x: Any) -> Any:
    o = np.zeros(2)
    o[0] = x
    o[1] = x * x
    return np.sum(o)


def _list(x: Any) -> Any:
    return np.sum(np.array([x, x * x]))


def _counted(x: Any) -> Any:
    total = 0.0
    for number in range(int(x)):
        total = total + number * x
    return total


REFUSED: dict[str, Function] = {
    "math.sin": lambda x: math.sin(x) * x,
    "math.sqrt": lambda x: math.sqrt(x),
    "math.pow": lambda x: math.pow(x, 2),
    "math.floor": lambda x: math.floor(x) * x,
    "float": lambda x: float(x) * x,
    "complex": lambda x: abs(complex(x)),
    "int": _counted,
    "an index": lambda x: np.arange(3.0)[x] * x,
    "round to an integer": lambda x: round(x) * x,
    "a list that is filled": _items,
}
"""Either they raise, or they are right."""


@pytest.mark.parametrize("name", REFUSED)
def test_a_number_taken_out_is_refused_or_right(name: str) -> None:
    function = REFUSED[name]
    try:
        found = float(optserve.grad(function)(2.0))
    except (OptserveError, TypeError, IndexError):
        return
    step = 1e-6
    slope = (function(2.0 + step) - function(2.0 - step)) / (2 * step)
    assert found == pytest.approx(float(slope), rel=1e-6)


def test_an_array_of_traced_values_is_refused_or_right() -> None:
    try:
        found = float(optserve.grad(_list)(2.0))
    except (OptserveError, TypeError, ValueError):
        return
    assert found == 5.0


def test_what_is_captured_is_copied() -> None:
    def function(x: Any) -> Any:
        m = np.ones(2)
        y = np.sum(x * m)
        m *= 10
        return y + np.sum(x * m)

    value, gradient = optserve.value_and_grad(function)(np.array([3.0, 4.0]))
    assert float(value) == 77.0
    np.testing.assert_array_equal(gradient, [11.0, 11.0])


def test_vjp_keeps_what_it_needs() -> None:
    x = np.array([1.0, 2.0])
    _, pull = optserve.vjp(lambda v: v * v, x)
    x *= 100
    [gradient] = pull(np.ones(2)) if isinstance(pull(np.ones(2)), tuple) else [pull(np.ones(2))]
    np.testing.assert_array_equal(gradient, [2.0, 4.0])


def test_none_is_an_operand() -> None:
    assert float(optserve.grad(lambda a, b: a * 2 if b is None else a)(1.0, None)) == 2.0


def test_comparisons_stay() -> None:
    assert float(optserve.grad(lambda x: x * x if x > 1 else -x)(3.0)) == 6.0


def test_results_are_fresh_and_writable() -> None:
    x = np.array([1.0, 2.0])
    gradient = optserve.grad(np.sum)(x)
    gradient *= 0.1
    np.testing.assert_allclose(gradient, [0.1, 0.1])
    np.testing.assert_array_equal(optserve.grad(np.sum)(x), [1.0, 1.0])
    same = optserve.grad(lambda v: np.sum(v * v) / 2)(x)
    same += 1
    np.testing.assert_array_equal(x, [1.0, 2.0])


MATRIX = np.array([[3.0, -4.0, 1.0], [0.5, 2.0, -1.0]])
CUBE = np.arange(24.0).reshape(2, 3, 4) - 11.5
OTHER = np.arange(20.0).reshape(1, 4, 5) - 9.5

SAME: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "norm of order 0": (lambda x: np.linalg.norm(x, 0), (MATRIX[0],)),
    "norm of order 1": (lambda x: np.linalg.norm(x, 1), (MATRIX[0],)),
    "norm of order inf": (lambda x: np.linalg.norm(x, np.inf), (MATRIX[0],)),
    "norm of a matrix of order 1": (lambda x: np.linalg.norm(x, 1), (MATRIX,)),
    "norm of a matrix of order inf": (lambda x: np.linalg.norm(x, np.inf), (MATRIX,)),
    "norm of a matrix": (lambda x: np.linalg.norm(x), (MATRIX,)),
    "norm of rows": (lambda x: np.linalg.norm(x, None, 1), (MATRIX,)),
    "norm of rows of order 1": (lambda x: np.linalg.norm(x, ord=1, axis=1), (MATRIX,)),
    "dot of cubes": (np.dot, (CUBE, OTHER)),
    "dot of a cube and a vector": (np.dot, (CUBE, np.arange(4.0))),
    "take without an axis": (lambda x: np.take(x, np.array([0, 4, 2])), (MATRIX,)),
    "take of an axis": (lambda x: np.take(x, np.array([0, 1, 1]), axis=0), (MATRIX,)),
    "an index beside a number": (lambda x: x[0, :, np.array([0, 2])], (CUBE,)),
    "an index after None": (lambda x: x[None, np.array([0, 1]), ..., 3], (CUBE,)),
    "two indices apart": (lambda x: x[np.array([0, 1]), :, np.array([2, 3])], (CUBE,)),
    "two indices together": (lambda x: x[:, np.array([0, 1]), np.array([2, 3])], (CUBE,)),
    "bits of integers": (lambda k: k & 3, (np.array([5, 6]),)),
    "or of integers": (lambda k: k | 3, (np.array([5, 6]),)),
    "inverted integers": (lambda k: ~k, (np.array([5, 6]),)),
}


@pytest.mark.parametrize("name", SAME)
def test_shapes_and_values_are_those_of_numpy_or_refused(name: str) -> None:
    function, operands = SAME[name]
    expected = function(*operands)
    tangents = tuple(
        np.ones_like(one) if np.asarray(one).dtype.kind == "f" else np.zeros(np.shape(one))
        for one in operands
    )
    try:
        value, slope = optserve.jvp(function, operands, tangents)
    except (OptserveError, TypeError, NotImplementedError):
        return
    np.testing.assert_allclose(value, expected)
    if np.asarray(operands[0]).dtype.kind == "f":
        step = 1e-6
        ahead = function(*(one + step for one in operands))
        back = function(*(one - step for one in operands))
        np.testing.assert_allclose(slope, (ahead - back) / (2 * step), atol=1e-6)


def test_the_hessian_of_a_squared_norm_at_its_kink() -> None:
    hessian = optserve.hessian(lambda v: np.linalg.norm(v) ** 2)(np.zeros(2))
    np.testing.assert_allclose(hessian, 2 * np.eye(2))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize(
    "make", [lambda: np.ma.masked_array([1.0, 2.0], [False, True]), lambda: np.matrix([[1.0]])]
)
def test_masked_arrays_and_matrices_are_refused(make: Function) -> None:
    with pytest.raises((OptserveError, TypeError)):
        optserve.grad(lambda x: np.sum(x * x))(make())


def test_a_complex_argument_is_right_or_refused() -> None:
    try:
        found = optserve.grad(lambda z: np.sum(np.abs(z * z)))(np.array([1 + 2j]))
    except (OptserveError, TypeError):
        return
    np.testing.assert_allclose(found, [2 * (1 + 2j)])  # dL/dRe + i dL/dIm of |z|**2

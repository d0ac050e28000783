"""Derivatives by trees of values, with further results, and of arrays by arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import optserve
from optserve import grad, hessian, jacobian, jvp, linearize, value_and_grad, vjp
from optserve.errors import ShapeError
from optserve.primitives.loops import cond, scan

X = np.array([0.3, -0.8, 1.7])


@dataclass(frozen=True)
class Layer:
    weight: Any
    bias: Any


class Point(NamedTuple):
    x: Any
    y: Any


def network(layers: Any, x: Any) -> Any:
    for layer in layers:
        x = np.tanh(x @ layer.weight + layer.bias)
    return np.sum(x**2)


def test_a_gradient_has_the_tree_of_what_it_is_by() -> None:
    rng = np.random.default_rng(0)
    layers = [
        Layer(rng.normal(size=(3, 4)), rng.normal(size=4)),
        Layer(rng.normal(size=(4, 2)), 0.1),
    ]
    slopes = grad(network)(layers, X)
    assert isinstance(slopes, list)
    assert isinstance(slopes[0], Layer)
    flat = grad(lambda w: network([Layer(w, layers[0].bias), layers[1]], X))(layers[0].weight)
    np.testing.assert_array_equal(slopes[0].weight, flat)
    assert np.shape(slopes[1].bias) == ()


@pytest.mark.parametrize(
    "tree",
    [
        {"b": 2.0, "a": np.array([1.0, 3.0])},
        (2.0, np.array([1.0, 3.0])),
        [2.0, np.array([1.0, 3.0])],
        Point(2.0, np.array([1.0, 3.0])),
        {"inner": {"b": 2.0, "none": None}, "a": [np.array([1.0, 3.0])]},
    ],
    ids=str,
)
def test_every_tree_comes_back_as_it_is(tree: Any) -> None:
    from optserve.graph.trees import form_of, leaves

    def squares(tree: Any) -> Any:
        return sum(np.sum(leaf**2) for leaf in leaves(tree))

    value, slopes = value_and_grad(squares)(tree)
    assert value == 14.0
    assert form_of(slopes) == form_of(tree)
    for slope, leaf in zip(leaves(slopes), leaves(tree), strict=True):
        np.testing.assert_array_equal(slope, 2.0 * leaf)
    out, pull = vjp(lambda tree: {"sum": squares(tree)}, tree)
    assert out == {"sum": 14.0}
    assert form_of(pull({"sum": 1.0})[0]) == form_of(tree)
    _, along = jvp(squares, [tree], [tree])
    assert along == 28.0


def test_a_list_of_numbers_is_an_array() -> None:
    np.testing.assert_array_equal(grad(lambda x: np.sum(x**2))([1.0, 2.0]), [2.0, 4.0])


def test_a_list_of_lists_of_different_lengths_is_a_tree() -> None:
    gradient = grad(lambda x: x[0][0] * x[1] + x[2][1])([[2.0], 3.0, [1.0, 5.0]])
    assert gradient == [[3.0], 2.0, [0.0, 1.0]]


def test_further_results_come_beside_the_gradient() -> None:
    def loss(x: Any) -> Any:
        y = np.sin(x)
        return np.sum(y), {"y": y, "name": "sine", "count": len(x)}

    slopes, aux = grad(loss, has_aux=True)(X)
    np.testing.assert_allclose(slopes, np.cos(X))
    np.testing.assert_array_equal(aux["y"], np.sin(X))
    assert isinstance(aux["y"], np.ndarray)
    assert aux["name"] == "sine"
    assert aux["count"] == 3
    (value, again), gradient = value_and_grad(loss, has_aux=True)(X)
    assert value == np.sum(np.sin(X))
    np.testing.assert_array_equal(gradient, slopes)
    assert again.keys() == aux.keys()
    with pytest.raises(ShapeError, match="with has_aux, the function returned a"):
        grad(np.sum, has_aux=True)(X)


def test_further_results_are_differentiated_by_an_outer_gradient() -> None:
    def inner(x: Any) -> Any:
        slope, cube = grad(lambda y: (y**2, y**3), has_aux=True)(x)
        return slope + cube

    assert grad(inner)(2.0) == 2.0 + 12.0


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
@pytest.mark.parametrize("fewer", [False, True])
def test_a_jacobian_holds_every_derivative(shape: tuple[int, ...], fewer: bool) -> None:
    x = np.linspace(0.5, 1.5, max(1, int(np.prod(shape)))).reshape(shape)

    def function(x: Any) -> Any:
        parts = [np.sum(np.sin(x)), np.sum(x) ** 2]
        return np.stack(parts[:1] if fewer else [*parts, *[np.mean(x) * 3.0] * 3])

    found = jacobian(function)(x)
    count = 1 if fewer else 5
    assert found.shape == (count, *shape)
    for row in range(count):
        np.testing.assert_allclose(found[row], grad(lambda x, row=row: function(x)[row])(x))


def test_the_hessian_of_a_matrix_argument() -> None:
    x = np.array([[0.5, 1.0], [2.0, -1.0]])
    found = hessian(lambda x: np.sum(x) ** 3)(x)
    assert found.shape == (2, 2, 2, 2)
    np.testing.assert_allclose(found, 6.0 * np.sum(x))


def test_a_linear_function_is_made_once_and_applied_often() -> None:
    calls = []

    def function(x: Any, scale: Any) -> Any:
        calls.append(1)
        return {"sine": np.sin(x) * scale}

    value, push = linearize(function, X, 2.0)
    np.testing.assert_array_equal(value["sine"], np.sin(X) * 2.0)
    np.testing.assert_allclose(push(np.ones(3), 0.0)["sine"], 2.0 * np.cos(X))
    np.testing.assert_allclose(push(np.zeros(3), 1.0)["sine"], np.sin(X))
    assert len(calls) == 1


def test_loops_and_choices_take_trees() -> None:
    def step(carry: Any, x: Any) -> Any:
        return {"sum": carry["sum"] + x["a"], "last": x["b"]}, Point(x["a"], carry["sum"])

    final, seen = scan(step, {"sum": 0.0, "last": 0.0}, {"a": X, "b": 2.0 * X})
    assert final["sum"] == pytest.approx(np.sum(X))
    assert final["last"] == 2.0 * X[-1]
    assert isinstance(seen, Point)
    chosen = cond(True, lambda p: {"y": p.x}, lambda p: {"y": p.y}, Point(1.0, 2.0))
    assert chosen == {"y": 1.0}
    with pytest.raises(ShapeError, match="one branch"):
        cond(True, lambda x: {"y": x}, lambda x: {"z": x}, 1.0)


def test_a_loop_over_numbers() -> None:
    def power(x: Any) -> Any:
        return optserve.fori_loop(0, 5, lambda i, y: y * x, np.float64(1.0))

    assert power(2.0) == 32.0
    assert grad(power)(2.0) == 80.0


def test_tangents_have_the_form_of_what_they_are_of() -> None:
    with pytest.raises(ShapeError, match="another form"):
        jvp(lambda p: p["a"], [{"a": 1.0}], [{"b": 1.0}])
